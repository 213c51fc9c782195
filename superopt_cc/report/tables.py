"""Tables for people: outcomes, verdicts, measurements, builds, one function's story."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from superopt_cc.types import Measurement, Outcome, Verdict


def show_outcomes(outcomes: Sequence[Outcome]) -> None:
    """One line a function: what became of it, why, how much faster, on what evidence."""
    table = Table(box=None, pad_edge=False)
    for heading in ("function", "outcome", "reason", "proposer", "origin", "level", "speed-up"):
        table.add_column(heading, overflow="fold")
    for outcome in outcomes:
        rewrite, verdict = outcome.rewrite, outcome.verdict
        table.add_row(
            *_plain(
                outcome.name,
                outcome.outcome,
                outcome.reason,
                rewrite.proposer if rewrite else "",
                rewrite.origin.value if rewrite else "",
                str(verdict.level or "") if verdict else "",
                speedup_words(outcome.measurement),
            )
        )
    _console().print(table)


def show_verdict(verdict: Verdict) -> None:
    """The verdict, its reason and its counterexample or evidence."""
    words = [verdict.verdict]
    if verdict.reason is not None:
        words.append(verdict.reason.value)
    if verdict.level is not None:
        words.append(f"level {verdict.level.value}")
    _print(": ".join(words))
    if verdict.detail:
        _print(f"  {verdict.detail}")
    example = verdict.counterexample
    if example is not None:
        _print(f"  input     {example.text}")
        _print(f"  gcc       {example.expected}")
        _print(f"  rewrite   {example.got}")
    _show_evidence(verdict)


def show_measurement(measured: Measurement) -> None:
    """Speed-ups with their uncertainty and the conditions they were measured under."""
    _print(f"speed-up    {speedup_words(measured)}")
    _print(f"noise       {measured.noise:.1%} (gcc's code against itself)")
    _print(f"latency     {measured.latency:.3f}")
    _print(f"throughput  {measured.throughput:.3f}")
    for name, (speedup, low, high) in measured.strata.items():
        _print(f"  {name:<12} {speedup:.3f} [{low:.3f}, {high:.3f}]")
    if measured.slower_in:
        _print(f"slower in   {', '.join(measured.slower_in)}")
    _print("significant" if measured.significant else "not significant")
    for name, value in measured.conditions.items():
        _print(f"  {name}: {value}")


def show_builds(builds: Sequence[Mapping[str, Any]]) -> None:
    """One line a build, with its reasons counted."""
    if not builds:
        _print("no build is known yet")
        return
    table = Table(box=None, pad_edge=False)
    columns = ("seen", "selected", "eligible", "replaced", "kept")
    for heading in ("folder", "files", *columns, "reasons"):
        table.add_column(heading, overflow="fold")
    for build in builds:
        reasons = sorted(build["reasons"].items(), key=lambda item: -item[1])
        counts = [str(build["functions"][name]) for name in columns]
        words = ", ".join(f"{name} {count}" for name, count in reasons)
        table.add_row(*_plain(str(build["cwd"]), str(build["files"]), *counts, words))
    _console().print(table)


def show_story(outcome: Outcome, target: str, file: str) -> None:
    """gcc's code and the rewrite side by side, the evidence, the timing, what was tried."""
    _print(f"{outcome.name} ({file}): {outcome.outcome} {outcome.reason}".rstrip())
    if outcome.detail:
        _print(f"  {outcome.detail}")
    rewrite = outcome.rewrite
    if rewrite is not None:
        _print(f"  by {rewrite.proposer} ({rewrite.how}), origin {rewrite.origin.value}")
        _console().print(_side_by_side(target, rewrite.text))
    if outcome.verdict is not None:
        show_verdict(outcome.verdict)
    if outcome.measurement is not None:
        show_measurement(outcome.measurement)
    _show_attempts(outcome)


def speedup_words(measured: Measurement | None) -> str:
    """ "1.48 [1.45, 1.51]", or nothing where nothing was measured."""
    if measured is None:
        return ""
    low, high = measured.interval
    return f"{measured.speedup:.3f} [{low:.3f}, {high:.3f}]"


def _show_evidence(verdict: Verdict) -> None:
    evidence = verdict.evidence
    if evidence is None:
        return
    edges, mutants = evidence.edges, evidence.mutants
    _print(
        f"  evidence  {evidence.inputs} inputs, {evidence.discarded} discarded, "
        f"edges {edges.covered}/{edges.total}, mutants {mutants.killed}/{mutants.total}, "
        f"largest object {evidence.largest_length} bytes"
    )
    if evidence.assumed:
        _print(f"  promised  {' '.join(evidence.assumed)}")


def _show_attempts(outcome: Outcome) -> None:
    if not outcome.attempts:
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("tried", "how", "result", "speed-up", "detail"):
        table.add_column(heading, overflow="fold")
    for attempt in outcome.attempts:
        speedup = "" if attempt.speedup is None else f"{attempt.speedup:.2f}"
        table.add_row(
            *_plain(attempt.proposer, attempt.how, attempt.result, speedup, attempt.detail)
        )
    _console().print(Group(Text(""), table))


def _side_by_side(target: str, rewrite: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("gcc")
    table.add_column("rewrite")
    for left, right in itertools.zip_longest(_code(target), _code(rewrite), fillvalue=""):
        table.add_row(*_plain(left, right))
    return table


def _code(text: str) -> list[str]:
    """Instructions and labels without directives that say nothing to a reader."""
    kept = []
    for line in text.splitlines():
        word = line.strip()
        if word and (not word.startswith(".") or word.endswith(":")):
            kept.append(line.rstrip().expandtabs(8))
    return kept


def _plain(*cells: str) -> list[Text]:
    """Cells as they are: brackets in code are no markup."""
    return [Text(cell) for cell in cells]


def _print(line: str) -> None:
    _console().print(Text(line), soft_wrap=True)


def _console() -> Console:
    return Console(highlight=False)
