"""Sums over millions of elements: counters of 32 bits overflow only there.

What gcc's code reads in order is made of the same few pages again and again, so that 128 MiB cost
neither memory nor, where a loop is quick, much time (design 5.6).  Which parameter is the length of
which array is known from `outrun`.  Only small elements are worth it: sums of others overflow soon.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from superopt_cc.cases import Case
from superopt_cc.verify.gathering.gather import unused_bits
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.judging.outrun import Endless, Outrun
from superopt_cc.verify.making.admit import admits
from superopt_cc.verify.making.shape import Shape
from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.layout import Style, encode_batch
from superopt_cc.verify.running.runner import Masks, Mode, Runner, Status

_CHUNK = 256 << 10
_TIMES = (512, 80)  # four sums of bytes in 32 bits overflow, or one
_SMALL = 2  # bytes of an element
_FILLS = (0xFF, 0x80)
_LESS = 64  # elements, if more are read than the length says
_QUICK = 12  # ticks that gcc's code may take
_PATIENT = 150  # ticks for a rewrite


def find(
    outrun: Outrun, shape: Shape, runner: Runner, image: Image, name: str, masks: Masks, seed: int
) -> list[Plan]:
    """Plans of one such case each, on which gcc's code ends soon."""
    found: list[Plan] = []
    style = Style(unused=unused_bits(shape))
    if shape.has_calls:
        return found
    for arrays in _arrays(outrun):
        for fill in _FILLS:
            for times in _TIMES:
                case = _long(arrays, shape, fill, times)
                if not admits(case, shape):
                    continue
                batch = encode_batch([case], image.arena, (style,), seed)
                mode = Mode(noise=seed + 1, ticks=_QUICK)
                run = runner.run(batch, image.symbols[name], mode, masks)
                if run.done and run.status(0) == Status.RETURNED:
                    patient = dataclasses.replace(mode, ticks=_PATIENT)
                    found.append(Plan(batch, (style,), seed, patient))
                    break
    return found


def _arrays(outrun: Outrun) -> Iterator[Sequence[Endless]]:
    """Per length the arrays of small elements that are only read, one input for each."""
    lengths: dict[int, dict[int, Endless]] = {}
    for each, writes in zip(outrun.found, outrun.writes, strict=True):
        arrays = lengths.setdefault(each.length[0], {})
        if writes or each.case.objects[each.short].pointers:
            lengths[each.length[0]] = {}
            continue
        arrays.setdefault(each.short, each)
    for arrays in lengths.values():
        if arrays and all(each.step <= _SMALL for each in arrays.values()):
            yield list(arrays.values())


def _long(arrays: Sequence[Endless], shape: Shape, fill: int, times: int) -> Case:
    """All the arrays long, of bytes `fill`, and their length accordingly."""
    case = arrays[0].case
    objects, ints = list(case.objects), list(case.ints)
    for each in arrays:
        blob = objects[each.short]
        data = bytes([fill]) * _CHUNK
        objects[each.short] = dataclasses.replace(
            blob, data=data, written=False, before=b"", after=b"", times=times
        )
    count = times * _CHUNK // max(each.step for each in arrays) - _LESS
    ints[shape.locations[arrays[0].length[0]].number] = count
    return dataclasses.replace(case, objects=tuple(objects), ints=tuple(ints))
