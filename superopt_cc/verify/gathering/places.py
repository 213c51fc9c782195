"""Words of an input: where one lies, what it is, and the input with another value there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from superopt_cc.cases import Case, Word
from superopt_cc.verify.running.layout import SLOT_BYTES, SLOT_GUARD, Arena
from superopt_cc.verify.running.runner import Run
from superopt_cc.verify.signature.ctype import EXTENDED, Bool, Float, TypeTable


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A word of an input: integer argument `where` ("int"), stack word ("stack"), result of a
    callee ("answer"), `size` bytes at `offset` of vector argument `where` ("float"), of object
    number `where` ("object") or of global `where` ("global")."""

    kind: str
    where: int | str
    offset: int
    size: int


class Fits:
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
        if EXTENDED.size in self._floats and size == 8 and not _same_kind(word, value):
            return False
        if size not in self._floats:
            return True
        exponent, mantissa = (0xFF, 23) if size == 4 else (0x7FF, 52)
        return value >> mantissa & exponent != exponent


def _same_kind(word: int, value: int) -> bool:
    """May one be the other as a part of a long double: leading bit kept, no NaN made?"""
    exponents = word & 0x7FFF, value & 0x7FFF
    return (
        not (word ^ value) >> 63
        and exponents[1] != 0x7FFF
        and (exponents[0] == 0) == (exponents[1] == 0)
    )


def arguments(case: Case) -> Iterator[Place]:
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


def place_of(run: Run, number: int, address: int, size: int, arena: Arena) -> Place | None:
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


def read(case: Case, place: Place) -> int | None:
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
    elif place.kind == "float":
        data = case.floats[int(place.where)]
    else:
        data = case.globals[str(place.where)]
    inside = place.offset >= 0 and place.offset + place.size <= len(data)
    return int.from_bytes(data[place.offset :][: place.size], "little") if inside else None


def write(case: Case, place: Place, value: int) -> Case:
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
    if place.kind == "float":
        floats = list(case.floats)
        floats[int(where)] = _with(floats[int(where)], place.offset, body)
        return dataclasses.replace(case, floats=tuple(floats))
    changed = {str(where): _with(case.globals[str(where)], place.offset, body)}
    return dataclasses.replace(case, globals={**case.globals, **changed})


def _with_word(words: Sequence[Word], where: int, mask: int, value: int) -> tuple[Word, ...]:
    old = words[where]
    assert isinstance(old, int), "pointers have no plain bytes"
    return (*words[:where], old & ~mask & (1 << 64) - 1 | value, *words[where + 1 :])


def _with(data: bytes, offset: int, body: bytes) -> bytes:
    return data[:offset] + body + data[offset + len(body) :]
