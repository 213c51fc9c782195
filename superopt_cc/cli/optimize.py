"""`superopt optimize`: search now and store (design 11.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from superopt_cc.cli import STARTED
from superopt_cc.cli.common import as_json as json_option
from superopt_cc.cli.common import gcc_args as gcc_words
from superopt_cc.cli.common import print_json, progress, settings_for, source_file
from superopt_cc.types import Outcome, to_json


@click.command("optimize")
@source_file
@click.option("-f", "--function", "functions", multiple=True, metavar="NAME")
@json_option
@gcc_words
def command(
    file: Path, functions: tuple[str, ...], as_json: bool, gcc_args: tuple[str, ...]
) -> None:
    """Search faster code for functions of FILE (all of them without -f), and store it."""
    from superopt_cc.driver.commands import optimize_file
    from superopt_cc.report.tables import show_outcomes

    settings = settings_for(file)
    with progress(settings) as tell:
        done = optimize_file(file, functions, gcc_args, settings, tell, STARTED)
    for problem in done.problems:
        click.echo(f"superopt: warning: {problem}", err=True)
    if as_json:
        print_json(
            {
                "functions": [_function(outcome) for outcome in done.outcomes],
                "isa": list(done.isa),
                "compiler": done.compiler,
                "cpu": done.cpu,
            }
        )
    else:
        show_outcomes(done.outcomes)


def _function(outcome: Outcome) -> dict[str, Any]:
    rewrite, verdict, timing = outcome.rewrite, outcome.verdict, outcome.measurement
    return {
        "name": outcome.name,
        "outcome": outcome.outcome,
        "reason": outcome.reason,
        "detail": outcome.detail,
        "speedup": timing.speedup if timing else None,
        "interval": list(timing.interval) if timing else None,
        "proposer": rewrite.proposer if rewrite else None,
        "how": rewrite.how if rewrite else None,
        "origin": rewrite.origin.value if rewrite else None,
        "level": verdict.level.value if verdict and verdict.level else None,
        "evidence": to_json(verdict.evidence) if verdict else None,
        "candidates": outcome.candidates,
        "seconds": outcome.seconds,
        "key": outcome.key,
    }
