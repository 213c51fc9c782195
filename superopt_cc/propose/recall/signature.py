"""A target's C signature as recall sees it, and the ways in which an entry's arguments fit it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from superopt_cc.propose.recall.entries import INTEGERS, Argument, Entry
from superopt_cc.verify.job import Facts
from superopt_cc.verify.signature.ctype import Bool, CType, Enum, Float, Int, Pointer


@dataclasses.dataclass(frozen=True, slots=True)
class Scalar:
    """An integer parameter or result."""

    size: int
    signed: bool
    truth: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """A pointer to numbers of `size` bytes; `anything` for `void *`."""

    size: int
    const: bool
    anything: bool = False
    restrict: bool = False
    floating: bool = False


Place = Scalar | Address


@dataclasses.dataclass(frozen=True, slots=True)
class Signature:
    """Parameters in order, and the result (None: void)."""

    parameters: tuple[Place, ...]
    result: Place | None


def signature_of(facts: Facts) -> Signature | None:
    """The signature, None where it holds anything but integers and pointers to them."""
    places = [_place(facts, parameter.type) for parameter in facts.parameters]
    result = None if facts.returns is None else _place(facts, facts.returns)
    parameters = tuple(place for place in places if place is not None)
    if len(parameters) < len(places) or not places:
        return None
    return None if result is None and facts.returns is not None else Signature(parameters, result)


def _place(facts: Facts, index: int) -> Place | None:
    kind = facts.types[index]
    scalar = _scalar(kind)
    if scalar is not None:
        return scalar
    if not isinstance(kind, Pointer) or kind.volatile:
        return None
    if kind.to is None:
        return Address(1, kind.const, True, kind.restrict)
    to = facts.types[kind.to]
    if isinstance(to, Float) and to.size in (4, 8):
        return Address(to.size, kind.const, restrict=kind.restrict, floating=True)
    inner = _scalar(to)
    if inner is None or inner.truth:
        return None
    return Address(inner.size, kind.const, restrict=kind.restrict)


def _scalar(kind: CType) -> Scalar | None:
    if isinstance(kind, Bool):
        return Scalar(1, False, truth=True)
    if isinstance(kind, Int | Enum) and kind.size <= 8:
        return Scalar(kind.size, kind.signed)
    return None


# Where an argument of an entry comes from.


@dataclasses.dataclass(frozen=True, slots=True)
class Param:
    """The target's parameter of this number."""

    number: int


@dataclasses.dataclass(frozen=True, slots=True)
class Between:
    """The elements from the pointer `first` to the pointer `last`."""

    first: int
    last: int


@dataclasses.dataclass(frozen=True, slots=True)
class Fixed:
    """A constant, one of the candidates of the number of this name."""

    name: str


Source = Param | Between | Fixed


@dataclasses.dataclass(frozen=True, slots=True)
class Binding:
    """A source for each argument of an entry; `out`: the parameter that the result goes through."""

    sources: tuple[Source, ...]
    out: int | None = None

    def counts(self, entry: Entry) -> frozenset[int]:
        """Numbers of the parameters that count elements."""
        return frozenset(
            source.number
            for argument, source in zip(entry.arguments, self.sources, strict=True)
            if argument.role == "count" and isinstance(source, Param)
        )

    def ends(self) -> Mapping[int, int]:
        """Parameters that point behind the last element, to those that point to the first."""
        return {s.last: s.first for s in self.sources if isinstance(s, Between)}

    def may_be_negative(self, entry: Entry, told: Signature) -> bool:
        """May a caller ask for fewer than no elements?"""
        places = [told.parameters[number] for number in self.counts(entry)]
        return bool(self.ends()) or any(isinstance(p, Scalar) and p.signed for p in places)


def bindings(entry: Entry, choice: Mapping[str, str], told: Signature) -> Iterator[Binding]:
    """The ways in which a variant's arguments fit a signature, all of whose parameters serve."""
    for sources in _assign(entry.arguments, entry, choice, told, ()):
        left = set(range(len(told.parameters))) - set(_used(sources))
        if not left:
            yield Binding(sources)
        elif len(left) == 1 and told.result is None and entry.returns != "void":
            number = left.pop()
            place = told.parameters[number]
            if isinstance(place, Address) and not (place.const or place.anything or place.floating):
                yield Binding(sources, number)


def _used(sources: Sequence[Source]) -> Iterator[int]:
    for source in sources:
        if isinstance(source, Param):
            yield source.number
        elif isinstance(source, Between):
            yield source.last


def _assign(
    left: Sequence[Argument], entry: Entry, choice: Mapping[str, str], told: Signature,
    sources: tuple[Source, ...],
) -> Iterator[tuple[Source, ...]]:  # fmt: skip
    if not left:
        yield sources
        return
    for source in _sources(left[0], entry, choice, told, sources):
        yield from _assign(left[1:], entry, choice, told, (*sources, source))


def _sources(
    argument: Argument, entry: Entry, choice: Mapping[str, str], told: Signature,
    before: Sequence[Source],
) -> Iterator[Source]:  # fmt: skip
    free = [n for n in range(len(told.parameters)) if n not in set(_used(before))]
    for number in free:
        if _fits(argument, entry, choice, told.parameters[number]):
            yield Param(number)
    if argument.role == "count":
        first = next((s.number for s in before if isinstance(s, Param)), None)
        for number in free:
            if first is not None and told.parameters[number] == told.parameters[first]:
                yield Between(first, number)
    if argument.name in entry.numbers:
        yield Fixed(argument.name)


def _fits(argument: Argument, entry: Entry, choice: Mapping[str, str], place: Place) -> bool:
    kind = choice.get(argument.type, argument.type)
    size = INTEGERS[kind][0]
    if argument.role in ("in", "out"):
        const = isinstance(place, Address) and place.const
        return (
            isinstance(place, Address)
            and (place.size, place.floating) == (size, kind in ("f32", "f64"))
            and (argument.role == "in" or not const)
        )
    if not isinstance(place, Scalar) or place.truth:
        return False
    shared = any(a.type == argument.type for a in entry.arguments if a.role in ("in", "out"))
    if shared or argument.type not in entry.choices:
        return True
    # Of the types that are offered the narrowest that holds the parameter's values.
    sizes = (INTEGERS[text][0] for text in entry.choices[argument.type])
    return size == min((s for s in sizes if s >= place.size), default=0)
