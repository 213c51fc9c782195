"""Input contracts of pragmas: `assume(...)`, `extent(...)`, `disjoint(...)` (design 10).

They are the author's word on what callers pass: tests are made within it, and what is verified
holds within it only.  Conditions read as in C, but over whole numbers that do not overflow.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from superopt_cc.errors import Ineligible

Value = int | float
# From the values of parameters, by position, to that of an expression.
Expression = Callable[[Mapping[int, Value]], Value]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F]+|\d+\.\d*(?:[eE][-+]?\d+)?|\d+)[uUlLfF]*"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<parameter>\$\d+)"
    r"|(?P<operator>&&|\|\||<<|>>|[<>=!]=|[-+*/%&|^~!<>()]))"
)
_CLAUSE = re.compile(r"(assume|extent|disjoint)\((.*)\)", re.DOTALL)
_CONSTANTS = {"NULL": 0, "true": 1, "false": 0, "nullptr": 0}


def _divided(one: Value, other: Value) -> Value:
    if isinstance(one, float) or isinstance(other, float):
        return one / other
    whole = abs(one) // abs(other)
    return whole if (one < 0) == (other < 0) else -whole


def _remainder(one: Value, other: Value) -> Value:
    return one - other * _divided(int(one), int(other))


def _whole(of: Callable[[int, int], int]) -> Callable[[Value, Value], Value]:
    return lambda one, other: of(int(one), int(other))


def _truth(of: Callable[[Value, Value], bool]) -> Callable[[Value, Value], Value]:
    return lambda one, other: int(of(one, other))


# By precedence, the loosest first.
_BINARY: Final[tuple[dict[str, Callable[[Value, Value], Value]], ...]] = (
    {"||": _truth(lambda one, other: bool(one or other))},
    {"&&": _truth(lambda one, other: bool(one and other))},
    {"|": _whole(operator.or_)},
    {"^": _whole(operator.xor)},
    {"&": _whole(operator.and_)},
    {"==": _truth(operator.eq), "!=": _truth(operator.ne)},
    {"<": _truth(operator.lt), "<=": _truth(operator.le),
     ">": _truth(operator.gt), ">=": _truth(operator.ge)},
    {"<<": _whole(operator.lshift), ">>": _whole(operator.rshift)},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": _divided, "%": _remainder},
)  # fmt: skip
_UNARY: Final[dict[str, Callable[[Value], Value]]] = {
    "-": operator.neg,
    "+": operator.pos,
    "!": lambda value: int(not value),
    "~": lambda value: ~int(value),
}
# Larger shifts would make numbers that fill the memory.
_MOST_BITS = 128


class _Bad(Exception):
    """What cannot be read, in words."""


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise _Bad(f"{text[at:].strip()[:1]!r} is not understood")
            self._tokens.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()
        self._at = 0
        self.numbers: set[int] = set()

    def whole(self) -> Expression:
        found = self._binary(0)
        if self._at < len(self._tokens):
            raise _Bad(f"{self._tokens[self._at][1]!r} is not understood")
        return found

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _binary(self, level: int) -> Expression:
        if level == len(_BINARY):
            return self._unary()
        left = self._binary(level + 1)
        while self._peek() in _BINARY[level]:
            sign = self._peek()
            self._at += 1
            left = _apply(sign, _BINARY[level][sign], left, self._binary(level + 1))
        return left

    def _unary(self) -> Expression:
        sign = self._peek()
        if sign not in _UNARY:
            return self._primary()
        self._at += 1
        of, inner = _UNARY[sign], self._unary()
        return lambda values: of(inner(values))

    def _primary(self) -> Expression:
        if self._at == len(self._tokens):
            raise _Bad("it ends too early")
        kind, word = self._tokens[self._at]
        self._at += 1
        if kind == "parameter":
            position = int(word[1:])
            return lambda values: values[position]
        if kind == "number":
            number = float(word) if "." in word else int(word, 0 if "x" in word.lower() else 10)
            self.numbers |= {number} if isinstance(number, int) else set()
            return lambda values: number
        if kind == "name" and word in _CONSTANTS:
            constant = _CONSTANTS[word]
            return lambda values: constant
        if word == "(":
            inner = self._binary(0)
            if self._peek() != ")":
                raise _Bad("a parenthesis is missing")
            self._at += 1
            return inner
        raise _Bad(f"{word!r} is no parameter" if kind == "name" else f"{word!r} is not understood")


def _apply(
    sign: str, of: Callable[[Value, Value], Value], left: Expression, right: Expression
) -> Expression:
    if sign in ("&&", "||"):  # the right side may divide by what the left one excludes

        def logical(values: Mapping[int, Value]) -> Value:
            first = bool(left(values))
            return int(first if first == (sign == "||") else bool(right(values)))

        return logical

    def both(values: Mapping[int, Value]) -> Value:
        one, other = left(values), right(values)
        if sign in ("<<", ">>") and not 0 <= other < _MOST_BITS:
            raise ArithmeticError("a shift by too much")
        return of(one, other)

    return both


@dataclasses.dataclass(frozen=True)
class Promises:
    """The clauses of one function, read; parameters are named by position.

    `extents` are (pointer parameter, how many elements at least), `numbers` the constants in the
    clauses.
    """

    assumed: tuple[Expression, ...] = ()
    extents: tuple[tuple[int, Expression], ...] = ()
    disjoint: tuple[tuple[int, int], ...] = ()
    numbers: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.assumed or self.extents or self.disjoint)

    def hold(self, values: Mapping[int, Value]) -> bool:
        """Are those assumptions true of which all values are known?"""
        return all(_holds(condition, values) for condition in self.assumed)

    def elements(self, values: Mapping[int, Value]) -> dict[int, int]:
        """How many elements each pointer with an extent is promised, at least."""
        found: dict[int, int] = {}
        for position, expression in self.extents:
            try:
                count = int(expression(values))
            except (ArithmeticError, KeyError, ValueError):
                count = 0
            found[position] = max(found.get(position, 0), count)
        return found


NO_PROMISES: Final = Promises()


def _holds(condition: Expression, values: Mapping[int, Value]) -> bool:
    try:
        return bool(condition(values))
    except KeyError:
        return True
    except ArithmeticError:
        return False


def with_positions(clauses: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The clauses with parameters named by position, so that they mean the same whatever the
    source calls them.  Raises Ineligible where one cannot be read."""
    found = tuple(_renamed(clause, names) for clause in clauses)
    for clause, renamed in zip(clauses, found, strict=True):
        try:
            read((renamed,))
        except Ineligible as error:
            (detail,) = with_names([error.detail], names)
            raise Ineligible("contract", f"{clause}: {detail}") from error
    return found


