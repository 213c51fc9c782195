"""The runs that decide: cases in two layouts, under two noises, rounding modes, odd entry.

Every case runs flush against the end of its pages and flush against the start (or at exactly its
guaranteed alignment), with other noise and the objects in the other order (design 5.6).
"""

from __future__ import annotations

import dataclasses
import random
import signal
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from superopt_cc.cases import Case, weight
from superopt_cc.errors import Ineligible
from superopt_cc.verify.gathering.gather import unused_bits
from superopt_cc.verify.making.admit import admits
from superopt_cc.verify.making.inputs import Maker
from superopt_cc.verify.making.shape import MAX_OBJECT, Shape, Wish, largest_element
from superopt_cc.verify.making.values import Numbers
from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.layout import Arena, Batch, Style, encode_batch, other_noise, quiet
from superopt_cc.verify.running.runner import End, Masks, Mode, Run, Runner, Status

_SCALAR_CASES = 4096
_MODE_STEP = 4
# Elements, and with what they are filled.
_LONG = (
    (300, ("any", "full", "argument")), (1000, ("any", "argument")), (4200, ("any", "full")),
    (5700, ("full",)), (9000, ("full",)), (65536, ("any",)), (66000, ("any", "full", "argument")),
)  # fmt: skip
# Rounding down, up, to zero; flush-to-zero with denormals-are-zero (design 5.6).
_MXCSR = (0x1F80 | 1 << 13, 0x1F80 | 2 << 13, 0x1F80 | 3 << 13, 0x1F80 | 0x8040)
_INVALID = np.uint64(1)
_MXCSR_WORD = 9  # of a result
_STEADY = 4  # one in so many inputs at least
_FLAGS, _FRAME_POINTER = 5, np.uint64(1)  # of a diagnosis
# Inputs of one plan: the runner's files must hold them, and what becomes of them.
_MOST_BYTES, _LONG_BYTES = 64 << 20, 24 << 20
TICKS = 20
_GATHER_TICKS = 2
_PATIENCE = 40
_UNDEFINED = "gcc's own result depends on undefined contents"


class Around(Protocol):
    """The part of `engine.Surroundings` that plans read."""

    @property
    def shape(self) -> Shape: ...
    @property
    def floating(self) -> bool: ...
    @property
    def misaligned(self) -> bool: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """A batch and how to run it; `seed` is that of the noise in the encoding.

    An `optional` plan falls if the target fails on a case.  Of cases that were not trimmed those
    are kept on which it ends in the layout `both_ways` too: it stays within their objects.
    In a `lenient` plan C leaves results undefined: a rewrite must end and touch nothing else.
    """

    batch: Batch
    styles: tuple[Style, ...]
    seed: int
    mode: Mode
    optional: bool = False
    both_ways: Style | None = None
    lenient: bool = False


def bulk(shape: Shape, seed: int) -> tuple[Case, ...]:
    """Thousands of random inputs for functions of scalars, where an input costs next to nothing."""
    if shape.has_memory or shape.has_calls:
        return ()
    numbers = Numbers(seed + 1)
    return tuple(Maker(shape, Wish(1 << 12), numbers).case() for _ in range(_SCALAR_CASES))


def long(shape: Shape, seed: int) -> tuple[Case, ...]:
    """Long objects, also of equal bytes: what sums in narrow lanes or by block must carry.

    Nothing is learnt about what the target touches in them: they run untrimmed.
    """
    if not shape.has_memory:
        return ()
    numbers = Numbers(seed + 3)
    found: list[Case] = []
    most = MAX_OBJECT // max(largest_element(shape), 1) - 1
    for size, fills in _LONG:
        if sum(map(weight, found)) > _LONG_BYTES:
            break
        wish = Wish(min(size, most), alias=False, typical=True, snug=True)
        maker = Maker(shape, wish, numbers)
        case = maker.case()
        if "any" in fills:
            found.append(case)
        if "full" in fills:
            found.append(maker.uniform(case, 0xFF))
        if "argument" in fills:
            words = {word & 0xFF for word in case.ints if isinstance(word, int)}
            found += [maker.uniform(case, byte) for byte in sorted(words)[:2]]
    return tuple(found)


