"""How strong are the tests?  Mutants of a body that they must tell from gcc's code (design 5.7)."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

from superopt_cc.assembly.fragment import Fragment, own_fragment
from superopt_cc.cases import Case, parts
from superopt_cc.errors import Ineligible, ToolchainError
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.gathering.bench import Bench, body_label, start_runner
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.judging.mutants import Mutant, mutants
from superopt_cc.verify.judging.stand import Stand
from superopt_cc.verify.making.inputs import Maker
from superopt_cc.verify.making.shape import Wish
from superopt_cc.verify.making.values import Numbers
from superopt_cc.verify.running.layout import Arena, encode_batch

# Mutants of gcc's code, once for each target, and of a rewrite.
_TARGETS, _REWRITES = 40, 16
# Fewer inputs than these times more do not make a survivor count as equivalent.
_MORE_CASES, _MORE_OBJECTS = 1000, 6000
_MORE_SIZES = (0, 1, 3, 8, 17, 40, 100, 300)
_TOGETHER = 24
_FIRST_CASES = 48
# Of so many mutants of gcc's code or more, this share must be told apart.  A rewrite may hold
# code that changes nothing: for its mutants there is no such limit.
_LEAST, SHARE = 8, 0.5
# A mutant that does not end is not waited for.
_TICKS = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Score:
    """What the tests told apart of `total` mutants.

    `late` were told apart by more inputs only, `survivors` by none: some of them are equivalent,
    and no test can say which.  But `vague` ones differ where C leaves the result undefined, so
    that defined inputs hardly reach what they change.
    """

    total: int
    killed: int
    late: tuple[str, ...]
    survivors: tuple[str, ...]
    vague: tuple[str, ...] = ()

    def gap(self, what: str, share: float = 0.0) -> str:
        """Why these tests decide nothing, where of many mutants at least `share` must fall; "" if
        they do."""
        for wrong in (*self.late, *self.vague):
            return f"a wrong variant of {what} passed the tests: {wrong}"
        if self.total >= _LEAST and self.killed < share * self.total:
            return f"{self.total - self.killed} of {self.total} variants of {what} passed the tests"
        return ""

    def __add__(self, other: Score) -> Score:
        return Score(
            self.total + other.total, self.killed + other.killed,
            self.late + other.late, self.survivors + other.survivors, self.vague + other.vague,
        )  # fmt: skip


NOTHING = Score(0, 0, (), ())


class Adequacy:
    """The scores of one target's tests, settled in an image with `arena`.

    `narrow` takes inputs away from further ones, as it was done with the tests; `number` tells
    one such set of further inputs from another.
    """

    def __init__(
        self, bench: Bench, tests: Sequence[Plan], arena: Arena,
        narrow: Callable[[Sequence[Plan]], Sequence[Plan]] = tuple, number: int = 0,
    ) -> None:  # fmt: skip
        self._bench, self._tests, self._arena = bench, tests, arena
        self._narrow, self._number = narrow, number
        # Did any mutant fall to further inputs only?
        self.late = False
        self._target: Score | None = None

    def target(self, in_time: Callable[[], None]) -> Score:
        """By mutants of gcc's code; made once.  What `in_time` raises ends it."""
        if self._target is None:
            own = own_fragment(self._bench.unit.function(self._bench.job.name))
            self._target = self._score(
                own, self._tests, self._arena, _TARGETS, in_time, strict=True
            )
        return self._target

    def rewrite(
        self, fragment: Fragment, tests: Sequence[Plan], arena: Arena, in_time: Callable[[], None]
    ) -> Score:
        """By mutants of a rewrite that passed these tests, which were settled with `arena`."""
        return self._score(fragment, tests, arena, _REWRITES, in_time)

    def _score(
        self, body: Fragment, tests: Sequence[Plan], arena: Arena, most: int,
        in_time: Callable[[], None], *, strict: bool = False,
    ) -> Score:  # fmt: skip
        found = mutants(body, most, self._bench.job.seed)
        total = NOTHING
        for at in range(0, len(found), _TOGETHER):
            in_time()
            part = found[at : at + _TOGETHER]
            total += _judge(self._bench, part, tests, arena, self._moved, strict)
        self.late |= bool(total.late)
        return total

    def _moved(self, stand: Stand) -> Sequence[Plan]:
        return stand.moved(self.more, self._arena)

    @functools.cached_property
    def more(self) -> tuple[Plan, ...]:
        """Further inputs, for mutants that survive: untrimmed, and others than the tests'."""
        bench = self._bench
        with start_runner(bench.image) as runner:
            image, masks = bench.image, bench.around.masks
            made = plans.make((), self._cases(), bench.around, image.arena, bench.job.seed + 5)
            try:
                more = plans.settle(made[:1], runner, image, bench.job.name, masks)
                return tuple(self._narrow(more))
            except Ineligible:
                return ()

    def _cases(self) -> list[Case]:
        shape, numbers = self._bench.around.shape, Numbers(self._bench.job.seed + 51 + self._number)

        def made() -> Iterator[Case]:
            objects = 0
            for _ in range(_MORE_CASES):
                if objects > _MORE_OBJECTS:
                    return
                size, typical = numbers.choice(_MORE_SIZES), numbers.random() < 0.5
                case = Maker(shape, Wish(size, alias=False, typical=typical), numbers).case()
                objects += len(case.objects)
                yield case

        return next(parts(made()), [])


def _judge(
    bench: Bench, found: Sequence[Mutant], tests: Sequence[Plan], arena: Arena,
    more: Callable[[Stand], Sequence[Plan]], strict: bool,
) -> Score:  # fmt: skip
    """One link of mutants; `more` is asked for only where some survive.

    With `strict` those are looked for that fall only where C leaves the result undefined.
    """
    every = (_few(tests[0], arena), *tests)
    try:
        stand = Stand(bench, [m.fragment for m in found], every, arena, ticks=_TICKS)
    except ToolchainError:  # one of them does not assemble
        if len(found) == 1:
            return NOTHING
        half = len(found) // 2
        return _judge(bench, found[:half], tests, arena, more, strict) + _judge(
            bench, found[half:], tests, arena, more, strict
        )
    with stand:
        alive = [i for i in range(len(found)) if stand.first(body_label(i)) is None]
        late = _killed_by(stand, alive, more(stand)) if alive else frozenset[int]()
        undefined = [dataclasses.replace(p, lenient=False) for p in stand.plans if p.lenient]
        left = [i for i in alive if i not in late] if strict else []
        vague = _killed_by(stand, left, undefined) if left else frozenset[int]()
    return Score(
        len(found), len(found) - len(alive),
        tuple(found[i].what for i in alive if i in late),
        tuple(found[i].what for i in alive if i not in late),
        tuple(found[i].what for i in alive if i in vague),
    )  # fmt: skip


def _killed_by(stand: Stand, alive: Sequence[int], more: Sequence[Plan]) -> frozenset[int]:
    found: set[int] = set()
    for plan in more:
        here = stand.lasting(plan)
        left = [i for i in alive if i not in found and here is not None]
        found |= {i for i in left if here and stand.difference(body_label(i), *here) is not None}
    return frozenset(found)


def _few(plan: Plan, arena: Arena) -> Plan:
    """Some cases of a plan, from all over it: most mutants fall on these."""
    step = max(len(plan.batch.cases) // _FIRST_CASES, 1)
    batch = encode_batch(plan.batch.cases[::step], arena, plan.styles, plan.seed)
    return dataclasses.replace(plan, batch=batch)
