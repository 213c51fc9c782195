"""Arrays of equal elements: inputs on which code does the same again and again.

Behind characters stand those that code looks for, and zeros, so that what scans for an end finds
one.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from superopt_cc.cases import Case, Ref
from superopt_cc.verify.gathering.places import Place, read, write
from superopt_cc.verify.making.inputs import Maker
from superopt_cc.verify.making.shape import MAX_OBJECT, Shape, Wish
from superopt_cc.verify.making.values import Numbers
from superopt_cc.verify.signature.ctype import Int, Pointer, Struct, size_of

SHORT = 40
_ROUNDS, _ELEMENTS = 5, 3
_CHARACTERS = 64
_LENGTHS = 3  # of each kind
_MEMBERS = 3  # of an element
_TAIL = 16  # bytes behind characters


@dataclasses.dataclass(frozen=True, slots=True)
class Repeat:
    """A case, the word that may be its length, and per object the element that it repeats."""

    case: Case
    length: Place | None
    elements: tuple[bytes, ...]  # b"" for what is no array
    tail: bytes

    def of(self, count: int) -> Case:
        """The case with arrays of so many elements."""
        blobs = [
            dataclasses.replace(blob, data=self._row(element, count)) if element else blob
            for blob, element in zip(self.case.objects, self.elements, strict=True)
        ]
        case = dataclasses.replace(self.case, objects=tuple(blobs))
        return write(case, self.length, count) if self.length is not None else case

    def _row(self, element: bytes, count: int) -> bytes:
        count = min(count, MAX_OBJECT // len(element) - 1)
        return element * count + (self.tail if len(element) == 1 else element)


def repeats(shape: Shape, numbers: Numbers) -> Iterator[Repeat]:
    """Every length, each with several elements."""
    words = shape.dictionary
    marks = words.marks[: _TAIL // 2]
    characters = bytes(dict.fromkeys(words.marks + words.letters + b"a0 "))[:_CHARACTERS]
    for number in range(_ROUNDS):
        maker = Maker(shape, Wish(SHORT, alias=False, snug=True), numbers)
        case, arrays = maker.case(), maker.arrays()
        for length in (None, *_lengths(shape, case)):
            for fill in _fills(case, arrays, characters if not number else b""):
                yield Repeat(case, length, fill, marks.ljust(_TAIL, b"\0"))


def _fills(
    case: Case, arrays: Sequence[tuple[int, Sequence[tuple[int, int]]]], characters: bytes
) -> Iterator[tuple[bytes, ...]]:  # fmt: skip
    """Per object the element that it repeats: one of its own, also with an argument in it, or a
    character."""
    sizes = [size for size, _ in arrays]
    if not any(sizes):
        return
    own = [
        [blob.data[at * size :][:size] for at in range(_ELEMENTS)]
        for blob, size in zip(case.objects, sizes, strict=True)
    ]
    for at in range(_ELEMENTS):
        yield tuple(elements[at] for elements in own)
    most = max(len(places) for _, places in arrays)
    for word in itertools.islice((w for w in case.ints if isinstance(w, int)), _LENGTHS):
        for at in range(max(min(most, _MEMBERS), 1)):
            yield tuple(
                _with_word(elements[0], word, places[at : at + 1])
                for elements, (_, places) in zip(own, arrays, strict=True)
            )
    if 1 in sizes:
        for byte in characters:
            yield tuple(
                bytes([byte]) if size == 1 else elements[0]
                for elements, size in zip(own, sizes, strict=True)
            )


def _with_word(element: bytes, word: int, places: Sequence[tuple[int, int]]) -> bytes:
    """The element with an integer where such a member lies, if any."""
    for at, size in places:
        if size <= 8:
            element = element[:at] + word.to_bytes(8, "little")[:size] + element[at + size :]
    return element


def _lengths(shape: Shape, case: Case) -> Iterator[Place]:
    """The words that may say how long arrays are: integers passed, or beside a pointer in what a
    pointer names."""
    found = [
        Place("int", location.number, 0, size_of(shape.types, index))
        for index, location in zip(shape.parameters, shape.locations, strict=True)
        if location.kind == "int" and isinstance(shape.types[index], Int)
    ]
    yield from (place for place in found if place.size >= 4)
    yield from itertools.islice(_members(shape, case), _LENGTHS)


def _members(shape: Shape, case: Case) -> Iterator[Place]:
    types = shape.types
    for index, location in zip(shape.parameters, shape.locations, strict=True):
        kind = types[index]
        word = case.ints[location.number] if location.kind == "int" else 0
        if not isinstance(kind, Pointer) or kind.to is None or not isinstance(word, Ref):
            continue
        inner = types[kind.to]
        if not isinstance(inner, Struct) or inner.union or not isinstance(word.object, int):
            continue
        if not any(isinstance(types[member.type], Pointer) for member in inner.fields):
            continue
        for member in inner.fields:
            size = size_of(types, member.type)
            if isinstance(types[member.type], Int) and member.bits is None and size >= 4:
                place = Place("object", word.object, word.offset + member.offset, size)
                if read(case, place) is not None:
                    yield place
