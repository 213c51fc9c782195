"""Long arrays of equal elements, and long lists: what is counted, skipped or nested thousands of
times.

Inputs made at random seldom hold more of the same than a narrow counter can count.  Here gcc's
code is tried on many short arrays, each of one element again and again; those on which it does
different things, the busiest and the rarest, become long ones.
"""

from __future__ import annotations

import collections
import dataclasses

from superopt_cc.cases import Case, Ref
from superopt_cc.verify.gathering.gather import unused_bits
from superopt_cc.verify.gathering.repeats import SHORT, repeats
from superopt_cc.verify.making.admit import admits
from superopt_cc.verify.making.inputs import Maker
from superopt_cc.verify.making.shape import Shape, Wish
from superopt_cc.verify.making.values import Numbers
from superopt_cc.verify.running.layout import Arena, Style, encode_batch
from superopt_cc.verify.running.probe import ROOM
from superopt_cc.verify.running.runner import Masks, Mode, Runner, Status
from superopt_cc.verify.running.trace import Decoder

_LONG = 66_000
_STEPS = 1500
_BUSIEST, _RAREST = 3, 4
_NODES, _CHAINS = 700, 3
_RAX = 2  # of a result
_ENDED = (Status.RETURNED, Status.NORETURN)


def runs(
    shape: Shape, decoder: Decoder, runner: Runner, arena: Arena, name: str, masks: Masks,
    seed: int,
) -> tuple[Case, ...]:  # fmt: skip
    """Cases with long arrays of one element, on which gcc's code does different things."""
    every = [each for each in repeats(shape, Numbers(seed + 17)) if admits(each.of(_LONG), shape)]
    if not every:
        return ()
    style = Style(at_end=False, room=ROOM, unused=unused_bits(shape), calls=0)
    batch = encode_batch([each.of(SHORT) for each in every], arena, (style,), seed)
    mode = Mode(noise=seed + 1, steps=_STEPS, ticks=4)
    run = decoder.follow(runner, name, batch, mode, masks)
    steps, results = run.diags[: run.done, 4].tolist(), run.fields(_RAX).tolist()
    ended = [i for i in range(run.done) if run.status(i) in _ENDED and steps[i] > SHORT // 16]
    busy = {steps[i]: i for i in reversed(ended)}
    often = collections.Counter(results[i] for i in ended)
    rare = {results[i]: i for i in reversed(ended)}
    whole = {steps[i]: i for i in reversed(ended) if abs(results[i] - SHORT) < 2}  # a count?
    chosen = [busy[count] for count in sorted(busy, reverse=True)[:_BUSIEST]]
    chosen += [whole[count] for count in sorted(whole, reverse=True)[:_BUSIEST]]
    chosen += [rare[r] for r in sorted(rare, key=lambda r: (often[r], -r))[:_RAREST]]
    return tuple(every[i].of(_LONG) for i in dict.fromkeys(chosen))


def chains(shape: Shape, seed: int) -> tuple[Case, ...]:
    """Cases with lists of hundreds of nodes, which lie in one object."""
    numbers = Numbers(seed + 19)
    found: list[Case] = []
    for _ in range(_CHAINS):
        maker = Maker(shape, Wish(SHORT, alias=False, typical=True, snug=True), numbers)
        case = maker.case()
        for number, at in maker.links():
            found.append(_chained(case, number, at))
    return tuple(case for case in found[: 2 * _CHAINS] if admits(case, shape))


def _chained(case: Case, number: int, at: int) -> Case:
    """The case with object `number` again and again, its pointer at byte `at` to the next."""
    blob = case.objects[number]
    size = len(blob.data)
    inner = [(where, ref) for where, ref in blob.pointers if where != at]
    pointers = [(i * size + where, ref) for i in range(_NODES) for where, ref in inner]
    pointers += [(i * size + at, Ref(number, (i + 1) * size)) for i in range(_NODES - 1)]
    data = bytearray(blob.data * _NODES)
    data[-size + at : len(data) - size + at + 8] = bytes(8)
    long = dataclasses.replace(blob, data=bytes(data), pointers=tuple(sorted(pointers)))
    objects = (*case.objects[:number], long, *case.objects[number + 1 :])
    return dataclasses.replace(case, objects=objects)
