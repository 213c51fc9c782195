"""Finding what a target computes: entries' references against the target's results."""

from __future__ import annotations

import collections
import ctypes
import dataclasses
import itertools
import math
import time
from collections.abc import Iterator, Mapping, Sequence

from superopt_cc.propose.recall import numbers
from superopt_cc.propose.recall.adapters import Adapter, adapters
from superopt_cc.propose.recall.entries import Entry
from superopt_cc.propose.recall.probing import Probe, Probes, Roles, runs_of_bytes
from superopt_cc.propose.recall.references import Call, Reference, packed
from superopt_cc.propose.recall.signature import (
    Between,
    Binding,
    Fixed,
    Param,
    Scalar,
    Signature,
    bindings,
)

# Fewer outcomes than this say nothing.
_LEAST, _LEAST_OF_TWO = 8, 3
# Combinations of numbers that are tried for one way to bind.
_MOST_COMBINED = 20_000
# Runs of bytes, each of which costs instructions.
_MOST_RUNS = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Match:
    """An entry that gave the target's results on all probes, and how.

    `numbers` are the constants found, by name; `words` what a table of the entry is made from.
    """

    entry: Entry
    variant: int
    binding: Binding
    adapter: Adapter
    numbers: Mapping[str, int]
    words: tuple[int, ...]
    bytes: bytes


def fitting(entry: Entry, told: Signature) -> list[tuple[int, Binding]]:
    """Variants of an entry, and ways to bind them, that fit a signature."""
    return [
        (number, binding)
        for number, choice in enumerate(entry.variants)
        for binding in bindings(entry, choice, told)
        if any(True for _ in adapters(entry, told, binding))
    ]


