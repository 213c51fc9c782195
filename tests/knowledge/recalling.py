"""Recall on C texts: the job of a function, what recognises it, what a search makes of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from superopt_cc.cases import Case
from superopt_cc.propose.base import Compilations, Context
from superopt_cc.propose.recall.proposer import Recall
from superopt_cc.search.loop import optimize
from superopt_cc.settings import Settings
from superopt_cc.toolchain.command import compile_text, parse_command, preprocess
from superopt_cc.toolchain.tools import find_compiler
from superopt_cc.types import Outcome
from superopt_cc.verify.gathering.bench import Bench, start_runner
from superopt_cc.verify.gathering.gather import unused_bits
from superopt_cc.verify.job import Job
from superopt_cc.verify.running.layout import Style
from superopt_cc.verify.running.observed import Observed, observe
from superopt_cc.verify.signature.facts import facts_for_unit


def jobs_of(
    folder: Path, source: str, names: Iterable[str], args: Sequence[str] = ("-O3",)
) -> dict[str, Job]:
    """The jobs of some functions of one unit."""
    (folder / "a.c").write_text(f"#include <stddef.h>\n#include <stdint.h>\n{source}\n")
    command = parse_command([*args, "-c", "a.c"], folder, find_compiler(None, "c"))
    preprocessed = preprocess(command)
    text = compile_text(command, preprocessed)
    facts = facts_for_unit(command, text, ("--64",))
    return {
        name: Job(text, name, facts.function(name), command, ("--64",), preprocessed)
        for name in names
    }


def recalled(folder: Path, source: str, name: str = "f", args: Sequence[str] = ("-O3",)) -> Outcome:
    """What a search with recall alone makes of one function."""
    return searched(jobs_of(folder, source, [name], args)[name], folder / "cache")


def searched(job: Job, cache: Path) -> Outcome:
    """What a search with recall alone makes of a job."""
    settings = Settings(accept="verified", budget=60.0, cache_dir=cache)
    return optimize(job, settings, proposers=(Recall(),))


def recognised(folder: Path, source: str) -> list[str]:
    """The entries that recall believes a function `f` to be, nothing verified."""
    return entries_of(jobs_of(folder, source, ["f"])["f"], folder / "cache")


def entries_of(job: Job, cache: Path) -> list[str]:
    """The entries that recall believes a job's function to be, nothing verified."""
    with Bench(job) as bench, Compilations(job.command, job.preprocessed) as compilations:

        def run(cases: Sequence[Case]) -> list[Observed]:
            style = Style(unused=unused_bits(bench.around.shape))
            with start_runner(bench.image) as runner:
                return observe(runner, bench.image, job.name, bench.around.masks, cases, style)

        context = Context(
            job, bench.unit, Settings(cache_dir=cache), time.monotonic() + 60.0,
            compilations, lambda attempt: None, lambda: (), run_target=run,
            constants=bench.around.shape.dictionary.base,
        )  # fmt: skip
        return [rewrite.provenance["entry"] for rewrite in Recall().propose(context)]


def story(outcome: Outcome) -> str:
    attempts = "; ".join(f"{a.how}: {a.result} {a.detail}" for a in outcome.attempts)
    return f"{outcome.reason} {outcome.detail}: {attempts}"


def entry_of(outcome: Outcome) -> str:
    assert outcome.rewrite is not None, story(outcome)
    return outcome.rewrite.provenance["entry"]