def make(
    cases: Sequence[Case], extra: Sequence[Case], around: Around, arena: Arena, seed: int,
    lengthy: Sequence[Case] = (),
) -> list[Plan]:  # fmt: skip
    """All plans for the cases; which of them the target allows is settled by `settle`."""
    cases, extra, lengthy = (
        [case for case in some if admits(case, around.shape)] for some in (cases, extra, lengthy)
    )
    unused = unused_bits(around.shape)
    calls = 16 if around.shape.has_calls else 0
    end = Style(unused=unused, calls=calls)
    start = Style(at_end=False, reverse=True, unused=unused, calls=calls)
    odd = dataclasses.replace(start, odd=True)
    numbers = random.Random(seed)
    every = (*cases, *extra)
    plans = [
        _plan(every, (end,), arena, numbers, Mode()),
        _plan(cases, (start, odd), arena, numbers, Mode(clean_upper=True)),
    ]
    if extra and around.shape.has_memory:  # not trimmed
        plans[0] = dataclasses.replace(plans[0], both_ways=start)
    if lengthy:
        plan = _plan(lengthy, (end,), arena, numbers, Mode())
        plans.append(dataclasses.replace(plan, both_ways=start))
    if around.floating:
        changed = [
            dataclasses.replace(case, mxcsr=_MXCSR[i % len(_MXCSR)])
            for i, case in enumerate(every[::_MODE_STEP])
        ]
        plans.append(_plan(changed, (end,), arena, numbers, Mode()))
    if around.misaligned:
        # design 5.4: callers in this unit may call without aligning the stack.
        skewed = dataclasses.replace(end, skew=8)
        plan = _plan(cases, (skewed,), arena, numbers, Mode())
        plans.append(dataclasses.replace(plan, optional=True))
    return plans


def _plan(
    cases: Sequence[Case],
    styles: tuple[Style, ...],
    arena: Arena,
    numbers: random.Random,
    mode: Mode,
) -> Plan:
    seed = numbers.getrandbits(32)
    mode = dataclasses.replace(mode, noise=numbers.getrandbits(63), ticks=TICKS)
    if sum(map(weight, cases)) > _MOST_BYTES:
        raise Ineligible("type-large", "what it touches makes too much of all inputs together")
    return Plan(encode_batch(cases, arena, styles, seed), styles, seed, mode)


def run(plan: Plan, runner: Runner, image: Image, entry: str, masks: Masks, *, stop: bool) -> Run:
    """Run one function on a plan; with `stop` a crash or endless loop ends the batch."""
    mode = dataclasses.replace(plan.mode, stop=stop)
    return runner.run(plan.batch, image.symbols[entry], mode, masks)


def settle(
    plans: Sequence[Plan], runner: Runner, image: Image, name: str, masks: Masks,
    in_time: Callable[[], None] = lambda: None,
) -> tuple[Plan, ...]:  # fmt: skip
    """Keep the cases on which gcc's own code ends, and check that noise does not matter.

    Raises Ineligible("noise-dependent") when the target's own results depend on registers, bits
    or stack contents that no caller defines (design 4.2), "no-inputs" when nothing is left.
    """
    kept: list[Plan] = []
    for plan in plans:
        in_time()
        quick = dataclasses.replace(plan, mode=dataclasses.replace(plan.mode, ticks=_GATHER_TICKS))
        good = _good_cases(quick, runner, image, name, masks)
        if plan.optional and len(good) < len(plan.batch.cases):
            continue  # the target itself assumes alignment at entry
        if plan.both_ways is not None:
            good = _staying(good, plan, runner, image, name, masks)
            if not good:
                continue
        if good and runner.framed:
            count, good = len(good), steady(good, plan, runner, image, name, masks)
            if len(good) < count // _STEADY:
                raise Ineligible("noise-dependent", _UNDEFINED)
        if not good:
            raise Ineligible("no-inputs", "gcc's own code fails on every input that was made up")
        if len(good) < len(plan.batch.cases):
            batch = encode_batch(good, image.arena, plan.styles, plan.seed)
            plan = dataclasses.replace(plan, batch=batch)
        kept += _calm(plan, runner, image, name, masks)
    return tuple(kept)


def _calm(
    plan: Plan, runner: Runner, image: Image, name: str, masks: Masks
) -> tuple[Plan, ...]:  # fmt: skip
    """The plan, if noise does not matter.

    gcc may work on whole registers where a float came in one: then its flags tell of noise, and
    are compared in a second plan only, without noise beside floats.
    """
    try:
        _check_noise(plan, runner, image, name, masks)
    except Ineligible:
        still = tuple(quiet(style) for style in plan.styles)
        if not masks.mxcsr or still == plan.styles:
            raise
        batch = encode_batch(plan.batch.cases, image.arena, still, plan.seed)
        both = (
            dataclasses.replace(plan, mode=dataclasses.replace(plan.mode, flags=False)),
            dataclasses.replace(plan, batch=batch, styles=still),
        )
        for each in both:
            _check_noise(each, runner, image, name, masks)
        return both
    return (plan,)


def _staying(
    cases: list[Case], plan: Plan, runner: Runner, image: Image, name: str, masks: Masks
) -> list[Case]:
    """The cases on which the target ends in the plan's other layout as well."""
    if not cases or plan.both_ways is None:
        return []
    styles = (plan.both_ways,)
    batch = encode_batch(cases, image.arena, styles, plan.seed)
    other = Plan(batch, styles, plan.seed, dataclasses.replace(plan.mode, ticks=_GATHER_TICKS))
    return _good_cases(other, runner, image, name, masks)


