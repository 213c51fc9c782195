"""Inputs for timing: thousands of different ones, of the sizes that real callers pass (design 6).

They are not trimmed: timing needs no guard pages, only inputs on which gcc's code returns.
"""

from __future__ import annotations

import dataclasses
import time

from superopt_cc.cases import Case
from superopt_cc.verify.bench import Bench, start_runner
from superopt_cc.verify.ctype import Pointer, size_of
from superopt_cc.verify.gather import unused_bits
from superopt_cc.verify.inputs import Maker, Shape, Wish
from superopt_cc.verify.layout import Style, encode_batch
from superopt_cc.verify.runner import End, Mode, Status
from superopt_cc.verify.values import Numbers

COUNT = 4096
_ROUND = 512
_BYTES = 24 << 20
# (weight, fewest, most) elements: the strata of design 6, tiny and huge ones rarer.
_SIZES = ((8, 0, 3), (22, 4, 15), (36, 16, 63), (30, 64, 1000), (4, 1001, 2000))
_TICKS = 2
_PATIENCE = 24


def make_workload(bench: Bench, count: int = COUNT, seconds: float = 4.0) -> tuple[Case, ...]:
    """Up to `count` inputs on which the target returns; fewer where it seldom does, or slowly.

    Raises RunnerError when the runner fails.
    """
    shape = bench.around.shape
    numbers = Numbers(bench.job.seed + 99)
    kept: list[Case] = []
    total = 0
    end = time.monotonic() + seconds
    with start_runner(bench.image) as runner:
        for _ in range(3 * count // _ROUND):
            made = [_typical(shape, numbers) for _ in range(_ROUND)]
            style = Style(at_end=False, unused=unused_bits(shape))
            for _ in range(_PATIENCE):
                batch = encode_batch(made, bench.image.arena, (style,), numbers.getrandbits(32))
                mode = Mode(noise=numbers.getrandbits(63), stop_loop=True, ticks=_TICKS)
                entry = bench.image.symbols[bench.job.name]
                run = runner.run(batch, entry, mode, bench.around.masks)
                good = [made[i] for i in range(run.done) if run.status(i) == Status.RETURNED]
                kept += good
                total += sum(len(o.data) for case in good for o in case.objects)
                made = made[run.done + (run.end == End.DIED) :]
                if run.end == End.FINISHED or not made or time.monotonic() > end:
                    break
            if len(kept) >= count or total > _BYTES or time.monotonic() > end:
                break
    return tuple(kept[:count])


def _typical(shape: Shape, numbers: Numbers) -> Case:
    _, low, high = numbers.choices(_SIZES, weights=[s[0] for s in _SIZES])[0]
    wish = Wish(numbers.randint(low, high), alias=False, typical=True)
    case = Maker(shape, wish, numbers).case()
    return dataclasses.replace(case, size=wish.size * _element(shape))


def _element(shape: Shape) -> int:
    """Bytes of the largest element that an argument points to; 0 without pointers."""
    sizes = [
        1 if kind.to is None else size_of(shape.types, kind.to)
        for kind in (shape.types[p] for p in shape.parameters)
        if isinstance(kind, Pointer)
    ]
    return max(sizes, default=0)
