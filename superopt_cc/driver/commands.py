"""What the commands and the public API do, without any of their words (design 11).

Every function raises SuperoptError (one line) for what it cannot do.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.assembly.unit import Unit
from superopt_cc.cost.protocol import Timer
from superopt_cc.driver import cxxnames, quick
from superopt_cc.driver.decide import Decider, Decision, Progress
from superopt_cc.driver.jobs import UnitJobs, unit_jobs
from superopt_cc.driver.selection import Selection, Wish, select, simple_name
from superopt_cc.driver.story import story_of
from superopt_cc.driver.together import join
from superopt_cc.errors import Ineligible, StoreError, UsageError
from superopt_cc.propose.registry import problems as proposer_problems
from superopt_cc.search.loop import result_of
from superopt_cc.settings import Settings
from superopt_cc.store.local import Store
from superopt_cc.types import Measurement, Origin, Outcome, Reason, Rewrite, Verdict
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.job import Job

_MEASURING_SECONDS = 8.0


@dataclasses.dataclass(frozen=True, slots=True)
class Optimized:
    """What `optimize` found: outcomes in the order of the unit, the ISA, the compiler.

    `problems` are warnings, one line each.
    """

    outcomes: tuple[Outcome, ...]
    isa: tuple[str, ...]
    compiler: str
    cpu: str
    problems: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """A verdict with the rewrite it is about, and the job where the function had one."""

    verdict: Verdict
    rewrite: Rewrite
    job: Job | None = None


def optimize_file(
    path: Path,
    names: Sequence[str],
    gcc_args: Sequence[str],
    settings: Settings,
    progress: Progress,
    began: float | None = None,
) -> Optimized:
    """Search rewrites for the named functions of a file (none named: all) and store them.

    The first function's clock started at `began`: its budget pays for starting up and for gcc.
    """
    began = time.monotonic() if began is None else began
    settings = dataclasses.replace(settings, mode="now")
    with Store(settings.cache_dir, settings.cache_size) as store:
        jobs = unit_jobs(path, gcc_args, settings, store)
        wanted = [find_name(jobs.unit, name) for name in names] or [
            function.name for function in jobs.unit.functions
        ]
        wishes = _wishes(path, jobs.unit)
        cpu = quick.cpu_model()
        decisions: dict[str, Decision] = {}
        with Decider(jobs, store, settings, cpu, progress) as decider:
            for name in dict.fromkeys(wanted):
                wish = wishes.get(name, Wish())
                decisions[name] = decider.settle(name, wish, afresh=True, began=began)
                began = time.monotonic()
        problems = proposer_problems(settings)
        problems += [f"results are not stored: {problem}" for problem in decider.problems]
        outcomes = _joined(jobs, decisions)
        for outcome in outcomes:
            try:
                store.keep_story(outcome.name, story_of(jobs, outcome))
            except StoreError as error:
                problems.append(f"results are not stored: {error}")
    return Optimized(
        outcomes=outcomes,
        isa=tuple(sorted(jobs.isa())),
        compiler=jobs.compiler_version(),
        cpu=cpu,
        problems=tuple(dict.fromkeys(problems)),
    )


def verify_file(
    path: Path, name: str, rewrite: Path, gcc_args: Sequence[str], settings: Settings
) -> Checked:
    """Decide one rewrite, read from an assembly file, without timing it."""
    offered = _read_rewrite(rewrite)
    jobs = unit_jobs(path, gcc_args, settings)
    name = find_name(jobs.unit, name)
    try:
        job = jobs.job(name, _wishes(path, jobs.unit).get(name, Wish()))
        with Verifier(job) as verifier:
            verifier.small = True
            return Checked(verifier.check(offered), offered, job)
    except Ineligible as error:
        detail = f"{error.reason}: {error.detail}" if error.detail else error.reason
        return Checked(Verdict("undecided", None, Reason.INELIGIBLE, detail), offered)


def measure_file(
    path: Path, name: str, rewrite: Path, gcc_args: Sequence[str], settings: Settings
) -> Measurement | Verdict:
    """Time one rewrite against gcc's code; its verdict instead if it is not correct.

    Copies of gcc's own code are timed too.
    """
    offered = _read_rewrite(rewrite)
    jobs = unit_jobs(path, gcc_args, settings)
    name = find_name(jobs.unit, name)
    try:
        job = jobs.job(name, _wishes(path, jobs.unit).get(name, Wish()))
        with Verifier(job) as verifier:
            verdict = verifier.check(offered)
            if not verdict.accepted and verdict.reason is not Reason.COPY:
                return verdict
            workload = verifier.workload()
    except Ineligible as error:
        raise UsageError(f"{name} is not eligible: {error}") from error
    timer = Timer(
        jobs.unit,
        name,
        workload,
        seed=job.seed,
        result=result_of(job.facts),
        as_options=job.as_options,
    )
    fragment = parse_fragment(offered.text, name, jobs.unit)
    return timer.confirm(fragment, min(settings.budget, _MEASURING_SECONDS))


def find_name(unit: Unit, name: str) -> str:
    """The assembler name for a name as users type it.  Raises UsageError."""
    names = [function.name for function in unit.functions]
    if name in names:
        return name
    written = cxxnames.spellings(names) if cxxnames.qualified(name) else {}
    meant = cxxnames.plain(name)
    matches = [one for one in names if simple_name(one) == name or meant in written.get(one, ())]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(f"several functions are called {name}: {', '.join(matches)}")
    known = f"it has {', '.join(names[:8])}" if names else "it has no functions"
    raise UsageError(f"no function {name} in the compiled file (inlined or static?); {known}")


def _joined(jobs: UnitJobs, decisions: dict[str, Decision]) -> tuple[Outcome, ...]:
    """Outcomes as a build of this file would have them: all rewrites in one text."""
    chosen = {name: d.chosen for name, d in decisions.items() if d.chosen is not None}
    dropped = join(jobs.unit, chosen).dropped
    outcomes = []
    for name, decision in decisions.items():
        outcome = decision.outcome
        if name in dropped:
            reason, detail = dropped[name]
            outcome = dataclasses.replace(outcome, outcome="kept", reason=reason, detail=detail)
        outcomes.append(outcome)
    return tuple(outcomes)


def _wishes(path: Path, unit: Unit) -> dict[str, Wish]:
    """What pragmas in the file say about each function, selected or not."""
    source = path.read_bytes().decode("utf-8", "surrogateescape")
    names = [function.name for function in unit.functions]
    found: Selection = select(source, names, ("all",))
    return found.wishes


def _read_rewrite(path: Path) -> Rewrite:
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    return Rewrite(text, "user", Origin.MIXED, str(path))
