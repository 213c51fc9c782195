"""Old answers of models, read and verified again without the model (design 8, audit)."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from superopt_cc.driver.decide import Progress
from superopt_cc.driver.jobs import UnitJobs
from superopt_cc.driver.selection import Wish, select
from superopt_cc.errors import Ineligible, SuperoptError, UsageError, describe
from superopt_cc.propose.answers import Answer
from superopt_cc.propose.audit import Told, target_digest, transcripts
from superopt_cc.propose.base import Compilations, Context
from superopt_cc.propose.surfaces import Surface, surfaces_of, take
from superopt_cc.settings import Settings
from superopt_cc.toolchain.command import compile_text, parse_command, preprocess
from superopt_cc.types import Rewrite
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.job import Job

_RIGHT = frozenset(("verified", "faster", "slower", "not-faster"))


@dataclasses.dataclass(frozen=True, slots=True)
class Replayed:
    """One answer then and now; `same` is whether both accept it or both do not.

    `before` is "" where no verdict was kept, `now` "skipped" where there is none to be had today.
    """

    name: str
    how: str
    before: str
    now: str
    detail: str
    same: bool


def replay_answers(
    names: Sequence[str], settings: Settings, progress: Progress
) -> Iterator[Replayed]:
    """Every kept answer about the named functions (none named: all), the oldest search first.

    Nothing is asked, nothing is stored.
    """
    for name in names or (None,):
        found = False
        for told in transcripts(settings.cache_dir, name):
            found = True
            progress(f"{told.search.get('name')}: {len(told.of('answer'))} answers")
            yield from _replay(told, settings)
        if name is not None and not found:
            raise UsageError(f"no answers about {name} are kept")


def _replay(told: Told, settings: Settings) -> Iterator[Replayed]:
    name = str(told.search.get("name"))

    def skipped(why: str) -> Iterator[Replayed]:
        for answer in told.of("answer"):
            how = str(answer.get("how"))
            yield Replayed(name, how, _before(told, how), "skipped", why, False)

    try:
        settings = dataclasses.replace(settings, isa=str(told.search.get("isa", "match")))
        job, jobs = _job(told.search, name, settings)
    except (SuperoptError, OSError, KeyError, TypeError) as error:
        yield from skipped(describe(error))
        return
    with Compilations(job.command, job.preprocessed) as compilations:
        context = Context(
            job, jobs.unit, settings, time.monotonic() + 3600.0, compilations,
            lambda attempt: None, tuple,
        )  # fmt: skip
        if target_digest(context) != told.search.get("target"):
            yield from skipped("the function's code is another one now")
            return
        try:
            with Verifier(job) as verifier:
                yield from _verified(told, context, verifier)
        except Ineligible as error:
            yield from skipped(str(error))


def _verified(told: Told, context: Context, verifier: Verifier) -> Iterator[Replayed]:
    found = surfaces_of(context)  # one for all: it knows the copies among them
    surfaces = {p.get("id"): str(p.get("surface")) for p in told.of("prompt")}
    for kept in told.of("answer"):
        how = str(kept.get("how"))
        surface = found.get(surfaces.get(kept.get("prompt"), ""))
        before = _before(told, how)
        if surface is None or isinstance(surface, str):
            yield Replayed(context.job.name, how, before, "skipped", str(surface), False)
            continue
        now, detail = _verdict(kept, surface, how, verifier)
        same = (before in _RIGHT) == (now in _RIGHT) and bool(before)
        yield Replayed(context.job.name, how, before, now, detail, same)


def _verdict(
    kept: Mapping[str, Any], surface: Surface, how: str, verifier: Verifier
) -> tuple[str, str]:
    answer = Answer(
        int(kept.get("index", 0)), int(kept.get("seed", 0)), str(kept.get("text", "")),
        str(kept.get("finish", "stop")), str(kept.get("model", "")),
    )  # fmt: skip
    result = take(surface, answer, how, {}).result
    if not isinstance(result, Rewrite):
        return result.result, result.detail
    verdict = verifier.check(result)
    if verdict.accepted:
        return "verified", ""
    return (verdict.reason.value if verdict.reason else "budget"), verdict.detail


def _before(told: Told, how: str) -> str:
    verdict = told.verdict(how)
    return "" if verdict is None else str(verdict.get("result"))


def _job(search: Mapping[str, Any], name: str, settings: Settings) -> tuple[Job, UnitJobs]:
    """The job of a search, from the source as it is today."""
    cwd = Path(search["cwd"])
    source = str(search["file"])
    command = parse_command([str(w) for w in search["argv"]], cwd, Path(search["compiler"]), source)
    text = compile_text(command, preprocess(command))
    jobs = UnitJobs(command, text, [str(w) for w in search["as_options"]], settings)
    names = [function.name for function in jobs.unit.functions]
    raw = command.source_path.read_bytes().decode("utf-8", "surrogateescape")
    wish = select(raw, names, ("all",)).wishes.get(name, Wish())
    return jobs.with_source(jobs.job(name, wish)), jobs
