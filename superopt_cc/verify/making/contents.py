"""Values of C types in memory: scalars, object graphs, arrays of some character."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from superopt_cc.cases import Ref, Word
from superopt_cc.verify.making import alias, values, wide
from superopt_cc.verify.making.alias import Object
from superopt_cc.verify.making.columns import Leaf, fill
from superopt_cc.verify.making.nans import Floats
from superopt_cc.verify.making.shape import MAX_OBJECT, Shape, Wish, flexible_tail, holds_pointer
from superopt_cc.verify.running.layout import SLOTS
from superopt_cc.verify.signature.ctype import (
    Array,
    Bool,
    Enum,
    Float,
    Function,
    Int,
    Pointer,
    Struct,
    Unsupported,
    align_of,
    base_of,
    size_of,
)

LIST_DEPTH = 20
_MAX_DEPTH = 4
# So many elements of an array of structures differ; the others repeat them in random order.
_DIFFERENT = 24
_MAX_OBJECTS = SLOTS - 2
_MAX_TAIL = 1 << 14  # bytes
_NULL = 0.08
_NOWHERE = 0x5E00_0000_0000


class Contents:
    """Makes values, and the objects that pointers in them lead to."""

    def __init__(self, shape: Shape, wish: Wish, numbers: values.Numbers) -> None:
        self._shape = shape
        self._types = shape.types
        self._wish = wish
        self._numbers = numbers
        self._objects: list[Object] = []
        self._floats = Floats(shape.nans, shape.dictionary, numbers, typical=wish.typical)

    def _float_array(self, kind: Float, count: int) -> bytes:
        return self._floats.array(kind, count, 2 * self._wish.size + 2)

    def _scalar(self, index: int) -> int:
        kind = self._types[index]
        if isinstance(kind, Bool):
            return self._numbers.randrange(2)
        if isinstance(kind, Enum) and kind.values and self._numbers.random() < 0.8:
            return self._numbers.choice(kind.values) & ((1 << 8 * kind.size) - 1)
        if self._wish.typical and self._numbers.random() < 0.95:
            return self._numbers.getrandbits(8 * size_of(self._types, index))
        return self._numbers.integer(size_of(self._types, index), self._shape.dictionary)

    def _pointer(self, kind: Pointer, depth: int, least: int = 0) -> Word:
        """A pointer that leads to `least` elements or more."""
        if kind.to is not None and isinstance(self._types[kind.to], Function):
            return self._function(self._shape.pointed.get(kind.to, ()))
        chance = self._numbers.random()
        deep = depth >= (LIST_DEPTH if self._is_list(kind) else _MAX_DEPTH)
        if (chance < 0.04 and not least) or deep or len(self._objects) >= _MAX_OBJECTS:
            return 0
        if chance < (0.25 if depth else 0.5) and self._wish.alias:
            found = alias.into(self._shape, self._objects, kind, self._numbers)
            if found is not None:
                return found
        return Ref(self._new_object(kind, depth, least), 0)

    def _function(self, symbols: Sequence[str]) -> Word:
        """A pointer to a function: one of the symbols, sometimes null; a number that nobody calls
        where there are none."""
        if self._numbers.random() < _NULL:
            return 0
        if symbols:
            return Ref(self._numbers.choice(symbols), 0)
        return _NOWHERE + 16 * self._numbers.randrange(3)

    def _is_list(self, kind: Pointer) -> bool:
        """Does it point to a structure with one pointer, to another such?"""
        inner = self._types[kind.to] if kind.to is not None else None
        if not isinstance(inner, Struct):
            return False
        to = [self._types[f.type] for f in inner.fields if holds_pointer(self._types, f.type)]
        return len(to) == 1 and isinstance(to[0], Pointer) and to[0].to == kind.to

    def _new_object(self, kind: Pointer, depth: int, least: int = 0) -> int:
        number = len(self._objects)
        size = max(self._wish.size, 1)
        if kind.to is None:
            count = max((size if self._wish.snug else 8 * size) + 64, self._wish.least)
            count, align = min(max(count, least), MAX_OBJECT), 1
        else:
            element = max(size_of(self._types, kind.to), 1)
            many = 4 * size + 16 if element <= 16 and not self._wish.snug else size + 1
            many = max(many, -(-self._wish.least // element))
            if holds_pointer(self._types, kind.to):
                many = 1 if self._wish.typical else min(many, 3)
            if flexible_tail(self._types, kind.to) is not None:
                many = 1
            many = max(many, least)
            most = MAX_OBJECT
            count, align = max(1, min(many, most // element)), align_of(self._types, kind.to)
        made = Object(kind.to, count, bytearray(), align, {}, kind.restrict)
        self._objects.append(made)
        like = self._like(made, self._objects[:number])
        if like is not None:
            made.data[:] = like
        elif kind.to is None:
            made.data[:] = self._plain(1, count, character=True)
        else:
            self._fill(made, kind.to, count, depth)
            self._lengthen(made, kind.to, depth)
        return number

    def _lengthen(self, made: Object, index: int, depth: int) -> None:
        """Give a structure that ends in an array of any length some elements."""
        tail = flexible_tail(self._types, index)
        if tail is None or made.count != 1:
            return
        offset, element = tail
        many = min(
            4 * max(self._wish.size, 1) + 16, _MAX_TAIL // max(size_of(self._types, element), 1)
        )
        more = Object(element, many, bytearray(), 1, {}, False)
        self._fill(more, element, many, depth + 1)
        made.data[offset:] = more.data
        made.pointers.update({offset + at: ref for at, ref in more.pointers.items()})

    def _like(self, made: Object, earlier: Sequence[Object]) -> bytes | None:
        """Sometimes the same contents as an earlier object, or all but one byte of them."""
        twins = [
            o for o in earlier
            if o.type == made.type and o.count == made.count and not o.pointers and o.data
        ]  # fmt: skip
        if not twins or self._numbers.random() > 0.35:
            return None
        data = bytearray(self._numbers.choice(twins).data)
        if self._numbers.random() < 0.6:
            at = self._numbers.randrange(min(len(data), 2 * self._wish.size + 2))
            data[at] ^= 1 << self._numbers.randrange(8)
            kind = base_of(self._types, made.type) if made.type is not None else None
            if isinstance(kind, Float):
                return self._floats.again(kind, bytes(data))
        return bytes(data)

    def _plain(self, size: int, count: int, *, character: bool) -> bytes:
        words, limit = self._shape.dictionary, max(self._wish.size, 1)
        if character and self._numbers.random() < 0.6:
            return values.text(count, limit, words, self._numbers)
        return values.integer_array(size, count, limit, words, self._numbers)

    def _fill(self, made: Object, index: int, count: int, depth: int) -> None:
        kind = self._types[index]
        if isinstance(kind, Int):
            made.data[:] = self._plain(kind.size, count, character=kind.character)
            return
        if isinstance(kind, Float):
            made.data[:] = self._float_array(kind, count)
            return
        if isinstance(kind, Array):
            self._fill(made, kind.element, count * (kind.count or 0), depth)
            return
        size = size_of(self._types, index)
        different = count if holds_pointer(self._types, index) else min(count, _DIFFERENT)
        members = self._shape.leaves(index) if different > 2 else ()
        if members:
            made.data[:] = self._rows(members, size, different)
        else:
            data = bytearray(size * different)
            for i in range(different):
                self._put(data, made.pointers, i * size, index, depth + 1)
            made.data[:] = data
        if different < count:
            rows = np.frombuffer(bytes(made.data), dtype=np.uint8).reshape(different, size)
            more = values.below(different, count - different, self._numbers.arrays)
            made.data += rows[more].tobytes()

    def _rows(self, members: tuple[Leaf, ...], size: int, count: int) -> bytes:
        """So many plain structures; what no member covers is noise."""
        words, numbers = self._shape.dictionary, self._numbers
        rows = np.frombuffer(numbers.randbytes(size * count), np.uint8).reshape(count, size).copy()
        small = self._wish.size if self._shape.has_memory else None

        def array(kind: Int | Float, many: int) -> bytes:
            if isinstance(kind, Float):
                return self._float_array(kind, many)
            return self._plain(kind.size, many, character=kind.character)

        fill(rows, members, small, words, numbers, array, self._floats.many)
        return rows.tobytes()

    def _put(
        self, data: bytearray, pointers: dict[int, Ref], at: int, index: int, depth: int
    ) -> None:
        """Write one value of a type at byte `at`."""
        kind = self._types[index]
        size = size_of(self._types, index)
        if isinstance(kind, Pointer):
            word = self._pointer(kind, depth)
            if isinstance(word, Ref):
                pointers[at] = word
            else:
                data[at : at + 8] = word.to_bytes(8, "little")
        elif isinstance(kind, Struct) and kind.union:
            data[at : at + size] = self._numbers.randbytes(size)
            if kind.fields:
                member = self._numbers.choice(kind.fields)
                if member.bits is not None:
                    self._put_bits(data, at, member.bits)
                else:
                    self._put(data, pointers, at + member.offset, member.type, depth)
        elif isinstance(kind, Struct):
            data[at : at + size] = self._numbers.randbytes(size)  # padding is noise
            for member in kind.fields:
                if member.bits is not None:
                    self._put_bits(data, at, member.bits)
                else:
                    self._put(data, pointers, at + member.offset, member.type, depth)
        elif isinstance(kind, Array):
            inner = self._types[kind.element]
            count = kind.count or 0
            if isinstance(inner, Int):
                body = self._plain(inner.size, count, character=inner.character)
                data[at : at + len(body)] = body
                return
            if isinstance(inner, Float):
                data[at : at + size] = self._float_array(inner, count)
                return
            step = size_of(self._types, kind.element)
            for i in range(count):
                self._put(data, pointers, at + i * step, kind.element, depth)
        elif isinstance(kind, Float):
            data[at : at + size] = self._floats.one(kind)
        elif isinstance(kind, Unsupported):
            data[at : at + size] = self._numbers.randbytes(size)
        elif size:
            small = self._shape.has_memory and self._numbers.random() < 0.5
            value = self._numbers.randint(0, self._wish.size) if small else self._scalar(index)
            if isinstance(kind, Bool):
                value &= 1
            data[at : at + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")

    def _put_bits(self, data: bytearray, at: int, bits: tuple[int, int]) -> None:
        """Write a bit-field of the structure at byte `at`: (first bit, width)."""
        first, width = bits[0] + 8 * at, bits[1]
        low, high = first // 8, (first + width + 7) // 8
        mask = ((1 << width) - 1) << (first - 8 * low)
        size = 8 if width <= 64 else wide.SIZE
        value = self._numbers.integer(size, self._shape.dictionary) << (first - 8 * low)
        old = int.from_bytes(data[low:high], "little")
        data[low:high] = (old & ~mask | value & mask).to_bytes(high - low, "little")

    def _value(self, index: int) -> tuple[bytes, dict[int, Ref]]:
        data = bytearray(size_of(self._types, index))
        pointers: dict[int, Ref] = {}
        self._put(data, pointers, 0, index, 1)
        return bytes(data), pointers
