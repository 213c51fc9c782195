"""What results do not show: bytes touched, data-dependent traces, code never executed.

A few inputs, at least one per edge of the target, are single-stepped through target and rewrite
(design 5.5 accesses, 5.10 side channels, 5.7 coverage).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence, Set

import numpy as np

from superopt_cc.cases import Case
from superopt_cc.types import Covered, Reason
from superopt_cc.verify.gathering.contest import Contest
from superopt_cc.verify.gathering.gather import Gathered
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.judging.compare import Difference
from superopt_cc.verify.judging.touched import BOUNDS, Bound, beyond
from superopt_cc.verify.making.shape import MAX_OBJECT
from superopt_cc.verify.proofs.infeasible import Infeasible
from superopt_cc.verify.running.probe import Probed, path_of
from superopt_cc.verify.running.runner import Run, Status
from superopt_cc.verify.running.trace import Accesses, Edge, Flow, rows_of

_MAX_STEPS = 20_000
_MOST_ROWS = 4 * _MAX_STEPS
# Traces that may turn out too long, to be made again in two pieces each.
_PIECES = 48
# Steps in one trace; of inputs that must be walked; up to which others are walked as well.
_PORTION, _WALK_STEPS, _OTHER_STEPS = 160_000, 800_000, 200_000
_CHUNK = 160
_MAX_CHUNKS = 40
_GROUPS, _MEMBERS = 24, 12
# Bytes of an object of which gcc's code may touch nothing at all.
_MOST_PROMISED = 4096
_UNSEEN = frozenset({Status.STEPS, Status.TIMEOUT, Status.NONE})


@dataclasses.dataclass(frozen=True, slots=True)
class Walk:
    """The outcome: what was found wrong, if anything (in the first plan, or in `plan`), and what
    of the rewrite was executed."""

    rejection: Difference | None
    edges: Covered
    unreached: int
    cut: bool = False
    plan: Plan | None = None
    infeasible: int = 0


class AccessRule:
    """Chooses the inputs once per target and walks rewrites over them."""

    def __init__(
        self, gathered: Gathered, flow: Flow, timing_ok: bool,
        bounds: Sequence[Bound] = BOUNDS, leaks: Sequence[Leak] | None = None, *,
        promised: bool = False,
    ) -> None:  # fmt: skip
        """`promised`: objects may be longer than what gcc's code touches, and a rewrite may work
        on all of them."""
        self._gathered = gathered
        self._bounds, self._leaks = bounds, LEAKS if leaks is None else leaks
        self._flow = flow
        self._groups = [] if timing_ok else _some_of_each_kind(gathered)
        first = {*_one_per_edge(gathered), *(i for g in self._groups for i in g)}
        most = _MOST_PROMISED if promised else MAX_OBJECT
        self._chosen = _within_budget(gathered, first, most)

    def typical(self) -> list[Probed]:
        """The shortest and the longest input for every edge of the target, and some others."""
        return [self._gathered.probes[i] for i in _one_per_edge(self._gathered)]

    def begin(self, contest: Contest, plan: Plan) -> Walk | Seen:
        """Trace target and rewrite over the chosen inputs of the first plan and compare what they
        touch: a walk that ended, or what was seen so far."""
        at = {id(case): i for i, case in enumerate(plan.batch.cases)}
        probes = self._gathered.probes
        index = {i: at[id(probes[i].case)] for i in self._chosen if id(probes[i].case) in at}
        flow = contest.decoder.flow(contest.label)
        seen = Seen(flow)
        paths: dict[int, int] = {}
        members = {i for group in self._groups for i in group}
        for piece in self._pieces(contest, plan, index):
            if piece is None:
                return Walk(None, Covered(0, 0), 0, cut=True)
            portion, ours, theirs = piece
            one, other = _accesses(contest, ours, theirs)
            for position, text in self._beyond(contest, ours, theirs, one, other).items():
                found = _difference(index[portion[position]], Reason.ACCESS, text)
                return Walk(found, Covered(0, 0), 0)
            for position, probe in enumerate(portion):
                if probe in members:
                    paths[probe] = _path(theirs, position, other)
            seen.add(theirs)
        wrong = self._side_channel(paths, index, flow)
        return seen if wrong is None else Walk(wrong, Covered(0, 0), 0)

    def finish(
        self, contest: Contest, seen: Seen, every: Sequence[Plan], aimed: Sequence[Plan],
        outside: Sequence[Case] = (),
    ) -> Walk:  # fmt: skip
        """Go on over inputs that were aimed at the rewrite, then over all plans until every part
        of it was executed but for what only inputs `outside` the author's promises execute."""
        for plan in aimed:
            wrong = self._aimed(contest, plan, seen)
            if wrong is not None:
                return Walk(wrong, Covered(0, 0), 0, plan=plan)
        return _coverage(contest, every, seen, outside)

    def _pieces(
        self, contest: Contest, plan: Plan, index: Mapping[int, int]
    ) -> Iterator[tuple[list[int], Run, Run] | None]:
        """Both traces of all inputs, piece by piece; None for inputs that no trace holds whole: a
        part that was not seen shows nothing."""
        waiting = list(_portions(self._gathered, list(index)))
        patience = _PIECES
        while waiting:
            portion = waiting.pop(0)
            ours, theirs = contest.both(plan, [index[i] for i in portion], _MOST_ROWS)
            if not _is_cut(ours) and not _is_cut(theirs):
                yield portion, ours, theirs
                continue
            half = len(portion) // 2
            patience -= 1
            if not half or not patience:
                yield None
                return
            waiting[:0] = [portion[:half], portion[half:]]

    def _aimed(self, contest: Contest, plan: Plan, seen: Seen) -> Difference | None:
        """The bounds over a plan's short inputs; those that no trace holds show nothing here."""
        for indices in _chunks(len(plan.batch.cases)):
            ours, theirs = contest.both(plan, indices, _MOST_ROWS)
            one, other = _accesses(contest, ours, theirs)
            if not plan.lenient:
                seen.add(theirs)
            for position, text in self._beyond(contest, ours, theirs, one, other).items():
                return _difference(indices[position], Reason.ACCESS, text)
        return None

    def _beyond(
        self, contest: Contest, ours: Run, theirs: Run, one: Accesses, other: Accesses
    ) -> dict[int, str]:
        return _beyond(contest, ours, theirs, one, other, self._bounds)

    def _side_channel(
        self, paths: dict[int, int], index: dict[int, int], flow: Flow
    ) -> Difference | None:
        traces = Traces(self._groups, paths, index, self._flow, flow)
        found = (rule.check(traces) for rule in self._leaks)
        return next((wrong for wrong in found if wrong is not None), None)


