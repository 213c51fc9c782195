"""Running the target on generous inputs to learn what it touches, then trimming them.

Extents come from the target's own accesses (design 5.6): an object keeps exactly the bytes from
the first to the last one touched, so that a guard page stands right behind them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from superopt_cc.cases import Answer, Blob, Case, Ref, Store, Word
from superopt_cc.verify.running.layout import MARGIN, SLOT_BYTES, SLOT_GUARD, Placed
from superopt_cc.verify.running.runner import Run, Status
from superopt_cc.verify.running.trace import Accesses, Decoder, Edge, Flow, Words, with_looks

ROOM = 1 << 14
_RSP = 5
_STACK_REACH = 1 << 20
# (object, first byte, one past the last) that a case holds whether they are touched or not.
Promised = Callable[[Case], Iterable[tuple[int, int, int]]]
_Name = TypeVar("_Name")
_TRAPS = (4, 8)  # SIGILL (ud2), SIGFPE
_ENDED = (Status.RETURNED, Status.NORETURN)
_LOW_BYTE = np.uint64(0xFF)
_SHIFT, _HIGHEST = np.uint64(48), np.uint64((1 << 48) - 1)
_NOTHING = np.iinfo(np.int64).max


@dataclasses.dataclass(frozen=True, slots=True)
class Probed:
    """A trimmed case and what the target did on it.

    `edges` it takes, instructions `reached`, and `path` (hash of the instructions and of the
    addresses relative to their objects) for the side-channel rule.  `whole` is the case before it
    was trimmed.
    """

    case: Case
    edges: frozenset[Edge]
    reached: frozenset[int]
    path: int
    steps: int
    whole: Case


@dataclasses.dataclass(frozen=True, slots=True)
class Extent:
    """Bytes [low, high) of an object that are touched, and whether any is written."""

    low: int
    high: int
    written: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Wild:
    """An input on which the target went outside its objects; `needs` is the size in bytes that
    would have been enough, 0 where no size would."""

    needs: int


def read_probes(
    run: Run, decoder: Decoder, flow: Flow, promised: Promised = lambda case: ()
) -> list[Probed | Wild]:
    """One entry for each case that was run; what is `promised` to be there stays."""
    accesses = decoder.accesses(run.trace)
    owners = _owners(run)
    edges, reached = _taken(run, owners, flow), _reached(run, owners, flow)
    objects = _Objects.of(run)
    extents = objects.extents(with_looks(accesses, run.trace), owners)
    path = _paths(run, accesses, owners, objects)
    ends, first_byte = run.fields(0).tolist(), (run.fields(1) & _LOW_BYTE).tolist()
    steps = run.diags[: run.done, 4].tolist()
    found: list[Probed | Wild] = []
    for i, case in enumerate(run.batch.cases[: run.done]):
        trap = ends[i] == Status.SIGNAL and first_byte[i] in _TRAPS
        touched = extents.of_case(i, case) if ends[i] in _ENDED or trap else Wild(0)
        if isinstance(touched, Wild):
            found.append(touched)
            continue
        trimmed = trim(case, _widened(touched, promised(case)))
        found.append(Probed(trimmed, edges[i], reached[i], path(i), steps[i], case))
    return found


def _owners(run: Run) -> npt.NDArray[np.int64]:
    """Per row of the trace the number of its case; `run.done` for those of an unfinished one."""
    steps = run.diags[: run.done, 4].astype(np.int64)
    owners = np.repeat(np.arange(run.done), steps)
    return np.pad(owners, (0, len(run.trace) - len(owners)), constant_values=run.done)


def _taken(run: Run, owners: npt.NDArray[np.int64], flow: Flow) -> list[frozenset[Edge]]:
    """`flow.taken` of each case."""
    if len(owners) < 2:
        return [frozenset()] * run.done
    # Addresses lie below 2 GiB, so that a pair fits one 64-bit word.
    pairs = run.trace[:-1, 0] << np.uint64(32) | run.trace[1:, 0]
    inner = owners[:-1] == owners[1:]
    wanted = {a << 32 | b: (a, b) for a, b in flow.edges}
    return _among(pairs[inner], owners[:-1][inner], wanted, run.done)


def _reached(run: Run, owners: npt.NDArray[np.int64], flow: Flow) -> list[frozenset[int]]:
    """`flow.reached` of each case."""
    return _among(run.trace[:, 0], owners, {a: a for a in flow.addresses}, run.done)


def _among(
    words: Words, owners: npt.NDArray[np.int64], wanted: Mapping[int, _Name], count: int
) -> list[frozenset[_Name]]:
    """Which of the wanted words each case has.  Equal sets are one object, as most are."""
    order = sorted(wanted)
    known = np.array(order, dtype=np.uint64)
    has = np.zeros((count + 1, len(order)), dtype=bool)
    if order:
        at = np.minimum(np.searchsorted(known, words), len(order) - 1)
        hit = known[at] == words
        has[owners[hit], at[hit]] = True
    names = [wanted[word] for word in order]
    sets: dict[bytes, frozenset[_Name]] = {}
    for row in has[:count]:
        key = row.tobytes()
        if key not in sets:
            sets[key] = frozenset(names[i] for i in np.flatnonzero(row).tolist())
    return [sets[row.tobytes()] for row in has[:count]]


@dataclasses.dataclass(frozen=True, slots=True)
class _Objects:
    """All objects of all cases: where they lie and their numbers; those of case i begin at
    `starts[i]`."""

    places: Words
    numbers: Words
    starts: npt.NDArray[np.int64]

    @staticmethod
    def of(run: Run) -> _Objects:
        placed = run.batch.placed[: run.done]
        counts = [len(each.places) for each in placed]
        return _Objects(
            np.array([p for each in placed for p in each.places], dtype=np.uint64),
            np.array([n for count in counts for n in range(count)], dtype=np.uint64),
            np.concatenate(([0], np.cumsum(counts, dtype=np.int64))),
        )

    def around(
        self, accesses: Accesses, owners: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """Which accesses lie in or near an object of their case, and the objects of these."""
        if not len(self.places):
            return np.zeros(len(accesses.row), dtype=bool), np.zeros(0, dtype=np.int64)
        # Case and address in one word: addresses of programs have 47 bits.
        cases = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts)).astype(np.uint64)
        keys = cases << _SHIFT | (self.places - np.uint64(SLOT_GUARD // 2))
        order = np.argsort(keys)
        owner = owners[accesses.row].astype(np.uint64)
        sought = owner << _SHIFT | np.minimum(accesses.address, _HIGHEST)
        at = np.searchsorted(keys[order], sought, side="right") - 1
        which = order[np.maximum(at, 0)]
        inside = (at >= 0) & (sought - keys[which] < np.uint64(SLOT_GUARD + SLOT_BYTES))
        return inside, which[inside]

    def extents(self, accesses: Accesses, owners: npt.NDArray[np.int64]) -> _Extents:
        low = np.full(len(self.places), _NOTHING)
        high, written = -low, np.zeros(len(low), dtype=bool)
        inside, which = self.around(accesses, owners)
        first = (accesses.address[inside] - self.places[which]).astype(np.int64)
        np.minimum.at(low, which, first)
        np.maximum.at(high, which, first + accesses.size[inside].astype(np.int64))
        written[which[accesses.write[inside]]] = True
        return _Extents(self.starts.tolist(), low.tolist(), high.tolist(), written.tolist())


@dataclasses.dataclass(frozen=True, slots=True)
class _Extents:
    """Bytes [low, high) touched of every object, from its own first byte on.  Where nothing was
    touched, low is above high."""

    starts: list[int]
    low: list[int]
    high: list[int]
    written: list[bool]

    def of_case(self, number: int, case: Case) -> list[Extent | None] | Wild:
        """Per object what is touched (None: nothing); Wild when an access left an object."""
        extents: list[Extent | None] = []
        wild: list[int] = []
        for at, blob in enumerate(case.objects, self.starts[number]):
            low, high = self.low[at], self.high[at]
            if low > high:
                extents.append(None)
                continue
            if low < 0 or high > len(blob.data):
                wild.append(high if low >= 0 else 0)
            extents.append(Extent(low, high, self.written[at]))
        if wild:
            return Wild(max(wild) if min(wild) > 0 else 0)
        return extents


def _widened(
    extents: list[Extent | None], promised: Iterable[tuple[int, int, int]]
) -> list[Extent | None]:
    for number, low, high in promised:
        old = extents[number]
        extents[number] = (
            Extent(low, high, False)
            if old is None
            else Extent(min(low, old.low), max(high, old.high), old.written)
        )
    return extents


def _paths(
    run: Run, accesses: Accesses, owners: npt.NDArray[np.int64], objects: _Objects
) -> Callable[[int], int]:
    """`path_of` the case of a number."""
    relative = accesses.address.copy()
    firsts = run.diags[: run.done, 3].astype(np.int64)
    if len(run.trace):
        stacks = run.trace[np.minimum(firsts, len(run.trace) - 1), _RSP]
        bottoms = np.append(stacks, _HIGHEST) - np.uint64(_STACK_REACH)
        bottom = bottoms[owners[accesses.row]]
        on_stack = (relative - bottom) < np.uint64(2 * _STACK_REACH)
        relative[on_stack] -= bottom[on_stack]
    inside, which = objects.around(accesses, owners)
    relative[inside] -= objects.places[which] - (objects.numbers[which] << np.uint64(40))
    last = firsts + run.diags[: run.done, 4].astype(np.int64)
    rips = np.ascontiguousarray(run.trace[:, 0])
    low, high = np.searchsorted(accesses.row, firsts), np.searchsorted(accesses.row, last)

    def path(i: int) -> int:
        part = slice(low[i], high[i])
        where, sizes = relative[part].tobytes(), accesses.size[part].tobytes()
        return hash((rips[firsts[i] : last[i]].tobytes(), where, sizes))

    return path


def path_of(trace: Words, accesses: Accesses, placed: Placed) -> int:
    """A hash of instructions executed and of addresses relative to their objects and the stack."""
    relative = accesses.address.copy()
    if len(trace):
        bottom = trace[0, _RSP] - np.uint64(_STACK_REACH)
        inside = (relative - bottom) < np.uint64(2 * _STACK_REACH)
        relative[inside] -= bottom
    for number, place in enumerate(placed.places):
        start = np.uint64(place - SLOT_GUARD // 2)
        inside = (accesses.address - start) < np.uint64(SLOT_GUARD + SLOT_BYTES)
        relative[inside] -= np.uint64((place - (number << 40)) % (1 << 64))
    return hash((trace[:, 0].tobytes(), relative.tobytes(), accesses.size.tobytes()))


def trim(case: Case, extents: Sequence[Extent | None]) -> Case:
    """The case with every object cut to what the target touches.

    Untouched objects shrink to nothing: their pointers dangle at a guard page.
    """
    if not case.objects:
        return dataclasses.replace(case, size=0) if case.size else case
    cuts: list[tuple[int, int]] = []
    objects: list[Blob] = []
    for blob, extent in zip(case.objects, extents, strict=True):
        low, high = (0, 0) if extent is None else (extent.low, extent.high)
        low -= low % blob.align
        cuts.append((low, high))
        inner = tuple((at - low, ref) for at, ref in blob.pointers if low <= at and at + 8 <= high)
        written = extent is not None and extent.written
        around = blob.data[max(low - MARGIN, 0) : low], blob.data[high : high + MARGIN]
        objects.append(Blob(blob.data[low:high], blob.align, written, inner, *around))

    def moved(ref: Ref) -> Ref:
        if isinstance(ref.object, str):
            return ref
        return Ref(ref.object, ref.offset - cuts[ref.object][0])

    def word(value: Word) -> Word:
        return moved(value) if isinstance(value, Ref) else value

    return dataclasses.replace(
        case,
        ints=tuple(word(w) for w in case.ints),
        stack=tuple(word(w) for w in case.stack),
        objects=tuple(
            dataclasses.replace(o, pointers=tuple((at, moved(ref)) for at, ref in o.pointers))
            if o.pointers
            else o
            for o in objects
        ),
        global_pointers=tuple((n, at, moved(ref)) for n, at, ref in case.global_pointers),
        answers=tuple(_trim_answer(a, cuts, moved) for a in case.answers),
        size=max((len(o.data) for o in objects), default=0),
    )


def _trim_answer(
    answer: Answer, cuts: Sequence[tuple[int, int]], moved: Callable[[Ref], Ref]
) -> Answer:
    stores: list[Store] = []
    for store in answer.stores:
        pointer = moved(store.pointer) if store.pointer else None
        if isinstance(store.where, str):
            stores.append(dataclasses.replace(store, pointer=pointer))
            continue
        low, high = cuts[store.where]
        first, last = max(store.offset, low), min(store.offset + len(store.data), high)
        if first >= last or (pointer is not None and last - first < 8):
            continue
        data = store.data[first - store.offset : last - store.offset]
        stores.append(Store(store.where, first - low, data, pointer))
    rax = moved(answer.rax) if isinstance(answer.rax, Ref) else answer.rax
    return dataclasses.replace(answer, rax=rax, stores=tuple(stores))
