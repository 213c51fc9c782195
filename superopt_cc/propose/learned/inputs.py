"""The inputs of a fingerprint: fixed for a pattern, whatever the target's code holds."""

from __future__ import annotations

import dataclasses
import itertools
import random
import struct
from collections.abc import Iterator

from superopt_cc.cases import Blob, Case, Ref, Word
from superopt_cc.propose.learned.pattern import Buffer, Pattern, Scalar

_REGISTERS, _VECTORS = 6, 8
_ALIGN = 64
# Bytes of a buffer, and elements where they are large.
_BYTES, _ELEMENTS = 8192, 128
# Elements that are counted; several counts are sides of one thing.
_COUNTS = (5, 8, 1, 2, 3, 13, 16, 17, 4, 31, 7, 40, 64, 6, 100, 12, 9, 24, 33, 0, 11, 20, 32, 10)
_SIDES = (3, 5, 8, 1, 2, 7, 4, 12, 6, 16, 9, 20, 10, 3, 13, 0, 5, 11, 2, 14, 6, 8, 4, 17)
_TEXT = b"Pack my box with 5 dozen liquor jugs; 0x2F, a=7 & b=-31!\n\tZEBRA? (yes) [no] {maybe}"
_HEX = b"0123456789abcdefABCDEF"
_FEW = b" \t\n,;.0179azAZ_-"
_EDGES = (0, 1, 2, 3, 7, 8, 9, 10, 16, 31, 32, 60, 64, 97, 100, 127, 128, 255, 256, 1000, 1024,
          4095, 65535, 65536, 1000003, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63,
          2**64 - 1)  # fmt: skip
_FLOATS = (0.0, 1.0, -1.0, 0.5, 2.0, -3.25, 10.0, 100.75, -0.125, 1e6, 3.0, 7.0)


@dataclasses.dataclass(frozen=True, slots=True)
class Roles:
    """What parameters are taken for.

    `counts` hold numbers of elements, `small` whether the other integers are small ones, and
    `end` is a (first, last) pair of pointers around one buffer.
    """

    counts: tuple[int, ...] = ()
    small: bool = False
    end: tuple[int, int] | None = None


def every_role(pattern: Pattern) -> Iterator[Roles]:
    """The ways to take a pattern's parameters; of the right one all spellings come back."""
    places = pattern.parameters
    integers = [n for n, p in enumerate(places) if isinstance(p, Scalar) and p.kind == "int"]
    if not any(isinstance(place, Buffer) for place in places):
        yield Roles()
        if integers:
            yield Roles(small=True)
        return
    if not integers:
        yield Roles()
    else:
        yield Roles(small=True)
        for number in integers[:4]:
            yield Roles((number,))
        if len(integers) > 1:
            yield Roles(tuple(integers), small=True)
    for first, last in itertools.pairwise(range(len(places))):
        if isinstance(places[first], Buffer) and places[first] == places[last]:
            yield Roles(end=(first, last))


def cases(pattern: Pattern, roles: Roles) -> list[Case]:
    """The inputs for a pattern whose parameters have these roles."""
    return [_case(pattern, roles, number) for number in range(len(_COUNTS))]


def _case(pattern: Pattern, roles: Roles, number: int) -> Case:
    numbers = random.Random(f"learned {number}")
    count = (_SIDES if len(roles.counts) > 1 else _COUNTS)[number]
    objects: list[Blob] = []
    words: list[Word] = []
    floats: list[bytes] = []
    stack: list[Word] = []
    for index, place in enumerate(pattern.parameters):
        if isinstance(place, Scalar) and place.kind == "float":
            data = _float(numbers, place.size).ljust(16, b"\0")
            if len(floats) < _VECTORS:
                floats.append(data)
            else:
                stack.append(int.from_bytes(data[:8], "little"))
            continue
        word: Word
        if isinstance(place, Buffer) and roles.end is not None and index == roles.end[1]:
            word = Ref(len(objects) - 1, count * place.size)
        elif isinstance(place, Buffer):
            word = Ref(len(objects), 0)
            objects.append(Blob(_content(numbers, number, count, place, objects), _ALIGN))
        elif index in roles.counts:
            word = count if roles.counts[0] == index else max(0, count - numbers.randrange(3))
        else:
            word = _integer(numbers, number, place, roles.small, objects)
        (words if len(words) < _REGISTERS else stack).append(word)
    return Case(tuple(words), tuple(floats), tuple(stack), tuple(objects))


def _integer(
    numbers: random.Random, number: int, place: Scalar, small: bool, objects: list[Blob]
) -> int:
    """A value of a parameter: small, an edge, any, or one that stands in the data."""
    kind = number % 4
    if place.kind == "bool":
        return numbers.randrange(2)
    if kind == 0 and objects:
        word = objects[0].data[numbers.randrange(24)]
    elif small or kind == 0:  # what takes time that grows by powers of them must end
        word = numbers.randrange((24, 6, 12, 16)[kind] if not objects else 64)
    elif kind == 1:
        word = numbers.choice(_EDGES)
    else:
        word = numbers.getrandbits(numbers.choice((8, 16, 20, 32, 64)))
    return word & ((1 << 8 * place.size) - 1)


def _float(numbers: random.Random, size: int) -> bytes:
    value = numbers.choice(_FLOATS) if numbers.randrange(2) else numbers.uniform(-1000.0, 1000.0)
    return struct.pack("<f" if size == 4 else "<d", value)


def _content(
    numbers: random.Random, number: int, count: int, place: Buffer, others: list[Blob]
) -> bytes:
    """What a buffer holds: values of every kind, text, few values, runs, order, copies."""
    size = place.size
    total = _BYTES // size if size <= 8 else _ELEMENTS
    if others and number % 5 in (1, 2) and len(others[0].data) == total * size:  # nearly alike
        data = bytearray(others[0].data)
        if number % 5 == 1 and count and place.parts[0][1].kind == "int":
            data[numbers.randrange(count * size)] ^= 1 << numbers.randrange(8)
        return bytes(data)
    data = bytearray(total * size)
    filled = min(total, 3 * count + 40)
    for at, part in place.parts:
        for i, value in enumerate(_values(numbers, number % 8, part, filled)):
            data[i * size + at : i * size + at + part.size] = value
    block = bytes(data[: filled * size])
    body = bytearray((block * (len(data) // len(block) + 1))[: len(data)])
    body[count * size : (count + 1) * size] = bytes(size)  # strings end where the count says
    body[-size:] = bytes(size)
    return bytes(body)


def _values(numbers: random.Random, kind: int, part: Scalar, count: int) -> Iterator[bytes]:
    if part.kind == "float":
        yield from (_float(numbers, part.size) for _ in range(count))
        return
    top = 1 if part.kind == "bool" else (1 << 8 * part.size) - 1
    if kind == 1:
        start = numbers.randrange(len(_TEXT))
        values = [_TEXT[(start + i) % len(_TEXT)] for i in range(count)]
    elif kind == 2:
        values = [numbers.randrange(4) for _ in range(count)]
    elif kind == 3:
        values = sorted(numbers.randrange(top + 1) for _ in range(count))
    elif kind == 4:
        run = numbers.choice((0, 1, top, numbers.randrange(top + 1)))
        values = [run if i % 9 < 7 else numbers.choice((0, top)) for i in range(count)]
    elif kind in (5, 6):
        values = [numbers.choice(_FEW if kind == 5 else _HEX) for _ in range(count)]
    else:
        values = [numbers.randrange(top + 1) for _ in range(count)]
    yield from ((value & top).to_bytes(part.size, "little") for value in values)