@dataclasses.dataclass(frozen=True, slots=True)
class Traces:
    """Hashes of a rewrite's traces by input, `index` of inputs in the plan, groups of inputs on
    which gcc's code leaves the same trace, and both codes' flow."""

    groups: Sequence[tuple[int, ...]]
    paths: Mapping[int, int]
    index: Mapping[int, int]
    ours: Flow
    theirs: Flow


@dataclasses.dataclass(frozen=True, slots=True)
class Leak:
    """One rule of design 5.10: constant-time code stays constant-time."""

    check: Callable[[Traces], Difference | None]

    @property
    def name(self) -> str:
        return self.check.__name__


def stays_constant_time(traces: Traces) -> Difference | None:
    for group in traces.groups:
        members = [i for i in group if i in traces.paths]
        if len({traces.paths[i] for i in members}) > 1:
            first = members[0]
            other = next(i for i in members if traces.paths[i] != traces.paths[first])
            return leak(traces.index[other], traces.index[first])
    return None


def adds_no_division(traces: Traces) -> Difference | None:
    if not traces.groups or not traces.theirs.divides or traces.ours.divides:
        return None
    detail = "divides, whose time depends on data; gcc's code does not"
    return _difference(next(iter(traces.index.values()), 0), Reason.TIMING, detail)


