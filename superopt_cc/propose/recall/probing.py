"""Inputs on which computations are told apart, and what the target does on them.

Which inputs make sense depends on the roles of the parameters only: entries that see the same
roles in a signature share the runs.
"""

from __future__ import annotations

import array
import dataclasses
import random
from collections.abc import Callable, Iterable, Mapping, Sequence

from superopt_cc.cases import Blob, Case, Ref, Word
from superopt_cc.propose.recall.signature import Address, Scalar, Signature
from superopt_cc.verify.running.observed import Observed

RunTarget = Callable[[Sequence[Case]], Sequence[Observed]]

BUFFER = 4096
_REGISTERS = 6
_BRIEF = 512  # elements
# Elements per probe; what is read and written stays far below `BUFFER` bytes.
_COUNTS = (5, 8, 0, 1, 2, 3, 13, 16, 17, 4, 31, 33, 7, 40, 64, 6, 100, 5, 12, 9, 24, 20, 11, 37,
           3, 10, 128, 19, 21, 50)  # fmt: skip
_TEXT = b"The quick brown Fox, 0123456789 jumps\tover\nTHE lazy dog; x=42 & y=7!\n\n<a>{b}[c]"
_COMMON = b"  \t\n\r  ,;.=019azAZ_-/"
_EDGES = (0, 1, 2, 3, 5, 7, 8, 10, 12, 15, 16, 17, 31, 32, 36, 48, 63, 64, 97, 100, 127, 128, 255,
          256, 1000, 4096, 65535, 65536, 720720, 999983, 2**31 - 1, 2**31, 2**32 - 1, 2**53,
          2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
_MASK = (1 << 64) - 1


@dataclasses.dataclass(frozen=True, slots=True)
class Roles:
    """What each parameter is: a count, an end of another's buffer, or what its type says."""

    counts: frozenset[int]
    ends: tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Probe:
    """One input: `words` the scalars (0 for pointers), `buffers` by parameter, and the outcome.

    `count` is how many elements there are by the parameters that say so.
    """

    words: tuple[int, ...]
    buffers: Mapping[int, bytes]
    count: int
    seen: Observed


def runs_of_bytes(values: bytes, kind: str) -> list[tuple[int, int, int]]:
    """(first, last, what is added) for each run of bytes in a set, or changed alike by a map."""
    added = [(value - number) % 256 if kind == "map" else value
             for number, value in enumerate(values)]  # fmt: skip
    runs: list[tuple[int, int, int]] = []
    for number, what in enumerate(added):
        if runs and runs[-1][1] == number - 1 and runs[-1][2] == what and what:
            runs[-1] = (runs[-1][0], number, what)
        elif what:
            runs.append((number, number, what))
    return runs


class Probes:
    """Runs a target on the inputs for a signature; each kind of roles once."""

    def __init__(self, told: Signature, run: RunTarget, constants: Sequence[int] = ()) -> None:
        """`constants` stand in the data now and then."""
        self._told, self._run = told, run
        self._constants = tuple(constants) or (0,)
        self._known: dict[Roles, tuple[Probe, ...]] = {}
        self._short: dict[tuple[Roles, bytes], Probe | None] = {}

    def under(self, roles: Roles) -> tuple[Probe, ...]:
        """The probes on which the target returned."""
        if roles not in self._known:
            made = [self._probe(roles, number) for number in range(len(_COUNTS))]
            self._known[roles] = tuple(p for p in self._ran(roles, made) if p.seen.returned)
        return self._known[roles]

    def short(self, roles: Roles, wanted: Iterable[bytes]) -> Mapping[bytes, Probe | None]:
        """The outcome for data of exactly these elements, values being 0; None: it failed."""
        fresh = [data for data in set(wanted) if (roles, data) not in self._short]
        made = [self._brief(roles, data) for data in fresh]
        for data, probe in zip(fresh, self._ran(roles, made), strict=True):
            self._short[roles, data] = probe if probe.seen.returned else None
        return {data: probe for (known, data), probe in self._short.items() if known == roles}

    def maps(self, roles: Roles, written: int) -> tuple[bytes, ...]:
        """What becomes of every byte value in the buffer that is written, if anything."""
        data = bytes([*range(1, 256), 0])  # a string, too
        probe = self.short(roles, [data])[data]
        if probe is None:
            return ()
        memory = probe.seen.memory[list(probe.buffers).index(written)]
        return (memory[255:256] + memory[:255],)

    def sets(self, roles: Roles, result: Callable[[Probe | None], int | None]) -> tuple[bytes, ...]:
        """The sets of byte values that the target tells from all others, where it is one: 1 for
        each member, and its complement."""
        single = self.short(roles, [bytes([value]) for value in range(256)])
        seen = [result(single[bytes([value])]) for value in range(256)]
        known = {each for each in seen if each is not None}
        if None in seen or len(known) != 2:
            return ()
        return tuple(bytes(each == one for each in seen) for one in sorted(known, reverse=True))

    def _ran(self, roles: Roles, made: Sequence[Probe]) -> list[Probe]:
        if not made:
            return []
        seen = self._run([self._case(roles, probe) for probe in made])
        return [
            dataclasses.replace(probe, seen=each) for probe, each in zip(made, seen, strict=True)
        ]

    def _probe(self, roles: Roles, number: int) -> Probe:
        numbers = random.Random(number)
        count = _COUNTS[number]
        buffers: dict[int, bytes] = {}
        for index, place in enumerate(self._told.parameters):
            if isinstance(place, Address) and index not in dict(roles.ends):
                buffers[index] = self._content(numbers, number, count, place, buffers)
        words: list[int] = []
        for index, place in enumerate(self._told.parameters):
            word = count
            if index not in roles.counts:
                word = self._value(numbers, number, count, buffers)
            words.append(_in_range(word, place))
        return Probe(tuple(words), buffers, count, _NOT_RUN)

    def _content(
        self, numbers: random.Random, number: int, count: int, place: Address,
        others: Mapping[int, bytes],
    ) -> bytes:  # fmt: skip
        """What a buffer holds: bytes of every kind, text, few different values, runs, order."""
        size = place.size
        if place.floating:
            made = (numbers.uniform(-9, 9) for _ in range(BUFFER // size))
            return array.array("f" if size == 4 else "d", made).tobytes()
        elements = min(BUFFER // size, 3 * count + 40)
        top = (1 << 8 * size) - 1
        kind = number % 8
        if others and number % 5 in (1, 2, 3):  # alike, or nearly so
            first = bytearray(next(iter(others.values())))
            if number % 5 == 3:  # somewhere, for those who always look at as many elements
                first[(5 * number + 3) % 64 * size] ^= 1
            if number % 5 == 1 and count:
                first[numbers.randrange(count * size)] ^= 1 << numbers.randrange(8)
            return bytes(first)
        if kind == 1:
            start = numbers.randrange(len(_TEXT))
            values = [_TEXT[(start + i) % len(_TEXT)] for i in range(elements)]
        elif kind == 2:
            values = [numbers.randrange(4) for _ in range(elements)]
        elif kind in (3, 7):
            values = _sorted(numbers, number, count, top)
            values += [numbers.randrange(top + 1) for _ in range(elements - count)]
        elif kind == 4:
            run = numbers.choice((0, 1, top, top >> 1, numbers.randrange(top + 1)))
            values = [run if i % 9 < 7 else numbers.choice((0, top)) for i in range(elements)]
        elif kind == 5:
            known = self._constants
            values = [(numbers.choice(known) + numbers.choice((0, 0, 0, 1, -1))) & top
                      for _ in range(elements)]  # fmt: skip
        elif kind == 6:
            values = [numbers.choice(_COMMON) for _ in range(elements)]
        else:
            values = [numbers.randrange(top + 1) for _ in range(elements)]
        block = b"".join(value.to_bytes(size, "little") for value in values)
        body = bytearray((block * (BUFFER // len(block) + 1))[:BUFFER])
        # Strings end where the count says, and in any case.
        body[count * size : (count + 1) * size] = bytes(size)
        body[-64:] = bytes(64)
        return bytes(body)

    def _brief(self, roles: Roles, data: bytes) -> Probe:
        buffers: dict[int, bytes] = {}
        words: list[int] = []
        left = list(data)
        for index, place in enumerate(self._told.parameters):
            word = 0
            if isinstance(place, Address) and index not in dict(roles.ends):
                body = b"".join(byte.to_bytes(place.size, "little") for byte in data)
                buffers[index] = body.ljust(_BRIEF * place.size, b"\0")
            elif index in roles.counts:
                word = len(data)
            elif not any(isinstance(p, Address) for p in self._told.parameters):
                word = left.pop(0) if left else 0
            words.append(word)
        return Probe(tuple(words), buffers, len(data), _NOT_RUN)

    def _value(
        self, numbers: random.Random, number: int, count: int, buffers: Mapping[int, bytes]
    ) -> int:
        """A plain value: small, an edge, any, or an element of the data."""
        kind = number % 4
        if buffers and (kind == 0 or number % 8 == 3):
            index, data = next(iter(buffers.items()))
            size = self._told.parameters[index].size
            at = numbers.randrange(count or 24) * size
            return int.from_bytes(data[at : at + size], "little")
        if kind <= 1:
            return numbers.randrange(40)
        if kind == 2:
            return numbers.choice(_EDGES)
        return numbers.getrandbits(numbers.choice((8, 16, 20, 32, 64)))

    def _case(self, roles: Roles, probe: Probe) -> Case:
        ends, order = dict(roles.ends), list(probe.buffers)
        words: list[Word] = []
        for index, place in enumerate(self._told.parameters):
            if isinstance(place, Scalar):
                words.append(probe.words[index] & _MASK)
            elif index in ends:
                words.append(Ref(order.index(ends[index]), probe.count * place.size))
            else:
                words.append(Ref(order.index(index), 0))
        objects = tuple(Blob(data, 64) for data in probe.buffers.values())
        return Case(tuple(words[:_REGISTERS]), stack=tuple(words[_REGISTERS:]), objects=objects)


_NOT_RUN = Observed(False, 0, 0, (), ())


def _in_range(word: int, place: object) -> int:
    """A word as a value of its type."""
    if not isinstance(place, Scalar):
        return 0
    bits = 8 * place.size
    word &= (1 << bits) - 1
    return word - (1 << bits) if place.signed and word >> (bits - 1) else word


def _sorted(numbers: random.Random, number: int, count: int, top: int) -> list[int]:
    """Rising or falling elements, as unsigned numbers or as signed ones, some with equal ones."""
    most = 5 if number in (19, 23) else top
    least = 0 if number % 8 == 3 else -(most // 2)
    values = sorted(numbers.randint(least, least + most) for _ in range(count))
    return [value & top for value in (values[::-1] if number // 8 % 2 else values)]
