"""The access rule over a whole trace at once (design 5.5): bytes that a rewrite touches beyond
those that gcc's code touches on the same input.

Every input of two runs of one batch is compared in one pass over columns: that costs nanoseconds
an access, so that all inputs can be looked at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.probe import Promised
from superopt_cc.verify.running.runner import Run
from superopt_cc.verify.running.trace import Accesses, Words

BLOCK = 64
STACK_REACH = 1 << 20
_RSP = 5
_RED_ZONE = 128
_LIBRARY_ROW = np.uint64(16)
# Where the number of the input stands in a key; no address of a program is larger.
_SHIFT = 48
_LAST = (1 << _SHIFT) - 4096

Flags = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True)
class _Spans:
    """Bytes [low, high) outside the stack: number of the input and address in one word."""

    low: Words
    high: Words
    write: Flags
    address: Words

    def only(self, which: Flags) -> _Spans:
        return _Spans(self.low[which], self.high[which], self.write[which], self.address[which])


@dataclasses.dataclass(frozen=True, slots=True)
class _Union:
    """Spans merged: disjoint and in order."""

    low: Words
    high: Words

    @staticmethod
    def of(low: Words, high: Words) -> _Union:
        if not len(low):
            return _Union(low, high)
        order = np.argsort(low)
        low, reach = low[order], np.maximum.accumulate(high[order])
        fresh = np.concatenate(([True], low[1:] > reach[:-1]))
        return _Union(low[fresh], reach[np.concatenate((fresh[1:], [True]))])

    def holds(self, spans: _Spans) -> Flags:
        """Which spans lie in it whole."""
        if not len(self.low):
            return np.zeros(len(spans.low), dtype=bool)
        at = np.searchsorted(self.low, spans.low, side="right") - 1
        return (at >= 0) & (spans.high <= self.high[np.maximum(at, 0)])


@dataclasses.dataclass(frozen=True, slots=True)
class Touched:
    """What both codes touched in one batch: gcc's spans outside the stack, the rewrite's, and the
    rewrite's whole trace.  Of the inputs only those in `judged` count."""

    ours: Run
    theirs: Run
    accesses: Accesses
    mine: _Spans
    his: _Spans
    image: Image
    judged: Flags
    promised: _Union


Found = Iterator[tuple[int, str]]


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """One rule: (position in the batch, what is touched that may not be) for each breach."""

    check: Callable[[Touched], Found]

    @property
    def name(self) -> str:
        return self.check.__name__


def beyond(
    ours: Run, theirs: Run, one: Accesses, other: Accesses, image: Image, judged: Flags,
    rules: Sequence[Bound] | None = None, promised: Promised = lambda case: (),
) -> dict[int, str]:  # fmt: skip
    """What `theirs` touches that it may not, in words, by position in the batch; reading what the
    author has `promised` is never wrong."""
    mine, his = _outside(ours, one), _outside(theirs, other)
    his = his.only(judged[(his.low >> np.uint64(_SHIFT)).astype(np.int64)])
    there = _promised(ours, promised)
    touched = Touched(ours, theirs, other, mine, his, image, judged, there)
    found: dict[int, str] = {}
    for rule in BOUNDS if rules is None else rules:
        for position, text in rule.check(touched):
            found.setdefault(position, text)
    return dict(sorted(found.items()))


def keeps_above_the_red_zone(touched: Touched) -> Found:
    """design 5.2: what lies more than 128 bytes below the stack pointer belongs to signals."""
    run, accesses = touched.theirs, touched.accesses
    if not len(accesses.row) or not run.done:
        return
    numbers = _inputs(run, accesses)
    on_stack = (accesses.address - _bottoms(run, numbers)) < np.uint64(2 * STACK_REACH)
    zone = run.trace[accesses.row, _RSP] - np.uint64(_RED_ZONE)
    real = run.trace[accesses.row, 0] > _LIBRARY_ROW
    bad = numbers[real & on_stack & (accesses.address < zone) & touched.judged[numbers]]
    for position in np.unique(bad).tolist():
        yield position, "touches the stack below the red zone"


def writes_only_what_the_target_writes(touched: Touched) -> Found:
    written = touched.mine.only(touched.mine.write)
    stored = touched.his.only(touched.his.write)
    # Pieces of one write may lie side by side in the target: they are merged.
    wrote = stored.only(~_Union.of(written.low, written.high).holds(stored))
    return _tell(touched.ours, wrote, "writes {}, which gcc's code does not write")


