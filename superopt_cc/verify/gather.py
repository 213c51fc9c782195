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
from superopt_cc.cases import Case, Ref, parts
from superopt_cc.verify import alias
from superopt_cc.verify.aim import aim, comparisons, deciding
from superopt_cc.verify.ctype import Bool, Enum, Int, Pointer, size_of
from superopt_cc.verify.grow import grown, too_small
from superopt_cc.verify.inputs import Maker
from superopt_cc.verify.layout import Arena, Style, encode_batch
from superopt_cc.verify.probe import ROOM, Probed, Wild, read_probes
from superopt_cc.verify.runner import End, Masks, Mode, Run, Runner, Status
from superopt_cc.verify.shape import Shape, Wish
from superopt_cc.verify.trace import Decoder, Edge, Flow, calls_of
from superopt_cc.verify.values import Numbers, integer_edges
from superopt_cc.verify.variation import Group, Scalar, bases, scalars, variants
from superopt_cc.verify.wide import spread

_ROUND = 96
_STEPS = 10_000
_LONG_STEPS = 100_000
_GROWN_STEPS = 1000
_LONG_CASES = 8
# Steps cost time, most where only traps show them: past this, only small inputs are made.
_STEP_BUDGET = 800_000
_SMALL = 12
# Objects grow when more than one input in so many was too small, up to a bound.
_OFTEN = 8
_MOST_LEAST = 1 << 14
_MOST_BYTES = 16 << 20
_SIZES = (*range(41), 47, 48, 49, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257)
# Directed inputs are many: the sizes that vector tails need come with the others.
_FEW = (3, 0, 5, 1, 8, 2, 16, 4, 9, 7, 17, 12, 20)
_LARGE = (512, 1000, 1024, 4095, 4096)
_QUIET_ROUNDS = 4
# Aiming: rounds, inputs that it starts from, inputs that it makes in one round.
_AIMING, _AIMED_FROM, _AIMED = 3, 48, 192
_PAIRS, _CORNERS = 480, 150
_OVERLAP_PAIRS = 6
_DISTANCES = (0, 1, -1, 2, -2, 3, -3, 4, -4, 8, -8, 15, -15)


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
    is left out.  `called`: as `trace.calls_of`.
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
        self._complete = False
        self._least = 0
        self._end = 0.0

    def gather(self) -> Gathered:
        """Gather until edges stop growing, the most cases are kept, or the time is over."""
        self._end = time.monotonic() + self._limits.seconds
        wishes = self._wishes()
        quiet = 0
        while time.monotonic() < self._end:
            if self._complete and len(self._probes) >= self._limits.most:
                break
            batch = list(itertools.islice(wishes, _ROUND))
            if not batch:
                break
            before = len(self._covered), len(self._reached)
            self._round(batch)
            quiet = 0 if before != (len(self._covered), len(self._reached)) else quiet + 1
            enough = len(self._probes) >= self._limits.least or self._room <= 0
            enough = enough and self._complete
            if quiet >= _QUIET_ROUNDS and enough:
                break
            if quiet >= 8 * _QUIET_ROUNDS and not self._probes:
                break
        if not self._focus:
            if self._missing() and time.monotonic() > self._end:
                self._complete = False  # what no input takes may be infeasible, but who knows
            elif self._missing():
                proved = self._decoder.proved(self._name)
                self._flow = self._flow.without(proved, self._covered, self._reached)
            self._reach()
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
        )

    def _missing(self) -> bool:
        flow = self._flow
        return not (flow.edges <= self._covered and flow.addresses <= self._reached)

    def _reach(self) -> None:
        """Aim at edges that no input has taken yet."""
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
                return

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
        kinds = (self._shape.types[index] for index in self._shape.parameters)
        restricted = any(isinstance(kind, Pointer) and kind.restrict for kind in kinds)
        aimed = Wish(0, unwritten=restricted)
        found: list[Probed] = []
        for at in range(0, len(cases), _ROUND):
            if time.monotonic() > self._end:
                break
            probed = self._probe(cases[at : at + _ROUND], _STEPS)
            found += [p for p in probed if isinstance(p, Probed) and _allowed(p.case, aimed)]
        return found

    def _wishes(self) -> Iterator[Wish]:
        """Fixed arguments first (edges and dictionary, alone), then in pairs, then random."""
        sizes = itertools.cycle(_SIZES)
        if not self._focus:
            yield from (Wish(next(sizes), alias=False) for _ in range(_ROUND))
        repeat = 1 if self._shape.has_memory else 2
        few = itertools.cycle(_FEW)
        for position, value in self._directed()[: self._limits.directed] * repeat:
            # A constant may be a length: the objects are made large enough for it.
            size = value if 0 < value <= _LARGE[-1] else next(few)
            yield Wish(size, {position: value}, self._numbers.random() < 0.3)
        for pair in self._pairs():
            yield Wish(next(few), pair, self._numbers.random() < 0.3)
        if not self._focus:
            yield from self._overlaps()
        self._complete = True
        while not self._focus:
            yield Wish(next(sizes), alias=self._numbers.random() < 0.5)
        yield from (Wish(next(sizes)) for _ in range(_ROUND // 2))

    def _overlaps(self) -> Iterator[Wish]:
        """Every pair of pointers that may overlap, at several distances, more than once."""
        pairs = alias.pairs(self._shape, restrict=False)
        holders = alias.holders(self._shape)[:_OVERLAP_PAIRS]
        for size in (7, 19, 36):
            for first, second in alias.pairs(self._shape, restrict=True)[:_OVERLAP_PAIRS]:
                yield Wish(size, overlap=(first, second, 0), unwritten=True, typical=True)
            for first, second in pairs[:_OVERLAP_PAIRS]:
                for elements in _DISTANCES:
                    yield Wish(size, overlap=(first, second, elements), typical=True)
            for pair in holders:
                yield from (Wish(size, inside=pair) for _ in _DISTANCES)

    def _positions(self) -> list[tuple[int, int]]:
        """(parameter, bit mask of its type) for every integer parameter."""
        types = self._shape.types
        return [
            (p, 1 if isinstance(types[index], Bool) else (1 << 8 * size_of(types, index)) - 1)
            for p, index in enumerate(self._shape.parameters)
            if isinstance(types[index], (Int, Enum, Bool))
        ]

    def _directed(self) -> list[tuple[int, int]]:
        """(parameter, value): the constants themselves come before neighbours and edges."""
        words = self._shape.dictionary
        first: list[tuple[int, int]] = []
        rest: list[tuple[int, int]] = []
        for position, mask in self._positions():
            base = spread(words.base, mask)
            others = spread(words.integers, mask) - base
            if not self._focus:
                edges = integer_edges((mask.bit_length() + 7) // 8)
                others |= {v & mask for v in edges} - base
            first += [(position, v) for v in sorted(base)]
            rest += [(position, v) for v in sorted(others)]
        self._numbers.shuffle(rest)
        return first + rest

    def _pairs(self) -> list[dict[int, int]]:
        """Two arguments at once: every pair of constants where they are few, else a sample."""
        words = self._shape.dictionary
        pairs = [
            {p: a & mask, q: b & other}
            for (p, mask), (q, other) in itertools.combinations(self._positions(), 2)
            for a in words.base
            for b in words.base
        ]
        self._numbers.shuffle(pairs)
        pairs = self._corners() + pairs if not self._focus else pairs
        directed = self._directed()
        if len(self._positions()) > 1 and not self._focus:
            pairs[_PAIRS:] = [dict(self._numbers.choices(directed, k=2)) for _ in range(_ROUND)]
        return pairs[: _PAIRS + _ROUND]

    def _corners(self) -> list[dict[int, int]]:
        """Smallest, largest, -1, 0 and 1 in two arguments at once."""
        found: list[dict[int, int]] = []
        for (p, mask), (q, other) in itertools.combinations(self._positions(), 2):
            for a in (0, 1, mask, mask >> 1, (mask >> 1) + 1):
                for b in (0, 1, other, other >> 1, (other >> 1) + 1):
                    found.append({p: a & mask, q: b & other})
        self._numbers.shuffle(found)
        return found[:_CORNERS]

    def _round(self, wishes: list[Wish]) -> None:
        cases: list[Case] = []
        wished: list[Wish] = []
        twins: dict[int, int] = {}
        for number, wish in enumerate(wishes):
            if time.monotonic() > self._end:
                self._complete = False
                break
            if self._shrink and wish.fixed:
                wish = Wish(wish.size, {p: v % 4096 for p, v in wish.fixed.items()}, wish.alias)
            if self._steps > _STEP_BUDGET:
                wish = dataclasses.replace(wish, size=wish.size % _SMALL)
            wish = dataclasses.replace(wish, least=self._least)
            maker = Maker(self._shape, wish, self._numbers)
            cases.append(maker.case())
            wished.append(wish)
            if number % 8 == 0 and self._shape.has_memory:
                for _ in range(2):
                    twins[len(cases)] = len(cases) - 1 - (len(cases) - 1 in twins)
                    cases.append(maker.twin(cases[twins[len(cases)]]))
                    wished.append(wish)
        probes = self._probe(cases, _STEPS)
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

    def _has_room(self, probe: Probed) -> bool:
        """Of very large inputs some are enough, and those that take an edge which none takes."""
        if self._room <= 0 and probe.edges <= self._taken:
            return False
        self._taken |= probe.edges
        blobs = (*probe.whole.objects, *probe.case.objects)
        self._room -= sum(len(blob.data) for blob in blobs)
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
        groups = [variants(cases[i], scalar, cases, self._numbers) for i in chosen]
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
        found: list[Probed | Wild] = []
        for part in parts(cases):
            run = self._traced(part, steps, self._name)
            probes = read_probes(run, self._decoder, self._flow)
            self._note(run, probes)
            self._grow(part, probes)
            found += [*probes, *[Wild(0)] * (len(part) - len(probes))]
        return found

    def _grow(self, cases: Sequence[Case], probes: list[Probed | Wild]) -> None:
        """Try what failed for too small an object once more, with larger ones: for indices that
        point far, not for loops."""
        small = too_small(probes)
        if not small or time.monotonic() > self._end:
            return
        wanted = [(cases[i], probes[i]) for i in small]
        run = self._traced([grown(c, p.needs) for c, p in wanted if isinstance(p, Wild)],
                           _GROWN_STEPS, self._name)  # fmt: skip
        for i, probe in zip(small, read_probes(run, self._decoder, self._flow), strict=False):
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
        self._covered |= self._flow.taken(run.trace)
        self._reached |= self._flow.reached(run.trace)
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
        return Wish(self._numbers.choice(_LARGE), typical=True, least=self._least)

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


def _allowed(case: Case, wish: Wish) -> bool:
    """`restrict` pointers may be equal only where nothing is written through them."""
    if not wish.unwritten:
        return True
    refs = [w.object for w in (*case.ints, *case.stack) if isinstance(w, Ref)]
    shared = {o for o in refs if isinstance(o, int) and refs.count(o) > 1}
    return not any(case.objects[o].written for o in shared)


def unused_bits(shape: Shape) -> tuple[int, ...]:
    """Per integer register argument the mask of bits that its type leaves undefined."""
    return tuple(
        ((1 << 64) - 1) & ~((1 << location.bits) - 1)
        for location in (word for each in shape.locations for word in each.words)
        if location.kind == "int"
    )
