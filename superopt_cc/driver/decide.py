"""What becomes of one selected function: known, searched now, or gcc's own (design 2, 9)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.cases import Case
from superopt_cc.driver.absent import Absent
from superopt_cc.driver.jobs import UnitJobs
from superopt_cc.driver.learning import Learning
from superopt_cc.driver.selection import Wish
from superopt_cc.errors import AssemblyError, Ineligible, StoreError, describe
from superopt_cc.propose.known import found_by
from superopt_cc.settings import Settings
from superopt_cc.store import units
from superopt_cc.store.local import Entry, Need, Store, exhausted
from superopt_cc.types import Level, Origin, Outcome, Rewrite, Verdict
from superopt_cc.verify.job import Job
from superopt_cc.verify.version import VERSION

if TYPE_CHECKING:
    from superopt_cc.propose.base import Compilations, Proposer

Progress = Callable[[str], None]

_LEVELS = tuple(Level)


@dataclasses.dataclass(frozen=True, slots=True)
class Chosen:
    """A rewrite that is to go into a unit, with the job it was verified for."""

    job: Job
    key: str
    rewrite: Rewrite
    verdict: Verdict
    fragment: Fragment


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """One function's fate; `chosen` None leaves gcc's code, for `outcome.reason`.

    `key` is "" where the function was refused before it had one; `stamp` is the store's state
    that this was decided from.  `open`: a model that was away may still have something to say.
    `watched` are other such states: of what may be learned for the function (see `Learning`).
    """

    outcome: Outcome
    chosen: Chosen | None = None
    key: str = ""
    stamp: str = ""
    open: bool = False
    watched: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """A store entry and, where it is a replacement, its code as this unit's."""

    entry: Entry
    fragment: Fragment | None


