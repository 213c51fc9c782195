"""The search over one function: propose, verify, time, keep the best (design 2, 6, 11.1)."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import cast

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.unit import Unit, parse_unit
from superopt_cc.cases import Case
from superopt_cc.cost.callers import Result
from superopt_cc.cost.protocol import Timer
from superopt_cc.cost.session import CandidateFailed
from superopt_cc.cost.verdict import SMALLEST_GAIN
from superopt_cc.errors import Ineligible, Late, RunnerError, SuperoptError, ToolchainError
from superopt_cc.propose.base import Compilations, Context, Proposer
from superopt_cc.propose.learned.behaviour import fingerprints
from superopt_cc.propose.registry import chosen
from superopt_cc.search.budget import Budget, Pace
from superopt_cc.search.worth import Offering, Worths, keys
from superopt_cc.settings import Settings
from superopt_cc.types import (
    Attempt,
    Measurement,
    Origin,
    Outcome,
    Reason,
    Rejection,
    Rewrite,
    Verdict,
)
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.job import Facts, Job
from superopt_cc.verify.signature.abi import returned, x87_results
from superopt_cc.verify.signature.ctype import Function

Progress = Callable[[str], None]

# Levels that nothing reaches yet: everything is kept (design 5.7).
_UNREACHED = frozenset({"shadowed", "bounded", "proved"})
# Confirming more than the best few would be choosing by the confirmation.
_CONFIRMATIONS = 2
# Seconds that a proposer has before another one may be more promising.
_MOMENT = 1.5
# A rough timing between a model's rounds: so many seconds, and as many again for each rewrite.
_EARLY = 1.0


def optimize(
    job: Job,
    settings: Settings,
    *,
    progress: Progress | None = None,
    compilations: Compilations | None = None,
    proposers: Sequence[Proposer] | None = None,
    unit: Unit | None = None,
    inputs: Inputs | None = None,
    began: float | None = None,
    behaved: Callable[[Sequence[str]], None] | None = None,
) -> Outcome:
    """Find the best rewrite of the job's function within the settings' budgets.

    `inputs` are those of earlier searches, and where those of this one go.  `began` (of
    `time.monotonic()`) is when the clock started, if before now.  `behaved` is told the
    fingerprints of the function's behaviour before anything is proposed.

    `progress` is told one line now and then.  `compilations` is shared by the functions of one
    unit, `unit` is the job's text parsed (if the caller has it), `proposers` are the settings'
    own unless given.  The outcome's `key` is left to the caller.  Raises SuperoptError when the
    tools themselves fail.
    """
    began = time.monotonic() if began is None else began
    with contextlib.ExitStack() as owned:
        shared = compilations or owned.enter_context(Compilations(job.command, job.preprocessed))
        budget = Budget.start(settings, began)
        search = _Search(job, settings, budget, progress or _silent, shared, unit, inputs)
        search.behaved = behaved or _unheard
        try:
            outcome = search.run(chosen(settings) if proposers is None else proposers)
        except Ineligible as error:
            outcome = Outcome(job.name, "ineligible", error.reason, error.detail)
        finally:
            for tell in search.when_done:
                tell(tuple(search.attempts))
    return dataclasses.replace(
        outcome,
        attempts=tuple(search.attempts),
        candidates=search.candidates,
        seconds=time.monotonic() - began,
    )


def _silent(line: str) -> None:
    """Progress that nobody watches."""


def _unheard(behaviour: Sequence[str]) -> None:
    """Fingerprints that nobody wants."""


@dataclasses.dataclass(frozen=True, slots=True)
class Inputs:
    """Test inputs of a function that outlive a search: what is known, and who keeps more."""

    known: Sequence[Case] = ()
    keep: Callable[[Sequence[Case]], None] = lambda cases: None


@dataclasses.dataclass(slots=True)
class _Found:
    """A verified rewrite; `attempt` is its place in the attempts, `key` says whose it is."""

    rewrite: Rewrite
    verdict: Verdict
    fragment: Fragment
    attempt: int
    key: str


class _Search:
    def __init__(
        self, job: Job, settings: Settings, budget: Budget, progress: Progress,
        compilations: Compilations, unit: Unit | None, inputs: Inputs | None,
    ) -> None:  # fmt: skip
        self.job = job
        self._inputs = inputs or Inputs()
        self.settings = settings
        self.progress = progress
        self.attempts: list[Attempt] = []
        self.candidates = 0
        self.when_done: list[Callable[[Sequence[Attempt]], None]] = []
        self.behaved: Callable[[Sequence[str]], None] = _unheard
        self._unit = unit or parse_unit(job.unit_text)
        self._compilations = compilations
        self._budget = budget
        self._pace = Pace()
        self._found: list[_Found] = []
        self._worths = Worths(settings.cache_dir)
        self._asked = ""
        self._reasons: set[str] = set()

    def run(self, proposers: Sequence[Proposer]) -> Outcome:
        if self.settings.require in _UNREACHED:
            return self._kept("level", f"no rewrite reaches `{self.settings.require}` yet")
        try:
            verifier = Verifier(
                self.job, self._budget.limits(), self._unit, kept=self._inputs.known,
                deadline=self._budget.verifying_deadline(found=False),
            )  # fmt: skip
        except Late as error:
            return self._kept("budget", str(error))
        with verifier:
            try:
                return self._run(proposers, verifier)
            finally:
                self._inputs.keep(verifier.worth_keeping())

    def _run(self, proposers: Sequence[Proposer], verifier: Verifier) -> Outcome:
        if verifier.gap:  # whatever is proposed, there would be no verdict
            late = not verifier.gathered.complete
            return self._kept("budget" if late else "inadequate", verifier.gap)
        behaviour = fingerprints(self.job.facts, self._unit, verifier.run_target)
        self.behaved(behaviour)
        offerings = [
            self._offering(proposer, key, verifier, behaviour)
            for proposer, key in zip(proposers, keys(proposers), strict=True)
            if not proposer.uses_model
        ]
        self._compete(offerings, verifier)
        for proposer in proposers:
            if proposer.uses_model and not self._satisfied():
                self._gather(self._offering(proposer, "", verifier, behaviour), verifier)
        outcome = self._decided(verifier)
        self._remember(offerings, outcome)
        return outcome

    def _decided(self, verifier: Verifier) -> Outcome:
        if self._satisfied():
            return self._replaced(self._found[0], None)
        if not self._found:
            return self._nothing()
        try:
            with self._compilations.paused():
                return self._fastest(verifier)
        except Ineligible as error:
            return self._kept(error.reason, error.detail)
        except (RunnerError, ToolchainError):
            raise  # our tools failed: nothing that a store should remember
        except SuperoptError as error:  # too little time, or the machine cannot be timed on
            return self._kept("budget", str(error))

    def _compete(self, offerings: Sequence[Offering], verifier: Verifier) -> None:
        """Whoever promises most goes on for a moment, until all are done or the time is over.

        Where the first verified rewrite is taken, the order is fixed: so are objects.
        """
        with contextlib.ExitStack() as owned:
            for offering in offerings:
                owned.callback(offering.rewrites.close)
            if self.settings.accept == "verified":
                for offering in offerings:
                    if not self._satisfied():
                        self._gather(offering, verifier)
                return
            left = list(offerings)
            while left:
                offering = self._worths.next(left)
                late = time.monotonic() >= offering.deadline
                if (late and offering.spent) or not self._go_on(
                    offering, verifier, time.monotonic() + _MOMENT
                ):
                    self._end(offering, verifier)
                    left.remove(offering)

    def _offering(
        self, proposer: Proposer, key: str, verifier: Verifier, behaviour: tuple[str, ...]
    ) -> Offering:
        """A proposer that has not begun."""
        waiting: list[Rewrite] = []
        model = proposer.uses_model
        deadline = self._budget.start_model() if model else self._budget.proposing_deadline()
        context = Context(
            self.job, self._unit, self.settings, deadline, self._compilations,
            self.attempts.append, lambda: tuple(self.attempts),
            lambda: self._rank_early(verifier, deadline, waiting), self.when_done.append,
            verifier.run_target, verifier.constants, behaviour,
        )  # fmt: skip
        rewrites = _closable(proposer.propose(context))
        return Offering(proposer, key, rewrites, deadline, waiting)

    def _gather(self, offering: Offering, verifier: Verifier) -> None:
        """Verify what a proposer offers, as long as there is time."""
        with contextlib.closing(offering.rewrites):
            self._go_on(offering, verifier, offering.deadline)
        self._end(offering, verifier)
        if offering.proposer.uses_model:
            self._budget.end_model(offering.deadline)

    def _go_on(self, offering: Offering, verifier: Verifier, until: float) -> bool:
        """The same, until then; is there more?"""
        model, waiting = offering.proposer.uses_model, offering.waiting
        # A model thinks while its last answer is verified; compilers wait, so they fill a link.
        alone = model or self.settings.accept == "verified"
        verifier.small = model  # it reads them
        self._asked = offering.key
        began = time.monotonic()
        try:
            for rewrite in offering.rewrites:
                waiting.append(rewrite)
                if len(waiting) >= (1 if alone else self._pace.room(offering.deadline)):
                    self._judge(waiting, verifier)
                    waiting.clear()
                if self._satisfied() or time.monotonic() >= min(until, offering.deadline):
                    return True
        finally:
            offering.spent += time.monotonic() - began
        return False

    def _end(self, offering: Offering, verifier: Verifier) -> None:
        """What still waits is verified if there is time."""
        self._asked = offering.key
        if not self._satisfied():
            self._judge(offering.waiting[: self._pace.room(offering.deadline)], verifier)
        offering.waiting.clear()
        if not self._satisfied() and time.monotonic() >= offering.deadline:
            self._reasons.add("budget")

    def _remember(self, offerings: Sequence[Offering], outcome: Outcome) -> None:
        """Who had how many seconds, and whose rewrite was taken."""
        if self.settings.accept == "verified":
            return
        taken = next((f.key for f in self._found if f.rewrite is outcome.rewrite), None)
        for offering in offerings:
            gain = 0.0
            if offering.key == taken and outcome.measurement is not None:
                gain = max(0.0, math.log(outcome.measurement.speedup))
            if offering.spent:
                self._worths.add(offering.key, offering.spent, gain)

    def _satisfied(self) -> bool:
        return bool(self._found) and self.settings.accept == "verified"

    def _judge(self, rewrites: Sequence[Rewrite], verifier: Verifier) -> None:
        """Sort rewrites into found ones and attempts that fell."""
        began = time.monotonic()
        self.candidates += len(rewrites)
        alive: list[tuple[Rewrite, Fragment]] = []
        for rewrite in rewrites:
            if self.settings.require == "compiled" and rewrite.origin is not Origin.COMPILED:
                self._fell(rewrite, "level", "not made by a compiler alone")
                continue
            fragment = verifier.fragment(rewrite)
            if isinstance(fragment, Rejection):
                self._fell(rewrite, fragment.reason.value, fragment.detail)
            else:
                alive.append((rewrite, fragment))
        verdicts = self._verdicts([rewrite for rewrite, _ in alive], verifier)
        for (rewrite, fragment), verdict in zip(alive, verdicts, strict=True):
            if isinstance(verdict, str):
                self._fell(rewrite, "failed", verdict)
            elif verdict.accepted:
                place = len(self.attempts)
                self._found.append(_Found(rewrite, verdict, fragment, place, self._asked))
                self._note(rewrite, "verified", "")
            else:
                reason = verdict.reason.value if verdict.reason else "budget"
                example = verdict.counterexample
                self._fell(rewrite, reason, verdict.detail, example.text if example else "")
        if rewrites:
            self._pace.took(time.monotonic() - began, len(rewrites))
            found = len(self._found)
            self.progress(f"{self.job.name}: {self.candidates} tried, {found} verified")

    def _verdicts(self, rewrites: Sequence[Rewrite], verifier: Verifier) -> Sequence[Verdict | str]:
        """A verdict for each, or one line where our own tools failed on it."""
        if not rewrites:
            return ()
        try:
            deadline = self._budget.verifying_deadline(bool(self._found))
            return verifier.check_many(rewrites, deadline)
        except (RunnerError, ToolchainError) as error:
            if len(rewrites) == 1:
                return (str(error),)
        return [v for rewrite in rewrites for v in self._verdicts((rewrite,), verifier)]

    def _fell(self, rewrite: Rewrite, result: str, detail: str, example: str = "") -> None:
        self._reasons.add(result)
        self._note(rewrite, result, detail, example)

    def _note(self, rewrite: Rewrite, result: str, detail: str, example: str = "") -> None:
        name, how = rewrite.proposer, rewrite.how
        self.attempts.append(Attempt(name, how, result, detail, counterexample=example))

    def _fastest(self, verifier: Verifier) -> Outcome:
        """Rank on one half of the placements, confirm on the other (design 6)."""
        self.progress(f"{self.job.name}: timing {len(self._found)} verified rewrites")
        timer = self._timer(verifier, self._budget.workload_seconds())
        alone = len(self._found) == 1
        seconds = self._budget.ranking_seconds(len(self._found))
        best = self._found if alone else self._ranked(timer, self._found, seconds)
        measurement: Measurement | None = None
        for found in best[:_CONFIRMATIONS]:
            seconds = self._budget.confirming_seconds()
            if measurement is None and not seconds:
                return self._kept("budget", "the time was over before anything was timed")
            if measurement is not None and not self._budget.left():
                break
            confirmed = self._confirmed(timer, found, seconds, quick=alone)
            if confirmed is not None and confirmed.significant:
                return self._replaced(found, confirmed)
            measurement = measurement or confirmed
        if measurement is not None and _promising(measurement):
            placements = measurement.conditions.get("placements", "few")
            return self._kept("budget", f"{placements} placements timed, too few", measurement)
        return self._kept("not-faster", "", measurement)

    def _timer(self, verifier: Verifier, seconds: float) -> Timer:
        return Timer(
            self._unit, self.job.name, verifier.workload(seconds), seed=self.job.seed,
            result=result_of(self.job.facts), as_options=self.job.as_options,
        )  # fmt: skip

    def _rank_early(self, verifier: Verifier, deadline: float, waiting: list[Rewrite]) -> None:
        """Time what was verified since the last time, for a proposer that goes on from there.

        What it offered and what still waits for more to fill a link is verified before.
        """
        self._judge(waiting, verifier)
        waiting.clear()
        fresh = [f for f in self._found if self.attempts[f.attempt].speedup is None]
        seconds = min(_EARLY + _EARLY * len(fresh), (deadline - time.monotonic()) / 4)
        if not fresh or self.settings.accept == "verified" or seconds < _EARLY:
            return
        # What cannot be timed now is timed at the end, or not: nothing depends on it.
        with contextlib.suppress(SuperoptError), self._compilations.paused():
            self._ranked(self._timer(verifier, _EARLY), fresh, seconds)

    def _ranked(self, timer: Timer, among: Sequence[_Found], seconds: float) -> list[_Found]:
        """Those that seem faster on the choosing half, the best first."""
        best: list[_Found] = []
        for ranking in timer.compare([f.fragment for f in among], seconds):
            found = among[ranking.index]
            result = ranking.failure or ("slower" if ranking.speedup < 1.0 else "verified")
            self.attempts[found.attempt] = dataclasses.replace(
                self.attempts[found.attempt], result=result, speedup=ranking.speedup
            )
            if not ranking.failure and ranking.speedup > 1.0:
                best.append(found)
        return best

    def _confirmed(
        self, timer: Timer, found: _Found, seconds: float, *, quick: bool
    ) -> Measurement | None:
        """The measurement on the reporting half; None for one that does not survive it."""
        self.progress(f"{self.job.name}: confirming")
        try:
            measured = timer.confirm(found.fragment, seconds, quick=quick)
        except CandidateFailed as error:
            self.attempts[found.attempt] = dataclasses.replace(
                self.attempts[found.attempt], result=error.failure, detail=str(error)
            )
            return None
        self._mark(found, "faster" if measured.significant else "not-faster", measured)
        return measured

    def _mark(self, found: _Found, result: str, measured: Measurement) -> None:
        detail = f"slower in {', '.join(measured.slower_in)}" if measured.slower_in else ""
        self.attempts[found.attempt] = dataclasses.replace(
            self.attempts[found.attempt], result=result, detail=detail, speedup=measured.speedup
        )

    def _replaced(self, found: _Found, measurement: Measurement | None) -> Outcome:
        return Outcome(
            self.job.name, "replaced", "", found.rewrite.how, found.rewrite, found.verdict,
            measurement,
        )  # fmt: skip

    def _kept(self, reason: str, detail: str, measurement: Measurement | None = None) -> Outcome:
        return Outcome(self.job.name, "kept", reason, detail, measurement=measurement)

    def _nothing(self) -> Outcome:
        """No verified rewrite: the reason that says most about what would help."""
        if Reason.INADEQUATE.value in self._reasons:
            return self._kept("inadequate", "the tests could not tell wrong code from right")
        if "level" in self._reasons:
            return self._kept("level", "no rewrite was made by a compiler alone")
        late = any(attempt.result == "budget" for attempt in self.attempts)
        if late or "budget" in self._reasons:
            return self._kept("budget", "the time was over before a rewrite was verified")
        return self._kept("no-rewrite", f"{self.candidates} candidates, none verified")


def _closable(rewrites: Iterator[Rewrite]) -> Generator[Rewrite, None, None]:
    """Closing it closes a proposer's own generator, and so ends what that started."""
    if isinstance(rewrites, Generator):
        return cast(Generator[Rewrite, None, None], rewrites)
    return (rewrite for rewrite in rewrites)


