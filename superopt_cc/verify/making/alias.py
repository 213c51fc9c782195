"""Pointers into memory that exists already, wherever C lets pointers overlap (design 5.6)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from superopt_cc.cases import Ref
from superopt_cc.verify.making.members import alike
from superopt_cc.verify.making.shape import Shape
from superopt_cc.verify.making.values import Numbers
from superopt_cc.verify.signature.ctype import (
    Int,
    Pointer,
    Struct,
    align_of,
    is_vector,
    size_of,
)

# Elements of an object that a pointer is made to name, and of a long row of its parts.
_ELEMENTS, _NEAR = 4, 8


@dataclasses.dataclass(slots=True)
class Object:
    """An object of a case while the case is being made: `count` elements of a type (None: plain
    bytes).  `restrict` says that a pointer so qualified leads to it."""

    type: int | None
    count: int
    data: bytearray
    align: int
    pointers: dict[int, Ref]
    restrict: bool


def pairs(shape: Shape, *, restrict: bool) -> list[tuple[int, int]]:
    """The pairs of pointer parameters that C lets overlap; with `restrict` those that may only be
    equal, and only where nothing is written through them."""
    parameters = list(enumerate(shape.parameters))
    found: list[tuple[int, int]] = []
    for i, a in parameters:
        for j, b in parameters[i + 1 :]:
            one, other = shape.types[a], shape.types[b]
            if isinstance(one, Pointer) and isinstance(other, Pointer):
                limited = one.restrict or other.restrict
                if limited == restrict and may_alias(shape, one.to, other.to):
                    found.append((i, j))
    return found


def holders(shape: Shape) -> list[tuple[int, int]]:
    """(pointer parameter, another) where the second may name a part of what the first points to."""
    kinds = [(i, shape.types[index]) for i, index in enumerate(shape.parameters)]
    pointers = [(i, k) for i, k in kinds if isinstance(k, Pointer) and not k.restrict]
    return [
        (i, j)
        for i, one in pointers
        for j, other in pointers
        if i != j and one.to is not None and isinstance(shape.types[one.to], Struct)
        and shape.rows(one.to, other.to)
    ]  # fmt: skip


def part(shape: Shape, objects: Sequence[Object], number: int, kind: Pointer, numbers: Numbers
) -> Ref | None:  # fmt: skip
    """A pointer to some part of object `number`; None where it has none of that type."""
    made = objects[number]
    if made.type is None:
        return None
    ref = _part(shape, number, made.type, made.count, kind, numbers)
    if ref is not None:
        made.align = max(made.align, _align(shape, kind))
    return ref


def apart(shape: Shape, first: Pointer, second: Pointer, elements: int) -> tuple[int, int, int]:
    """(offset of the first, offset of the second, alignment of the object) for two pointers that
    lie so many elements apart in one object, each aligned as its type demands."""
    step = size_of(shape.types, first.to) if first.to is not None else 1
    one, other = max(-elements, 0) * step, max(elements, 0) * step
    aligns = [_align(shape, kind) for kind in (first, second)]
    pad = -other % aligns[1] if aligns[1] > 1 else -one % aligns[0]
    return one + pad, other + pad, max(aligns)


def into(
    shape: Shape, objects: Sequence[Object], kind: Pointer, numbers: Numbers
) -> Ref | None:  # fmt: skip
    """A pointer of this type into one of the objects or a global; None where C allows none."""
    if kind.restrict:
        return None
    fitting = [*_shifted(shape, objects, kind, numbers), *_parts(shape, objects, kind, numbers)]
    if not fitting:
        return None
    ref = numbers.choice(fitting)
    if isinstance(ref.object, int):
        made = objects[ref.object]
        made.align = max(made.align, _align(shape, kind))
    return ref


def _align(shape: Shape, kind: Pointer) -> int:
    return align_of(shape.types, kind.to) if kind.to is not None else 1


def _shifted(
    shape: Shape, objects: Sequence[Object], kind: Pointer, numbers: Numbers
) -> Iterator[Ref]:
    """Somewhere near the start of objects that hold what the pointer names."""
    step = max(size_of(shape.types, kind.to) if kind.to is not None else 1, 1)
    align = _align(shape, kind)
    for number, o in enumerate(objects):
        if o.restrict or not may_alias(shape, kind.to, o.type):
            continue
        shift = numbers.choice((0, 0, 1, -1, numbers.randint(-8, 8))) * step
        room = len(o.data) // 4
        offset = min(max(shift, -room), room)
        yield Ref(number, offset - offset % align)


def _parts(
    shape: Shape, objects: Sequence[Object], kind: Pointer, numbers: Numbers
) -> Iterator[Ref]:
    """Members, elements, members of elements: one of each object and of each global."""
    roots: list[tuple[int | str, int, int]] = [
        (number, o.type, o.count)
        for number, o in enumerate(objects)
        if o.type is not None and not o.restrict and _has_parts(shape, kind, o.type)
    ]
    roots += [(name, index, 1) for name, index in shape.globals if name not in shape.private]
    for where, index, count in roots:
        ref = _part(shape, where, index, count, kind, numbers)
        if ref is not None:
            yield ref


def _part(
    shape: Shape, where: int | str, index: int, count: int, kind: Pointer, numbers: Numbers
) -> Ref | None:
    rows = shape.rows(index, kind.to)
    if not rows:
        return None
    row = numbers.choice(rows)
    near = min(row.count, numbers.choice((_NEAR, row.count)))
    element = numbers.choice((0, numbers.randrange(min(count, _ELEMENTS))))
    at = element * size_of(shape.types, index) + row.offset + row.step * numbers.randrange(near)
    return Ref(where, at)


def _has_parts(shape: Shape, kind: Pointer, index: int) -> bool:
    """Are there parts beyond what `_shifted` names?"""
    return isinstance(shape.types[index], Struct) or not may_alias(shape, kind.to, index)


def may_alias(shape: Shape, one: int | None, other: int | None) -> bool:
    """May objects of two types (None: plain bytes) be the same memory?"""
    if one is None or other is None or one == other or not shape.strict_aliasing:
        return True
    kinds = shape.types[one], shape.types[other]
    if any(map(is_vector, kinds)):
        return True  # __m128i may name anything, which debug information does not tell
    characters = any(isinstance(kind, Int) and kind.character for kind in kinds)
    return characters or alike(shape.types, one, other)
