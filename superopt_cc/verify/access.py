"""What results do not show: bytes touched, data-dependent traces, code never executed.

A few inputs, at least one per edge of the target, are single-stepped through target and rewrite
(design 5.5 accesses, 5.10 side channels, 5.7 coverage).
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from superopt_cc.types import Covered, Reason
from superopt_cc.verify.compare import Difference
from superopt_cc.verify.gather import Gathered
from superopt_cc.verify.image import Image
from superopt_cc.verify.layout import encode_batch
from superopt_cc.verify.plans import Plan
from superopt_cc.verify.probe import Probed, path_of
from superopt_cc.verify.runner import Masks, Run, Runner, Status
from superopt_cc.verify.trace import Accesses, Decoder, Edge, Flow, rows_of

_BLOCK = 64
_STACK_REACH = 1 << 20
_RSP = 5
_RED_ZONE = 128
_LIBRARY_ROW = np.uint64(16)
_MAX_STEPS = 20_000
_PORTION, _WALK_STEPS = 160_000, 800_000
_CHUNK = 160
_MAX_CHUNKS = 40
_GROUPS, _MEMBERS = 24, 12
_UNSEEN = frozenset({Status.STEPS, Status.TIMEOUT, Status.NONE})
Span = tuple[int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Walk:
    """The outcome: what was found wrong, if anything (in the first plan, or in `plan`), and what
    of the rewrite was executed."""

    rejection: Difference | None
    edges: Covered
    unreached: int
    cut: bool = False
    plan: Plan | None = None

    def gap(self) -> str:
        """What of the rewrite stayed unseen, in words; "" if nothing."""
        if self.cut:
            return "a trace was too long to be seen whole"
        if self.unreached:
            return f"{self.unreached} instructions of the rewrite were never executed"
        one_way = self.edges.total - self.edges.covered
        return f"{one_way} branches of the rewrite never went one way" if one_way else ""


class AccessRule:
    """Chooses the inputs once per target and walks rewrites over them."""

    def __init__(self, gathered: Gathered, flow: Flow, timing_ok: bool) -> None:
        self._gathered = gathered
        self._constant_time = gathered.constant_time and not timing_ok
        self._flow = flow
        self._chosen = _one_per_edge(gathered)
        # Groups with most work show most; a few members of each are enough.
        by_work = sorted(gathered.groups, key=lambda g: -gathered.probes[g[0]].steps)
        self._groups = [g[:_MEMBERS] for g in by_work if _fits(gathered, g)][:_GROUPS]
        if self._constant_time:
            self._chosen = sorted({*self._chosen, *(i for g in self._groups for i in g)})
        self._chosen = _within_budget(gathered, self._chosen)

    def typical(self) -> list[Probed]:
        """The shortest and the longest input for every edge of the target, and some others."""
        return [self._gathered.probes[i] for i in _one_per_edge(self._gathered)]

    def walk(
        self, runner: Runner, image: Image, decoder: Decoder, target: str, label: str,
        every: Sequence[Plan], aimed: Sequence[Plan], masks: Masks,
    ) -> Walk:  # fmt: skip
        """Step target and rewrite over the chosen inputs of the first plan, and over those that
        were aimed at the rewrite, and compare what they touch; then all plans until every part of
        the rewrite was executed."""
        plan = every[0]
        flow = decoder.flow(label)
        at = {id(case): i for i, case in enumerate(plan.batch.cases)}
        probes = self._gathered.probes
        index = {i: at[id(probes[i].case)] for i in self._chosen if id(probes[i].case) in at}
        seen = _Seen(flow)
        paths: dict[int, int] = {}
        for portion in _portions(self._gathered, list(index)):
            indices = [index[i] for i in portion]
            ours = _step(runner, image, decoder, target, plan, indices, masks)
            theirs = _step(runner, image, decoder, label, plan, indices, masks)
            if _is_cut(ours) or _is_cut(theirs):  # a part that was not seen shows nothing
                return Walk(None, Covered(0, 0), 0, cut=True)
            one, other = decoder.accesses(ours.trace), decoder.accesses(theirs.trace)
            for position, probe in enumerate(portion):
                found = _compare(ours, theirs, position, one, other, image)
                if found:
                    return Walk(_difference(index[probe], Reason.ACCESS, found), Covered(0, 0), 0)
                paths[probe] = _path(theirs, position, other)
            seen.add(theirs)
        wrong = self._side_channel(paths, index, flow)
        if wrong is not None:
            return Walk(wrong, Covered(0, 0), 0)
        for plan in aimed:
            wrong = _aimed_accesses(runner, image, decoder, target, label, plan, masks, seen)
            if wrong is not None:
                return Walk(wrong, Covered(0, 0), 0, plan=plan)
        return _coverage(runner, image, decoder, label, every, masks, seen)

    def _side_channel(
        self, paths: dict[int, int], index: dict[int, int], flow: Flow
    ) -> Difference | None:
        """design 5.10: constant-time code stays constant-time."""
        if not self._constant_time:
            return None
        for group in self._groups:
            members = [i for i in group if i in paths]
            if len({paths[i] for i in members}) > 1:
                other = next(i for i in members if paths[i] != paths[members[0]])
                return leak(index[other], index[members[0]])
        if flow.divides and not self._flow.divides:
            detail = "divides, whose time depends on data; gcc's code does not"
            return _difference(next(iter(index.values()), 0), Reason.TIMING, detail)
        return None


class _Seen:
    """What of a rewrite was executed so far."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._reached: frozenset[int] = frozenset()
        self._edges: frozenset[Edge] = frozenset()

    def add(self, run: Run) -> None:
        self._reached |= self.flow.reached(run.trace)
        self._edges |= self.flow.taken(run.trace)

    def everything(self) -> bool:
        return self._reached == self.flow.addresses and self._edges == self.flow.edges

    def walk(self) -> Walk:
        edges = Covered(len(self._edges), len(self.flow.edges))
        return Walk(None, edges, len(self.flow.addresses - self._reached))