def steady(
    cases: list[Case], plan: Plan, runner: Runner, image: Image, name: str, masks: Masks
) -> list[Case]:
    """The cases on which the target reads nothing of its frame that a callee should have filled,
    and keeps no pointer into it where nobody looks."""
    masks = dataclasses.replace(masks, mxcsr=0)
    for _ in range(_PATIENCE):
        batch = encode_batch(cases, image.arena, plan.styles, plan.seed)
        one, other = _two_noises(dataclasses.replace(plan, batch=batch), runner, image, name, masks)
        pointers = one.diags[:, _FLAGS] & _FRAME_POINTER
        found = [
            case
            for i, case in enumerate(cases[: min(one.done, other.done)])
            if one.result(i) == other.result(i) and not pointers[i]
        ]
        if not found or len(found) == len(cases):
            break
        cases = found  # once more with other noise for each: two fills may agree by chance
    return found


def _good_cases(plan: Plan, runner: Runner, image: Image, name: str, masks: Masks) -> list[Case]:
    """The cases on which the target ends; after many that run for long, the rest is dropped.

    design 5.9: a case with a NaN that the processor does not make itself counts only while no
    invalid operation makes a second one, or quiets it.
    """
    masks = dataclasses.replace(masks, mxcsr=masks.mxcsr | int(_INVALID))
    good: list[Case] = []
    batch, waiting = plan.batch, list(plan.batch.cases)
    for _ in range(_PATIENCE):
        mode = dataclasses.replace(plan.mode, stop_loop=True)
        done = runner.run(batch, image.symbols[name], mode, masks)
        ended, invalid = _ended(done).tolist(), (done.fields(_MXCSR_WORD) & _INVALID).tolist()
        good += [
            case
            for i, case in enumerate(waiting[: done.done])
            if ended[i] and not (case.strange and invalid[i])
        ]
        if done.end == End.FINISHED:
            break
        waiting = waiting[done.done + (done.end != End.STOPPED) :]
        if not waiting:
            break
        batch = encode_batch(waiting, image.arena, plan.styles, plan.seed)
    return good


def lasting(plan: Plan, runner: Runner, image: Image, name: str, masks: Masks) -> Plan | None:
    """The cases of a settled plan on which gcc's code ends at this image's addresses, too.

    `while (p < end)` goes on where `p` lies before the end of another object by chance.
    """
    good = _good_cases(plan, runner, image, name, masks)
    if not good:
        return None
    batch = encode_batch(good, image.arena, plan.styles, plan.seed)
    return dataclasses.replace(plan, batch=batch)


def all_end(run: Run) -> bool:
    """Did the target end on every case?  Only then is agreeing with it worth anything."""
    return run.end == End.FINISHED and bool(_ended(run).all())


def _ended(run: Run) -> npt.NDArray[np.bool_]:
    """For each case: did the function return, or trap as gcc's code may?"""
    status, number = run.fields(0), run.fields(1)
    trapped = (number == signal.SIGFPE) | (number == signal.SIGILL)
    returned = (status == Status.RETURNED) | (status == Status.NORETURN)
    ended: npt.NDArray[np.bool_] = returned | (status == Status.SIGNAL) & trapped
    return ended


def _check_noise(plan: Plan, runner: Runner, image: Image, name: str, masks: Masks) -> None:
    """design 4.2: two fills of everything that no caller defines must give the same results."""
    first, second = _two_noises(plan, runner, image, name, masks)
    if first.end != End.FINISHED or second.end != End.FINISHED:
        raise Ineligible("noise-dependent", "gcc's own code does not always end")
    if first.results != second.results:
        raise Ineligible("noise-dependent", _UNDEFINED)
    if (first.fields(0) == Status.TIMEOUT).any():
        raise Ineligible("no-inputs", "gcc's own code runs for too long on ordinary inputs")


def _two_noises(
    plan: Plan, runner: Runner, image: Image, name: str, masks: Masks
) -> tuple[Run, Run]:
    """The target twice, with two fills of everything that no caller defines."""
    first = run(plan, runner, image, name, masks, stop=False)
    batch = other_noise(plan.batch, image.arena, plan.styles, plan.seed + 1)
    mode = dataclasses.replace(plan.mode, noise=plan.mode.noise ^ 0x5DEECE66D)
    return first, runner.run(batch, image.symbols[name], mode, masks)


def relocate(plans: Sequence[Plan], arena: Arena, before: Arena) -> tuple[Plan, ...]:
    """The plans for another image of the same target: encoded anew only if anything moved."""
    here, there = ((a.base, a.stride, a.data) for a in (arena, before))
    same = here == there and all(
        arena.symbols.get(n) == at for n, at in before.symbols.items() if _is_data(n, at, before)
    )
    if same:
        return tuple(plans)
    return tuple(
        dataclasses.replace(p, batch=encode_batch(p.batch.cases, arena, p.styles, p.seed))
        for p in plans
    )


def _is_data(name: str, address: int, arena: Arena) -> bool:
    base, content = arena.data
    return base <= address < base + max(len(content), 1)
