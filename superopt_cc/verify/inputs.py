"""Making inputs for a C signature: scalars, object graphs, globals, and answers of callees.

The cases made here are generous: objects are larger than needed.  `probe` runs the target on
them and trims every object to what the target touches (design 5.6).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from superopt_cc.cases import Answer, Blob, Case, Ref, Store, Word
from superopt_cc.verify import alias, values
from superopt_cc.verify.abi import Location
from superopt_cc.verify.alias import Object
from superopt_cc.verify.columns import Leaf, fill
from superopt_cc.verify.ctype import (
    Array,
    Bool,
    Enum,
    Float,
    Function,
    Int,
    Pointer,
    Struct,
    align_of,
    size_of,
)
from superopt_cc.verify.layout import SLOTS
from superopt_cc.verify.manners import with_manner
from superopt_cc.verify.nans import Floats, NaNs
from superopt_cc.verify.pointers import draw
from superopt_cc.verify.shape import LONGEST, MAX_OBJECT, Shape, Wish, flexible_tail, holds_pointer

_MAX_DEPTH, _LIST_DEPTH = 4, 20
# So many elements of an array of structures differ; the others repeat them in random order.
_DIFFERENT = 24
_MAX_OBJECTS = SLOTS - 2
_MAX_TAIL = 1 << 14  # bytes


class Maker:
    """Builds one case; a fresh one for each."""

    def __init__(self, shape: Shape, wish: Wish, numbers: values.Numbers) -> None:
        self._shape = shape
        self._types = shape.types
        self._wish = wish
        self._numbers = numbers
        self._objects: list[Object] = []
        self._floats = Floats(shape.nans, shape.dictionary, numbers, typical=wish.typical)

    def case(self) -> Case:
        """The case, with generous objects.  Raises ValueError when it grows too large."""
        shape = self._shape
        ints: list[Word] = []
        placed: dict[int, tuple[list[Word], int]] = {}
        floats: list[bytes] = []
        stack: list[Word] = []
        words = self._parameters()
        for position, (index, location) in enumerate(
            zip(shape.parameters, shape.locations, strict=True)
        ):
            kind = self._types[index]
            if location.kind == "parts":
                self._by_value(index, location, ints, floats, stack)
                continue
            if isinstance(kind, Float):
                pattern = self._floats.one(kind)
                if location.kind == "sse":
                    floats.append(pattern.ljust(16, b"\0"))
                else:
                    stack.append(int.from_bytes(pattern, "little"))
                continue
            where = ints if location.kind == "int" else stack
            placed[position] = where, len(where)
            where.append(words[position])
        self._overlap(placed)
        contents, pointers = self._globals()
        answers = self._answers() if shape.has_calls else ()
        case = Case(
            ints=tuple(ints),
            floats=tuple(floats),
            stack=tuple(stack),
            objects=tuple(
                Blob(bytes(o.data), o.align, True, tuple(sorted(o.pointers.items())))
                for o in self._objects
            ),
            globals=contents,
            global_pointers=pointers,
            answers=answers,
            strange=self._floats.strange and shape.nans is not NaNs.MOVED,
        )
        return with_manner(case, shape, self._wish, self._numbers)

    def _parameters(self) -> dict[int, Word]:
        """Arguments of integer and pointer types by position, made in any order: each pointer may
        lead into what was made before it."""
        order = [
            (position, index)
            for position, (index, location) in enumerate(
                zip(self._shape.parameters, self._shape.locations, strict=True)
            )
            if location.kind != "parts" and not isinstance(self._types[index], Float)
        ]
        if self._wish.alias and self._shape.has_memory:
            self._numbers.shuffle(order)
        return {position: self._parameter(position, index) for position, index in order}

    def _by_value(
        self, index: int, location: Location, ints: list[Word], floats: list[bytes],
        stack: list[Word],
    ) -> None:  # fmt: skip
        """A structure as an argument: eight bytes at a time; what no member covers is noise."""
        data, pointers = self._value(index)
        data = data + self._numbers.randbytes(-len(data) % 8)
        for number, part in enumerate(location.parts):
            body = data[8 * number : 8 * number + 8]
            if part.kind == "sse":
                floats.append(body.ljust(16, b"\0"))
                continue
            words = ints if part.kind == "int" else stack
            words.append(pointers.get(8 * number, int.from_bytes(body, "little")))

    def twin(self, case: Case) -> Case:
        """The same sizes, scalars and pointers as in `case`, which this maker made, over other
        contents."""
        blobs = list(case.objects)
        fresh: list[Object] = []
        for number, made in enumerate(self._objects):
            if made.pointers:
                continue
            other = Object(made.type, made.count, bytearray(), made.align, {}, False)
            like = self._like(other, fresh)
            if like is not None:
                other.data[:] = like
            elif made.type is None:
                other.data[:] = self._numbers.randbytes(len(made.data))
            else:
                self._fill(other, made.type, made.count, _LIST_DEPTH)
                self._lengthen(other, made.type, _LIST_DEPTH)
            fresh.append(other)
            blobs[number] = dataclasses.replace(blobs[number], data=bytes(other.data))
        return dataclasses.replace(case, objects=tuple(blobs))

    def uniform(self, case: Case, byte: int) -> Case:
        """The same case with every byte of its integers in memory alike."""
        blobs = [
            dataclasses.replace(blob, data=bytes([byte]) * len(blob.data))
            if made.type is None or isinstance(self._types[made.type], Int)
            else blob
            for blob, made in zip(case.objects, self._objects, strict=True)
        ]
        return dataclasses.replace(case, objects=tuple(blobs))

    def _overlap(self, placed: Mapping[int, tuple[list[Word], int]]) -> None:
        """Make two pointer arguments point into the first one's object, as wished."""
        if self._wish.inside is not None:
            self._nest(placed, *self._wish.inside)
        if self._wish.overlap is None:
            return
        first, second, elements = self._wish.overlap
        (words, at), (others, there) = placed[first], placed[second]
        word = words[at]
        kinds = [self._types[self._shape.parameters[position]] for position in (first, second)]
        if not isinstance(word, Ref) or not isinstance(word.object, int):
            return
        one, other = kinds
        if isinstance(one, Pointer) and isinstance(other, Pointer):
            low, high, align = alias.apart(self._shape, one, other, elements)
            made = self._objects[word.object]
            made.align = max(made.align, align)
            words[at], others[there] = Ref(word.object, low), Ref(word.object, high)

    def _nest(self, placed: Mapping[int, tuple[list[Word], int]], holder: int, inner: int) -> None:
        """Make a pointer argument name a part of what another points to."""
        (words, at), (others, there) = placed[holder], placed[inner]
        word, kind = words[at], self._types[self._shape.parameters[inner]]
        if isinstance(word, Ref) and isinstance(word.object, int) and isinstance(kind, Pointer):
            found = alias.part(self._shape, self._objects, word.object, kind, self._numbers)
            others[there] = found or others[there]

    def _float_array(self, kind: Float, count: int) -> bytes:
        return self._floats.array(kind, count, 2 * self._wish.size + 2)

    def _parameter(self, position: int, index: int) -> Word:
        kind = self._types[index]
        if isinstance(kind, Pointer):
            return self._pointer(kind, 0)
        if position in self._wish.fixed:
            return self._wish.fixed[position] & ((1 << 8 * size_of(self._types, index)) - 1)
        if isinstance(kind, (Int, Enum)) and self._shape.has_memory:
            chance = self._numbers.random()
            if self._wish.typical and chance < 0.9:
                return self._wish.size
            if chance < 0.7:
                return self._numbers.randint(0, self._wish.size)
            if chance < 0.8:
                mask = (1 << 8 * kind.size) - 1
                return self._numbers.choice((self._wish.size, 0, 1, -1)) & mask
        return self._scalar(index)

    def _scalar(self, index: int) -> int:
        kind = self._types[index]
        if isinstance(kind, Bool):
            return self._numbers.randrange(2)
        if isinstance(kind, Enum) and kind.values and self._numbers.random() < 0.8:
            return self._numbers.choice(kind.values) & ((1 << 8 * kind.size) - 1)
        if self._wish.typical and self._numbers.random() < 0.95:
            return self._numbers.getrandbits(8 * size_of(self._types, index))
        return self._numbers.integer(size_of(self._types, index), self._shape.dictionary)

    # Objects

    def _pointer(self, kind: Pointer, depth: int) -> Word:
        if kind.to is not None and isinstance(self._types[kind.to], Function):
            return draw(self._shape.pointed.get(kind.to, ()), self._numbers)
        chance = self._numbers.random()
        deep = depth >= (_LIST_DEPTH if self._is_list(kind) else _MAX_DEPTH)
        if chance < 0.04 or deep or len(self._objects) >= _MAX_OBJECTS:
            return 0
        if chance < (0.25 if depth else 0.5) and self._wish.alias:
            found = alias.into(self._shape, self._objects, kind, self._numbers)
            if found is not None:
                return found
        return Ref(self._new_object(kind, depth), 0)

    def _is_list(self, kind: Pointer) -> bool:
        """Does it point to a structure with one pointer, to another such?"""
        inner = self._types[kind.to] if kind.to is not None else None
        if not isinstance(inner, Struct):
            return False
        to = [self._types[f.type] for f in inner.fields if holds_pointer(self._types, f.type)]
        return len(to) == 1 and isinstance(to[0], Pointer) and to[0].to == kind.to

    def _new_object(self, kind: Pointer, depth: int) -> int:
        number = len(self._objects)
        size = max(self._wish.size, 1)
        if kind.to is None:
            count, align = max((size if self._wish.snug else 8 * size) + 64, self._wish.least), 1
        else:
            element = max(size_of(self._types, kind.to), 1)
            many = 4 * size + 16 if element <= 16 and not self._wish.snug else size + 1
            many = max(many, -(-self._wish.least // element))
            if holds_pointer(self._types, kind.to):
                many = 1 if self._wish.typical else min(many, 3)
            if flexible_tail(self._types, kind.to) is not None:
                many = 1
            most = LONGEST if self._wish.snug else MAX_OBJECT
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
            kind = self._types[made.type] if made.type is not None else None
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
        value = self._numbers.integer(8, self._shape.dictionary) << (first - 8 * low)
        old = int.from_bytes(data[low:high], "little")
        data[low:high] = (old & ~mask | value & mask).to_bytes(high - low, "little")

    # Globals and answers

    def _globals(self) -> tuple[dict[str, bytes], tuple[tuple[str, int, Ref], ...]]:
        contents: dict[str, bytes] = {}
        pointers: list[tuple[str, int, Ref]] = []
        for name, index in self._shape.globals:
            if self._numbers.random() < 0.25:
                continue  # as the program starts
            contents[name], inner = self._value(index)
            pointers += [(name, at, ref) for at, ref in inner.items()]
        return contents, tuple(pointers)

    def _value(self, index: int) -> tuple[bytes, dict[int, Ref]]:
        data = bytearray(size_of(self._types, index))
        pointers: dict[int, Ref] = {}
        self._put(data, pointers, 0, index, 1)
        return bytes(data), pointers

    def _answers(self) -> tuple[Answer, ...]:
        known = len(self._objects)
        numbers = self._numbers
        made = [self._answer(known) for _ in range(numbers.choice((1, 2, 4)))]
        chance = numbers.random()
        if chance < 0.2:
            made = self._row_of_answers(made[0], numbers.choice((9, 17, 40)))
        elif chance < 0.5:  # what loops that call may wait for
            made.append(dataclasses.replace(made[-1], rax=numbers.choice((0, -1))))
        if numbers.random() < 0.15:
            made[-1] = dataclasses.replace(made[-1], returns=False)
        return tuple(made)

    def _row_of_answers(self, model: Answer, count: int) -> list[Answer]:
        """Many answers of one character, as loops that call wait for, and one that ends them."""
        numbers = self._numbers
        like = dataclasses.replace(model, stores=())
        limit = numbers.choice((2, 10, 256))
        row = [
            like if isinstance(like.rax, Ref)
            else dataclasses.replace(like, rax=numbers.randrange(1, limit))
            for _ in range(count)
        ]  # fmt: skip
        last = dataclasses.replace(like, rax=numbers.choice((0, 0, -1)))
        return [model, *row, last]

    def _answer(self, known: int) -> Answer:
        numbers = self._numbers
        rax: Word = numbers.integer(8, self._shape.dictionary)
        vector = numbers.randbytes(16)
        kinds = [self._types[r] for r in self._shape.returns if r is not None]
        kind = numbers.choice(kinds) if kinds else None
        if isinstance(kind, Pointer):
            rax = self._pointer(kind, 1)
        elif isinstance(kind, Float):
            vector = self._floats.one(kind).ljust(16, b"\x5a")
        elif isinstance(kind, (Int, Enum)):
            size = kind.size
            low = numbers.integer(size, self._shape.dictionary)
            rax = numbers.getrandbits(64) >> 8 * size << 8 * size | low
        if any(isinstance(k, Bool) for k in kinds) and isinstance(rax, int):
            rax = rax & ~0xFF | numbers.randrange(2)
        return Answer(rax, numbers.getrandbits(64), vector, numbers.randbytes(16),
                      self._stores(known))  # fmt: skip

    def _stores(self, known: int) -> tuple[Store, ...]:
        """Change memory that the callee could reach: everything, one object, or nothing."""
        how = self._numbers.random()
        if how < 0.25:
            return ()
        places: list[tuple[int | str, int | None, int]] = [
            (i, o.type, o.count) for i, o in enumerate(self._objects[:known])
        ]
        places += [(name, index, 1) for name, index in self._shape.globals]
        if how < 0.6 and places:
            places = [self._numbers.choice(places)]
        stores: list[Store] = []
        for where, index, count in places:
            stores += self._change(where, index, count)
        return tuple(stores)

    def _change(self, where: int | str, index: int | None, count: int) -> list[Store]:
        fresh = Object(index, count, bytearray(), 1, {}, False)
        if index is None:
            fresh.data[:] = self._numbers.randbytes(count)
        else:
            self._fill(fresh, index, count, 1)
        stores = [Store(where, 0, bytes(fresh.data))]
        old = self._objects[where].pointers if isinstance(where, int) else {}
        for at in old.keys() - fresh.pointers.keys():
            fresh.pointers[at] = old[at]  # a pointer stays valid
        stores += [Store(where, at, bytes(8), ref) for at, ref in fresh.pointers.items()]
        return stores
