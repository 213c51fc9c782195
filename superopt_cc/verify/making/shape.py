"""What inputs are made for: a function's signature and what it reaches, checked for its types."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence

from superopt_cc.errors import Ineligible
from superopt_cc.verify.making.columns import Leaf, leaves
from superopt_cc.verify.making.members import Row, rows
from superopt_cc.verify.making.nans import NaNs
from superopt_cc.verify.making.promises import NO_PROMISES, Promises
from superopt_cc.verify.making.values import Dictionary
from superopt_cc.verify.running.layout import SLOT_BYTES
from superopt_cc.verify.signature.abi import Location
from superopt_cc.verify.signature.ctype import (
    Array,
    Function,
    Pointer,
    Struct,
    TypeTable,
    Unsupported,
    size_of,
)

# Bytes of an object, at most.
MAX_OBJECT = SLOT_BYTES // 2 + (1 << 14)

REASONS: Mapping[str, str] = {
    "type-opaque": "a type without a visible definition is reached",
    "type-flexible": "an array of unknown length is reached that no structure ends in",
    "type-unsupported": "a type is reached that inputs cannot be made for yet",
    "type-large": "an object of a type that is reached is larger than inputs can be",
}


@dataclasses.dataclass(frozen=True)
class Shape:
    """What a function takes, as the generator needs it.

    `globals` are (symbol, type) of writable variables that it reaches, `returns` the types that
    callees return (None for void); `has_calls` whether anything answers.  `private` globals are
    those that no pointer names: nothing takes their address.  `pointed` are, per function type,
    symbols of what its pointers may point to; `orders` whether a callee may be a comparison.
    `nans` is what the target does with NaNs, `promises` what its author says of its callers.
    `frames` are (symbol, type) of what callees may change in the target's frame.
    """

    types: TypeTable
    parameters: tuple[int, ...]
    locations: tuple[Location, ...]
    globals: tuple[tuple[str, int], ...]
    returns: tuple[int | None, ...]
    strict_aliasing: bool
    dictionary: Dictionary
    private: frozenset[str] = frozenset()
    nans: NaNs = NaNs.CONVERTED
    pointed: Mapping[int, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    orders: bool = False
    promises: Promises = NO_PROMISES
    frames: tuple[tuple[str, int], ...] = ()

    @property
    def has_calls(self) -> bool:
        return bool(self.returns)

    @functools.cached_property
    def has_memory(self) -> bool:
        pointers = any(holds_pointer(self.types, p) for p in self.parameters)
        return pointers or bool(self.globals)

    @functools.cached_property
    def _leaves(self) -> dict[int, tuple[Leaf, ...]]:
        return {}

    def leaves(self, index: int) -> tuple[Leaf, ...]:
        """`columns.leaves` of a type."""
        if index not in self._leaves:
            self._leaves[index] = leaves(self.types, index)
        return self._leaves[index]

    @functools.cached_property
    def _rows(self) -> dict[tuple[int, int | None], tuple[Row, ...]]:
        return {}

    def rows(self, index: int, wanted: int | None) -> tuple[Row, ...]:
        """`members.rows` of a type."""
        key = index, wanted
        if key not in self._rows:
            self._rows[key] = rows(self.types, index, wanted, self.strict_aliasing)
        return self._rows[key]


def check_types(types: TypeTable, roots: Sequence[int]) -> None:
    """Raise Ineligible when inputs cannot be made for a type reachable from `roots`."""
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        seen.add(index)
        if size_of(types, index) > MAX_OBJECT:
            raise Ineligible("type-large", f"{size_of(types, index)} bytes")
        waiting += _inner_types(types, index)


def _inner_types(types: TypeTable, index: int) -> list[int]:
    kind = types[index]
    if isinstance(kind, Unsupported) and not kind.align:
        name = "type-opaque" if kind.what == "opaque" else "type-unsupported"
        raise Ineligible(name, kind.what)
    if isinstance(kind, Array):
        if kind.count is None:
            raise Ineligible("type-flexible", "")
        return [kind.element]
    if isinstance(kind, Struct):
        if kind.size == 0:
            raise Ineligible("type-opaque", kind.name)
        tail = flexible_tail(types, index)
        plain = [f.type for f in (kind.fields[:-1] if tail is not None else kind.fields)]
        return plain if tail is None else [*plain, tail[1]]
    if isinstance(kind, Pointer) and kind.to is not None:
        return [] if isinstance(types[kind.to], Function) else [kind.to]
    return []


def flexible_tail(types: TypeTable, index: int) -> tuple[int, int] | None:
    """(offset in bytes, element type) of the array of any length that a structure ends in."""
    kind = types[index]
    if not isinstance(kind, Struct) or kind.union or not kind.fields:
        return None
    last = kind.fields[-1]
    inner = types[last.type]
    if isinstance(inner, Array) and not inner.count and len(kind.fields) > 1:
        return last.offset, inner.element
    return None


def holds_pointer(types: TypeTable, index: int) -> bool:
    kind = types[index]
    if isinstance(kind, Array):
        return holds_pointer(types, kind.element)
    if isinstance(kind, Struct):
        return any(holds_pointer(types, f.type) for f in kind.fields)
    return isinstance(kind, Pointer)


def largest_element(shape: Shape) -> int:
    """Bytes of the largest element that an argument points to; 0 without pointers."""
    sizes = [
        1 if kind.to is None else size_of(shape.types, kind.to)
        for kind in (shape.types[p] for p in shape.parameters)
        if isinstance(kind, Pointer)
    ]
    return max(sizes, default=0)


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """What one case should be like: a size class and fixed integer arguments by position.

    `overlap` is (pointer parameter, another, elements): the second points that many elements
    behind the first, into the same object; with `unwritten` the case counts only if the target
    writes nothing there.  `inside` is (pointer parameter, another) where the second names a part
    of what the first points to.  `typical` asks for what real callers pass: integers
    are mostly the size itself, scalars are any number, edges and constants are rare.  `least` is
    the smallest useful object in bytes, as learnt from what the target touches.  `snug` objects are
    hardly larger than `size` elements.
    """

    size: int
    fixed: Mapping[int, int] = dataclasses.field(default_factory=dict)
    alias: bool = True
    overlap: tuple[int, int, int] | None = None
    inside: tuple[int, int] | None = None
    unwritten: bool = False
    typical: bool = False
    least: int = 0
    snug: bool = False
