"""C types as the verifier needs them: sizes, layout, signedness, what points to what.

Types live in a table (a tuple) and name each other by index, so that recursive structures
(linked lists) are plain values.  `const` and `typedef` are folded away except where a pointer's
pointee is const or the pointer is restrict.
"""

from __future__ import annotations

import dataclasses
import enum


@dataclasses.dataclass(frozen=True, slots=True)
class Int:
    """An integer of `size` bytes (1, 2, 4, 8, 16); `character` marks plain/signed/unsigned char."""

    size: int
    signed: bool
    character: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Bool:
    """`_Bool`: one byte, 0 or 1."""

    size: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Enum:
    """An enumeration and its values."""

    size: int
    signed: bool
    values: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Float:
    """Binary floating point of `size` bytes: IEEE's of 4 or 8, or x87's of 10 and 6 of padding."""

    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer; `to` is an index into the table, None for void."""

    to: int | None
    const: bool = False
    restrict: bool = False
    volatile: bool = False
    size: int = 8


class Form(enum.StrEnum):
    """What C makes of a row of scalars."""

    ARRAY = "array"
    VECTOR = "vector"  # GCC's vector_size
    WIDE = "wide"  # one that no register holds by which values are passed
    COMPLEX = "complex"  # real and imaginary part


@dataclasses.dataclass(frozen=True, slots=True)
class Array:
    """`count` elements; None for a flexible or unknown bound.

    Only those of other forms than `ARRAY` are values, which are passed and returned; `align` is
    the alignment of a vector, 0 where it is the element's.
    """

    element: int
    count: int | None
    form: Form = Form.ARRAY
    align: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """A member at byte `offset`; `bits` is (bit offset within the struct, width) of a bit-field."""

    name: str
    offset: int
    type: int
    bits: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Struct:
    """A structure or union with its layout in bytes; `plain` if it is C's, passed by its bytes."""

    name: str
    size: int
    align: int
    fields: tuple[Field, ...]
    union: bool = False
    plain: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Function:
    """A function type; `returns` None for void.

    One that `takes_place` is passed where its result goes as its first parameter, and returns it.
    """

    returns: int | None
    parameters: tuple[int, ...]
    variadic: bool
    prototyped: bool = True
    takes_place: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Unsupported:
    """A type that values cannot be made for yet; `what` is a short name ("long-double").

    With an `align` it may be reached in memory, where it is so many bytes that code only moves:
    what computes with it is no allowed instruction.
    """

    what: str
    size: int = 0
    align: int = 0


EXTENDED = Float(16)  # long double

CType = Int | Bool | Enum | Float | Pointer | Array | Struct | Function | Unsupported
TypeTable = tuple[CType, ...]


def size_of(types: TypeTable, index: int) -> int:
    """Size in bytes; 0 for functions, flexible arrays and opaque types."""
    kind = types[index]
    if isinstance(kind, Array):
        return (kind.count or 0) * size_of(types, kind.element)
    if isinstance(kind, Function):
        return 0
    return kind.size


def align_of(types: TypeTable, index: int) -> int:
    """Natural alignment in bytes (System V ABI)."""
    kind = types[index]
    if isinstance(kind, Array):
        return kind.align or align_of(types, kind.element)
    if isinstance(kind, Struct):
        return kind.align
    if isinstance(kind, Function):
        return 1
    if isinstance(kind, Unsupported):
        return kind.align or 1
    return kind.size


def is_vector(kind: CType) -> bool:
    """Is it one of GCC's vector types?"""
    return isinstance(kind, Array) and kind.form in (Form.VECTOR, Form.WIDE)


def base_of(types: TypeTable, index: int) -> CType:
    """What a type is a row of; itself where it is no row."""
    kind = types[index]
    while isinstance(kind, Array):
        kind = types[kind.element]
    return kind


def holds(types: TypeTable, index: int, wanted: type[CType]) -> bool:
    """Is there a value of such a type in one of this type, pointers not followed?"""
    kind = types[index]
    if isinstance(kind, Array):
        return holds(types, kind.element, wanted)
    if isinstance(kind, Struct):
        return any(holds(types, member.type, wanted) for member in kind.fields)
    return isinstance(kind, wanted)
