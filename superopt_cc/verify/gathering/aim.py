"""Inputs that bring a comparison to its edge.

What code compares is mostly a word of its input, or differs from one by a constant: so the word
is changed by what is missing, where the comparison was seen to fall short.  The method is the
input-to-state correspondence of Aschermann et al., "REDQUEEN: Fuzzing with Input-to-State
Correspondence" (NDSS 2019), over traces instead of a hypervisor.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import random
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from superopt_cc.assembly.decode import Imm, Instruction, Operand, Reg
from superopt_cc.assembly.registers import GPR, PARTS
from superopt_cc.cases import Case
from superopt_cc.verify.gathering.places import Fits, Place, arguments, place_of, read, write
from superopt_cc.verify.running.layout import Arena
from superopt_cc.verify.running.runner import Run
from superopt_cc.verify.running.trace import Accesses, Edge, Words, rows_of
from superopt_cc.verify.signature.ctype import TypeTable

_COLUMN = {name: i + 1 for i, name in enumerate(GPR)}
_COMPARING = frozenset({"cmp", "sub", "test", "and", "xor"})
_RECENT = 3  # loads before a comparison that may have fetched what it compares
_VISITS = 2  # visits of a comparison looked at in one input


def comparisons(body: Sequence[Instruction]) -> tuple[Instruction, ...]:
    """The instructions that compare two integers, or a part of one with a mask."""
    return tuple(i for i in body if i.name in _COMPARING and len(i.operands) == 2)


def deciding(body: Sequence[Instruction], edges: Iterable[Edge]) -> tuple[Instruction, ...]:
    """The comparisons that stand before the jumps of these edges."""
    found: dict[int, Instruction] = {}
    jumps = {edge[0] for edge in edges}
    last: Instruction | None = None
    for item in body:
        if item.name in _COMPARING and len(item.operands) == 2:
            last = item
        if item.address in jumps and last is not None:
            found[last.address] = last
    return tuple(found.values())


def aim(
    run: Run, accesses: Accesses, sites: Sequence[Instruction], arena: Arena, types: TypeTable,
    most: int, numbers: random.Random,
) -> list[Case]:  # fmt: skip
    """At most `most` cases made of those of a traced run, no two for the same reason.

    Every site gets its share; where a word equals what was compared comes before guesses.
    """
    trace, fits = _Traced(run, accesses, arena), Fits(types)
    found: list[list[_Change]] = []
    for site in sites:
        mine = list(_at_site(trace, site, fits))
        numbers.shuffle(mine)
        mine.sort(key=lambda change: change.guessed)
        found.append(mine)
    turns = itertools.chain.from_iterable(itertools.zip_longest(*found))
    chosen = itertools.islice((change for change in turns if change is not None), most)
    return [write(run.batch.cases[c.number], c.place, c.value) for c in chosen]


@dataclasses.dataclass(frozen=True, slots=True)
class _Change:
    """Another `value` at `place` of input `number`; `guessed`: nobody saw the word compared."""

    guessed: bool
    number: int
    place: Place
    value: int


class _Traced:
    """A run, where each of its cases begins in the trace, and what was loaded."""

    def __init__(self, run: Run, accesses: Accesses, arena: Arena) -> None:
        self.run, self._arena = run, arena
        bounds = [rows_of(run, number) for number in range(run.done)]
        self.first = [first for first, _ in bounds]
        self._last = [last for _, last in bounds]
        loads = ~accesses.write
        self._row = accesses.row[loads].tolist()
        self._address = accesses.address[loads].tolist()
        self._size = accesses.size[loads].tolist()

    def visits(self, address: int) -> Iterator[tuple[int, list[int]]]:
        """(case, rows) of the first visits of an instruction in each case, and of the last."""
        rows = np.nonzero(self.run.trace[:, 0] == address)[0].tolist()
        for number, (first, last) in enumerate(zip(self.first, self._last, strict=True)):
            mine = rows[bisect.bisect_left(rows, first) : bisect.bisect_left(rows, last)]
            if mine:
                yield number, sorted({*mine[:_VISITS], mine[-1]})

    def fetched(self, number: int, at: int) -> Iterator[Place]:
        """What the loads of a case up to row `at` read of its input, the latest first."""
        first = bisect.bisect_left(self._row, self.first[number])
        last = bisect.bisect_right(self._row, at)
        found = 0
        for index in range(last - 1, max(first, last - 4 * _RECENT) - 1, -1):
            place = place_of(self.run, number, self._address[index], self._size[index], self._arena)
            if place is not None:
                yield place
                found += 1
                if found == _RECENT:
                    break


def _at_site(trace: _Traced, site: Instruction, fits: Fits) -> Iterator[_Change]:
    """What each input shows at one comparison."""
    seen: set[tuple[Place, int]] = set()
    for number, rows in trace.visits(site.address):
        case = trace.run.batch.cases[number]
        passed = list(arguments(case))
        for at in rows:
            left, right = (_value(operand, trace.run.trace[at]) for operand in site.operands)
            for place in itertools.chain(trace.fetched(number, at), passed):
                word = read(case, place)
                if word is None or not fits.place(place):
                    continue
                guessed = None not in (left, right) and word not in (left, right)
                for value in _wanted(site, word, left, right, place.size):
                    if (place, value) not in seen and fits(word, value, place.size):
                        seen.add((place, value))
                        yield _Change(guessed, number, place, value)


def _value(operand: Operand, row: Words) -> int | None:
    """What an operand holds before the instruction; None for memory."""
    if isinstance(operand, Imm):
        return operand.value
    if isinstance(operand, Reg) and operand.name in PARTS:
        parent, part = PARTS[operand.name]
        if parent in _COLUMN:
            word = int(row[_COLUMN[parent]])
            return word >> (8 if part == 2 else 0) & ((1 << 8 * operand.size) - 1)
    return None


def _wanted(
    site: Instruction, word: int, left: int | None, right: int | None, size: int
) -> list[int]:
    """Values of an input word that may tip the comparison."""
    mask = (1 << 8 * size) - 1
    left, right = word if left is None else left, word if right is None else right
    if site.name in ("test", "and"):
        bits = right if isinstance(site.operands[1], Imm) else left & -left
        return [v for v in {(word | bits) & mask, word & ~bits & mask} if v != word]
    values: dict[int, None] = {}
    for step in (0, 1, -1):
        missing = right - left + step
        for value in (right + step, left + step, word + missing, word - missing):
            values[value & mask] = None
    values.pop(word, None)
    return list(values)