class Matcher:
    """Compares references with what one target did."""

    def __init__(self, told: Signature, probes: Probes, constants: Sequence[int]) -> None:
        self._told, self._probes, self._constants = told, probes, constants
        self._rooms: dict[int, dict[int, ctypes.Array[ctypes.c_char]]] = {}
        self._kept: list[Probe] = []  # their identities are keys

    def matches(
        self, entry: Entry, ways: Sequence[tuple[int, Binding]], reference: Reference,
        deadline: float,
    ) -> Iterator[Match]:  # fmt: skip
        """Ways in which the target computes what the entry does."""
        for variant, binding in ways:
            if time.monotonic() > deadline:
                return
            found = self._match(entry, variant, binding, reference)
            if found is not None:
                yield found

    def _match(
        self, entry: Entry, variant: int, binding: Binding, reference: Reference
    ) -> Match | None:
        roles = Roles(binding.counts(entry), tuple(sorted(binding.ends().items())))
        probes = [each for each in self._probes.under(roles) if each.count <= entry.most]
        # A set of bytes is found by results that differ.
        if len(probes) < _LEAST or not (entry.bytes == "set" or _telling(probes)):
            return None
        call = reference.call(variant)
        ways = list(adapters(entry, self._told, binding))
        for values, told in self._given(entry, binding, roles):
            alive = ways
            reference.set_bytes(told)
            for probe in probes:
                alive = self._agreeing(alive, entry, binding, values, call, probe)
                if not alive:
                    break
            else:
                words = tuple(self._words(entry, binding, values, probes[0], {}))
                return Match(entry, variant, binding, alive[0], values, words, told)
        return None

    def _given(
        self, entry: Entry, binding: Binding, roles: Roles
    ) -> Iterator[tuple[Mapping[str, int], bytes]]:
        """What numbers and bytes may be."""
        every: tuple[bytes, ...] = (bytes(256),)
        if entry.bytes == "set":
            every = self._probes.sets(roles, lambda probe: self._result(probe, binding))
        elif entry.bytes == "map":
            written = _written(entry, binding)
            every = self._probes.maps(roles, written[0]) if written else ()
        few = [b for b in every if len(runs_of_bytes(b, entry.bytes)) <= _MOST_RUNS]
        return ((values, told) for told in few
                for values in self._combinations(entry, binding, roles))  # fmt: skip

    def _combinations(
        self, entry: Entry, binding: Binding, roles: Roles
    ) -> Iterator[Mapping[str, int]]:
        names = [s.name for s in binding.sources if isinstance(s, Fixed)] + list(entry.macros)
        given = [entry.numbers[name] for name in names]
        short = self._probes.short(roles, set().union(*map(numbers.needed, given)))
        results = {data: self._result(probe, binding) for data, probe in short.items()}
        every = [numbers.candidates(each, self._constants, results) for each in given]
        if math.prod(map(len, every)) > _MOST_COMBINED:
            most = int(_MOST_COMBINED ** (1 / len(every)))
            every = [each[:most] for each in every]
        for values in itertools.product(*every):
            yield dict(zip(names, values, strict=True))

    def _result(self, probe: Probe | None, binding: Binding) -> int | None:
        if probe is None:
            return None
        if binding.out is None:
            return probe.seen.result
        place = self._told.parameters[binding.out]
        memory = probe.seen.memory[list(probe.buffers).index(binding.out)]
        return int.from_bytes(memory[: place.size], "little")

    def _words(
        self, entry: Entry, binding: Binding, values: Mapping[str, int], probe: Probe,
        rooms: Mapping[int, ctypes.Array[ctypes.c_char]],
    ) -> Iterator[int]:  # fmt: skip
        for source in binding.sources:
            if isinstance(source, Between):
                yield probe.count
            elif isinstance(source, Fixed):
                yield values[source.name]
            elif source.number in rooms:
                yield ctypes.addressof(rooms[source.number])
            else:
                yield probe.words[source.number]
        for name in entry.macros:
            yield values[name]

    def _agreeing(
        self, ways: Sequence[Adapter], entry: Entry, binding: Binding, values: Mapping[str, int],
        call: Call, probe: Probe,
    ) -> list[Adapter]:  # fmt: skip
        """The adapters under which the reference does what the target did."""
        rooms = self._room(probe)
        written = _written(entry, binding)
        for number in written:
            ctypes.memmove(rooms[number], probe.buffers[number], len(probe.buffers[number]))
        words = tuple(self._words(entry, binding, values, probe, rooms))
        result = call(packed(words))
        for argument, word in zip(entry.arguments, words, strict=False):
            if argument.role == "count" and word != probe.count:  # how many is always the same
                probe = dataclasses.replace(probe, count=word)
        alive = [way for way in ways if self._same_result(way.word(result, probe), binding, probe)]
        if not alive:
            return []
        for number, seen in zip(probe.buffers, probe.seen.memory, strict=True):
            wanted = rooms[number].raw if number in written else probe.buffers[number]
            first = self._told.parameters[number].size if number == binding.out else 0
            if seen[first:] != wanted[first:]:
                return []
        return alive

    def _same_result(self, word: int, binding: Binding, probe: Probe) -> bool:
        if binding.out is not None:
            size = self._told.parameters[binding.out].size
            seen = self._result(probe, binding)
        else:
            place = self._told.result
            if place is None:
                return True
            size = place.size if isinstance(place, Scalar) else 8
            seen = probe.seen.result
        assert seen is not None
        mask = (1 << 8 * size) - 1
        return (word ^ seen) & mask == 0

    def _room(self, probe: Probe) -> dict[int, ctypes.Array[ctypes.c_char]]:
        """Memory of ours with a probe's buffers."""
        found = self._rooms.get(id(probe))
        if found is None:
            found = {
                number: ctypes.create_string_buffer(data, len(data))
                for number, data in probe.buffers.items()
            }
            self._rooms[id(probe)] = found
            self._kept.append(probe)
        return found


def _telling(probes: Sequence[Probe]) -> bool:
    """Did the target do different things?"""
    done = collections.Counter(
        (
            probe.seen.result,
            *(b for a, b in zip(probe.buffers.values(), probe.seen.memory, strict=True) if a != b),
        )
        for probe in probes
    )
    return len(done) > 2 or (len(done) == 2 and min(done.values()) >= _LEAST_OF_TWO)


def _written(entry: Entry, binding: Binding) -> list[int]:
    """The parameters through which the entry writes."""
    return [
        s.number
        for argument, s in zip(entry.arguments, binding.sources, strict=True)
        if argument.role == "out" and isinstance(s, Param)
    ]
