"""Inputs for timing: thousands of different ones, of the sizes that real callers pass (design 6).

They are not trimmed: timing needs no guard pages, only inputs on which gcc's code returns.
"""

from __future__ import annotations

import dataclasses
import time

from superopt_cc.cases import Case, parts, weight
from superopt_cc.verify.gathering.bench import Bench, start_runner
from superopt_cc.verify.gathering.gather import unused_bits
from superopt_cc.verify.gathering.plans import Plan, steady
from superopt_cc.verify.making.admit import admits
from superopt_cc.verify.making.inputs import Maker
from superopt_cc.verify.making.shape import Shape, Wish, largest_element
from superopt_cc.verify.making.values import Numbers
from superopt_cc.verify.running.layout import Style, encode_batch
from superopt_cc.verify.running.runner import End, Mode, Runner, Status

COUNT = 4096
_ROUND = 512
_BYTES = 24 << 20
# (weight, fewest, most) elements: the strata of design 6, tiny and huge ones rarer.
_SIZES = ((8, 0, 3), (22, 4, 15), (36, 16, 63), (30, 64, 1000), (4, 1001, 2000))
_TICKS = 2
_STYLES = (Style(), Style(at_end=False))
_PATIENCE = 24


def make_workload(
    bench: Bench, least: int = 0, count: int = COUNT, seconds: float = 4.0
) -> tuple[Case, ...]:
    """Up to `count` inputs on which the target returns; fewer where it seldom does, or slowly.

    `least` is the smallest useful object in bytes (`Gathered.least`).

    Raises RunnerError when the runner fails.
    """
    numbers = Numbers(bench.job.seed + 99)
    kept: list[Case] = []
    total = 0
    end = time.monotonic() + seconds
    with start_runner(bench.image) as runner:
        for _ in range(3 * count // _ROUND):
            typical = (_typical(bench.around.shape, least, numbers) for _ in range(_ROUND))
            made = next(parts(case for case in typical if admits(case, bench.around.shape)), [])
            for style in _STYLES:
                made = _returning(bench, runner, made, style, end)
            kept += _framed(bench, runner, made) if runner.framed else made
            total += sum(map(weight, made))
            if len(kept) >= count or total > _BYTES or time.monotonic() > end:
                break
    return tuple(kept[:count])


def _returning(
    bench: Bench, runner: Runner, made: list[Case], style: Style, end: float
) -> list[Case]:
    """Those cases on which the target returns without leaving its objects on the guarded side."""
    good: list[Case] = []
    style = dataclasses.replace(style, unused=unused_bits(bench.around.shape))
    entry = bench.image.symbols[bench.job.name]
    for seed in range(_PATIENCE):
        batch = encode_batch(made, bench.image.arena, (style,), seed)
        mode = Mode(noise=seed + 1, stop_loop=True, ticks=_TICKS)
        run = runner.run(batch, entry, mode, bench.around.masks)
        good += [made[i] for i in range(run.done) if run.status(i) == Status.RETURNED]
        made = made[run.done + (run.end == End.DIED) :]
        if run.end == End.FINISHED or not made or time.monotonic() > end:
            break
    return good


def _framed(bench: Bench, runner: Runner, made: list[Case]) -> list[Case]:
    """Those cases on which nothing is read that nobody set, with answers that fill the frame: what
    the target finds there decides how long it runs."""
    if not made:
        return []
    image, name, masks = bench.image, bench.job.name, bench.around.masks
    styles = (dataclasses.replace(Style(), unused=unused_bits(bench.around.shape)),)
    plan = Plan(encode_batch(made, image.arena, styles, 1), styles, 1, Mode(noise=1, ticks=_TICKS))
    good = steady(made, plan, runner, image, name, masks)
    return (
        runner.cases_with_frames(encode_batch(good, image.arena, styles, 1), plan.mode)
        if good
        else []
    )


def _typical(shape: Shape, least: int, numbers: Numbers) -> Case:
    _, low, high = numbers.choices(_SIZES, weights=[s[0] for s in _SIZES])[0]
    wish = Wish(numbers.randint(low, high), alias=False, typical=True, least=least)
    case = Maker(shape, wish, numbers).case()
    return dataclasses.replace(case, size=wish.size * largest_element(shape))
