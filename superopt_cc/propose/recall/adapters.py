"""How what an entry computes becomes what a target returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from superopt_cc.propose.recall.entries import Entry
from superopt_cc.propose.recall.probing import Probe
from superopt_cc.propose.recall.signature import Address, Binding, Param, Scalar, Signature


@dataclasses.dataclass(frozen=True, slots=True)
class Adapter:
    """`c` is the target's result in C, of the entry's result `r`, the count `n` and the parameters
    `aN`; "" for none.  `word` is the same for a probe."""

    c: str
    word: Callable[[int, Probe], int]


def adapters(entry: Entry, told: Signature, binding: Binding) -> Iterator[Adapter]:
    """What a target with this signature may return of such an entry."""
    result = told.result
    if entry.returns == "void":
        if result is None:
            yield Adapter("", lambda r, probe: 0)
        elif isinstance(result, Address):
            yield from _buffers(entry, told, binding)
        elif binding.counts(entry) or binding.ends():
            yield Adapter("n", lambda r, probe: probe.count)
    elif result is None and binding.out is None:
        if entry.writes:  # what was written is enough
            yield Adapter("", lambda r, probe: 0)
    elif isinstance(result, Address):
        if entry.returns in ("position", "place"):
            yield from _pointers(entry, told, binding)
    elif result is not None or binding.out is not None:
        yield from _integers(entry)


def _integers(entry: Entry) -> Iterator[Adapter]:
    yield Adapter("r", lambda r, probe: r)
    if entry.returns == "position":
        yield Adapter("r < n ? (s64)r : -1", lambda r, probe: r if r < probe.count else -1)
        yield Adapter("r < n", lambda r, probe: r < probe.count)
        yield Adapter("r >= n", lambda r, probe: r >= probe.count)
    elif entry.returns in ("bool", "order"):
        yield Adapter("!r", lambda r, probe: not r)
    if entry.returns == "order":
        yield Adapter("r < 0", lambda r, probe: _signed(r) < 0)
        yield Adapter("r > 0", lambda r, probe: _signed(r) > 0)
    elif entry.returns == "place":
        yield Adapter("r >= 0", lambda r, probe: _signed(r) >= 0)
        yield Adapter("r < 0", lambda r, probe: _signed(r) < 0)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


def _place(probe: Probe, number: int) -> int:
    return probe.seen.addresses[list(probe.buffers).index(number)]


def _first(binding: Binding) -> int:
    return next((s.number for s in binding.sources if isinstance(s, Param)), 0)


def _size(told: Signature, number: int) -> int:
    place = told.parameters[number]
    return place.size if isinstance(place, Address) else 1


def _pointers(entry: Entry, told: Signature, binding: Binding) -> Iterator[Adapter]:
    base = _first(binding)
    size = _size(told, base)
    if entry.returns == "place":
        yield Adapter(
            f"r >= 0 ? (u8 *)a{base} + r * {size} : (u8 *)0",
            lambda r, probe: _place(probe, base) + r * size if _signed(r) >= 0 else 0,
        )
        return
    yield Adapter(f"(u8 *)a{base} + r * {size}", lambda r, probe: _place(probe, base) + r * size)
    yield Adapter(
        f"r < n ? (u8 *)a{base} + r * {size} : (u8 *)0",
        lambda r, probe: _place(probe, base) + r * size if r < probe.count else 0,
    )


def _buffers(entry: Entry, told: Signature, binding: Binding) -> Iterator[Adapter]:
    for number, place in enumerate(told.parameters):
        if isinstance(place, Scalar) or number in binding.ends():
            continue
        size = place.size
        yield Adapter(f"a{number}", lambda r, probe, at=number: _place(probe, at))  # type: ignore[misc]
        yield Adapter(
            f"(u8 *)a{number} + n * {size}",
            lambda r, probe, at=number, size=size: _place(probe, at) + probe.count * size,  # type: ignore[misc]
        )
