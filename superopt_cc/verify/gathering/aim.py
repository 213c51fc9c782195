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
from superopt_cc.cases import Case, Word
from superopt_cc.verify.running.layout import SLOT_BYTES, SLOT_GUARD, Arena
from superopt_cc.verify.running.runner import Run
from superopt_cc.verify.running.trace import Accesses, Edge, Words, rows_of
from superopt_cc.verify.signature.ctype import Bool, Float, TypeTable

_COLUMN = {name: i + 1 for i, name in enumerate(GPR)}
_COMPARING = frozenset({"cmp", "sub", "test", "and", "xor"})
_RECENT = 3  # loads before a comparison that may have fetched what it compares
_VISITS = 2  # visits of a comparison looked at in one input


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A word of an input: integer argument `where` ("int"), stack word ("stack"), result of a
    callee ("answer"), `size` bytes at `offset` of object number `where` ("object") or of global
    `where` ("global")."""

    kind: str
    where: int | str
    offset: int
    size: int


class _Fits:
    """May a word of so many bytes become another value?  A _Bool stays 0 or 1, and of NaNs there
    is one only (design 5.9), wherever such types may lie."""

    def __init__(self, types: TypeTable) -> None:
        self._bool = any(isinstance(kind, Bool) for kind in types)
        self._floats = {kind.size for kind in types if isinstance(kind, Float)}

    def place(self, place: Place) -> bool:
        """A callee's result may be a _Bool under noise."""
        return not (self._bool and place.kind == "answer")

    def __call__(self, word: int, value: int, size: int) -> bool:
        if self._bool and word <= 1 < value:
            return False
        if size not in self._floats:
            return True
        exponent, mantissa = (0xFF, 23) if size == 4 else (0x7FF, 52)
        return value >> mantissa & exponent != exponent


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
    trace, fits = _Traced(run, accesses, arena), _Fits(types)
    found: list[list[_Change]] = []
    for site in sites:
        mine = list(_at_site(trace, site, fits))
        numbers.shuffle(mine)
        mine.sort(key=lambda change: change.guessed)
        found.append(mine)
    turns = itertools.chain.from_iterable(itertools.zip_longest(*found))
    chosen = itertools.islice((change for change in turns if change is not None), most)
    return [_write(run.batch.cases[c.number], c.place, c.value) for c in chosen]


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
            place = _place_of(
                self.run, number, self._address[index], self._size[index], self._arena
            )
            if place is not None:
                yield place
                found += 1
                if found == _RECENT:
                    break


def _at_site(trace: _Traced, site: Instruction, fits: _Fits) -> Iterator[_Change]:
    """What each input shows at one comparison."""
    seen: set[tuple[Place, int]] = set()
    for number, rows in trace.visits(site.address):
        case = trace.run.batch.cases[number]
        arguments = list(_arguments(case))
        for at in rows:
            left, right = (_value(operand, trace.run.trace[at]) for operand in site.operands)
            for place in itertools.chain(trace.fetched(number, at), arguments):
                word = _read(case, place)
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


def _arguments(case: Case) -> Iterator[Place]:
    """Words that a caller passes or a callee returns: any may be what is compared."""
    for i, word in enumerate(case.ints):
        if isinstance(word, int):
            yield from (Place("int", i, 0, size) for size in (4, 8))
    for i, word in enumerate(case.stack):
        if isinstance(word, int):
            yield Place("stack", i, 0, 8)
    for i, answer in enumerate(case.answers):
        if isinstance(answer.rax, int):
            yield from (Place("answer", i, 0, size) for size in (4, 8))


def _place_of(run: Run, number: int, address: int, size: int, arena: Arena) -> Place | None:
    if size > 8:
        return None
    for where, start in enumerate(run.batch.placed[number].places):
        if start - SLOT_GUARD // 2 <= address < start + SLOT_GUARD // 2 + SLOT_BYTES:
            return Place("object", where, address - start, size)
    base, content = arena.data
    if base <= address < base + len(content):
        for name in run.batch.cases[number].globals:
            start = arena.symbols.get(name, -1)
            if 0 <= address - start < len(run.batch.cases[number].globals[name]):
                return Place("global", name, address - start, size)
    return None


def _read(case: Case, place: Place) -> int | None:
    """The word; None where the input has no plain bytes for it."""
    if place.kind in ("int", "stack"):
        word = (case.ints if place.kind == "int" else case.stack)[int(place.where)]
        return word & ((1 << 8 * place.size) - 1) if isinstance(word, int) else None
    if place.kind == "answer":
        word = case.answers[int(place.where)].rax
        return word & ((1 << 8 * place.size) - 1) if isinstance(word, int) else None
    if place.kind == "object":
        blob = case.objects[int(place.where)]
        overlaps = any(at < place.offset + place.size and place.offset < at + 8
                       for at, _ in blob.pointers)  # fmt: skip
        data = b"" if overlaps else blob.data
    else:
        data = case.globals[str(place.where)]
    inside = place.offset >= 0 and place.offset + place.size <= len(data)
    return int.from_bytes(data[place.offset :][: place.size], "little") if inside else None


def _write(case: Case, place: Place, value: int) -> Case:
    """The case with another value in a place that `_read` could read."""
    where, mask = place.where, (1 << 8 * place.size) - 1
    if place.kind == "int":
        return dataclasses.replace(case, ints=_with_word(case.ints, int(where), mask, value))
    if place.kind == "stack":
        return dataclasses.replace(case, stack=_with_word(case.stack, int(where), mask, value))
    if place.kind == "answer":
        answers = list(case.answers)
        answer = answers[int(where)]
        (rax,) = _with_word((answer.rax,), 0, mask, value)
        answers[int(where)] = dataclasses.replace(answer, rax=rax)
        return dataclasses.replace(case, answers=tuple(answers))
    body = value.to_bytes(place.size, "little")
    if place.kind == "object":
        blobs = list(case.objects)
        blob = blobs[int(where)]
        blobs[int(where)] = dataclasses.replace(blob, data=_with(blob.data, place.offset, body))
        return dataclasses.replace(case, objects=tuple(blobs))
    changed = {str(where): _with(case.globals[str(where)], place.offset, body)}
    return dataclasses.replace(case, globals={**case.globals, **changed})


def _with_word(words: Sequence[Word], where: int, mask: int, value: int) -> tuple[Word, ...]:
    old = words[where]
    assert isinstance(old, int), "pointers have no plain bytes"
    return (*words[:where], old & ~mask & (1 << 64) - 1 | value, *words[where + 1 :])


def _with(data: bytes, offset: int, body: bytes) -> bytes:
    return data[:offset] + body + data[offset + len(body) :]
