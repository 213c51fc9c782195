"""The shape of a signature: kinds and widths in order, never names, signedness or `const`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from superopt_cc.verify.job import Facts
from superopt_cc.verify.signature.ctype import (
    Array,
    Bool,
    Enum,
    Float,
    Form,
    Int,
    Pointer,
    Struct,
    TypeTable,
    size_of,
)

# An element of more bytes or parts is left to others.
_LARGEST, _MOST_PARTS = 256, 64


@dataclasses.dataclass(frozen=True, slots=True)
class Scalar:
    """`kind` is "int", "bool" or "float"."""

    kind: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class Buffer:
    """A pointer to elements of `size` bytes; `parts` are the scalars in one, by byte offset."""

    size: int
    parts: tuple[tuple[int, Scalar], ...]


Place = Scalar | Buffer


@dataclasses.dataclass(frozen=True, slots=True)
class Pattern:
    """Parameters in order; the result is void, a "pointer" or a scalar."""

    parameters: tuple[Place, ...]
    result: Scalar | str


def pattern_of(facts: Facts) -> Pattern | None:
    """The shape of a function, None where inputs for it are not made here."""
    places = [_place(facts.types, parameter.type) for parameter in facts.parameters]
    known = tuple(place for place in places if place is not None)
    if len(known) < len(places) or not places:
        return None
    result = _result(facts)
    return None if result is None else Pattern(known, result)


def _result(facts: Facts) -> Scalar | str | None:
    if facts.returns is None:
        return "void"
    if isinstance(facts.types[facts.returns], Pointer):
        return "pointer"
    return _scalar(facts.types, facts.returns)


def _place(types: TypeTable, index: int) -> Place | None:
    kind = types[index]
    if not isinstance(kind, Pointer):
        return _scalar(types, index)
    if kind.volatile:
        return None
    if kind.to is None:
        return Buffer(1, ((0, Scalar("int", 1)),))
    size = size_of(types, kind.to)
    if not 0 < size <= _LARGEST:
        return None
    parts = list(_parts(types, kind.to, 0))
    found = tuple((at, part) for at, part in parts if part is not None)
    return Buffer(size, found) if len(found) == len(parts) <= _MOST_PARTS else None


def _scalar(types: TypeTable, index: int) -> Scalar | None:
    kind = types[index]
    if isinstance(kind, Bool):
        return Scalar("bool", 1)
    if isinstance(kind, Int | Enum) and kind.size <= 8:
        return Scalar("int", kind.size)
    return Scalar("float", kind.size) if isinstance(kind, Float) and kind.size <= 8 else None


def _parts(types: TypeTable, index: int, at: int) -> Iterator[tuple[int, Scalar | None]]:
    """The scalars in a type, None for what is no plain one (pointers, bit-fields, unions)."""
    kind = types[index]
    if isinstance(kind, Struct):
        for field in kind.fields:
            if kind.union or field.bits is not None:
                yield at, None
            else:
                yield from _parts(types, field.type, at + field.offset)
    elif isinstance(kind, Array) and kind.form is Form.ARRAY and (kind.count or 0) <= _MOST_PARTS:
        step = size_of(types, kind.element)
        for number in range(kind.count or 0):
            yield from _parts(types, kind.element, at + number * step)
    else:
        yield at, _scalar(types, index)