class Decider:
    """Decides for the functions of one unit.  Use as a context manager: it owns processes.

    Store errors while writing become `problems`.  `build` names what this unit is a part of.
    """

    def __init__(
        self, jobs: UnitJobs, store: Store, settings: Settings, cpu: str, progress: Progress,
        build: str = "",
    ) -> None:  # fmt: skip
        self._jobs = jobs
        self._store = store
        self._settings = settings
        self._cpu = cpu
        self._progress = progress
        self._absent = Absent(settings, build)
        self._learning = Learning(store, settings, cpu)
        self._compilations: Compilations | None = None
        self.problems: list[str] = []

    def __enter__(self) -> Decider:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what was begun for functions to come."""
        if self._compilations is not None:
            self._compilations.close()
            self._compilations = None

    def settle(
        self, name: str, wish: Wish, *, afresh: bool = False, began: float | None = None
    ) -> Decision:
        """`decide`, where tools that fail and bugs of ours leave gcc's code, counted as `failed`.

        Raises StoreError when the store cannot be read.
        """
        try:
            return self.decide(name, wish, afresh=afresh, began=began)
        except StoreError:
            raise
        except Exception as error:  # the other functions have nothing to do with it
            return Decision(Outcome(name, "kept", "failed", describe(error)))

    def decide(
        self, name: str, wish: Wish, *, afresh: bool = False, began: float | None = None
    ) -> Decision:
        """Decide for one function; `afresh` searches again unless a search would do no more.

        `began` is when the clock of a search started; the search itself starts it otherwise.

        Raises SuperoptError when tools fail and StoreError when the store cannot be read.
        """
        try:
            job = self._jobs.job(name, wish)
        except Ineligible as error:
            return Decision(Outcome(name, "ineligible", error.reason, error.detail))
        key = self._jobs.key(job)
        settings = self._settings
        if wish.budget is not None:
            settings = dataclasses.replace(settings, budget=wish.budget)
        if wish.isa is not None:
            settings = dataclasses.replace(settings, isa=wish.isa)
        need = need_of(settings, self._cpu)
        found = self._known(job, key, need)
        if settings.mode == "now" and (found is None or self._pays(found.entry, need, afresh)):
            searched = self._search(job, key, settings, need, began)
            # The store keeps the better of two; what could not be stored is used all the same.
            found = self._known(job, key, need) or searched
        elif found is not None and self._learning.news(found.entry):
            found = self._learned(job, key, settings, need, found)
        stamp = units.stamp(str(self._settings.cache_dir), key)
        if found is None:
            outcome = Outcome(name, "kept", "not-in-store", "mode does not allow a search", key=key)
            return Decision(outcome, None, key, stamp)
        return self._use(job, found, key, stamp)

    def _pays(self, entry: Entry, need: Need, afresh: bool) -> bool:
        """Would another search do more than the one that made `entry`?"""
        if afresh and not exhausted(entry, need):
            return True
        again = entry.missed and (afresh or entry.outcome.outcome == "kept")
        return bool(again) and self._absent.may_answer()

    def _use(self, job: Job, found: _Found, key: str, stamp: str) -> Decision:
        """Take a rewrite if it meets this build's demands (design 5.7)."""
        outcome = dataclasses.replace(found.entry.outcome, name=job.name, key=key)
        rewrite, verdict = outcome.rewrite, outcome.verdict
        if found.fragment is None or rewrite is None or verdict is None:
            watched = self._learning.watched(found.entry)
            missed = self._settings.mode == "now" and bool(found.entry.missed)
            again = missed or self._learning.news(found.entry)
            return Decision(outcome, None, key, stamp, again, watched)
        if not meets(self._settings.require, rewrite.origin, verdict.level):
            detail = f"the evidence is below `{self._settings.require}`"
            outcome = dataclasses.replace(outcome, outcome="kept", reason="level", detail=detail)
            return Decision(outcome, None, key, stamp)
        from superopt_cc.propose.extract import standalone

        here = dataclasses.replace(rewrite, text=standalone(found.fragment, self._jobs.unit))
        outcome = dataclasses.replace(outcome, rewrite=here)
        return Decision(outcome, Chosen(job, key, here, verdict, found.fragment), key, stamp)

    def _known(self, job: Job, key: str, need: Need) -> _Found | None:
        """What the store answers, if it fits into this unit."""
        entry = self._store.lookup(key, need)
        if entry is None:
            for old in self._store.stale(key):
                if old.verifier != need.verifier:
                    self._verify_again(job, key, old)
            entry = self._store.lookup(key, need)
        if entry is None or entry.outcome.outcome != "replaced":
            return None if entry is None else _Found(entry, None)
        fragment = self._fitting(job, entry)
        return None if fragment is None else _Found(entry, fragment)

    def _fitting(self, job: Job, entry: Entry) -> Fragment | None:
        """design 9: a hit is screened again at every use, by 5.1-5.4 in its present unit."""
        rewrite, unit = entry.outcome.rewrite, self._jobs.unit
        if rewrite is None:
            return None
        # Not for a function that the store does not know: decoding takes longest to import.
        from superopt_cc.driver.portable import unpack
        from superopt_cc.verify.screening.screen import Screener

        try:
            fragment = unpack(unit, job.name, rewrite, entry.outcome.name, entry.binding)
        except AssemblyError:
            return None
        return None if Screener(job, unit).check(fragment) else fragment

    def _verify_again(self, job: Job, key: str, old: Entry) -> None:
        """design 9: evidence of another verifier version, or imported, is made again before use."""
        fragment = self._fitting(job, old)
        if fragment is None or old.outcome.rewrite is None:
            return
        from superopt_cc.propose.extract import standalone
        from superopt_cc.verify.engine import Verifier

        self._progress(f"{job.name}: verifying again what was verified elsewhere")
        here = dataclasses.replace(old.outcome.rewrite, text=standalone(fragment, self._jobs.unit))
        try:
            with Verifier(job) as verifier:
                verdict = verifier.check(here)
        except Ineligible:
            return
        if verdict.accepted:
            outcome = dataclasses.replace(old.outcome, verdict=verdict)
            self._keep(key, dataclasses.replace(old, outcome=outcome, verifier=VERSION))

    def _learned(self, job: Job, key: str, settings: Settings, need: Need, old: _Found) -> _Found:
        """Try what was learned since nothing was found, and nothing else."""
        from superopt_cc.propose.learned.proposer import LearnedRewrites

        found = self._search(job, key, settings, need, None, (LearnedRewrites(),))
        if found.entry.outcome.outcome == "replaced":
            return found
        entry = dataclasses.replace(old.entry, learned=found.entry.learned)
        self._keep(key, entry)
        return _Found(entry, None)

    def _search(
        self, job: Job, key: str, settings: Settings, need: Need, began: float | None,
        proposers: Sequence[Proposer] | None = None,
    ) -> _Found:  # fmt: skip
        # Not for a build in which everything is known: importing these takes longer than gcc.
        from superopt_cc.driver.portable import pack
        from superopt_cc.propose.base import Compilations
        from superopt_cc.search.loop import Inputs, optimize

        job = self._jobs.with_source(job)
        if self._compilations is None:
            self._compilations = Compilations(job.command, job.preprocessed)
        behaviour: list[str] = []
        state: list[str] = []

        def behaved(ways: Sequence[str]) -> None:
            behaviour.extend(ways)
            state.append(self._learning.state(ways))

        outcome = optimize(
            job, settings, progress=self._progress, compilations=self._compilations,
            proposers=self._absent.proposers() if proposers is None else proposers,
            unit=self._jobs.unit, began=began, behaved=behaved,
            inputs=Inputs(self._store.inputs(key), lambda cases: self._keep_inputs(key, cases)),
        )  # fmt: skip
        outcome = dataclasses.replace(outcome, key=key)
        missed = self._absent.learn(outcome.attempts)
        if outcome.outcome != "replaced" or outcome.rewrite is None:
            entry = dataclasses.replace(
                entry_of(outcome, need, missed=missed),
                behaviour=tuple(behaviour), learned="".join(state),
            )  # fmt: skip
            self._keep(key, entry)
            return _Found(entry, None)
        unit = self._jobs.unit
        fragment = parse_fragment(outcome.rewrite.text, job.name, unit)
        packed, binding = pack(unit, fragment, outcome.rewrite)
        entry = entry_of(dataclasses.replace(outcome, rewrite=packed), need, binding, missed)
        self._keep(key, entry)
        self._record(job, outcome, packed, behaviour)
        return _Found(entry, fragment)

    def _record(
        self, job: Job, outcome: Outcome, packed: Rewrite, behaviour: Sequence[str]
    ) -> None:
        try:
            self._learning.record(job.facts, outcome, packed.text, behaviour)
        except StoreError as error:
            self.problems.append(str(error))

    def _keep_inputs(self, key: str, cases: Sequence[Case]) -> None:
        try:
            self._store.keep_inputs(key, cases)
        except StoreError as error:
            self.problems.append(str(error))

    def _keep(self, key: str, entry: Entry) -> None:
        try:
            self._store.keep(key, entry)
        except StoreError as error:  # full or read-only: used now, not remembered
            self.problems.append(str(error))