LEAKS = (Leak(stays_constant_time), Leak(adds_no_division))


class Seen:
    """What of a rewrite was executed so far."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._reached: frozenset[int] = frozenset()
        self._edges: frozenset[Edge] = frozenset()

    def add(self, run: Run) -> None:
        self._reached |= self.flow.reached(run.trace)
        self._edges |= self.flow.taken(run.trace)

    def everything(self) -> bool:
        return self._reached >= self.flow.addresses and self._edges >= self.flow.edges

    def exclude(self, run: Run) -> None:
        """What only inputs execute that the author's promises exclude need not be executed."""
        flow = self.flow
        edges = flow.edges - (flow.taken(run.trace) - self._edges)
        addresses = flow.addresses - (flow.reached(run.trace) - self._reached)
        self.flow = dataclasses.replace(flow, edges=edges, addresses=addresses)

    def leave_out(self, proved: Infeasible) -> None:
        """What is proved infeasible need not be executed."""
        self.flow = self.flow.without(proved, self._edges, self._reached)

    def walk(self) -> Walk:
        edges = Covered(len(self._edges), len(self.flow.edges))
        unreached = len(self.flow.addresses - self._reached)
        return Walk(None, edges, unreached, infeasible=self.flow.infeasible)


def _beyond(
    contest: Contest, ours: Run, theirs: Run, one: Accesses, other: Accesses,
    bounds: Sequence[Bound],
) -> dict[int, str]:  # fmt: skip
    """`touched.beyond` on the inputs that both traces hold whole."""
    done = min(ours.done, theirs.done)
    whole = np.zeros(max(ours.done, theirs.done), dtype=bool)
    whole[:done] = [not {ours.status(i), theirs.status(i)} & _UNSEEN for i in range(done)]
    return beyond(ours, theirs, one, other, contest.image, whole, bounds, contest.promised)


def _coverage(contest: Contest, every: Sequence[Plan], seen: Seen, outside: Sequence[Case]) -> Walk:
    """Every plan, last first, until all of the rewrite was executed that can be.

    What only inputs without a defined result execute was not tested: nobody compared its result.
    """
    if not seen.everything():
        seen.leave_out(contest.decoder.proved(contest.label))
    for plan in (p for p in reversed(every) if not p.lenient):
        for indices in _chunks(len(plan.batch.cases)):
            if seen.everything():
                return seen.walk()
            seen.add(contest.traced(contest.label, plan, indices, _MOST_ROWS))
    for indices in _chunks(len(outside)):
        if seen.everything():
            break
        seen.exclude(contest.alone([outside[i] for i in indices], every[0], _MOST_ROWS))
    return seen.walk()


def _portions(gathered: Gathered, chosen: Sequence[int]) -> Iterator[list[int]]:
    """Inputs in lists that one trace holds."""
    portion: list[int] = []
    room = _PORTION
    for i in chosen:
        steps = gathered.probes[i].steps
        if portion and steps > room:
            yield portion
            portion, room = [], _PORTION
        portion.append(i)
        room -= steps
    if portion:
        yield portion


def _chunks(count: int) -> Iterator[list[int]]:
    for start in range(0, min(count, _CHUNK * _MAX_CHUNKS), _CHUNK):
        yield list(range(start, min(start + _CHUNK, count)))


def _is_cut(run: Run) -> bool:
    """Did the trace or the time end before the inputs did?"""
    cases = len(run.batch.cases)
    return run.done < cases or any(run.status(i) in _UNSEEN for i in range(cases))


def _within_budget(gathered: Gathered, first: Set[int], most: int) -> list[int]:
    """As many as there is time for: those in `first` first, and those with least work."""
    kept: list[int] = []
    total = 0
    short = [
        i for i, probe in enumerate(gathered.probes)
        if probe.steps <= _MAX_STEPS and probe.case.size <= most
    ]  # fmt: skip
    for i in sorted(short, key=lambda i: (i not in first, gathered.probes[i].steps)):
        total += gathered.probes[i].steps
        if total > (_WALK_STEPS if i in first else _OTHER_STEPS):
            break
        kept.append(i)
    return sorted(kept)


