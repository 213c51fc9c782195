"""`superopt measure`: time one rewrite (design 11.4)."""

from __future__ import annotations

from pathlib import Path

import click

from superopt_cc.cli.common import one_rewrite, print_json, settings_for
from superopt_cc.types import Verdict


@click.command("measure")
@one_rewrite
@click.pass_context
def command(
    context: click.Context,
    file: Path,
    function: str,
    rewrite: Path,
    as_json: bool,
    gcc_args: tuple[str, ...],
) -> None:
    """Time the function in R.s against gcc's code of FILE's function NAME.

    Exit status 0 significantly faster, 1 not (or not correct), 2 no answer.
    """
    from superopt_cc.driver.commands import measure_file
    from superopt_cc.report.tables import show_measurement, show_verdict

    found = measure_file(file, function, rewrite, gcc_args, settings_for(file))
    if isinstance(found, Verdict):
        if as_json:
            print_json(found)
        else:
            show_verdict(found)
        context.exit(1 if found.verdict == "rejected" else 2)
    if as_json:
        print_json(found)
    else:
        show_measurement(found)
    context.exit(0 if found.significant else 1)
