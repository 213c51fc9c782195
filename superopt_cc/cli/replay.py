"""`superopt replay`: run a counterexample again (design 11.2)."""

from __future__ import annotations

from pathlib import Path

import click

from superopt_cc.cli.common import as_json as json_option
from superopt_cc.cli.common import print_json, source_file


@click.command("replay")
@source_file
@json_option
@click.pass_context
def command(context: click.Context, file: Path, as_json: bool) -> None:
    """Run the counterexample in FILE (from `superopt verify -o FILE`) again.

    Exit status 0 if the difference shows again, 1 if not, 2 if it cannot be run.
    """
    from superopt_cc.driver.replay import replay_file
    from superopt_cc.report.tables import show_verdict

    replayed = replay_file(file)
    same = replayed.again.verdict == "rejected"
    if as_json:
        print_json({"reproduced": same, "recorded": replayed.recorded, "again": replayed.again})
    else:
        click.echo("the difference shows again" if same else "no difference this time")
        show_verdict(replayed.again)
    context.exit(0 if same else 1)