def with_names(texts: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Texts that name parameters by position, in the source's words."""
    return tuple(re.sub(r"\$(\d+)", lambda m: names[int(m.group(1))], text) for text in texts)


def _renamed(clause: str, names: Sequence[str]) -> str:
    kind, _, inner = clause.partition("(")

    def position(match: re.Match[str]) -> str:
        word = match.group(0)
        return f"${names.index(word)}" if word in names else word

    return f"{kind}(" + re.sub(r"(?<![\w.])[A-Za-z_]\w*", position, inner)


@functools.lru_cache(maxsize=64)
def read(clauses: tuple[str, ...]) -> Promises:
    """Read clauses that name parameters by position.  Raises Ineligible("contract")."""
    assumed: list[Expression] = []
    extents: list[tuple[int, Expression]] = []
    disjoint: list[tuple[int, int]] = []
    numbers: set[int] = set()
    for clause in clauses:
        match = _CLAUSE.fullmatch(clause)
        try:
            if match is None:
                raise _Bad("it is none of assume(...), extent(...), disjoint(...)")
            kind, inner = match.groups()
            if kind == "disjoint":
                places = [_position(part) for part in _parts(inner)]
                if len(places) < 2:
                    raise _Bad("it takes two or more pointers")
                disjoint += [(a, b) for i, a in enumerate(places) for b in places[i + 1 :]]
                continue
            parts = _parts(inner) if kind == "extent" else [inner]
            if kind == "extent" and len(parts) != 2:
                raise _Bad("it takes a pointer and a number of elements")
            parser = _Parser(parts[-1])
            expression = parser.whole()
            numbers |= parser.numbers
            if kind == "extent":
                extents.append((_position(parts[0]), expression))
            else:
                assumed.append(expression)
        except _Bad as error:
            raise Ineligible("contract", str(error)) from error
    return Promises(tuple(assumed), tuple(extents), tuple(disjoint), frozenset(numbers))


def _parts(inner: str) -> list[str]:
    """Arguments between commas that stand in no parentheses."""
    parts, depth = [""], 0
    for letter in inner:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _position(part: str) -> int:
    match = re.fullmatch(r"\s*\$(\d+)\s*", part)
    if match is None:
        raise _Bad(f"{part.strip()!r} is no parameter")
    return int(match.group(1))