def need_of(settings: Settings, cpu: str) -> Need:
    """What a build with these settings asks of a store entry."""
    effort: list[object] = [
        found_by(), settings.proposers, settings.model, settings.samples, settings.rounds,
    ]  # fmt: skip
    if settings.model:
        from superopt_cc.propose.effort import model_effort

        effort += model_effort(settings)
    model = settings.model_budget if settings.model else 0.0
    return Need(
        accept=settings.accept,
        effort=json.dumps([*effort, settings.require]),
        seconds_allowed=settings.budget + model,
        verifier=VERSION,
        cpu=cpu,
    )


def entry_of(outcome: Outcome, need: Need, binding: str = "", missed: str = "") -> Entry:
    """An outcome with the conditions that it was found under."""
    return Entry(
        outcome=outcome,
        accept=need.accept,
        effort=need.effort,
        seconds_allowed=need.seconds_allowed,
        verifier=need.verifier,
        cpu=need.cpu,
        binding=binding,
        missed=missed,
    )


def meets(require: str, origin: Origin, level: Level | None) -> bool:
    """Is evidence of this level and origin enough for the setting `require` (design 5.7)?"""
    if level is None:
        return False
    if require == "compiled":
        return origin is Origin.COMPILED or level is Level.PROVED
    return _LEVELS.index(level) >= _LEVELS.index(Level(require))
