"""Arrays of plain structures, made a member at a time instead of an element at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from superopt_cc.verify.making import values
from superopt_cc.verify.signature.ctype import (
    Array,
    Bool,
    Enum,
    Float,
    Int,
    Struct,
    TypeTable,
    size_of,
)

# A structure with more members than this is made element by element.
_MOST = 64
# Longer arrays inside a structure have a character of their own (sorted, text, ...).
_SHORT = 8
# So many different ones are made of each such array; several elements share one.
_ARRAYS = 6
Rows = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar at byte `offset` of a structure, or `count` of them in a row (0: a single one)."""

    offset: int
    kind: Int | Bool | Enum | Float
    count: int = 0


def leaves(types: TypeTable, index: int) -> tuple[Leaf, ...]:
    """The scalars that a structure consists of; () where pointers or unions are in it, or too
    many members."""
    found = _leaves(types, index, 0)
    return tuple(found) if found is not None and len(found) <= _MOST else ()


def _leaves(types: TypeTable, index: int, at: int) -> list[Leaf] | None:
    kind = types[index]
    if isinstance(kind, (Int, Bool, Enum, Float)):
        return [Leaf(at, kind)]
    if isinstance(kind, Struct) and not kind.union and not any(f.bits for f in kind.fields):
        places = [(member.type, at + member.offset) for member in kind.fields]
    elif isinstance(kind, Array):
        inner, count = types[kind.element], kind.count or 0
        if isinstance(inner, (Int, Float)) and count > _SHORT:
            return [Leaf(at, inner, count)]
        if count > _MOST:
            return None
        step = size_of(types, kind.element)
        places = [(kind.element, at + i * step) for i in range(count)]
    else:
        return None
    found: list[Leaf] = []
    for inner_type, place in places:
        more = _leaves(types, inner_type, place)
        if more is None:
            return None
        found += more
    return found


def fill(
    rows: Rows,
    members: tuple[Leaf, ...],
    small: int | None,
    words: values.Dictionary,
    numbers: values.Numbers,
    array: Callable[[Int | Float, int], bytes],
    floats: Callable[[Float, int], bytes],
) -> None:
    """Write values for `members` into `rows`, an array of (elements, bytes of one).

    About half of the integers lie between 0 and `small` (None: none do on purpose); `array` makes
    the contents of a leaf with a count, `floats` many single ones.
    """
    alike: dict[Int | Bool | Enum | Float, list[Leaf]] = {}
    for leaf in members:
        if leaf.count and isinstance(leaf.kind, (Int, Float)):
            end = leaf.offset + leaf.kind.size * leaf.count
            made = b"".join(array(leaf.kind, leaf.count) for _ in range(min(len(rows), _ARRAYS)))
            those = np.frombuffer(made, np.uint8).reshape(-1, end - leaf.offset)
            rows[:, leaf.offset : end] = those[values.below(len(those), len(rows), numbers.arrays)]
        else:
            alike.setdefault(leaf.kind, []).append(leaf)
    for kind, same in alike.items():
        many = len(rows) * len(same)
        if isinstance(kind, Float):
            scalars = np.frombuffer(floats(kind, many), np.uint8)
        else:
            scalars = _scalars(kind, many, small, words, numbers).view(np.uint8)
        columns = scalars.reshape(len(same), len(rows), kind.size)
        for leaf, column in zip(same, columns, strict=True):
            rows[:, leaf.offset : leaf.offset + kind.size] = column


def _scalars(
    kind: Int | Bool | Enum,
    count: int,
    small: int | None,
    words: values.Dictionary,
    numbers: values.Numbers,
) -> values.Patterns:
    arrays = numbers.arrays
    if isinstance(kind, Bool):
        return values.below(2, count, arrays).astype(np.uint8)
    made = values.mixture(kind.size, count, words, arrays)
    if small is not None:
        chosen = arrays.random(count) < 0.5
        few = values.below(small + 1, int(chosen.sum()), arrays)
        made[chosen] = few if made.ndim == 1 else np.stack((few, np.zeros_like(few)), axis=1)
    if made.ndim > 1:
        return made
    if isinstance(kind, Enum) and kind.values:
        chosen = arrays.random(count) < 0.8
        named = np.array([v & values.MASK64 for v in kind.values], dtype=np.uint64)
        made[chosen] = values.draw(named, int(chosen.sum()), arrays)
    return made.astype(f"<u{kind.size}")
