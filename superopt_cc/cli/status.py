"""`superopt status`: what the last builds did (design 11.3)."""

from __future__ import annotations

import click

from superopt_cc.cli.common import as_json as json_option
from superopt_cc.cli.common import print_json, settings_for


@click.command("status")
@click.option("-n", "--last", default=10, show_default=True, help="How many builds.")
@json_option
def command(last: int, as_json: bool) -> None:
    """What the last builds did: functions seen, selected, replaced, kept, and why."""
    from superopt_cc.driver.history import last_builds
    from superopt_cc.report.tables import show_builds

    builds = last_builds(settings_for().cache_dir)[-last:] if last > 0 else []
    if as_json:
        print_json({"builds": builds})
    else:
        show_builds(builds)
