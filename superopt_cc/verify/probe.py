"""Running the target on generous inputs to learn what it touches, then trimming them.

Extents come from the target's own accesses (design 5.6): an object keeps exactly the bytes from
the first to the last one touched, so that a guard page stands right behind them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from superopt_cc.cases import Answer, Blob, Case, Ref, Store, Word
from superopt_cc.verify.layout import MARGIN, SLOT_BYTES, SLOT_GUARD, Placed
from superopt_cc.verify.runner import Run, Status
from superopt_cc.verify.trace import Accesses, Decoder, Edge, Flow, Words, rows_of, with_looks

ROOM = 1 << 14
_RSP = 5
_STACK_REACH = 1 << 20
_TRAPS = (4, 8)  # SIGILL (ud2), SIGFPE


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


def read_probes(run: Run, decoder: Decoder, flow: Flow) -> list[Probed | Wild]:
    """One entry for each case that was run."""
    accesses = decoder.accesses(run.trace)
    found: list[Probed | Wild] = []
    reached: dict[frozenset[int], frozenset[int]] = {}  # most are equal: one object for all
    for i in range(run.done):
        status = run.status(i)
        trap = status == Status.SIGNAL and run.result(i)[8] in _TRAPS
        if status not in (Status.RETURNED, Status.NORETURN) and not trap:
            found.append(Wild(0))
            continue
        first, last = rows_of(run, i)
        mine = accesses.between(first, last)
        trace = run.trace[first:last]
        touched = with_looks(mine, trace)
        extents = find_extents(run.batch.placed[i], run.batch.cases[i], touched)
        if isinstance(extents, Wild):
            found.append(extents)
            continue
        executed = flow.reached(trace)
        found.append(
            Probed(
                trim(run.batch.cases[i], extents),
                flow.taken(trace),
                reached.setdefault(executed, executed),
                path_of(trace, mine, run.batch.placed[i]),
                last - first,
                run.batch.cases[i],
            )
        )
    return found


def find_extents(placed: Placed, case: Case, accesses: Accesses) -> list[Extent | None] | Wild:
    """Per object the bytes touched (None: nothing); Wild when an access left an object."""
    extents: list[Extent | None] = []
    wild: list[int] = []
    for place, blob in zip(placed.places, case.objects, strict=True):
        start = np.uint64(place - SLOT_GUARD // 2)
        # Unsigned arithmetic: an address below `start` wraps around and falls out.
        inside = (accesses.address - start) < np.uint64(SLOT_GUARD + SLOT_BYTES)
        if not inside.any():
            extents.append(None)
            continue
        address = accesses.address[inside].astype(np.int64) - place
        low = int(address.min())
        high = int((address + accesses.size[inside].astype(np.int64)).max())
        if low < 0 or high > len(blob.data):
            wild.append(high if low >= 0 else 0)
        extents.append(Extent(low, high, bool(accesses.write[inside].any())))
    if wild:
        return Wild(max(wild) if min(wild) > 0 else 0)
    return extents


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
