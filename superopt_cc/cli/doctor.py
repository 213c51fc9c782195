"""`superopt doctor`: is everything there that is needed? (design 11.5)"""

from __future__ import annotations

import os
from pathlib import Path

import click

from superopt_cc.cli.common import as_json as json_option
from superopt_cc.cli.common import print_json


@click.command("doctor")
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Look at tools, helpers, settings, cache and model.  Exit status 1 if something is missing."""
    from superopt_cc.driver.doctor import examine
    from superopt_cc.settings import load_settings

    settings, problems = load_settings(Path.cwd(), (), os.environ)
    findings = examine(settings, problems, Path.cwd())
    healthy = all(finding.ok for finding in findings if finding.needed)
    if as_json:
        print_json({"healthy": healthy, "findings": findings})
    else:
        for finding in findings:
            mark = "ok" if finding.ok else "MISSING" if finding.needed else "none"
            click.echo(f"{mark:<8} {finding.name:<16} {finding.detail}")
    context.exit(0 if healthy else 1)