def _aimed_accesses(
    runner: Runner, image: Image, decoder: Decoder, target: str, label: str, plan: Plan,
    masks: Masks, seen: _Seen,
) -> Difference | None:  # fmt: skip
    """The access rule over a plan's short inputs; those that no trace holds show nothing here."""
    for indices in _chunks(len(plan.batch.cases)):
        ours = _step(runner, image, decoder, target, plan, indices, masks)
        theirs = _step(runner, image, decoder, label, plan, indices, masks)
        one, other = decoder.accesses(ours.trace), decoder.accesses(theirs.trace)
        seen.add(theirs)
        for position, index in enumerate(indices[: min(ours.done, theirs.done)]):
            whole = not {ours.status(position), theirs.status(position)} & _UNSEEN
            found = _compare(ours, theirs, position, one, other, image) if whole else ""
            if found:
                return _difference(index, Reason.ACCESS, found)
    return None


def _coverage(
    runner: Runner, image: Image, decoder: Decoder, label: str, every: Sequence[Plan],
    masks: Masks, seen: _Seen,
) -> Walk:  # fmt: skip
    """Every plan, last first, until all of the rewrite was executed."""
    for plan in reversed(every):
        for indices in _chunks(len(plan.batch.cases)):
            if seen.everything():
                return seen.walk()
            seen.add(_step(runner, image, decoder, label, plan, indices, masks))
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


def _within_budget(gathered: Gathered, chosen: Sequence[int]) -> list[int]:
    """As many as there is time for, those with least work first."""
    kept: list[int] = []
    total = 0
    for i in sorted(chosen, key=lambda i: gathered.probes[i].steps):
        total += gathered.probes[i].steps
        if total > _WALK_STEPS:
            break
        kept.append(i)
    return sorted(kept)


def _fits(gathered: Gathered, group: Sequence[int]) -> bool:
    return len(group) > 1 and all(gathered.probes[i].steps <= _MAX_STEPS for i in group)


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


def _step(
    runner: Runner, image: Image, decoder: Decoder, label: str, plan: Plan,
    indices: Sequence[int], masks: Masks,
) -> Run:  # fmt: skip
    cases = [plan.batch.cases[i] for i in indices]
    batch = encode_batch(cases, image.arena, plan.styles, plan.seed)
    mode = dataclasses.replace(plan.mode, steps=_MAX_STEPS * 4, ticks=200, stop=False)
    return decoder.follow(runner, label, batch, mode, masks)


def leak(one: int, other: int) -> Difference:
    """Two inputs of equal shape on which only the rewrite's trace differs."""
    detail = "branches or addresses depend on data; those of gcc's code do not"
    return Difference(one, Reason.TIMING, detail, "the same trace", "another trace", other)


