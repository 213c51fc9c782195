"""Lengths far beyond any object: gcc's code must run into what lies behind one, and so must a
rewrite.

A loop over n elements that is given n near 2^32 and an object of a few faults at once where the
object ends.  Were the object longer, gcc's code would write (or read) what lies there; a rewrite
that returned has not touched it, and would not either.  So lengths beyond 2^31 and 2^32 cost no
memory and no time (design 5.6).
"""

from __future__ import annotations

import dataclasses
import itertools
import signal
from collections.abc import Iterator, Sequence

from superopt_cc.cases import Case, Ref, weight
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.gathering.gather import unused_bits
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.judging.compare import Difference, Fields, difference_at
from superopt_cc.verify.judging.stand import Stand
from superopt_cc.verify.making.admit import admits
from superopt_cc.verify.making.inputs import Maker
from superopt_cc.verify.making.shape import Shape, Wish, holds_pointer
from superopt_cc.verify.making.values import Numbers
from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.layout import PAGE, Arena, Style, encode_batch
from superopt_cc.verify.running.runner import End, Masks, Mode, Run, Runner, Status
from superopt_cc.verify.signature.ctype import Array, Int, Pointer, size_of

_SIZES = (6, 21)
_POWERS = (16, 20, 24, 31, 32, 40)
_MOST = 3  # integer parameters, and pointers
_MOST_BYTES = 32 << 20
_WRITE = 2
_PATIENCE = 6
_TICKS = 1
_ENDED = (Status.RETURNED, Status.NORETURN)


@dataclasses.dataclass(frozen=True, slots=True)
class Endless:
    """One input, the object that is too short in it, of elements of `step` bytes, and the length:
    (parameter, power of two)."""

    case: Case
    short: int
    length: tuple[int, int]
    step: int


@dataclasses.dataclass(frozen=True, slots=True)
class Outrun:
    """The inputs on which gcc's code runs out of an object, settled in an image with `arena`.

    `writes` tells those where it was about to write.
    """

    plan: Plan | None
    found: tuple[Endless, ...]
    writes: tuple[bool, ...]
    arena: Arena

    def difference(self, stand: Stand, name: str, label: str) -> tuple[Plan, Difference] | None:
        """An input that shows that the function `label` stops too early."""
        if self.plan is None:
            return None
        plan = stand.moved((self.plan,), self.arena)[0]
        wanted, got = (
            plans.run(plan, stand.runner, stand.image, entry, stand.masks, stop=False)
            for entry in (name, label)
        )
        early = {i for i in range(min(wanted.done, got.done)) if got.status(i) in _ENDED}
        for i in sorted(early):
            if self.writes[i] or self._always(i, early):
                found = difference_at(wanted, got, i, stand.image.arena, stand.image.text)
                if found is not None:
                    detail = "ends although so long an array would go on"
                    return plan, dataclasses.replace(found, detail=detail)
        return None

    def _always(self, index: int, early: set[int]) -> bool:
        """Code that only reads may stop at what it finds, but not whatever it finds."""
        length = self.found[index].length
        return all(i in early for i, each in enumerate(self.found) if each.length == length)


def find(
    shape: Shape, runner: Runner, image: Image, name: str, masks: Masks, seed: int
) -> Outrun:  # fmt: skip
    """Make such inputs and keep those on which gcc's code does run out of the short object."""
    waiting = _affordable(e for e in _inputs(shape, Numbers(seed + 11)) if admits(e.case, shape))
    found: list[Endless] = []
    writes: list[bool] = []
    style = Style(unused=unused_bits(shape), calls=16 if shape.has_calls else 0)
    for _ in range(_PATIENCE):
        if not waiting:
            break
        plan = _plan(waiting, image.arena, style, seed)
        run = runner.run(plan.batch, image.symbols[name], plan.mode, masks)
        for i, each in enumerate(waiting[: run.done]):
            if _runs_out(run, i, each):
                found.append(each)
                writes.append(bool(int(run.diags[i][5]) & _WRITE))
        if run.end == End.FINISHED:
            break
        # It does not end: neither will it with this length and other contents.
        slow = waiting[min(run.done - (run.end == End.STOPPED), len(waiting) - 1)].length
        waiting = [each for each in waiting[run.done :] if each.length != slow]
    plan_of_all = _plan(found, image.arena, style, seed) if found else None
    return Outrun(plan_of_all, tuple(found), tuple(writes), image.arena)


def _affordable(inputs: Iterator[Endless]) -> list[Endless]:
    """As many lengths, each with all its inputs, as memory allows."""
    found: list[Endless] = []
    room = _MOST_BYTES
    for _, alike in itertools.groupby(inputs, key=lambda each: each.length):
        group = list(alike)
        room -= sum(weight(each.case) for each in group)
        if room < 0:
            break
        found += group
    return found


def _plan(inputs: Sequence[Endless], arena: Arena, style: Style, seed: int) -> Plan:
    batch = encode_batch([each.case for each in inputs], arena, (style,), seed)
    return Plan(batch, (style,), seed, Mode(noise=seed + 1, ticks=_TICKS, stop_loop=True))


def _runs_out(run: Run, index: int, each: Endless) -> bool:
    fields = Fields.of(run.result(index))
    if fields.status != Status.SIGNAL or fields.signal != signal.SIGSEGV:
        return False
    end = run.batch.placed[index].places[each.short] + len(each.case.objects[each.short].data)
    return 0 <= int(run.diags[index][0]) - end < PAGE


def _inputs(shape: Shape, numbers: Numbers) -> Iterator[Endless]:
    types = shape.types
    lengths = [
        (position, 8 * size_of(types, index))
        for position, index in enumerate(shape.parameters)
        if isinstance(types[index], Int) and size_of(types, index) >= 4
    ]
    for position, bits in lengths[:_MOST]:
        for power in _POWERS:
            if power >= bits:
                continue
            for size in _SIZES:
                wish = Wish(size, {position: (1 << power) + size - 2}, alias=False, typical=True)
                yield from _variants(shape, wish, (position, power), numbers)


def _variants(
    shape: Shape, wish: Wish, length: tuple[int, int], numbers: Numbers
) -> Iterator[Endless]:
    """One length with each array short in turn, over several contents."""
    for index, location in zip(shape.parameters, shape.locations, strict=True):
        kind = shape.types[index]
        if not isinstance(kind, Pointer) or location.kind != "int" or not _is_plain(shape, kind):
            continue
        maker = Maker(shape, wish, numbers)
        case = maker.case()
        word = case.ints[location.number]
        if not isinstance(word, Ref) or not isinstance(word.object, int):
            continue
        for variant in (case, maker.uniform(case, 0), maker.uniform(case, 0xFF)):
            step = size_of(shape.types, kind.to) if kind.to is not None else 1
            short = _shortened(variant, word.object, wish.size * step)
            yield Endless(short, word.object, length, step)


def _is_plain(shape: Shape, kind: Pointer) -> bool:
    """Does it point to as many scalars, or structures without pointers, as the caller likes?"""
    if kind.to is None:
        return True
    odd = isinstance(shape.types[kind.to], Array) or holds_pointer(shape.types, kind.to)
    return not odd and size_of(shape.types, kind.to) > 0


def _shortened(case: Case, number: int, size: int) -> Case:
    objects = list(case.objects)
    objects[number] = dataclasses.replace(objects[number], data=objects[number].data[:size])
    return dataclasses.replace(case, objects=tuple(objects))
