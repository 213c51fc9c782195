"""What a model is worth here: its speed, and what becomes of its answers about ten functions."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.cost.protocol import Timer
from superopt_cc.cost.session import CandidateFailed
from superopt_cc.driver.jobs import UnitJobs, unit_jobs
from superopt_cc.driver.selection import Wish
from superopt_cc.errors import SuperoptError, UsageError
from superopt_cc.propose.base import Compilations, Context
from superopt_cc.propose.conversation import CHILD, ModelError, converse
from superopt_cc.propose.llm import Llm, explain
from superopt_cc.search.loop import result_of
from superopt_cc.settings import Settings
from superopt_cc.types import Attempt, Rewrite
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.job import Job

FUNCTIONS = Path(__file__).with_name("trial.c")
_LOADING_SECONDS = 300.0
_SPEED_TOKENS = 64
_SPEED_CONTEXT = 2048
_LAST_ANSWER = 10.0  # seconds for verifying what came at the very end
_TIMING_SECONDS = 8.0
# Answers that never became code.
_NO_CODE = frozenset({"truncated", "refused", "compile", "absent", "assembler", "link", "budget"})
_VERIFIED = frozenset({"verified", "faster", "not-faster"})


@dataclasses.dataclass(frozen=True, slots=True)
class Speed:
    """Sequences written at a time, tokens in all, seconds for them; `load` seconds before that."""

    sequences: int
    tokens: int
    seconds: float
    load: float

    @property
    def rate(self) -> float:
        """Tokens a second, all sequences together."""
        return self.tokens / self.seconds if self.seconds > 0 else 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Tried:
    """What became of the answers about one function.

    `compiled` counts what became code, copies of gcc's and of each other included; `faster` is
    None where nothing was timed.  `results` counts answers by how they ended; `problem` is one line
    on why there were no more.
    """

    name: str
    answers: int
    compiled: int
    copies: int
    verified: int
    faster: int | None
    seconds: float
    results: Mapping[str, int]
    problem: str = ""


def speed(path: str, sequences: int, child: Sequence[str] = CHILD) -> Speed:
    """Let the model write on without end.  Raises UsageError with one line for a model that fails.

    The prompt's own evaluation is part of the time.
    """
    request = {
        "model": path,
        # Not the words of the last time: what was evaluated then would be used again.
        "system": f"{sequences} of you write C.",
        "prompt": "Write a C file with as many different small functions as you can.",
        "seeds": list(range(1, sequences + 1)),
        "max_tokens": _SPEED_TOKENS,
        "context": _SPEED_CONTEXT,
        "temperature": 0.7,
        "threads": max(1, min(4, len(os.sched_getaffinity(0)))),
        "opening": "```c\n",
    }
    began = ready = time.monotonic()
    tokens = 0
    try:
        with contextlib.closing(converse(child, request, began + _LOADING_SECONDS)) as events:
            for event in events:
                if event["event"] == "ready":
                    ready = time.monotonic()
                elif event["event"] == "answer":
                    tokens += _tokens(event)
    except ModelError as error:
        raise UsageError(f"{path}: {explain(error)}") from error
    return Speed(sequences, tokens, time.monotonic() - ready, ready - began)


def _tokens(event: Mapping[str, object]) -> int:
    """How many tokens an answer has: as it says, or as many as it may; guessed where it ended."""
    told = event.get("tokens")
    if isinstance(told, int):
        return told
    if event.get("finish") == "length":
        return _SPEED_TOKENS
    return min(_SPEED_TOKENS, len(str(event.get("text"))) // 3 + 1)


def try_functions(
    settings: Settings, timed: bool, progress: Callable[[str], None]
) -> Iterator[Tried]:
    """Ask the settings' model about each of the ten functions; what came of it, one by one."""
    # The user's own choices of what to select or refuse have nothing to do with the model.
    settings = dataclasses.replace(settings, mode="now", isa="match", require="tested")
    jobs = unit_jobs(FUNCTIONS, (), settings)
    with Compilations(jobs.command, jobs.preprocessed()) as compilations:
        for function in jobs.unit.functions:
            progress(f"{function.name}: asking")
            yield _Trial(jobs, function.name, settings, compilations).run(timed, progress)


