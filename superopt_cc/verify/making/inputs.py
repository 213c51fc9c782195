"""Making inputs for a C signature: arguments, memory, globals, and answers of callees.

The cases made here are generous: objects are larger than needed.  `probe` runs the target on
them and trims every object to what the target touches (design 5.6).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from superopt_cc.cases import Answer, Blob, Case, Ref, Store, Word
from superopt_cc.verify.making import alias, wide
from superopt_cc.verify.making.admit import promised_integers
from superopt_cc.verify.making.alias import Object
from superopt_cc.verify.making.contents import LIST_DEPTH, Contents
from superopt_cc.verify.making.manners import with_manner
from superopt_cc.verify.making.nans import NaNs
from superopt_cc.verify.signature.abi import Location, returned, width
from superopt_cc.verify.signature.ctype import (
    Bool,
    Enum,
    Float,
    Int,
    Pointer,
    Struct,
    base_of,
    size_of,
)


class Maker(Contents):
    """Builds one case; a fresh one for each."""

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
                self._by_value(position, location, ints, floats, stack)
                continue
            if isinstance(kind, Float):
                pattern = self._floats.one(kind)
                if location.kind == "sse":
                    floats.append(pattern.ljust(16, b"\0"))
                else:
                    self._pad(stack, location)
                    stack.append(int.from_bytes(pattern, "little"))
                continue
            where = ints if location.kind == "int" else stack
            self._pad(where, location)
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
        known: dict[int, Word] = {}
        least: dict[int, int] = {}
        if self._shape.promises:
            known, least = promised_integers(self._shape, order, self._parameter, self._numbers)
        return {
            position: known[position]
            if position in known
            else self._parameter(position, index, least.get(position, 0))
            for position, index in order
        }

    def _by_value(
        self, position: int, location: Location, ints: list[Word], floats: list[bytes],
        stack: list[Word],
    ) -> None:  # fmt: skip
        """A value that takes parts of the convention; what no member covers is noise."""
        index = self._shape.parameters[position]
        data, pointers = self._value(index)
        if position in self._wish.fixed and isinstance(self._types[index], Int):
            data = (self._wish.fixed[position] & wide.MASK).to_bytes(wide.SIZE, "little")
        data = data + self._numbers.randbytes(-len(data) % 8)
        at = 0
        for part in location.parts:
            body = data[at : at + width(part.bits)]
            if part.kind == "sse":
                floats.append(body.ljust(16, b"\0"))
            else:
                words = ints if part.kind == "int" else stack
                self._pad(words, part)
                words.append(pointers.get(at, int.from_bytes(body, "little")))
            at += len(body)

    def _pad(self, words: list[Word], location: Location) -> None:
        """What the stack's alignment leaves free before an argument is noise."""
        if location.kind == "stack":
            words += [self._numbers.getrandbits(64) for _ in range(location.number - len(words))]

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
                self._fill(other, made.type, made.count, LIST_DEPTH)
                self._lengthen(other, made.type, LIST_DEPTH)
            fresh.append(other)
            blobs[number] = dataclasses.replace(blobs[number], data=bytes(other.data))
        return dataclasses.replace(case, objects=tuple(blobs))

    def uniform(self, case: Case, byte: int) -> Case:
        """The same case with every byte of its integers in memory alike."""
        blobs = [
            dataclasses.replace(blob, data=bytes([byte]) * len(blob.data))
            if made.type is None or isinstance(base_of(self._types, made.type), Int)
            else blob
            for blob, made in zip(case.objects, self._objects, strict=True)
        ]
        return dataclasses.replace(case, objects=tuple(blobs))

    def arrays(self) -> list[tuple[int, tuple[tuple[int, int], ...]]]:
        """For each object of the case the bytes of an element, 0 for what is no plain array; and
        where in an element which sizes of integers lie."""
        found = []
        for made in self._objects:
            plain = made.count > 1 and made.data and not made.pointers
            members = self._shape.leaves(made.type) if made.type is not None else ()
            places = ((m.offset, m.kind.size) for m in members if isinstance(m.kind, Int))
            found.append((len(made.data) // made.count if plain else 0, tuple(places)))
        return found

    def links(self) -> list[tuple[int, int]]:
        """(object, byte) of pointers that lead from a structure to another such: one for each
        type, of objects that hold a single one."""
        found: dict[tuple[int, int], tuple[int, int]] = {}
        for number, made in enumerate(self._objects):
            kind = self._types[made.type] if made.type is not None else None
            if not isinstance(kind, Struct) or kind.union or len(made.data) != kind.size:
                continue
            for member in kind.fields:
                inner = self._types[member.type]
                if isinstance(inner, Pointer) and inner.to is not None and inner.to == made.type:
                    found.setdefault((inner.to, member.offset), (number, member.offset))
        return list(found.values())

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

    def _parameter(self, position: int, index: int, least: int = 0) -> Word:
        kind = self._types[index]
        if isinstance(kind, Pointer):
            return self._pointer(kind, 0, least)
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
        frames = {name for name, _ in self._shape.frames}
        stores = tuple(store for store in model.stores if store.where in frames)
        like = dataclasses.replace(model, stores=stores)
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
        known_types = [r for r in self._shape.returns if r is not None]
        index = numbers.choice(known_types) if known_types else None
        kind = self._types[index] if index is not None else None
        second, rdx = numbers.randbytes(16), numbers.getrandbits(64)
        if isinstance(kind, Pointer):
            rax = self._pointer(kind, 1)
        elif isinstance(kind, Float):
            vector = self._floats.one(kind).ljust(16, b"\x5a")
        elif isinstance(kind, (Int, Enum)) and kind.size <= 8:
            size = kind.size
            low = numbers.integer(size, self._shape.dictionary)
            rax = numbers.getrandbits(64) >> 8 * size << 8 * size | low
        elif index is not None and not isinstance(kind, Bool):
            made = self._result(index)
            rax, rdx = made.get("rax", rax), made.get("rdx", rdx)
            vector, second = (
                next((made[name].to_bytes(16, "little") for name in names if name in made), noise)
                for names, noise in ((("xmm0", "st(0)"), vector), (("xmm1", "st(1)"), second))
            )
        if any(isinstance(self._types[r], Bool) for r in known_types) and isinstance(rax, int):
            rax = rax & ~0xFF | numbers.randrange(2)
        return Answer(rax, rdx, vector, second, self._stores(known))

    def _result(self, index: int) -> dict[str, int]:
        """A value of more than one scalar in the registers of a result, noise around it."""
        data, _ = self._value(index)
        data += self._numbers.randbytes(-len(data) % 8)
        found: dict[str, int] = {}
        for register, mask in returned(self._types, index):
            size = 16 if mask >> 64 else 8
            found[register], data = int.from_bytes(data[:size], "little"), data[size:]
        return found

    def _stores(self, known: int) -> tuple[Store, ...]:
        """Change memory that the callee could reach: everything, one object, or nothing."""
        how = self._numbers.random()
        stores = self._frame_stores()
        if how < 0.25:
            return tuple(stores)
        places: list[tuple[int | str, int | None, int]] = [
            (i, o.type, o.count) for i, o in enumerate(self._objects[:known])
        ]
        places += [(name, index, 1) for name, index in self._shape.globals]
        if how < 0.6 and places:
            places = [self._numbers.choice(places)]
        for where, index, count in places:
            stores += self._change(where, index, count)
        return tuple(stores)

    def _frame_stores(self) -> list[Store]:
        """What the callee writes into objects of the frame: mostly into all that it sees, for what
        nobody fills no code can read."""
        stores: list[Store] = []
        every = self._numbers.random() < 0.9
        for where, index in self._shape.frames:
            if not every and self._numbers.random() < 0.5:
                continue
            made = self._change(where, index, 1)
            base = base_of(self._types, index)
            data = bytearray(made[0].data)
            if isinstance(base, Int) and base.size == 1 and len(data) > 1:  # strings end
                data[self._numbers.randrange(len(data))] = 0
                made[0] = dataclasses.replace(made[0], data=bytes(data))
            stores += made
        return stores

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
