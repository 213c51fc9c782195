"""Counterexamples made small: delta debugging over inputs.

After Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (IEEE TSE 28(2),
2002): ever smaller parts are taken away as long as the failure stays the same.  A thousand small
cases cost the runner milliseconds, so a round tries all neighbours at once and then, together,
those that succeeded alone.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Sequence

from superopt_cc.cases import Case
from superopt_cc.types import Reason
from superopt_cc.verify.gathering.contest import Contest
from superopt_cc.verify.gathering.plans import Plan, all_end, run
from superopt_cc.verify.job import Facts
from superopt_cc.verify.judging.access import walked
from superopt_cc.verify.judging.compare import Difference, difference_at
from superopt_cc.verify.running.layout import Style, encode_batch
from superopt_cc.verify.running.probe import ROOM, Probed, read_probes
from superopt_cc.verify.running.runner import End, Mode, Run, Status
from superopt_cc.verify.signature.abi import Location
from superopt_cc.verify.telling.reductions import Edit, Place, contents, structure, weight

_ROUNDS = 40
_SECONDS = 0.3
# Neighbours tried in one round, the trace rows and the bytes that they may take.
_MOST, _ROWS, _BYTES = 64, 60_000, 2 << 20
_STEPS = 20_000
_TICKS = 1
# A loop costs the runner's patience, so few are tried at a time.
_LOOPS = 6
_NOISES = 6


@dataclasses.dataclass(frozen=True, slots=True)
class _Failing:
    """An input on which the codes differ in the same way as at first."""

    case: Case
    found: Difference
    steps: int

    @property
    def weight(self) -> tuple[int, int]:
        return weight(self.case)


def shrink(
    contest: Contest,
    facts: Facts,
    locations: Sequence[Location],
    plan: Plan,
    found: Difference,
    seconds: float = _SECONDS,
) -> tuple[Plan, Difference]:
    """A plan of one simpler case, and the difference on it: for the same reason.

    An input counts only if gcc's code ends on it within its objects, whatever the noise.  A
    difference between two inputs stays as it is, and so does one that does not show again alone,
    or with objects that no slot holds.
    """
    if found.other is not None or found.index >= len(plan.batch.cases):
        return plan, found
    if any(blob.times > 1 for blob in plan.batch.cases[found.index].objects):
        return plan, found
    end = time.monotonic() + seconds
    for settled in _settings(plan, found):
        trial = _Trial(contest, settled, found)
        start = trial.one(plan.batch.cases[found.index])
        if start is not None:
            break
    else:
        return plan, found
    best = _descend(trial, facts, locations, start, end)
    return trial.plan([best.case]), dataclasses.replace(best.found, index=0)


def _settings(plan: Plan, found: Difference) -> list[Plan]:
    """How to run single cases: as simply as possible, as they ran, with other noise."""
    style = plan.styles[found.index % len(plan.styles)]
    plain = Style(unused=style.unused, calls=style.calls)
    mode = dataclasses.replace(plan.mode, clean_upper=False, noise=1)
    settings = [dataclasses.replace(plan, styles=(plain,), seed=1, mode=mode)]
    settings.append(dataclasses.replace(plan, styles=(style,)))
    for seed in range(2, _NOISES):
        noisy = dataclasses.replace(plan.mode, noise=plan.mode.noise + seed)
        settings.append(dataclasses.replace(plan, styles=(style,), seed=seed, mode=noisy))
    return settings


def _descend(
    trial: _Trial, facts: Facts, locations: Sequence[Location], start: _Failing, end: float
) -> _Failing:
    best, rounds, failed = start, 0, 0
    kinds = (structure, contents)
    while failed < len(kinds) and rounds < _ROUNDS and time.monotonic() < end:
        near = list(kinds[0](best.case, facts, locations))
        good: list[tuple[Edit, _Failing]] = []
        at, room = 0, trial.room(best)
        while not good and at < len(near) and rounds < _ROUNDS and time.monotonic() < end:
            few = near[at : at + room]
            tried = zip(few, trial.many([e.apply(best.case) for e in few], best), strict=True)
            good = [(e, f) for e, f in tried if f is not None and f.weight < best.weight]
            at, rounds = at + room, rounds + 1
        if not good:
            failed, kinds = failed + 1, kinds[::-1]
            continue
        failed = 0
        good.sort(key=lambda pair: pair[1].weight)
        joined = _joined([edit for edit, _ in good], best.case)[:room]
        more = trial.many(joined, best) if joined and rounds < _ROUNDS else []
        rounds += bool(joined)
        best = min((f for f in (*(f for _, f in good), *more) if f), key=lambda f: f.weight)
    return best


def _joined(good: Sequence[Edit], case: Case) -> list[Case]:
    """The case with all steps that can be made together, and with halves of them."""
    taken: list[Place] = []
    chosen: list[Edit] = []
    for edit in good:
        if edit.place is not None and not any(_meet(edit.place, other) for other in taken):
            taken.append(edit.place)
            chosen.append(edit)
    parts: list[Sequence[Edit]] = [chosen]
    while len(parts[-1]) > 1:
        half = len(parts[-1]) // 2
        parts += [parts[-1][half:], parts[-1][:half]]
    found: list[Case] = []
    for part in parts:
        if len(part) < 2:
            continue
        made = case
        for edit in part:
            made = edit.apply(made)
        found.append(made)
    return found


def _meet(one: Place, other: Place) -> bool:
    return one[:2] == other[:2] and one[2] < other[3] and other[2] < one[3]


def _kind(found: Difference) -> tuple[Reason, str]:
    """What makes two differences the same: everything but numbers and addresses."""
    return found.reason, re.sub(r"-?0x[0-9a-f]+|-?\d+", "", found.detail)


class _Trial:
    """Runs variants of one input through both codes."""

    def __init__(self, contest: Contest, settled: Plan, first: Difference) -> None:
        self._contest, self._settled = contest, settled
        self._reason, self._kind = first.reason, _kind(first)
        self._walked = first.seen is None and first.reason is Reason.ACCESS
        self._style = settled.styles[0]
        self._flow = contest.decoder.flow(contest.target)

    def plan(self, cases: Sequence[Case], *, other: bool = False) -> Plan:
        """The cases as they are run; with `other` noise."""
        settled, mode = self._settled, self._settled.mode
        if other:
            mode = dataclasses.replace(mode, noise=mode.noise ^ 0x5DEECE66D)
        seed = settled.seed + other
        batch = encode_batch(cases, self._contest.image.arena, settled.styles, seed)
        return Plan(batch, settled.styles, seed, mode)

    def one(self, case: Case) -> _Failing | None:
        """The case itself, as it is: the start."""
        steps = self._traced_steps(case)
        return next(iter(self._differing([(case, steps)])), None)

    def room(self, base: _Failing) -> int:
        """How many variants one round can hold."""
        heavy = max(sum(len(o.data) for o in base.case.objects), 1)
        room = max(min(_MOST, _ROWS // max(base.steps, 1), _BYTES // heavy), 4)
        return min(room, _LOOPS) if self._reason is Reason.TIMEOUT else room

    def many(self, cases: Sequence[Case], base: _Failing) -> list[_Failing | None]:
        """What is left of each case, cut to what gcc's code touches, if the codes still differ in
        the same way."""
        kept = self._within(cases, base)
        admits = self._contest.admits
        alive = [(i, *k) for i, k in enumerate(kept) if k is not None and admits(k[0])]
        found: list[_Failing | None] = [None] * len(cases)
        differing = self._differing([(case, steps) for _, case, steps in alive])
        for (i, _, _), failing in zip(alive, differing, strict=False):
            found[i] = failing
        return found

    def _traced_steps(self, case: Case) -> int:
        probes = self._probes([case])
        return probes[0].steps if probes and isinstance(probes[0], Probed) else _STEPS

    def _probes(self, cases: Sequence[Case]) -> list[Probed | None]:
        contest = self._contest
        style = Style(at_end=False, room=ROOM, unused=self._style.unused, calls=0)
        batch = encode_batch(cases, contest.image.arena, (style,), self._settled.seed)
        mode = Mode(noise=self._settled.mode.noise, steps=_STEPS, ticks=_TICKS)
        traced = contest.decoder.follow(contest.runner, contest.target, batch, mode, contest.masks)
        probes = read_probes(traced, contest.decoder, self._flow, contest.promised)
        return [
            p if isinstance(p, Probed) and traced.status(i) != Status.STEPS else None
            for i, p in enumerate(probes)
        ]

    def _within(
        self, cases: Sequence[Case], base: _Failing
    ) -> list[tuple[Case, int] | None]:  # fmt: skip
        """Cases cut to what gcc's code touches; of what is too long to be traced, nothing, unless
        the whole search is among such cases: those must end in both layouts."""
        probes = self._probes(cases)
        kept = [(p.case, p.steps) if p is not None else None for p in probes]
        kept += [None] * (len(cases) - len(kept))
        if base.steps < _STEPS:
            return kept
        long = [i for i, k in enumerate(kept) if k is None]
        for i in long:
            both = [
                encode_batch([cases[i]], self._contest.image.arena, (style,), self._settled.seed)
                for style in (Style(unused=self._style.unused),
                              Style(unused=self._style.unused, at_end=False))
            ]  # fmt: skip
            runs = [
                self._contest.runner.run(
                    b, self._contest.image.symbols[self._contest.target],
                    dataclasses.replace(self._settled.mode, ticks=_TICKS), self._contest.masks,
                )
                for b in both
            ]  # fmt: skip
            if all(map(all_end, runs)):
                kept[i] = (cases[i], _STEPS)
        return kept

    def _differing(self, cases: Sequence[tuple[Case, int]]) -> list[_Failing | None]:
        """One entry for each case: None where the codes do not differ in the same way."""
        found: list[_Failing | None] = [None] * len(cases)
        if not cases:
            return found
        plan = self.plan([case for case, _ in cases])
        wanted = self._target(plan)
        if wanted.end != End.FINISHED:
            return found
        for i, difference in enumerate(self._differences(plan, wanted)):
            ends = wanted.status(i) not in (Status.TIMEOUT, Status.NONE)
            if ends and difference is not None and _kind(difference) == self._kind:
                found[i] = _Failing(cases[i][0], difference, cases[i][1])
        return self._whatever_the_noise(found)

    def _whatever_the_noise(self, found: Sequence[_Failing | None]) -> list[_Failing | None]:
        """Those on which gcc's code does the same with other noise (design 4.2)."""
        alive = [f for f in found if f is not None]
        if not alive:
            return list(found)
        cases = [f.case for f in alive]
        first, second = self._target(self.plan(cases)), self._target(self.plan(cases, other=True))
        same = {
            id(f)
            for i, f in enumerate(alive)
            if i < min(first.done, second.done) and first.result(i) == second.result(i)
        }
        return [f if id(f) in same else None for f in found]

    def _target(self, plan: Plan) -> Run:
        contest = self._contest
        return run(plan, contest.runner, contest.image, contest.target, contest.masks, stop=False)

    def _differences(self, plan: Plan, wanted: Run) -> list[Difference | None]:
        contest = self._contest
        if self._walked:
            return walked(contest, plan)
        mode = dataclasses.replace(plan.mode, stop_loop=True, ticks=_TICKS)
        entry = contest.image.symbols[contest.label]
        got = contest.runner.run(plan.batch, entry, mode, contest.masks)
        arena, text = contest.image.arena, contest.image.text
        return [difference_at(wanted, got, i, arena, text) for i in range(got.done)]