class _Trial:
    """One function."""

    def __init__(
        self, jobs: UnitJobs, name: str, settings: Settings, compilations: Compilations
    ) -> None:
        self._jobs = jobs
        self._name = name
        self._settings = settings
        self._compilations = compilations
        self._attempts: list[Attempt] = []
        self._verified: list[tuple[int, Rewrite]] = []
        self._verifier: Verifier | None = None

    def run(self, timed: bool, progress: Callable[[str], None]) -> Tried:
        began = time.monotonic()
        problem = ""
        try:
            job = self._jobs.with_source(self._jobs.job(self._name, Wish()))
            with contextlib.ExitStack() as owned:
                self._ask(job, owned)
                if timed and self._verifier is not None and self._verified:
                    progress(f"{self._name}: timing {len(self._verified)} rewrites")
                    self._time(self._verifier)
        except SuperoptError as error:
            problem = str(error)
        return self._tried(timed, time.monotonic() - began, problem)

    def _ask(self, job: Job, owned: contextlib.ExitStack) -> None:
        deadline = time.monotonic() + self._settings.model_budget
        told: list[Callable[[Sequence[Attempt]], None]] = []
        context = Context(
            job, self._jobs.unit, self._settings, deadline, self._compilations,
            self._attempts.append, lambda: tuple(self._attempts), when_done=told.append,
        )  # fmt: skip
        try:
            proposed = cast(Generator[Rewrite, None, None], Llm().propose(context))
            with contextlib.closing(proposed) as rewrites:
                for rewrite in rewrites:
                    if self._verifier is None:  # where nothing compiles, none is needed
                        self._verifier = owned.enter_context(Verifier(job))
                        self._verifier.small = True  # the model reads counterexamples
                    self._judge(rewrite, self._verifier, deadline)
        finally:
            for tell in told:
                tell(tuple(self._attempts))

    def _judge(self, rewrite: Rewrite, verifier: Verifier, deadline: float) -> None:
        until = max(deadline, time.monotonic() + _LAST_ANSWER)
        (verdict,) = verifier.check_many((rewrite,), until)
        if verdict.accepted:
            result = "verified"
            self._verified.append((len(self._attempts), rewrite))
        else:
            result = verdict.reason.value if verdict.reason else "undecided"
        example = verdict.counterexample.text if verdict.counterexample else ""
        who, how = rewrite.proposer, rewrite.how
        self._attempts.append(Attempt(who, how, result, verdict.detail, counterexample=example))

    def _time(self, verifier: Verifier) -> None:
        job = verifier.job
        timer = Timer(
            self._jobs.unit, self._name, verifier.workload(), seed=job.seed,
            result=result_of(job.facts), as_options=job.as_options,
        )  # fmt: skip
        for at, rewrite in self._verified:
            fragment = verifier.fragment(rewrite)
            assert isinstance(fragment, Fragment)  # it was verified
            try:
                measured = timer.confirm(fragment, _TIMING_SECONDS, quick=True)
            except CandidateFailed:
                continue
            result = "faster" if measured.significant else "not-faster"
            self._attempts[at] = dataclasses.replace(
                self._attempts[at], result=result, speedup=measured.speedup
            )

    def _tried(self, timed: bool, seconds: float, problem: str) -> Tried:
        answers = [a for a in self._attempts if ", sample " in a.how]
        others = [a for a in self._attempts if ", sample " not in a.how]
        results: dict[str, int] = {}
        for attempt in answers:
            results[attempt.result] = results.get(attempt.result, 0) + 1
        return Tried(
            name=self._name,
            answers=len(answers),
            compiled=sum(a.result not in _NO_CODE for a in answers),
            copies=results.get("copy", 0),
            verified=sum(a.result in _VERIFIED for a in answers),
            faster=results.get("faster", 0) if timed else None,
            seconds=seconds,
            results=results,
            problem=problem or next((f"{a.result}: {a.detail}" for a in others), ""),
        )
