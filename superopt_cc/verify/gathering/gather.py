"""Gathering inputs for one target: directed ones first, then random ones until edges stop growing.

Every input is traced once through the target, which gives its extents, its edges and its
side-channel signature; inputs on which the target makes a wild access are discarded and counted.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterator, Sequence

from superopt_cc.assembly.decode import Instruction
from superopt_cc.cases import Case, Ref, parts, weight
from superopt_cc.verify.gathering import strewing
from superopt_cc.verify.gathering.aim import aim, comparisons, deciding
from superopt_cc.verify.gathering.executed import addresses_of, edges_of, excluded
from superopt_cc.verify.gathering.grow import grown, too_small
from superopt_cc.verify.gathering.landing import landed
from superopt_cc.verify.gathering.repeats import repeats
from superopt_cc.verify.gathering.variation import Group, Scalar, bases, scalars, variants
from superopt_cc.verify.gathering.words import Loads
from superopt_cc.verify.making.admit import admits, promised
from superopt_cc.verify.making.inputs import Maker
from superopt_cc.verify.making.nans import NaNs
from superopt_cc.verify.making.shape import Shape, Wish
from superopt_cc.verify.making.values import Numbers
from superopt_cc.verify.making.wishes import LARGE, ROUND, Wishes
from superopt_cc.verify.running.layout import GPRS, XMMS, Arena, Style, encode_batch
from superopt_cc.verify.running.probe import ROOM, Probed, Wild, read_probes
from superopt_cc.verify.running.runner import End, Masks, Mode, Run, Runner, Status
from superopt_cc.verify.running.trace import Decoder, Edge, Flow, calls_of
from superopt_cc.verify.signature.ctype import Pointer

_STEPS = 10_000
_FAR_STEPS = 2500
_LONG_STEPS = 100_000
_GROWN_STEPS = 1000
_LONG_CASES = 8
# Steps cost time, most where only traps show them: past this, only small inputs are made.
_STEP_BUDGET = 800_000
_SMALL = 12
# Objects grow when more than one input in so many was too small, up to a bound.
_OFTEN = 8
_MOST_LEAST = 1 << 14
_MOST_BYTES, _ROUND_BYTES = 16 << 20, 24 << 20
_QUIET_ROUNDS = 4
# Inputs that the author's promises exclude.
_OUTSIDE = 400
# Aiming: rounds, inputs that it starts from, inputs that it makes in one round.
_AIMING, _AIMED_FROM, _AIMED = 3, 48, 192
# The same for inputs with a word of any value.
_STREWN_FROM, _STREWN = 6, 1500
# Inputs of equal elements, and how many elements.
_REPEATS, _REPEATED = 120, (140, 300)


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """How much is spent on inputs: seconds, the fewest and most cases, the most directed ones.

    Running out of seconds before every directed input was tried makes the tests inadequate: how
    strong the evidence is never depends on how busy the machine was.
    """

    seconds: float = 8.0
    least: int = 400
    most: int = 800
    directed: int = 600


DEFAULT_LIMITS = Limits()


@dataclasses.dataclass(frozen=True, slots=True)
class Gathered:
    """The inputs kept, what they cover, and how many were discarded.

    `least` is the object size in bytes below which many inputs are useless; `complete` says that
    all inputs that must be tried were tried before the time was over.

    `groups` are inputs that differ in one kind of data only, for each kind on which the target's
    trace never depends (design 5.10).  `flow` is what there is to cover: what was proved infeasible
    is left out.  `called`: as `trace.calls_of`.  `outside` are inputs that the author's promises
    exclude: what only they execute needs no test.
    """

    probes: tuple[Probed, ...]
    groups: tuple[Group, ...]
    covered: frozenset[Edge]
    reached: frozenset[int]
    discarded: int
    frame_pointer: bool
    complete: bool
    least: int
    flow: Flow
    called: frozenset[tuple[int, int]] = frozenset()
    outside: tuple[Case, ...] = ()


class Gatherer:
    """Runs one gathering; see `gather`.

    With `focus` only inputs aimed at the dictionary are made: the constants of a rewrite.
    """

    def __init__(
        self, shape: Shape, runner: Runner, arena: Arena, name: str, decoder: Decoder,
        masks: Masks, limits: Limits, seed: int, focus: bool = False,
    ) -> None:  # fmt: skip
        self._shape, self._runner, self._arena = shape, runner, arena
        self._name, self._decoder, self._flow = name, decoder, decoder.flow(name)
        self._masks, self._limits = masks, limits
        self._numbers = Numbers(seed)
        self._focus = focus
        self._unused = unused_bits(shape)
        self._probes: list[Probed] = []
        self._taken: frozenset[Edge] = frozenset()
        self._room = _MOST_BYTES
        self._alike: dict[str, list[list[int]]] = {}
        self._covered: frozenset[Edge] = frozenset()
        self._reached: frozenset[int] = frozenset()
        self._called: frozenset[tuple[int, int]] = frozenset()
        self._discarded = 0
        self._frame_pointer = False
        self._shrink = False
        self._steps = 0
        self._wishes = Wishes(shape, self._numbers, limits.directed, focus=focus)
        self._cut = False  # was the time over before all that must be tried was?
        self._outside: list[Probed] = []
        self._least = 0
        self._end = 0.0

    def gather(self) -> Gathered:
        """Gather until edges stop growing, the most cases are kept, or the time is over."""
        self._end = time.monotonic() + self._limits.seconds
        wishes = self._wishes.every()
        quiet = 0
        while time.monotonic() < self._end:
            if self._complete and len(self._probes) >= self._limits.most:
                break
            batch = list(itertools.islice(wishes, ROUND))
            if not batch or self._frame_pointer:
                break
            before = len(self._covered), len(self._reached)
            while batch:
                batch = batch[self._round(batch) :]
            quiet = 0 if before != (len(self._covered), len(self._reached)) else quiet + 1
            enough = len(self._probes) >= self._limits.least or self._room <= 0
            enough = enough and self._complete
            if quiet >= _QUIET_ROUNDS and enough:
                break
            if quiet >= 8 * _QUIET_ROUNDS and not self._probes:
                break
        if not self._focus and not self._frame_pointer:
            if self._missing() and time.monotonic() > self._end:
                self._cut = True  # what no input takes may be infeasible, but who knows
            elif self._missing():
                proved = self._decoder.proved(self._name)
                self._flow = self._flow.without(proved, self._covered, self._reached)
            self._reach()
            self._probes += self._admitted(landed(self._probes, self._shape), _STEPS)
            self._flow = excluded(self._flow, self._outside, self._probes)
            self._vary_scalars()
            self._long_cases()
        return Gathered(
            tuple(self._probes),
            tuple(self._constant()),
            self._covered,
            self._reached,
            self._discarded,
            self._frame_pointer,
            self._complete,
            self._least,
            self._flow,
            self._called,
            self.outside,
        )

    @property
    def _complete(self) -> bool:
        return self._wishes.complete and not self._cut

    def _missing(self) -> bool:
        flow = self._flow
        return not (flow.edges <= self._covered and flow.addresses <= self._reached)

    def _reach(self) -> None:
        """Aim at edges that no input has taken yet."""
        if self._flow.edges - self._covered and self._shape.has_memory:
            every = list(repeats(self._shape, self._numbers))
            some = self._numbers.sample(every, min(len(every), _REPEATS))
            for count in _REPEATED:
                self._probes += self._fresh([each.of(count) for each in some], _STEPS)
        for _ in range(_AIMING):
            missing = self._flow.edges - self._covered
            if not missing or time.monotonic() > self._end:
                return
            jumps = {edge[0] for edge in missing}
            near = [p for p in self._probes if any(edge[0] in jumps for edge in p.edges)]
            sites = deciding(self._decoder.body(self._name), missing)
            before = len(self._covered)
            self._probes += self._aimed(self._name, sites, near)
            if len(self._covered) == before:
                self._probes += self._strewn(near)
            if len(self._covered) == before:
                return

    def _strewn(self, near: Sequence[Probed]) -> list[Probed]:
        """Those of inputs with a word of one of these changed to anything that take a new edge."""
        if self._shape.nans is not NaNs.MOVED:
            return []
        short = sorted((p for p in near if p.steps <= _STEPS // 4), key=lambda p: p.steps)
        chosen = self._numbers.sample(short, min(len(short), _STREWN_FROM))
        world = self._shape, self._decoder, self._runner, self._arena, self._name, self._masks
        words, bases = self._shape.dictionary, [p.whole for p in chosen]
        cases = strewing.variants(bases, Loads(*world), self._numbers, words, _STREWN)
        return self._fresh(cases, _FAR_STEPS)

    def _fresh(self, cases: Sequence[Case], steps: int) -> list[Probed]:
        """Those of these inputs that take an edge which none took before."""
        before = self._covered
        return [p for p in self._admitted(cases, steps) if p.edges - before]

    def aimed_at(self, label: str, probes: Sequence[Probed]) -> list[Probed]:
        """Inputs made of those of `probes` that tip what the function `label` compares."""
        self._end = time.monotonic() + self._limits.seconds
        found: list[Probed] = []
        for _ in range(2):  # what the first ones lead to is aimed at as well
            found += self._aimed(label, comparisons(self._decoder.body(label)), found or probes)
        return found

    def _aimed(
        self, label: str, sites: Sequence[Instruction], probes: Sequence[Probed]
    ) -> list[Probed]:
        short = [p for p in probes if p.steps <= _STEPS // 4]
        chosen = self._numbers.sample(short, min(len(short), _AIMED_FROM))
        if not chosen or not sites:
            return []
        run = self._traced([p.whole for p in chosen], _STEPS, label)
        cases = aim(
            run, self._decoder.accesses(run.trace), sites, self._arena, self._shape.types,
            _AIMED, self._numbers,
        )  # fmt: skip
        return self._admitted(cases, _STEPS)

    def tried(self, cases: Sequence[Case]) -> list[Probed]:
        """Those of these inputs that gcc's code stays within."""
        self._end = time.monotonic() + self._limits.seconds
        return self._admitted(cases, _LONG_STEPS)

    def _admitted(self, cases: Sequence[Case], steps: int) -> list[Probed]:
        kinds = (self._shape.types[index] for index in self._shape.parameters)
        restricted = any(isinstance(kind, Pointer) and kind.restrict for kind in kinds)
        aimed = Wish(0, unwritten=restricted)
        found: list[Probed] = []
        for at in range(0, len(cases), ROUND):
            if time.monotonic() > self._end:
                break
            probed = self._probe(list(cases[at : at + ROUND]), steps)
            found += [p for p in probed if isinstance(p, Probed) and _allowed(p.case, aimed)]
        return found

    def _round(self, wishes: Sequence[Wish]) -> int:
        """Try so many of the wishes as memory allows; their number, all of them when time ends."""
        done, room = len(wishes), _ROUND_BYTES
        cases: list[Case] = []
        wished: list[Wish] = []
        twins: dict[int, int] = {}
        for number, wish in enumerate(wishes):
            if time.monotonic() > self._end:
                self._cut = True
                break
            if room < 0:
                done = number
                break
            if self._shrink and wish.fixed:
                wish = Wish(wish.size, {p: v % 4096 for p, v in wish.fixed.items()}, wish.alias)
            if self._steps > _STEP_BUDGET:
                wish = dataclasses.replace(wish, size=wish.size % _SMALL)
            wish = dataclasses.replace(wish, least=self._least)
            maker = Maker(self._shape, wish, self._numbers)
            cases.append(maker.case())
            wished.append(wish)
            room -= weight(cases[-1])
            if number % 8 == 0 and self._shape.has_memory:
                for _ in range(2):
                    twins[len(cases)] = len(cases) - 1 - (len(cases) - 1 in twins)
                    cases.append(maker.twin(cases[twins[len(cases)]]))
                    wished.append(wish)
        probes = self._probed(cases, wished)
        kept: dict[int, int] = {}
        for number, probe in enumerate(probes):
            if (
                isinstance(probe, Probed)
                and _allowed(probe.case, wished[number])
                and self._has_room(probe)
            ):
                kept[number] = len(self._probes)
                self._probes.append(probe)
        self._note_groups(kept, twins)
        return done

    def _probed(self, cases: Sequence[Case], wished: Sequence[Wish]) -> list[Probed | Wild]:
        """Loops over a length that no object has end where patience does: for those it is short."""
        far = [i for i, wish in enumerate(wished) if self._shape.has_memory and _is_far(wish)]
        near = sorted({*range(len(cases))} - {*far})
        found: dict[int, Probed | Wild] = {}
        for which, steps in ((near, _STEPS), (far, _FAR_STEPS)):
            found.update(zip(which, self._probe([cases[i] for i in which], steps), strict=True))
        return [found[i] for i in range(len(cases))]

    def _has_room(self, probe: Probed) -> bool:
        """Of very large inputs some are enough, and those that take an edge which none takes."""
        if self._room <= 0 and probe.edges <= self._taken:
            return False
        self._taken |= probe.edges
        self._room -= weight(probe.whole) + weight(probe.case)
        return True

    def _note_groups(self, kept: dict[int, int], twins: dict[int, int]) -> None:
        if not self._shape.has_memory:
            # Without memory every input has the same shape: none.
            everything = self._alike.setdefault("arguments", [[]])[0]
            everything += list(kept.values())[: 64 - len(everything)]
            return
        grouped: dict[int, list[int]] = {}
        for twin, first in twins.items():
            if twin in kept and first in kept:
                grouped.setdefault(first, [kept[first]]).append(kept[twin])
        self._alike.setdefault("memory", []).extend(grouped.values())

    def _is_constant(self, groups: Sequence[Sequence[int]]) -> bool:
        return all(len({self._probes[i].path for i in group}) == 1 for group in groups if group)

    def _constant(self) -> Iterator[Group]:
        """The groups of the kinds of data that never show in the target's trace."""
        for kind, groups in self._alike.items():
            if self._is_constant(groups):
                yield from (Group(kind, tuple(group)) for group in groups if len(group) > 1)

    def _vary_scalars(self) -> None:
        """Vary one scalar at a time: those that the target treats as data make groups."""
        if self._room <= 0:
            return
        cases = [probe.whole for probe in self._probes]
        found = scalars(cases)
        known = self._alike.get("arguments", [])
        if known and (len(found) < 2 or self._is_constant(known)):
            return
        chosen = bases(self._probes)
        for scalar in found:
            # Most scalars are lengths, which the first inputs show.
            made: list[list[Probed]] = []
            for part in (chosen[:2], chosen[2:]):
                groups = self._varied(scalar, part, cases)
                if groups is None:
                    break
                made += groups
            else:
                self._keep_groups(f"{scalar[0]} {scalar[1]}", chosen, made)

    def _varied(
        self, scalar: Scalar, chosen: Sequence[int], cases: Sequence[Case]
    ) -> list[list[Probed]] | None:
        """Per input its variants; None if the target's trace tells any of them from it."""
        groups = [
            [v for v in variants(cases[i], scalar, cases, self._numbers) if admits(v, self._shape)]
            for i in chosen
        ]
        steps = max((self._probes[i].steps for i in chosen), default=0)
        every = [case for group in groups for case in group]
        if not every or time.monotonic() > self._end:
            return None if every else [[] for _ in chosen]
        probed = iter(self._probe(every, steps + 1))
        found: list[list[Probed]] = []
        for i, group in zip(chosen, groups, strict=True):
            mine = [next(probed, None) for _ in group]
            same = [p for p in mine if isinstance(p, Probed) and p.path == self._probes[i].path]
            if len(same) < len(group):
                return None
            found.append(same)
        return found

    def _keep_groups(self, kind: str, chosen: Sequence[int], made: list[list[Probed]]) -> None:
        for i, group in zip(chosen, made, strict=True):
            first = len(self._probes)
            self._probes += group
            self._alike.setdefault(kind, []).append([i, *range(first, len(self._probes))])

    def _probe(self, cases: list[Case], steps: int) -> list[Probed | Wild]:
        admitted = [case for case in cases if admits(case, self._shape)]
        found: list[Probed | Wild] = []
        for part in parts(admitted):
            run = self._traced(part, steps, self._name)
            probes = read_probes(run, self._decoder, self._flow, self._promised)
            self._note(run, probes)
            self._grow(part, probes)
            found += [*probes, *[Wild(0)] * (len(part) - len(probes))]
        if len(admitted) == len(cases):
            return found
        self._look_outside([c for c in cases if not admits(c, self._shape)], steps)
        made = {id(case): probe for case, probe in zip(admitted, found, strict=True)}
        return [made.get(id(case), Wild(0)) for case in cases]

    @property
    def outside(self) -> tuple[Case, ...]:
        """Inputs tried so far that the author's promises exclude."""
        return tuple(probe.whole for probe in self._outside)

    def _look_outside(self, cases: list[Case], steps: int) -> None:
        """What gcc's code does where the author's promises do not hold."""
        room = _OUTSIDE - len(self._outside)
        for part in parts(cases[:room]):
            run = self._traced(part, steps, self._name)
            probes = read_probes(run, self._decoder, self._flow)
            self._outside += [p for p in probes if isinstance(p, Probed)]

    def _promised(self, case: Case) -> Iterator[tuple[int, int, int]]:
        return promised(case, self._shape)

    def _grow(self, cases: Sequence[Case], probes: list[Probed | Wild]) -> None:
        """Try what failed for too small an object once more, with larger ones: for indices that
        point far, not for loops."""
        small = too_small(probes)
        if not small or time.monotonic() > self._end:
            return
        wanted = [(cases[i], probes[i]) for i in small]
        run = self._traced([grown(c, p.needs) for c, p in wanted if isinstance(p, Wild)],
                           _GROWN_STEPS, self._name)  # fmt: skip
        grown_probes = read_probes(run, self._decoder, self._flow, self._promised)
        for i, probe in zip(small, grown_probes, strict=False):
            if isinstance(probe, Probed):
                probes[i] = probe
                self._discarded -= 1

    def _traced(self, cases: list[Case], steps: int, label: str) -> Run:
        style = Style(at_end=False, room=ROOM, unused=self._unused, calls=0)
        batch = encode_batch(cases, self._arena, (style,), self._numbers.getrandbits(32))
        mode = Mode(noise=self._numbers.getrandbits(63), steps=steps, ticks=40)
        return self._decoder.follow(self._runner, label, batch, mode, self._masks)

    def _note(self, run: Run, probes: list[Probed | Wild]) -> None:
        self._steps += len(run.trace)
        good = [probe for probe in probes if isinstance(probe, Probed)]
        self._covered |= edges_of(good)
        self._reached |= addresses_of(good)
        self._called |= calls_of(run.trace)
        long = sum(run.status(i) in (Status.STEPS, Status.TIMEOUT) for i in range(run.done))
        self._shrink = self._shrink or (not self._shape.has_memory and long > run.done // 8)
        self._discarded += sum(isinstance(p, Wild) for p in probes) - long
        needs = sorted(p.needs for p in probes if isinstance(p, Wild) and p.needs)
        if len(needs) > len(probes) // _OFTEN:
            self._least = min(max(self._least, needs[len(needs) * 9 // 10]), _MOST_LEAST)
        self._frame_pointer = self._frame_pointer or bool((run.diags[:, 5] & 1).any())
        if run.end != End.FINISHED:
            self._discarded += len(run.batch.cases) - run.done

    def _large(self) -> Wish:
        return Wish(self._numbers.choice(LARGE), typical=True, least=self._least)

    def _long_cases(self) -> None:
        """A few thousand elements, where the target's work allows it."""
        if not self._shape.has_memory or not self._probes:
            return
        cases = [
            Maker(self._shape, self._large(), self._numbers).case() for _ in range(_LONG_CASES)
        ]
        for at in range(0, len(cases), 4):
            if time.monotonic() > self._end:
                break
            for probe in self._probe(cases[at : at + 4], _LONG_STEPS):
                if isinstance(probe, Probed):
                    self._probes.append(probe)


def _is_far(wish: Wish) -> bool:
    return any(value > LARGE[-1] for value in wish.fixed.values())


def _allowed(case: Case, wish: Wish) -> bool:
    """`restrict` pointers may be equal only where nothing is written through them."""
    if not wish.unwritten:
        return True
    refs = [w.object for w in (*case.ints, *case.stack) if isinstance(w, Ref)]
    shared = {o for o in refs if isinstance(o, int) and refs.count(o) > 1}
    return not any(case.objects[o].written for o in shared)


def unused_bits(shape: Shape) -> tuple[int, ...]:
    """Per argument the mask of bits that its type leaves undefined, as `Style.unused` has them."""
    words = [word for each in shape.locations for word in each.words]
    depth = max((word.number + 1 for word in words if word.kind == "stack"), default=0)
    masks = [0] * (GPRS + XMMS) + [(1 << 64) - 1] * depth  # between those on the stack: all bits
    first = {"int": 0, "sse": GPRS, "stack": GPRS + XMMS}
    for word in words:
        whole = (1 << (128 if word.kind == "sse" else 64)) - 1
        masks[first[word.kind] + word.number] = whole & ~((1 << word.bits) - 1)
    return tuple(masks)
