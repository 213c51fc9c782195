"""Which inputs the author's promises admit, and what they promise about memory (design 10)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence

from superopt_cc.cases import Case, Ref, Word
from superopt_cc.errors import Ineligible
from superopt_cc.verify.making.promises import Value
from superopt_cc.verify.making.shape import Shape
from superopt_cc.verify.making.values import Numbers
from superopt_cc.verify.signature.abi import Location
from superopt_cc.verify.signature.ctype import Enum, Float, Int, Pointer, size_of

# Objects lie far apart, so that pointers into different ones are never equal.
_APART = 1 << 40
# Attempts at integers that meet the assumptions; so many with the usual values.
_ATTEMPTS, _PLAIN = 40, 6
# So many inputs are not made to meet them: they show what the assumptions exclude.
_OUTSIDE = 0.12


def check(shape: Shape) -> None:
    """Raise Ineligible where clauses name parameters of other types than they take."""
    pointers = {position for position, _ in shape.promises.extents}
    pointers |= {position for pair in shape.promises.disjoint for position in pair}
    for position in pointers:
        if not isinstance(shape.types[shape.parameters[position]], Pointer):
            raise Ineligible("contract", f"parameter {position + 1} is no pointer")


def values(case: Case, shape: Shape) -> dict[int, Value]:
    """The scalar parameters of a case by position; pointers as numbers that tell them apart."""
    found: dict[int, Value] = {}
    for position, (index, location) in enumerate(
        zip(shape.parameters, shape.locations, strict=True)
    ):
        kind = shape.types[index]
        if isinstance(kind, Float) and kind.size in (4, 8):
            found[position] = _floating(case, location, kind.size)
        elif location.kind in ("int", "stack"):
            word = _word(case, location)
            if isinstance(word, Ref):
                found[position] = _address(word)
            else:
                found[position] = typed(word, kind)
    return found


def typed(word: int, kind: object) -> int:
    """What a register's contents mean as a type."""
    if isinstance(kind, Pointer):
        return word
    size = getattr(kind, "size", 8)
    word &= (1 << 8 * size) - 1
    signed = isinstance(kind, (Int, Enum)) and kind.signed
    return word - (1 << 8 * size) if signed and word >> 8 * size - 1 else word


def admits(case: Case, shape: Shape) -> bool:
    """Could a caller pass this?"""
    promises = shape.promises
    if not promises:
        return True
    known = values(case, shape)
    if not promises.hold(known):
        return False
    counts = promises.elements(known)
    if not all(_is_long_enough(case, shape, p, count) for p, count in counts.items()):
        return False
    return all(_are_apart(case, shape, counts, *pair) for pair in promises.disjoint)


def promised(case: Case, shape: Shape) -> Iterator[tuple[int, int, int]]:
    """(object, first byte, one past the last) of what extents promise to be there."""
    if not shape.promises.extents:
        return
    for position, count in shape.promises.elements(values(case, shape)).items():
        word = pointer(case, shape, position)
        if isinstance(word, Ref) and isinstance(word.object, int) and count > 0:
            end = word.offset + count * element(shape, position)
            yield word.object, word.offset, end


def element(shape: Shape, position: int) -> int:
    """The size in bytes of what a pointer parameter points to; 1 for void."""
    kind = shape.types[shape.parameters[position]]
    return size_of(shape.types, kind.to) if isinstance(kind, Pointer) and kind.to is not None else 1


def pointer(case: Case, shape: Shape, position: int) -> Word:
    """The argument that a pointer parameter gets."""
    return _word(case, shape.locations[position])


def _word(case: Case, location: Location) -> Word:
    words = case.ints if location.kind == "int" else case.stack
    return words[location.number]


def _floating(case: Case, location: Location, size: int) -> float:
    if location.kind == "sse":
        data = case.floats[location.number]
    else:
        word = case.stack[location.number]
        data = word.to_bytes(8, "little") if isinstance(word, int) else bytes(8)
    found: float = struct.unpack_from("<f" if size == 4 else "<d", data)[0]
    return found


def _address(ref: Ref) -> int:
    where = ref.object + 1 if isinstance(ref.object, int) else sum(ref.object.encode()) + _APART
    return where * _APART + ref.offset


def _is_long_enough(case: Case, shape: Shape, position: int, count: int) -> bool:
    if count <= 0:
        return True
    word = pointer(case, shape, position)
    if not isinstance(word, Ref):
        return False
    if isinstance(word.object, str):
        room = len(case.globals.get(word.object, b"")) or dict(_sizes(shape)).get(word.object, 0)
    else:
        room = len(case.objects[word.object].data)
    return word.offset >= 0 and word.offset + count * element(shape, position) <= room


def _sizes(shape: Shape) -> Iterator[tuple[str, int]]:
    return ((name, size_of(shape.types, index)) for name, index in shape.globals)


def _are_apart(case: Case, shape: Shape, counts: dict[int, int], one: int, other: int) -> bool:
    """Without extents, pointers into one object count as overlapping."""
    first, second = pointer(case, shape, one), pointer(case, shape, other)
    if not isinstance(first, Ref) or not isinstance(second, Ref) or first.object != second.object:
        return True
    if one not in counts or other not in counts:
        return False
    ends = [
        word.offset + max(counts[position], 0) * element(shape, position)
        for word, position in ((first, one), (second, other))
    ]
    return ends[0] <= second.offset or ends[1] <= first.offset


def promised_integers(
    shape: Shape, order: Sequence[tuple[int, int]], draw: Callable[[int, int], Word],
    numbers: Numbers,
) -> tuple[dict[int, Word], dict[int, int]]:  # fmt: skip
    """Integer arguments that meet the assumptions, if they are found in some attempts, and how
    many elements each pointer must lead to then.  `order` are (position, type), and `draw` makes
    one of them at random."""
    attempts = 1 if numbers.random() < _OUTSIDE else _ATTEMPTS
    integers = [(p, index) for p, index in order if isinstance(shape.types[index], (Int, Enum))]
    words: dict[int, Word] = {}
    known: dict[int, Value] = {}
    for attempt in range(attempts):
        words = {position: draw(position, index) for position, index in integers}
        if attempt >= _PLAIN:  # near what the assumptions name
            named = sorted(shape.promises.numbers) or [0]
            for position, index in integers:
                if numbers.random() < 0.7:
                    near = numbers.choice(named) * numbers.choice((1, 1, 1, 2, 3, 5))
                    mask = (1 << 8 * size_of(shape.types, index)) - 1
                    words[position] = near + numbers.choice((0, 0, 1, -1)) & mask
        known = {
            p: typed(word, shape.types[index])
            for p, index in integers
            if isinstance(word := words[p], int)
        }
        if shape.promises.hold(known):
            break
    return words, shape.promises.elements(known)
