"""Indexes far beyond what can be held in memory: the few pages that gcc's code touches are enough.

`a[i]` with i = 2^32 + 3 is fine where the array is that long.  gcc's code is run until it faults,
the page that it wanted is put there, and again, until it ends: then the case is an ordinary one
with a long object, most of which nobody looks at (design 5.6).  A rewrite that cuts the index to 32
bits, or extends it the other way, touches another place.  So it is for indexes that gcc's code
finds in memory.
"""

from __future__ import annotations

import dataclasses
import itertools
import signal
from collections.abc import Iterator, Sequence

from superopt_cc.cases import Case, Far, weight
from superopt_cc.errors import Ineligible
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.gathering.gather import unused_bits
from superopt_cc.verify.gathering.places import Place, write
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.gathering.words import Loads
from superopt_cc.verify.judging.compare import NO_ADDRESS, Fields
from superopt_cc.verify.making.admit import admits
from superopt_cc.verify.making.shape import Shape
from superopt_cc.verify.making.values import Numbers
from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.layout import PAGE, SLOT_BYTES, Style, encode_batch
from superopt_cc.verify.running.runner import End, Masks, Mode, Run, Runner, Status
from superopt_cc.verify.signature.ctype import Int, size_of

_SHIFTS = (1 << 29, 1 << 30, 1 << 31, 1 << 32, 3 << 32, -1 << 31, -1 << 32)
_BASES = 4  # cases that are changed
_LIGHT = 64 << 10  # bytes: there are dozens of each
_MOST = 3  # integer parameters
_WORDS = 3  # of one object that gcc's code reads
_PAGES = 4  # of one case
_KEPT = 24
_LOWEST, _HIGHEST = 1 << 32, 1 << 47
_NEAR = 1 << 20  # what runs so little out of an object goes on and on
_REACH = 1 << 42
_STACK_ROOM = 64 << 20
_TICKS = 1
_PATIENCE = 6
_FLAGS = 5
_PATTERN = 61  # bytes, so that neighbours of any size differ


def find(
    shape: Shape, cases: Sequence[Case], runner: Runner, image: Image, name: str, masks: Masks,
    seed: int, loads: Loads,
) -> tuple[Plan, ...]:  # fmt: skip
    """Some of the cases with far indexes, settled, if gcc's code touches few pages in any."""
    numbers = Numbers(seed + 13)
    every = itertools.chain(_changed(shape, cases), _changed_inside(loads, cases))
    waiting = [case for case in every if admits(case, shape)]
    style = Style(at_end=False, unused=unused_bits(shape), calls=16 if shape.has_calls else 0)
    ended: list[Case] = []
    for _ in range(_PAGES + 1):
        if not waiting:
            break
        done = list(_run(waiting, runner, image, name, masks, style, seed))
        ended += [case for case, run, i in done if case.far and _ends(run, i)]
        further = (_with_page(case, run, i, image, numbers) for case, run, i in done)
        waiting = [case for case in further if case is not None]
    if not ended:
        return ()
    batch = encode_batch(ended[:: -(-len(ended) // _KEPT)], image.arena, (style,), seed)
    mode = Mode(noise=seed + 1, ticks=plans.TICKS)
    plan = Plan(batch, (style,), seed, mode, optional=True)
    try:
        return plans.settle([plan], runner, image, name, masks)
    except Ineligible:  # that noise matters so far away rules out these cases, not the function
        return ()


def _changed(shape: Shape, cases: Sequence[Case]) -> Iterator[Case]:
    """The cases with integer parameters moved far away: each alone, and all together."""
    places = [
        (location.number, size_of(shape.types, index))
        for index, location in zip(shape.parameters, shape.locations, strict=True)
        if location.kind == "int"
        and isinstance(shape.types[index], Int)
        and size_of(shape.types, index) in (4, 8)
    ][:_MOST]
    groups = [[place] for place in places] + ([places] if len(places) > 1 else [])
    for group, shift in itertools.product(groups, _SHIFTS):
        for case in cases:
            ints = list(case.ints)
            for number, size in group:
                word = ints[number]
                if isinstance(word, int):
                    ints[number] = (word + shift) & ((1 << 8 * size) - 1)
            if tuple(ints) != case.ints:
                yield dataclasses.replace(case, ints=tuple(ints))


def _changed_inside(loads: Loads, cases: Sequence[Case]) -> Iterator[Case]:
    """The cases with an integer moved far away that gcc's code reads from memory."""
    for case in cases:
        taken: dict[int | str, int] = {}
        for place, word in loads.words(case):
            if place.kind not in ("object", "global") or place.size not in (4, 8):
                continue
            taken[place.where] = taken.get(place.where, 0) + 1
            if taken[place.where] <= _WORDS:
                yield from _moved(loads, case, place, word)


def _moved(loads: Loads, case: Case, place: Place, word: int) -> Iterator[Case]:
    for shift in _SHIFTS:
        value = (word + shift) & ((1 << 8 * place.size) - 1)
        if value != word and loads.fits(word, value, place.size):
            yield write(case, place, value)


def bases(cases: Sequence[Case]) -> list[Case]:
    """A few cases with little memory, of several sizes."""
    small = (c for c in cases if c.objects and c.size and weight(c) <= _LIGHT)
    some = sorted(small, key=lambda case: case.size)
    return some[:: max(len(some) // _BASES, 1)][:_BASES]


def _run(
    cases: Sequence[Case], runner: Runner, image: Image, name: str, masks: Masks, style: Style,
    seed: int,
) -> Iterator[tuple[Case, Run, int]]:  # fmt: skip
    """Each case with what gcc's code did on it; not those after many that do not end."""
    waiting, mode = list(cases), Mode(noise=seed + 1, ticks=_TICKS, stop_loop=True)
    for _ in range(_PATIENCE):
        batch = encode_batch(waiting, image.arena, (style,), seed)
        run = runner.run(batch, image.symbols[name], mode, masks)
        yield from ((case, run, i) for i, case in enumerate(waiting[: run.done]))
        waiting = waiting[run.done + (run.end == End.DIED) :]
        if not waiting or run.end == End.FINISHED:
            return


def _ends(run: Run, index: int) -> bool:
    return run.status(index) in (Status.RETURNED, Status.NORETURN)


def _with_page(case: Case, run: Run, index: int, image: Image, numbers: Numbers) -> Case | None:
    """The case with the page that gcc's code faulted at; None where there cannot be one."""
    fields = Fields.of(run.result(index))
    if fields.status != Status.SIGNAL or fields.signal != signal.SIGSEGV:
        return None
    if int(run.diags[index][_FLAGS]) & NO_ADDRESS or len(case.far) == _PAGES:
        return None
    address = int(run.diags[index][0])
    places = run.batch.placed[index].places
    number = min(range(len(places)), key=lambda i: abs(address - places[i]), default=None)
    if number is None or not _is_free(address, places, image):
        return None
    page = Far(number, address - places[number], numbers.randbytes(_PATTERN))
    return dataclasses.replace(case, far=(*case.far, page))


def _is_free(address: int, places: Sequence[int], image: Image) -> bool:
    arena = image.arena
    apart = [abs(address - place) for place in places]
    if not (_LOWEST <= address < _HIGHEST) or not _NEAR <= min(apart) <= _REACH:
        return False
    if abs(address - arena.stack) < _STACK_ROOM:
        return False
    return not any(-PAGE <= address - slot < SLOT_BYTES for slot in arena.slots())