def walk_again(
    runner: Runner,
    image: Image,
    decoder: Decoder,
    target: str,
    label: str,
    plan: Plan,
    masks: Masks,
) -> Difference | None:
    """What single steps show on the cases of a small plan: accesses, and differing traces."""
    indices = range(len(plan.batch.cases))
    ours = _step(runner, image, decoder, target, plan, indices, masks)
    theirs = _step(runner, image, decoder, label, plan, indices, masks)
    one, other = decoder.accesses(ours.trace), decoder.accesses(theirs.trace)
    for i in range(min(ours.done, theirs.done)):
        found = _compare(ours, theirs, i, one, other, image)
        if found:
            return _difference(i, Reason.ACCESS, found)
    if len(indices) < 2 or _path(ours, 0, one) != _path(ours, 1, one):
        return None
    return leak(0, 1) if _path(theirs, 0, other) != _path(theirs, 1, other) else None


def _path(run: Run, position: int, accesses: Accesses) -> int:
    first, last = rows_of(run, position)
    mine = accesses.between(first, last)
    return path_of(run.trace[first:last], mine, run.batch.placed[position])


def _difference(index: int, reason: Reason, detail: str) -> Difference:
    return Difference(index, reason, detail, "stays within what it touches", detail)


def _compare(
    ours: Run, theirs: Run, position: int, one: Accesses, other: Accesses, image: Image
) -> str:
    """What the rewrite touches beyond the target on one input; "" if nothing."""
    if _below_red_zone(theirs, position, other):
        return "touches the stack below the red zone"
    mine = _outside_stack(ours, position, one)
    his = _outside_stack(theirs, position, other)
    written = _merge(_spans(mine, mine.write))
    for low, high in _merge(_spans(his, his.write)):
        if not _contains(written, low, high):
            return f"writes {_name(low, ours, position)}, which gcc's code does not write"
    everything = np.ones(len(mine.row), dtype=bool)
    blocks = _merge([(a - a % _BLOCK, b + -b % _BLOCK) for a, b in _spans(mine, everything)])
    for low, high in _spans(his, ~his.write):
        if not _may_read(low, high, blocks, image):
            return f"reads {_name(low, ours, position)}, near which gcc's code touches nothing"
    return ""


def _outside_stack(run: Run, position: int, accesses: Accesses) -> Accesses:
    first, last = rows_of(run, position)
    mine = accesses.between(first, last)
    if first == last:
        return mine
    bottom = run.trace[first, _RSP] - np.uint64(_STACK_REACH)
    away = (mine.address - bottom) >= np.uint64(2 * _STACK_REACH)
    return Accesses(mine.row[away], mine.address[away], mine.size[away], mine.write[away])


def _may_read(low: int, high: int, blocks: list[Span], image: Image) -> bool:
    """Blocks around what the target touches; in static data never beyond the object's end, for
    another program lays it out otherwise than the test image does."""
    for first, beyond in image.objects:
        if first < high and low < beyond:
            inside = first <= low and high <= beyond
            constant = image.readonly_range[0] <= low < image.readonly_range[1]
            return inside and (constant or _contains(blocks, low, high))
    return _contains(blocks, low, high)


def _below_red_zone(run: Run, position: int, accesses: Accesses) -> bool:
    """design 5.2: what lies more than 128 bytes below the stack pointer belongs to signals."""
    first, last = rows_of(run, position)
    mine = accesses.between(first, last)
    if first == last:
        return False
    zone = run.trace[mine.row, _RSP] - np.uint64(_RED_ZONE)
    bottom = run.trace[first, _RSP] - np.uint64(_STACK_REACH)
    real = run.trace[mine.row, 0] > _LIBRARY_ROW
    on_stack = (mine.address - bottom) < np.uint64(2 * _STACK_REACH)
    return bool((real & on_stack & (mine.address < zone)).any())


def _spans(accesses: Accesses, which: np.typing.NDArray[np.bool_]) -> list[Span]:
    address, size = accesses.address[which], accesses.size[which]
    pairs = np.unique(np.stack([address, address + size], axis=1), axis=0)
    return [(int(a), int(b)) for a, b in pairs]


def _merge(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _contains(spans: list[Span], low: int, high: int) -> bool:
    at = bisect.bisect_right(spans, (low, 1 << 65)) - 1
    return at >= 0 and spans[at][0] <= low and high <= spans[at][1]


def _name(address: int, run: Run, position: int) -> str:
    for number, place in enumerate(run.batch.placed[position].places):
        if abs(address - place) < 1 << 20:
            return f"byte {address - place} of object {number}"
    return f"the program's data at {address:#x}"