def reads_only_near_what_the_target_touches(touched: Touched) -> Found:
    """Within aligned blocks that the target touches, or in one object of the program, which is
    there in any case."""
    mine, image = touched.mine, touched.image
    block = np.uint64(BLOCK)
    low = np.concatenate((mine.low - mine.low % block, touched.promised.low))
    high = np.concatenate((mine.high + (block - mine.high % block) % block, touched.promised.high))
    blocks = _Union.of(low, high)
    loaded = touched.his.only(~touched.his.write)
    near = blocks.holds(loaded)
    fixed = loaded.address < np.uint64(image.arena.low)
    if fixed.any():
        # Another program lays static data out otherwise than the test image does.
        whole = np.zeros(len(near), dtype=bool)
        whole[fixed] = _in_objects(loaded.only(fixed), image)
        exact = _Union.of(mine.low, mine.high).holds(loaded)
        near = np.where(fixed, exact | whole, near)
    text = "reads {}, near which gcc's code touches nothing"
    return _tell(touched.ours, loaded.only(~near), text)


BOUNDS = tuple(
    map(
        Bound,
        (
            keeps_above_the_red_zone,
            writes_only_what_the_target_writes,
            reads_only_near_what_the_target_touches,
        ),
    )
)


def _inputs(run: Run, accesses: Accesses) -> npt.NDArray[np.int64]:
    """The number of the input that each access belongs to."""
    starts = run.diags[: run.done, 3].astype(np.int64)
    return np.searchsorted(starts, accesses.row, side="right") - 1


def _bottoms(run: Run, numbers: npt.NDArray[np.int64]) -> Words:
    """Per access the lowest address that counts as stack."""
    starts = np.minimum(run.diags[: run.done, 3].astype(np.int64), max(len(run.trace) - 1, 0))
    bottoms: Words = run.trace[starts, _RSP] - np.uint64(STACK_REACH)
    return bottoms[numbers]


def _outside(run: Run, accesses: Accesses) -> _Spans:
    if not len(accesses.row) or not run.done:
        none = np.zeros(0, dtype=np.uint64)
        return _Spans(none, none, np.zeros(0, dtype=bool), none)
    numbers = _inputs(run, accesses)
    away = (accesses.address - _bottoms(run, numbers)) >= np.uint64(2 * STACK_REACH)
    address = np.minimum(accesses.address[away], np.uint64(_LAST))
    size = np.minimum(accesses.size[away], np.uint64(_LAST) - address + np.uint64(1))
    low = numbers[away].astype(np.uint64) << np.uint64(_SHIFT) | address
    return _Spans(low, low + size, accesses.write[away], address)


def _promised(run: Run, promised: Promised) -> _Union:
    """What the author says is there, in the inputs of a run."""
    spans = [
        (position << _SHIFT | run.batch.placed[position].places[number] + first, beyond - first)
        for position in range(run.done)
        for number, first, beyond in promised(run.batch.cases[position])
    ]
    low = np.array([at for at, _ in spans], dtype=np.uint64)
    return _Union(low, low + np.array([size for _, size in spans], dtype=np.uint64))


def _in_objects(spans: _Spans, image: Image) -> Flags:
    """Which spans lie whole in one object of the program."""
    sizes = spans.high - spans.low
    pairs, where = np.unique(np.stack((spans.address, sizes)), axis=1, return_inverse=True)
    inside = [
        any(first <= at and at + size <= beyond for first, beyond in image.objects)
        for at, size in pairs.T.tolist()
    ]
    return np.array(inside, dtype=bool)[where.reshape(-1)]


def _tell(run: Run, spans: _Spans, text: str) -> Iterator[tuple[int, str]]:
    """The lowest of the spans for each input."""
    order = np.argsort(spans.low)
    positions = (spans.low[order] >> np.uint64(_SHIFT)).astype(np.int64)
    for position, at in zip(*np.unique(positions, return_index=True), strict=True):
        address = int(spans.address[order[at]])
        yield int(position), text.format(_name(address, run, int(position)))


def _name(address: int, run: Run, position: int) -> str:
    for number, place in enumerate(run.batch.placed[position].places):
        if abs(address - place) < 1 << 20:
            return f"byte {address - place} of object {number}"
    return f"the program's data at {address:#x}"
