"""`superopt verify`: decide one rewrite (design 11.2)."""

from __future__ import annotations

from pathlib import Path

import click

from superopt_cc.cli.common import one_rewrite, print_json, settings_for

_STATUS = {"accepted": 0, "rejected": 1}


@click.command("verify")
@one_rewrite
@click.option(
    "-o",
    "--counterexample",
    "output",
    type=click.Path(path_type=Path),
    help="Write a counterexample here, for `superopt replay`.",
)
@click.pass_context
def command(
    context: click.Context,
    file: Path,
    function: str,
    rewrite: Path,
    as_json: bool,
    gcc_args: tuple[str, ...],
    output: Path | None,
) -> None:
    """Decide whether the function in R.s may replace gcc's code of FILE's function NAME.

    Exit status 0 accepted, 1 rejected, 2 no verdict.
    """
    from superopt_cc.driver.commands import verify_file
    from superopt_cc.driver.replay import write_counterexample
    from superopt_cc.report.tables import show_verdict

    checked = verify_file(file, function, rewrite, gcc_args, settings_for(file))
    verdict = checked.verdict
    if as_json:
        print_json(verdict)
    else:
        show_verdict(verdict)
    if output is not None and verdict.counterexample is not None:
        write_counterexample(output, checked)
    context.exit(_STATUS.get(verdict.verdict, 2))
