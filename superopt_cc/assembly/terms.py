"""Values of registers as terms over unknowns, and what is known of them on a path.

A term is a number of `width` bytes.  Its unknowns are sites: places of the code at which a value
came to be, each meaning the value of the latest visit.  What is known are facts: a term lies
within an interval that may wrap around, or two terms differ.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

# What made the value ("entry", "join", "new"), at which instruction, in which register.
Site = tuple[str, int, str]
# A site without its register: all that one visit of a place renews.
Place = tuple[str, int]
_NOWHERE: frozenset[Place] = frozenset()
_LARGEST = 24
# Operations of which the low bytes depend on the low bytes of the operands only.
_FROM_BELOW = frozenset({"add", "sub", "and", "or", "xor", "neg", "not", "mul"})
# Operations whose result is 0 when their first operand is (or any of both).
_ZERO_OF_FIRST = frozenset({"shl", "shr", "sar", "low"})
_ZERO_OF_ANY = frozenset({"and", "mul"})


@dataclasses.dataclass(frozen=True, slots=True)
class Term:
    """An unknown (`site`), a constant (`value`) or an operation on other terms."""

    op: str
    width: int
    args: tuple[Term, ...] = ()
    value: int = 0
    site: Site | None = None
    places: frozenset[Place] = dataclasses.field(default=_NOWHERE, compare=False)
    size: int = dataclasses.field(default=1, compare=False)
    # Terms live in sets: the hash of a large one is made once.
    _hash: int = dataclasses.field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        parts = (self.op, self.width, self.args, self.value, self.site)
        object.__setattr__(self, "_hash", hash(parts))

    def __hash__(self) -> int:
        return self._hash

    @property
    def mask(self) -> int:
        return (1 << 8 * self.width) - 1


@dataclasses.dataclass(frozen=True, slots=True)
class Within:
    """`low` <= term <= `high`; where `low` > `high`, by way of the largest number and 0."""

    term: Term
    low: int
    high: int

    def holds(self, value: int) -> bool:
        return (value - self.low) & self.term.mask <= (self.high - self.low) & self.term.mask


@dataclasses.dataclass(frozen=True, slots=True)
class Differ:
    """Two terms that are never equal."""

    terms: frozenset[Term]


Fact = Within | Differ
Facts = frozenset[Fact]


def speaks_of(fact: Fact, place: Place) -> bool:
    """Does an unknown of the fact belong to this place?"""
    if isinstance(fact, Within):
        return place in fact.term.places
    return any(place in t.places for t in fact.terms)


# --- making terms


def unknown(site: Site, width: int = 8) -> Term:
    return Term("site", width, site=site, places=frozenset({site[:2]}))


def constant(value: int, width: int) -> Term:
    return Term("constant", width, value=value & (1 << 8 * width) - 1)


def small(term: Term) -> bool:
    """Whether the term may grow further."""
    return term.size <= _LARGEST


def _make(op: str, width: int, args: tuple[Term, ...], value: int = 0) -> Term:
    places = frozenset().union(*(a.places for a in args))
    return Term(op, width, args, value, None, places, 1 + sum(a.size for a in args))


def low(width: int, term: Term) -> Term:
    """The low `width` bytes."""
    if term.width == width:
        return term
    if term.op == "constant":
        return constant(term.value, width)
    if term.op in ("zext", "sext"):
        inner = term.args[0]
        return low(width, inner) if inner.width >= width else _make(term.op, width, (inner,))
    if term.op == "low":
        return low(width, term.args[0])
    if term.op in _FROM_BELOW:
        return operation(term.op, *(low(width, a) for a in term.args))
    return _make("low", width, (term,))


def extended(op: str, width: int, term: Term) -> Term:
    """`op` "zext" or "sext" to `width` bytes."""
    if term.width >= width:
        return low(width, term)
    if term.op == "constant":
        value = term.value
        if op == "sext" and value > term.mask >> 1:
            value -= term.mask + 1
        return constant(value, width)
    if term.op == "zext" or term.op == op:
        return _make(term.op, width, term.args)
    return _make(op, width, (term,))


def operation(op: str, *args: Term) -> Term:
    """An operation on terms of one width (a shift's count is a constant)."""
    first, *more = args
    second = more[0] if more else None
    if second is not None and first.op == "constant" and op in ("add", "and", "or", "xor"):
        first, second = second, first
    if first.op == "constant" and (second is None or second.op == "constant"):
        folded = _folded(op, first.value, second.value if second is not None else 0)
        if folded is not None:
            return constant(folded, first.width)
    if second is not None and op in ("sub", "xor") and first == second:
        return constant(0, first.width)
    if second is not None and op in ("and", "or") and first == second:
        return first
    if second is not None and second.op == "constant":
        if op == "sub":
            return operation("add", first, constant(-second.value, first.width))
        if op in ("add", "or", "xor", "shl", "shr", "sar") and second.value == 0:
            return first
        if op == "and" and second.value == first.mask:
            return first
        if op == "add" and first.op == "add" and first.args[1].op == "constant":
            total = constant(first.args[1].value + second.value, first.width)
            return operation("add", first.args[0], total)
    return _make(op, first.width, (first,) if second is None else (first, second))


def _folded(op: str, a: int, b: int) -> int | None:
    """The operation on numbers, to be cut to its width; None for those left as they are."""
    match op:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "and":
            return a & b
        case "or":
            return a | b
        case "xor":
            return a ^ b
        case "neg":
            return -a
        case "not":
            return ~a
    return None


# --- learning facts


def learn(term: Term, least: int, most: int) -> Iterator[Fact]:
    """What follows from `term` lying within [least, most], modulo its width."""
    mask = term.mask
    least, most = least & mask, most & mask
    if (most - least + 1) & mask == 0:
        return
    yield Within(term, least, most)
    if term.op == "add" and term.args[1].op == "constant":
        by = term.args[1].value
        yield from learn(term.args[0], least - by, most - by)
    elif term.op == "neg":
        yield from learn(term.args[0], -most, -least)
    elif term.op == "zext":
        yield from _learn_extended(term.args[0], least, most)
    if not 1 <= least <= most:
        return
    # Zero is excluded.
    if term.op == "low":
        inner = term.args[0]
        yield from learn(inner, least, inner.mask)
        for width in (2, 4):
            if term.width < width < inner.width:
                yield from learn(low(width, inner), least, (1 << 8 * width) - 1)
    elif term.op in ("sub", "xor"):
        yield from differing(*term.args)
    elif term.op in _ZERO_OF_ANY:
        for arg in term.args:
            yield from nonzero(arg)
    elif term.op in _ZERO_OF_FIRST or term.op in ("sext", "bswap"):
        yield from nonzero(term.args[0])


def _learn_extended(inner: Term, least: int, most: int) -> Iterator[Fact]:
    """A zero-extended term lies within [least, most]."""
    if least <= most:
        if least <= inner.mask:
            yield from learn(inner, least, min(most, inner.mask))
    elif most < inner.mask:
        yield from learn(inner, least if least <= inner.mask else 0, most)


def nonzero(term: Term) -> Iterator[Fact]:
    yield from learn(term, 1, term.mask)


def differing(a: Term, b: Term) -> Iterator[Fact]:
    """What follows from two terms being different."""
    if a.op == "constant":
        a, b = b, a
    if b.op == "constant":
        yield from learn(a, b.value + 1, b.value - 1)
        return
    yield Differ(frozenset({a, b}))
    if a.op == b.op and a.op in ("zext", "sext") and a.args[0].width == b.args[0].width:
        yield from differing(a.args[0], b.args[0])


# --- using them


def known(facts: Facts, fact: Fact) -> bool:
    """Does one of the facts say at least as much?"""
    if isinstance(fact, Differ) or fact in facts:
        return fact in facts
    mask, span = fact.term.mask, fact.high - fact.low
    return any(
        isinstance(f, Within)
        and f.term == fact.term
        and (f.low - fact.low) & mask <= (f.high - fact.low) & mask <= span & mask
        for f in facts
    )


def is_never(facts: Facts, term: Term, value: int) -> bool:
    """Do the facts show that `term` is not `value`?"""
    value &= term.mask
    if term.op == "constant":
        return term.value != value
    if any(isinstance(f, Within) and f.term == term and not f.holds(value) for f in facts):
        return True
    first = term.args[0] if term.args else term
    second = term.args[1] if len(term.args) > 1 else None
    number = second.value if second is not None and second.op == "constant" else None
    match term.op:
        case "zext":
            return value > first.mask or is_never(facts, first, value)
        case "sext":
            back = extended("sext", term.width, constant(value, first.width))
            return back.value != value or is_never(facts, first, value)
        case "neg":
            return is_never(facts, first, -value)
        case "not":
            return is_never(facts, first, ~value)
        case "add" if number is not None:
            return is_never(facts, first, value - number)
        case "xor" if number is not None:
            return is_never(facts, first, value ^ number)
        case "or" if number is not None and number & ~value:
            return True
        case "and" if number is not None and value & ~number:
            return True
    return value == 0 and _is_never_zero(facts, term)


def _is_never_zero(facts: Facts, term: Term) -> bool:
    args = term.args
    match term.op:
        case "or":
            return any(is_never(facts, a, 0) for a in args)
        case "sub" | "xor":
            return Differ(frozenset(args)) in facts
        case "bswap":
            return is_never(facts, args[0], 0)
        case "shr":
            return known(facts, Within(args[0], 1 << args[1].value, args[0].mask))
        case "and":  # x & -x keeps the lowest bit of x
            a, b = args
            lowest = (b.op == "neg" and b.args[0] == a) or (a.op == "neg" and a.args[0] == b)
            return lowest and is_never(facts, a, 0)
    return False
