"""One search by a model alone: every answer with its times and its end, nothing confirmed.

As in a build, rewrites are verified while the model writes on, and timed roughly between rounds;
how fast they are beyond noise is measured apart from this (`llm_table.py --time`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.cost.protocol import Timer
from superopt_cc.driver.jobs import UnitJobs, unit_jobs
from superopt_cc.driver.selection import Wish
from superopt_cc.errors import SuperoptError
from superopt_cc.propose.answers import Answer, LocalModel, Request
from superopt_cc.propose.base import Compilations, Context
from superopt_cc.propose.conversation import CHILD
from superopt_cc.propose.llm import Llm
from superopt_cc.search.loop import result_of
from superopt_cc.settings import Settings
from superopt_cc.types import Attempt, Rewrite
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.job import Job

_LAST_ANSWER = 10.0  # seconds for verifying what came at the very end
_RANKING = 1.0  # seconds, and as many again for each rewrite


@dataclasses.dataclass
class Listening:
    """The model of a file: answers are cut off at `most` tokens, and what is asked is kept."""

    model: LocalModel
    most: Mapping[str, int]
    surface: str
    asked: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    came: dict[int, float] = dataclasses.field(default_factory=dict)
    digest: str = ""

    @property
    def where(self) -> str:
        return self.model.where

    @property
    def stamp(self) -> str:
        return self.model.stamp

    @property
    def room(self) -> int:
        return self.model.room

    def ask(self, request: Request, deadline: float) -> Generator[Answer, None, None]:
        """See `answers.Source`."""
        most = min(request.max_tokens, self.most[self.surface])
        text = f"{request.system}\0{request.question}"  # as `Prompt.digest` has it
        began = time.monotonic()
        self.asked.append({
            "prompt": digest(text), "characters": len(text),
            "seeds": list(request.seeds), "began": began,
        })  # fmt: skip
        for answer in self.model.ask(dataclasses.replace(request, max_tokens=most), deadline):
            self.digest = answer.model
            self.came[answer.seed] = time.monotonic() - began
            yield answer


class Trial:
    """One function of one unit, asked about once."""

    def __init__(self, jobs: UnitJobs, job: Job, settings: Settings) -> None:
        self._jobs = jobs
        self._job = job
        self._settings = settings
        self._attempts: list[Attempt] = []
        self._judged: dict[int, float] = {}  # by place in the attempts
        self._offered: dict[int, Rewrite] = {}
        self._verified: list[tuple[int, Rewrite]] = []

    def run(self, source: Listening) -> dict[str, Any]:
        """The record of the conversation."""
        with (
            Compilations(self._job.command, self._job.preprocessed) as compilations,
            Verifier(self._job) as verifier,
        ):
            verifier.small = True  # the model reads counterexamples
            began = time.monotonic()
            self._ask(source, verifier, compilations)
            seconds = time.monotonic() - began
        return {
            "model": source.digest,
            "seconds": round(seconds, 2),
            "problem": next(
                (f"{a.result}: {a.detail}" for a in self._attempts if ", sample " not in a.how), ""
            ),
            "asked": [
                {**asked, "began": round(asked["began"] - began, 3)} for asked in source.asked
            ],
            "answers": [
                self._told(at, source)
                for at, attempt in enumerate(self._attempts)
                if ", sample " in attempt.how
            ],
        }

    def _ask(self, source: Listening, verifier: Verifier, compilations: Compilations) -> None:
        deadline = time.monotonic() + self._settings.model_budget
        told: list[Callable[[Sequence[Attempt]], None]] = []
        context = Context(
            self._job, self._jobs.unit, self._settings, deadline, compilations, self._note,
            lambda: tuple(self._attempts), lambda: self._rank(verifier), told.append,
        )  # fmt: skip
        proposed = cast(Generator[Rewrite, None, None], Llm(source=source).propose(context))
        with contextlib.closing(proposed) as rewrites:
            for rewrite in rewrites:
                self._judge(rewrite, verifier, deadline)
        for tell in told:
            tell(tuple(self._attempts))

    def _note(self, attempt: Attempt) -> None:
        self._judged[len(self._attempts)] = time.monotonic()
        self._attempts.append(attempt)

    def _judge(self, rewrite: Rewrite, verifier: Verifier, deadline: float) -> None:
        until = max(deadline, time.monotonic() + _LAST_ANSWER)
        (verdict,) = verifier.check_many((rewrite,), until)
        example = verdict.counterexample.text if verdict.counterexample else ""
        self._offered[len(self._attempts)] = rewrite
        if verdict.accepted:
            result = "verified"
            self._verified.append((len(self._attempts), rewrite))
        else:
            result = verdict.reason.value if verdict.reason else "undecided"
        who, how = rewrite.proposer, rewrite.how
        self._note(Attempt(who, how, result, verdict.detail, counterexample=example))

    def _rank(self, verifier: Verifier) -> None:
        """Rough timings, as a build's search makes them between rounds."""
        fresh = [(at, r) for at, r in self._verified if self._attempts[at].speedup is None]
        fragments = [verifier.fragment(rewrite) for _, rewrite in fresh]
        whole = [fragment for fragment in fragments if isinstance(fragment, Fragment)]
        if not whole or len(whole) < len(fresh):
            return
        with contextlib.suppress(SuperoptError):
            timer = timer_of(self._jobs, verifier)
            for ranking in timer.compare(whole, _RANKING * (1 + len(whole))):
                at = fresh[ranking.index][0]
                result = ranking.failure or ("slower" if ranking.speedup < 1.0 else "verified")
                self._attempts[at] = dataclasses.replace(
                    self._attempts[at], result=result, speedup=ranking.speedup
                )

    def _told(self, at: int, source: Listening) -> dict[str, Any]:
        attempt, offered = self._attempts[at], self._offered.get(at)
        number, sample = (int(word.split()[1]) for word in attempt.how.split(", ")[1:3])
        asked = source.asked[number - 1]
        seed = asked["seeds"][sample - 1]
        told: dict[str, Any] = {
            "round": number,
            "sample": sample,
            "seed": seed,
            "result": attempt.result,
            "detail": attempt.detail,
            "answered": round(source.came.get(seed, 0.0), 3),
            "judged": round(self._judged[at] - asked["began"], 3),
        }
        if attempt.counterexample:
            told["counterexample"] = attempt.counterexample
        if attempt.speedup is not None:
            told["rough"] = round(attempt.speedup, 4)
        if offered is not None:
            told["text"] = digest(offered.text)
        if any(place == at for place, _ in self._verified):
            assert offered is not None
            told["rewrite"] = dataclasses.asdict(offered)
        return told


def digest(text: str) -> str:
    """sha256."""
    return hashlib.sha256(text.encode()).hexdigest()


def timer_of(jobs: UnitJobs, verifier: Verifier) -> Timer:
    """Raises SuperoptError when the function cannot be timed."""
    job = verifier.job
    return Timer(
        jobs.unit, job.name, verifier.workload(), seed=job.seed, result=result_of(job.facts),
        as_options=job.as_options, patience=20.0,
    )  # fmt: skip


def functions(folder: Path, settings: Settings) -> Iterator[tuple[UnitJobs, str]]:
    """All functions of a folder's C files."""
    for path in sorted(folder.glob("*.c")):
        jobs = unit_jobs(path, (), settings)
        for function in jobs.unit.functions:
            yield jobs, function.name


def job_of(jobs: UnitJobs, name: str, seed: int) -> Job:
    """Raises Ineligible."""
    return dataclasses.replace(jobs.with_source(jobs.job(name, Wish())), seed=seed)


def model_of(path: Path, threads: int) -> LocalModel:
    """A GGUF file, evaluated by the process that builds share."""
    return LocalModel(str(path), CHILD, threads=threads)
