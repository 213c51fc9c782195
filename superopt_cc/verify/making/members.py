"""Which parts of an object a pointer may name, as far as types tell (design 5.6)."""

from __future__ import annotations

import dataclasses

from superopt_cc.verify.signature.ctype import (
    Array,
    Enum,
    Float,
    Int,
    Pointer,
    Struct,
    TypeTable,
    is_vector,
    size_of,
)

# Elements of an array of structures that are looked into, and parts kept of one object.
_ELEMENTS, _MOST = 4, 64


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """`count` parts of an object, `step` bytes apart, the first at byte `offset`."""

    offset: int
    step: int
    count: int


def rows(types: TypeTable, index: int, wanted: int | None, strict: bool) -> tuple[Row, ...]:
    """The parts of an object of type `index` that a pointer to `wanted` (None: void) may name.

    Without `strict` any part may be, whatever its type.
    """
    kind = types[wanted] if wanted is not None else None
    size = size_of(types, index)
    if isinstance(kind, Int) and kind.character:
        return (Row(0, 1, size),) if size else ()
    found: list[Row] = []
    _look(types, index, 0, wanted if strict else None, found)
    return tuple(found[:_MOST])


def _look(types: TypeTable, index: int, at: int, wanted: int | None, found: list[Row]) -> None:
    kind = types[index]
    if len(found) >= _MOST or not size_of(types, index):
        return
    if isinstance(kind, Array):
        step, count = size_of(types, kind.element), kind.count or 0
        if _named(types, kind.element, wanted):
            found.append(Row(at, step, count))
        if isinstance(types[kind.element], (Array, Struct)):
            for i in range(min(count, _ELEMENTS)):
                _inside(types, kind.element, at + i * step, wanted, found)
        return
    if _named(types, index, wanted):
        found.append(Row(at, size_of(types, index), 1))
    _inside(types, index, at, wanted, found)


def _inside(types: TypeTable, index: int, at: int, wanted: int | None, found: list[Row]) -> None:
    kind = types[index]
    if isinstance(kind, Array):
        _look(types, index, at, wanted, found)
    if isinstance(kind, Struct):
        for member in kind.fields:
            if member.bits is None:
                _look(types, member.type, at + member.offset, wanted, found)


def _named(types: TypeTable, index: int, wanted: int | None) -> bool:
    return wanted is None or index == wanted or alike(types, index, wanted)


def alike(types: TypeTable, first: int, second: int) -> bool:
    """May lvalues of two scalar or vector types name the same memory?"""
    one, other = types[first], types[second]
    if is_vector(one) and is_vector(other):
        return size_of(types, first) == size_of(types, second)
    if isinstance(one, (Array, Struct)) or isinstance(other, (Array, Struct)):
        return False
    if (isinstance(one, Int) and one.character) or (isinstance(other, Int) and other.character):
        return True
    if isinstance(one, (Int, Enum)) and isinstance(other, (Int, Enum)):
        return one.size == other.size
    if isinstance(one, Pointer) and isinstance(other, Pointer):
        return one.to == other.to or one.to is None or other.to is None
    return isinstance(one, Float) and one == other
