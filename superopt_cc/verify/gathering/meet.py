"""Inputs on which two compared values meet: equal, or one apart.

`aim` changes the word that a comparison looks at.  Here the values may be worked out in any way,
a sum or a product of many words: how the gap between them moves when words change shows what
would close it.  Following a comparison's distance is known from fuzzers as value profiles.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
import random
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from superopt_cc.assembly.closure import Body
from superopt_cc.assembly.decode import Instruction
from superopt_cc.cases import Case
from superopt_cc.errors import ToolchainError
from superopt_cc.verify.gathering.bench import Bench
from superopt_cc.verify.gathering.compared import FAR, Gaps, Relation, relations
from superopt_cc.verify.gathering.gather import unused_bits
from superopt_cc.verify.gathering.places import Place, write
from superopt_cc.verify.gathering.solving import (
    Slope,
    Solution,
    alone,
    between,
    flipped,
    solutions,
    together,
)
from superopt_cc.verify.gathering.watching import Owners, Reports, Seen, Watching
from superopt_cc.verify.gathering.words import Loads
from superopt_cc.verify.running.strip import Change, Strip

# Work is counted in reports; an execution costs so many more.
_EXECUTION = 20
# Work for one body, for a relation that was never equal, for one that was, but not last.
_MOST, _UNMET, _NOT_LAST = 1_000_000, 400_000, 100_000
# In one run; steps of one input: longer ones show nothing.
_ROWS, _LONGEST = 200_000, 1_500
# Work on one base, and on one batch of it.
_BASE, _BATCH = 150_000, 50_000
_WORDS, _ROUNDS, _CASES, _AT_ONCE = 120, 5, 600, 128
_CHEAP = 400
_GETS_NEARER = 0.7  # or the base is left
# Words whose values are tried at every scale, intervals looked into, points and times.
_SCANNED, _INTERVALS, _POINTS, _HALVINGS = 8, 6, 24, 15
_EACH = 2  # inputs kept for one goal
_NEAR = (0, 1, -1)
_MEMORY = ("object", "global")
# How many inputs of one batch may run for too long.
_SLOW = 3
# Words that may be factors of each other's, and by what one of them changes.
_FACTORS, _SMALL = 3, range(1, 33)

# A gap, and must it be the last one of its input?  What is compared later may hide the earlier.
_Goal = tuple[int, bool]


@dataclasses.dataclass(frozen=True, slots=True)
class _Base:
    """An input to start from and the visit whose gap is followed (from the end if negative)."""

    case: Case
    visit: int
    gap: int
    cost: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Ground:
    """A base made ready: the words that may change, and those that were changed."""

    strip: Strip
    words: Sequence[tuple[Place, int]]
    visit: int
    changed: Solution
    cost: int

    def value(self, number: int) -> int:
        return self.changed.get(number, self.words[number][1])

    def bits(self, number: int) -> int:
        return 8 * self.words[number][0].size

    def changes(self, solution: Solution) -> list[Change]:
        both = {**self.changed, **solution}
        return [(self.words[number][0], value) for number, value in both.items()]


def meet(
    bench: Bench, body: Body, code: Sequence[Instruction], loads: Loads, cases: Sequence[Case],
    seed: int, in_time: Callable[[], None] = lambda: None,
) -> list[Case]:  # fmt: skip
    """Cases made of these on which values meet that a body compares; `code` is its decoded text.

    None where it cannot be watched.  `in_time` is called now and then; what it raises ends it.
    """
    known = relations(code)
    if not known or not cases:
        return []
    try:
        watching = Watching(bench, body, known, unused_bits(bench.around.shape))
    except ToolchainError:
        return []
    with watching:
        meeting = Meeting(known, loads, random.Random(seed), in_time)
        meeting.begin(watching, cases)
    if meeting.unmet:
        with Watching(bench, body, meeting.unmet, unused_bits(bench.around.shape)) as watching:
            meeting.search(watching)
    return meeting.found


class Meeting:
    """Searches inputs for one body that reports what it compares; those found are in `found`."""

    def __init__(
        self, relations: Sequence[Relation], loads: Loads, numbers: random.Random,
        in_time: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._loads, self._numbers, self._in_time = loads, numbers, in_time
        self._open: dict[Relation, dict[_Goal, int]] = {
            relation: {(gap, last): _EACH for gap in _NEAR for last in (True, False)}
            for relation in relations
        }
        self._starts: dict[Relation, list[_Base]] = {}
        self._room = _MOST
        self.found: list[Case] = []

    def begin(self, watching: Watching, cases: Sequence[Case]) -> None:
        """What these inputs meet is no goal; where they come near, the search begins."""
        for part in _parts(cases[:_CASES]):
            batch = watching.encoded(part, self._numbers.getrandbits(32))
            reports = watching.run(batch, _LONGEST)
            for relation in self._open:
                seen = reports.of(relation)
                self._close(relation, seen)
                starts = _starts(seen, relation, part, reports.counts)
                self._starts.setdefault(relation, []).extend(starts)
        self._open = {r: goals for r, goals in self._open.items() if not self._is_met(r)}

    @property
    def unmet(self) -> list[Relation]:
        """What is still to be met and was ever compared."""
        return [relation for relation in self._open if self._starts.get(relation)]

    def search(self, watching: Watching) -> None:
        """Look for inputs that meet the goals that are left."""
        self._watching = watching
        for relation in sorted(self.unmet, key=lambda r: (0, False) not in self._open[r]):
            budget = _UNMET if (0, False) in self._open[relation] else _NOT_LAST
            self._pursue(relation, _best(self._starts[relation]), budget)

    def _pursue(self, relation: Relation, bases: Iterable[_Base], budget: int) -> None:
        end = self._room - budget
        for base in bases:
            least = max(self._room - _BASE, end, 0)
            words = self._loads.words(base.case)
            strip = self._watching.strip(base.case, self._numbers.getrandbits(32))
            ground: _Ground | None = _Ground(strip, words, base.visit, {}, base.cost)
            for _ in range(_ROUNDS):
                self._in_time()
                if self._room < least or self._is_met(relation) or ground is None:
                    break
                ground = self._step(relation, ground)
            if self._is_met(relation):
                return

    def _is_met(self, relation: Relation) -> bool:
        """Are both values equal on some input, at the last visit?"""
        return (0, True) not in self._open[relation]

    def _close(self, relation: Relation, seen: Seen) -> None:
        """What ordinary inputs meet is no goal."""
        for goal in list(self._open[relation]):
            if len(_hits(seen, relation, goal)):
                del self._open[relation][goal]

    # One step from one ground

    def _step(self, relation: Relation, ground: _Ground) -> _Ground | None:
        """Change words one by one, then by what that showed: the nearest found; None if no
        nearer one was found."""
        tried: list[Solution] = [{}]
        for number in self._some(ground):
            tried += [{number: value} for value in _around(ground, number)]
        gaps = self._try(relation, ground, tried)
        here = int(gaps[0])
        if abs(here) == FAR:
            return None
        moving = _moving(tried, gaps)
        second: list[Solution] = []
        slopes = _slopes(ground, tried, gaps)
        guessed = _guessed(ground, slopes)
        for goal in _NEAR:
            second += solutions(slopes, goal - here, relation.bits)
            second += together([*slopes, *guessed], goal - here) if guessed else ()
        scan = self._scan(ground, moving)
        second += scan
        more = self._try(relation, ground, second)
        tried, gaps = tried + second, np.concatenate([gaps, more])
        third = list(_flips(ground, scan, more[len(second) - len(scan) :], here))
        gaps = np.concatenate([gaps, self._try(relation, ground, third)])
        tried += third
        if not self._is_met(relation):
            tried, gaps = self._narrow(relation, ground, tried, gaps)
        if not self._is_met(relation):
            self._in_pairs(relation, ground, moving)
        nearest = int(np.argmin(_sizes(gaps)))
        if _sizes(gaps)[nearest] > abs(here) * _GETS_NEARER:
            return None
        changed = {**ground.changed, **tried[nearest]}
        return dataclasses.replace(ground, changed=changed)

    def _some(self, ground: _Ground) -> list[int]:
        """Words to try: all that are passed, and of those in memory as many as cost allows."""
        count = len(ground.words)
        inside = [n for n, (place, _) in enumerate(ground.words) if place.kind in _MEMORY]
        most = min(_WORDS, max(_BATCH // (3 * ground.cost), 8))
        if count <= most:
            return list(range(count))
        chosen = {*self._numbers.sample(inside, min(most, len(inside))), *inside[:2], *inside[-4:]}
        return sorted({*range(count)} - {*inside} | chosen)

    def _scan(self, ground: _Ground, moving: Sequence[int]) -> list[Solution]:
        """Values of some words at every scale."""
        others = [n for n in range(len(ground.words)) if n not in set(moving)]
        most = min(_SCANNED, max(_BATCH // (60 * ground.cost), 1))
        numbers = [*moving[:most], *self._numbers.sample(others, min(len(others), 1))]
        found: list[Solution] = []
        for number in numbers:
            value, bits = ground.value(number), ground.bits(number)
            most = (1 << bits) - 1
            values = {0, most, most >> 1, ~value & most}
            for bit in range(bits):
                values |= {value ^ 1 << bit, value + (1 << bit) & most, value - (1 << bit) & most}
            found += [{number: other} for other in sorted(values - {value})]
        return found

    def _narrow(
        self, relation: Relation, ground: _Ground, tried: list[Solution], gaps: Gaps
    ) -> tuple[list[Solution], Gaps]:
        """Look between two values of a word where the gap changes its sign."""
        intervals = _crossings(ground, tried, gaps)[:_INTERVALS]
        for _ in range(_HALVINGS):
            inner: list[Solution] = []
            for number, low, high in intervals:
                inner += [{number: v} for v in between(low, high, _POINTS)]
            if not inner or self._is_met(relation) or self._room < 0:
                break
            more = self._try(relation, ground, inner)
            tried, gaps = tried + inner, np.concatenate([gaps, more])
            wanted = {(number, low, high) for number, low, high in intervals}
            intervals = [
                c for c in _crossings(ground, tried, gaps)
                if any(c[0] == n and low <= c[1] and c[2] <= high for n, low, high in wanted)
            ][:_INTERVALS]  # fmt: skip
        return tried, gaps

    def _in_pairs(self, relation: Relation, ground: _Ground, moving: Sequence[int]) -> None:
        """Another value of one word, and what a second one must be then: factors."""
        pairs = list(itertools.permutations(moving[:_FACTORS], 2))
        if len(pairs) * len(_SMALL) * 4 * ground.cost > _BATCH:
            return
        for first, second in pairs:
            value, bits = ground.value(first), ground.bits(first)
            other, most = ground.value(second), (1 << ground.bits(second)) - 1
            firsts = sorted(
                {v & (1 << bits) - 1 for k in _SMALL for v in (k, value + k, value - k)}
            )
            tried = [{first: v, second: w} for v in firsts for w in (other, other + 1 & most)]
            gaps = self._try(relation, ground, tried)
            solved: list[Solution] = []
            for v, here, there in zip(firsts, gaps[::2].tolist(), gaps[1::2].tolist(), strict=True):
                if FAR in (abs(here), abs(there)) or here == there:
                    continue
                slope = Slope(second, other, ground.bits(second), there - here)
                solved += [{first: v, **each} for each in alone([slope], -here, relation.bits)]
            self._try(relation, ground, solved)

    # Running

    def _try(self, relation: Relation, ground: _Ground, tried: Sequence[Solution]) -> Gaps:
        """The gaps of variants; what meets is kept."""
        gaps = np.full(len(tried), FAR)
        rows, at, patience = 1, 0, _SLOW
        while at < len(tried) and self._room >= 0 and patience:
            part = tried[at : at + max(_ROWS // rows, 1)] if at else tried[:1]
            batch = ground.strip.batch([ground.changes(each) for each in part])
            reports = self._watching.run(batch, _LONGEST)
            done = reports.count
            gaps[at : at + done] = reports.of(relation).at(ground.visit)
            self._keep(reports, ground, part)
            self._room -= max(done, 1) * ground.cost
            rows = max(rows, reports.most)
            patience -= done < len(part)  # the next one does not end
            at += done + (done < len(part))
        return gaps

    def _keep(self, reports: Reports, ground: _Ground, tried: Sequence[Solution]) -> None:
        for relation, goals in self._open.items():
            if not goals:
                continue
            seen = reports.of(relation)
            for goal in list(goals):
                for number in itertools.islice(_spread(_hits(seen, relation, goal)), _EACH):
                    case = self._case(ground, tried[number])
                    if case is not None:
                        self.found.append(case)
                        goals[goal] -= 1
                if goals[goal] <= 0:
                    del goals[goal]

    def _case(self, ground: _Ground, solution: Solution) -> Case | None:
        case = ground.strip.case
        for number, value in {**ground.changed, **solution}.items():
            place, word = ground.words[number]
            if not self._loads.fits(word, value, place.size):
                return None
            case = write(case, place, value)
        return case


def _parts(cases: Sequence[Case]) -> Iterator[Sequence[Case]]:
    for at in range(0, len(cases), _AT_ONCE):
        yield cases[at : at + _AT_ONCE]


def _sizes(gaps: Gaps) -> Gaps:
    return np.abs(np.maximum(gaps, -FAR))


def _hits(seen: Seen, relation: Relation, goal: _Goal) -> list[int]:
    """The cases that meet a goal."""
    gap, last = goal
    if not last:
        return sorted(set(seen.owner[seen.gap == gap].tolist()))
    lanes = [seen.at(-1 - lane) == gap for lane in range(relation.lanes)]
    return [int(number) for number in np.nonzero(np.logical_or.reduce(lanes))[0]]


def _spread(numbers: Sequence[int]) -> Iterator[int]:
    """The last first, then the first."""
    yield from dict.fromkeys([*numbers[-1:], *numbers])


def _starts(
    seen: Seen, relation: Relation, cases: Sequence[Case], counts: Owners
) -> Iterator[_Base]:
    """The nearest inputs from either side, by their last gap and by any; also among cheap ones."""
    first, _ = seen.first()
    cheap = counts <= _CHEAP
    for few in (np.ones(len(counts), dtype=np.bool_), cheap):
        for lane in range(min(relation.lanes, 4)):
            gaps = np.where(few[: seen.count], seen.at(-1 - lane), FAR)
            for number in _nearest(gaps):
                cost = _EXECUTION + int(counts[number])
                yield _Base(cases[number], -1 - lane, int(gaps[number]), cost)
        gaps = np.where(few[seen.owner], seen.gap, FAR)
        for place in _nearest(gaps):
            owner = int(seen.owner[place])
            cost = _EXECUTION + int(counts[owner])
            yield _Base(cases[owner], int(place - first[owner]), int(gaps[place]), cost)


def _nearest(gaps: Gaps) -> list[int]:
    """The smallest above and below 0."""
    sizes = _sizes(gaps)
    found = []
    for side in (gaps > 0, gaps < 0):
        some = np.nonzero(side & (sizes < FAR))[0]
        if len(some):
            found.append(int(some[np.argmin(sizes[some])]))
    return found


def _best(bases: Iterable[_Base]) -> list[_Base]:
    """The nearest of each kind: cheap or not, at the last visit or at another, above or below."""
    best: dict[tuple[bool, bool, bool], _Base] = {}
    for base in bases:
        key = base.cost > _CHEAP, base.visit >= 0, base.gap < 0
        if key not in best or abs(base.gap) < abs(best[key].gap):
            best[key] = base
    return [best[key] for key in sorted(best)]


def _around(ground: _Ground, number: int) -> list[int]:
    """One more, one less, and another high bit."""
    value, bits = ground.value(number), ground.bits(number)
    most = (1 << bits) - 1
    return [value + 1 & most, value - 1 & most, value ^ 1 << bits - 2]


def _moving(tried: Sequence[Solution], gaps: Gaps) -> list[int]:
    """The words that move the gap, those that move it most first."""
    moved: dict[int, int] = {}
    for solution, gap in zip(tried[1:], gaps[1:].tolist(), strict=True):
        by = abs(gap - int(gaps[0])) if gap != FAR else 0
        for number in solution:
            moved[number] = max(moved.get(number, 0), by)
    return sorted((n for n, by in moved.items() if by), key=lambda n: -moved[n])


def _slopes(ground: _Ground, tried: Sequence[Solution], gaps: Gaps) -> list[Slope]:
    """By how much the gap grows where a word grows by one."""
    here, found = int(gaps[0]), []
    for at in range(1, len(tried), 3):
        (number,) = tried[at]
        bits = ground.bits(number)
        top = ground.value(number) == (1 << bits) - 1
        other = int(gaps[at + 1] if top else gaps[at])
        step = (here - other) if top else (other - here)
        if step and abs(other) != FAR:
            found.append(Slope(number, ground.value(number), bits, step))
    return found


def _guessed(ground: _Ground, slopes: Sequence[Slope]) -> list[Slope]:
    """What words in memory that were not tried may do: what lies between their neighbours."""
    known = [slope for slope in slopes if ground.words[slope.number][0].kind in _MEMORY]
    inside = [n for n, (place, _) in enumerate(ground.words) if place.kind in _MEMORY]
    if len(known) < 2 or len(inside) <= len(known):
        return []
    steps = np.interp(inside, [s.number for s in known], [s.step for s in known])
    tried = {slope.number for slope in known}
    return [
        Slope(number, ground.value(number), ground.bits(number), step)
        for number, step in zip(inside, (round(s) for s in steps.tolist()), strict=True)
        if step and number not in tried
    ]


def _flips(ground: _Ground, scan: Sequence[Solution], gaps: Gaps, here: int) -> Iterator[Solution]:
    """For each word that was scanned the bits that together close the gap."""
    effects: dict[int, list[tuple[int, int]]] = {}
    for solution, gap in zip(scan, gaps.tolist(), strict=True):
        ((number, value),) = solution.items()
        bit = value ^ ground.value(number)
        if bit & bit - 1 == 0 and abs(gap) != FAR and gap != here:
            effects.setdefault(number, []).append((bit, gap - here))
    for goal in _NEAR:
        for number, each in effects.items():
            value = ground.value(number)
            for chosen in flipped(each, goal - here):
                yield {number: functools.reduce(operator.xor, chosen, value)}


def _crossings(
    ground: _Ground, tried: Sequence[Solution], gaps: Gaps
) -> list[tuple[int, int, int]]:
    """(word, low, high): neighbouring values of one word between which the gap changes its
    sign, the nearest first."""
    values: dict[int, dict[int, int]] = {}
    for solution, gap in zip(tried, gaps.tolist(), strict=True):
        if len(solution) == 1 and abs(gap) != FAR:
            ((number, value),) = solution.items()
            values.setdefault(number, {ground.value(number): int(gaps[0])})[value] = gap
    found: list[tuple[int, tuple[int, int, int]]] = []
    for number, known in values.items():
        for low, high in itertools.pairwise(sorted(known)):
            if (known[low] < 0) != (known[high] < 0) and high - low > 1:
                nearest = min(abs(known[low]), abs(known[high]))
                found.append((nearest, (number, low, high)))
    return [crossing for _, crossing in sorted(found)]