def _some_of_each_kind(gathered: Gathered) -> list[tuple[int, ...]]:
    """Groups of every kind in turn: those with most work show most, and a few members of each
    are enough."""
    kinds: dict[str, list[tuple[int, ...]]] = {}
    for group in sorted(gathered.groups, key=lambda g: -gathered.probes[g.members[0]].steps):
        if all(gathered.probes[i].steps <= _MAX_STEPS for i in group.members):
            kinds.setdefault(group.kind, []).append(group.members[:_MEMBERS])
    turns = itertools.chain.from_iterable(itertools.zip_longest(*kinds.values()))
    return list(itertools.islice((g for g in turns if g is not None), _GROUPS))


def _one_per_edge(gathered: Gathered) -> list[int]:
    """The shortest input for every edge, and the shortest of all."""
    best: dict[Edge | None, int] = {}
    for i, probe in enumerate(gathered.probes):
        if probe.steps > _MAX_STEPS:
            continue
        for edge in (None, *probe.edges):
            if edge not in best or probe.steps < gathered.probes[best[edge]].steps:
                best[edge] = i
    # The shortest inputs touch little: one with more work goes along for every edge.
    longest = {
        edge: max(
            (i for i, p in enumerate(gathered.probes)
             if edge in p.edges and p.steps <= _MAX_STEPS // 10),
            key=lambda i: gathered.probes[i].steps, default=at,
        )
        for edge, at in best.items() if edge is not None
    }  # fmt: skip
    spread = range(0, len(gathered.probes), max(len(gathered.probes) // 24, 1))
    short = [i for i in spread if gathered.probes[i].steps <= _MAX_STEPS]
    return sorted({*best.values(), *longest.values(), *short})


def leak(one: int, other: int) -> Difference:
    """Two inputs of equal shape on which only the rewrite's trace differs."""
    detail = "branches or addresses depend on data; those of gcc's code do not"
    return Difference(one, Reason.TIMING, detail, "the same trace", "another trace", other)


def walk_again(contest: Contest, plan: Plan) -> Difference | None:
    """What traces show on the cases of a small plan: accesses, and differing traces."""
    indices = range(len(plan.batch.cases))
    wrong = next((found for found in walked(contest, plan) if found is not None), None)
    if wrong is not None or len(indices) < 2:
        return wrong
    ours, theirs = contest.both(plan, indices, _MOST_ROWS)
    one, other = _accesses(contest, ours, theirs)
    if _path(ours, 0, one) != _path(ours, 1, one):
        return None
    return leak(0, 1) if _path(theirs, 0, other) != _path(theirs, 1, other) else None


def walked(contest: Contest, plan: Plan) -> list[Difference | None]:
    """The bounds on each case of a small plan that both traces hold."""
    ours, theirs = contest.both(plan, range(len(plan.batch.cases)), _MOST_ROWS)
    one, other = _accesses(contest, ours, theirs)
    found = _beyond(contest, ours, theirs, one, other, BOUNDS)
    return [
        _difference(i, Reason.ACCESS, found[i]) if i in found else None
        for i in range(min(ours.done, theirs.done))
    ]


def _accesses(contest: Contest, ours: Run, theirs: Run) -> tuple[Accesses, Accesses]:
    return contest.decoder.accesses(ours.trace), contest.decoder.accesses(theirs.trace)


def _path(run: Run, position: int, accesses: Accesses) -> int:
    first, last = rows_of(run, position)
    mine = accesses.between(first, last)
    return path_of(run.trace[first:last], mine, run.batch.placed[position])


def _difference(index: int, reason: Reason, detail: str) -> Difference:
    return Difference(index, reason, detail, "stays within what it touches", detail)