def _promising(measurement: Measurement) -> bool:
    """Nothing against it but that too little could be measured?"""
    margin = max(measurement.noise, SMALLEST_GAIN)
    return not measurement.slower_in and measurement.interval[0] > 1.0 + margin


def result_of(facts: Facts) -> Result:
    """Where the function's result shows up, for the latency shape of the timing.

    Raises Ineligible for functions that the timer has no stubs for.
    """
    called = {use.callee for use in (*facts.calls, *facts.local_calls)}
    for name, index in facts.callees.items():
        kind = facts.types[index]
        outside = name in called or None in called
        if outside and isinstance(kind, Function) and x87_results(facts.types, kind.returns):
            raise Ineligible("long-double", f"{name} returns one: what calls it cannot be timed")
    match sorted(register for register, _ in returned(facts.types, facts.returns)):
        case []:
            return Result.MEMORY
        case ["rax"]:
            return Result.INTEGER
        case ["rax", "rdx"]:
            return Result.INTEGERS
        case ["rax", "xmm0"]:
            return Result.MIXED
        case ["st(0)"]:
            return Result.EXTENDED
        case ["st(0)", "st(1)"]:
            return Result.EXTENDEDS
        case ["ymm0"]:
            return Result.WIDE
        case ["xmm0", "xmm1"]:
            return Result.FLOATS
    return Result.FLOAT
