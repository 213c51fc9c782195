"""Expressions over elements as operations on sixteen bytes of them at once.

A value's lanes hold its low bits, and its range says what they mean: operations that could be told
apart by bits that the lanes have not are refused.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from tree_sitter import Node

from superopt_cc.propose.transform.loops import Loop, Stream
from superopt_cc.propose.transform.scalars import Type, number
from superopt_cc.propose.transform.syntax import bare, field, operator

BYTES = 16
_UNSIGNED = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int"}
_SIGNED = {1: "signed char", 2: "short", 4: "int"}
_COMPARED = frozenset(("==", "!=", "<", ">", "<=", ">="))
_BITS = frozenset(("&", "|", "^"))


class UnfitError(ValueError):
    """An expression that has no form in lanes."""


@dataclasses.dataclass(frozen=True, slots=True)
class Value:
    """C text of lanes, and the range of the numbers that they stand for."""

    text: str
    low: int
    high: int


class Lanes:
    """Translates expressions of one loop; `streams` are what they read, in order.

    `temporaries` are locals of the body that stand for an expression.  What is read must be read
    in each round that comes so far: an operand that is evaluated only at times may only read what
    was read before.
    """

    def __init__(self, loop: Loop, size: int, prefix: str) -> None:
        self.loop, self.size, self.prefix = loop, size, prefix
        self.streams: list[Stream] = []
        self.temporaries: dict[str, Node] = {}
        self._certain = True

    def types(self) -> str:
        """Declarations of the types that the texts use."""
        p, u, s = self.prefix, _UNSIGNED[self.size], _SIGNED[self.size]
        wide = f"vector_size({BYTES})"
        return (
            f"typedef {u} {p}u __attribute__(({wide})); typedef {s} {p}i __attribute__(({wide})); "
            f"typedef char {p}c __attribute__(({wide})); "
            f"typedef {u} {p}l __attribute__(({wide}, may_alias, aligned(1))); "
            f"typedef {u} {p}a __attribute__(({wide}, may_alias)); "
        )

    def load(self, number: int, at: str, *, aligned: bool = False) -> str:
        """A declaration of the lanes of a stream at the address `at`."""
        p = self.prefix
        return f"{p}u {p}x{number} = ({p}u)*(const {p}{'a' if aligned else 'l'} *)({at});"

    def mask_of(self, text: str) -> str:
        """The bits of a mask, one a byte."""
        return f"(unsigned)__builtin_ia32_pmovmskb128(({self.prefix}c)({text}))"

    # Masks: all bits of a lane are set, or none.

    def mask(self, node: Node) -> str:
        """Where an expression is true."""
        node = bare(node)
        word = operator(node)
        if node.type == "binary_expression" and word in ("&&", "||"):
            left = self.mask(field(node, "left"))
            right = self.maybe(field(node, "right"))
            return f"({left} {word[0]} {right})"
        if node.type == "binary_expression" and word in _COMPARED:
            return self._compare(*self._sides(node), word)
        if node.type == "unary_expression" and word == "!":
            return f"(~{self.mask(field(node, 'argument'))})"
        value = self.value(node)
        self._holds(value)
        return f"(({self.prefix}u)({value.text} != ({self.prefix}u){{0}}))"

    def maybe(self, node: Node) -> str:
        """The mask of what is not always evaluated."""
        with self.uncertain():
            return self.mask(node)

    @contextlib.contextmanager
    def uncertain(self) -> Iterator[None]:
        """What is translated meanwhile is not evaluated in each round."""
        certain, self._certain = self._certain, False
        try:
            yield
        finally:
            self._certain = certain

    def _sides(self, comparison: Node) -> tuple[Node, Node]:
        """What is compared; the two of a difference that is compared with zero."""
        left, right = bare(field(comparison, "left")), bare(field(comparison, "right"))
        kind = self.loop.types.of(left)
        if operator(left) != "-" or self._constant(right) != 0 or kind is None or not kind.signed:
            return left, right
        if left.type != "binary_expression" or not kind.integer:
            return left, right
        return bare(field(left, "left")), bare(field(left, "right"))

    def _compare(self, left: Node, right: Node, word: str) -> str:
        p = self.prefix
        wide = self._wide(left, right, word)
        if wide is not None:
            return wide
        if (found := self._shifted(left, right, word)) is not None:
            return found
        a, b = self.value(left), self.value(right)
        low, high = min(a.low, b.low), max(a.high, b.high)
        bits = 8 * self.size
        if (low >= 0 and high < 1 << bits) or (word in ("==", "!=") and high - low < 1 << bits):
            return f"(({p}u)({a.text} {word} {b.text}))"
        if low >= -(1 << bits - 1) and high < 1 << bits - 1:
            return f"(({p}u)(({p}i){a.text} {word} ({p}i){b.text}))"
        raise UnfitError("compares more than lanes hold")

    def _wide(self, left: Node, right: Node, word: str) -> str | None:
        """Equality with something that may be no element at all."""
        if word not in ("==", "!="):
            return None
        if self.loop.is_invariant(left):
            left, right = right, left
        kind = self.loop.types.of(right)
        if not self.loop.is_invariant(right) or kind is None or not kind.integer:
            return None
        value = self.value(left)
        if self._constant(right) is not None or kind.size <= self.size:
            return None
        other = self.loop.source.text(right)
        signed = value.low < 0
        if not self._fits(value, signed=signed):
            return None
        narrow = (_SIGNED if signed else _UNSIGNED)[self.size]
        equal = f"({value.text} == {self.splat(other)})"
        possible = self.splat(f"-((__typeof__(({other}) + 0))({narrow})({other}) == ({other}))")
        both = f"(({self.prefix}u){equal} & {possible})"
        return both if word == "==" else f"(~{both})"

    def _shifted(self, left: Node, right: Node, word: str) -> str | None:
        """`(unsigned)(x - c) < k`: the idiom for c <= x < c + k, where the wrap is far away."""
        kind = self.loop.types.of(left)
        bits = 1 << 8 * self.size
        limit = self._constant(right)
        if kind is None or kind.signed or kind.size < 4 or self.size > 2 or limit is None:
            return None
        inner = self._under_unsigned(left)
        if inner is None or word not in ("<", "<=", ">", ">="):
            return None
        b = self.value(right)
        if inner.low >= 0 or inner.low + bits <= b.high + 1 or inner.high >= bits:
            return None
        return f"(({self.prefix}u)({inner.text} {word} {b.text}))"

    def _under_unsigned(self, node: Node) -> Value | None:
        """What an unsigned difference would be as a signed one."""
        node = bare(node)
        if node.type == "cast_expression":
            return self.value(field(node, "value"))
        if node.type == "binary_expression" and operator(node) == "-":
            a, b = self.value(field(node, "left")), self.value(field(node, "right"))
            return self._made(f"({a.text} - {b.text})", a.low - b.high, a.high - b.low)
        return None

    # Values.

    def value(self, node: Node) -> Value:
        """The lanes of an expression."""
        node = bare(node)
        source = self.loop.source
        constant = self._constant(node)
        if constant is not None:
            return Value(self.splat(str(constant)), constant, constant)
        if node.type == "identifier" and source.text(node) in self.temporaries:
            name = source.text(node)
            return self._cast(self.value(self.temporaries[name]), self.loop.types.variable(name))
        if self.loop.is_invariant(node):
            return self._invariant(node)
        match node.type:
            case "subscript_expression" | "pointer_expression":
                return self._element(node)
            case "cast_expression":
                return self._cast(self.value(field(node, "value")), self.loop.types.of(node))
            case "conditional_expression":
                return self._choice(node)
            case "unary_expression":
                return self._unary(node)
            case "binary_expression":
                return self._binary(node)
        raise UnfitError(f"no lanes for {node.type}")

    def splat(self, text: str) -> str:
        return f"(({self.prefix}u){{0}} + ({_UNSIGNED[self.size]})({text}))"

    def _constant(self, node: Node) -> int | None:
        node = bare(node)
        text = self.loop.source.text(node)
        if node.type == "number_literal":
            return number(text)
        if node.type == "char_literal":
            return _character(text)
        if node.type == "unary_expression" and operator(node) == "-":
            inner = self._constant(field(node, "argument"))
            return None if inner is None else -inner
        return None

    def _invariant(self, node: Node) -> Value:
        kind = self.loop.types.of(node)
        if kind is None or not kind.integer:
            raise UnfitError("an invariant of unknown type")
        return Value(self.splat(self.loop.source.text(node)), kind.low, kind.high)

    def _element(self, node: Node) -> Value:
        stream = self.loop.stream(node)
        if stream is None or stream.type.floating or stream.type.size != self.size:
            raise UnfitError("no element of the right size")
        if stream not in self.streams:
            if not self._certain:
                raise UnfitError("reads what may not be read")
            self.streams.append(stream)
        name = f"{self.prefix}x{self.streams.index(stream)}"
        return Value(name, stream.type.low, stream.type.high)

    def _cast(self, value: Value, kind: Type | None) -> Value:
        if kind is None or not kind.integer:
            raise UnfitError("a cast to an unknown type")
        if value.low >= kind.low and value.high <= kind.high:
            return value
        if kind.size > self.size:
            raise UnfitError("a cast that wraps")
        if kind.size < self.size:
            raise UnfitError("a cast to less than a lane")
        return Value(value.text, kind.low, kind.high)

    def _choice(self, node: Node) -> Value:
        p = self.prefix
        where = self.mask(field(node, "condition"))
        with self.uncertain():
            a = self.value(field(node, "consequence"))
            b = self.value(field(node, "alternative"))
        a = self._ordered(node, "consequence", a)
        b = self._ordered(node, "alternative", b)
        text = f"(({where} & {a.text}) | (~({p}u){where} & {b.text}))"
        return Value(text, min(a.low, b.low), max(a.high, b.high))

    def _ordered(self, choice: Node, arm: str, value: Value) -> Value:
        """`a > b ? a - b : b - a`: neither difference is negative."""
        condition, chosen = bare(field(choice, "condition")), bare(field(choice, arm))
        word = operator(condition)
        if operator(chosen) != "-" or word not in ("<", "<=", ">", ">="):
            return value
        compared = list(self._sides(condition))
        taken = [field(chosen, "left"), field(chosen, "right")]
        if (word[0] == "<") == (arm == "consequence"):
            compared.reverse()
        source = self.loop.source
        same = [source.text(bare(n)) for n in compared] == [source.text(bare(n)) for n in taken]
        return Value(value.text, max(0, value.low), value.high) if same else value

    def _unary(self, node: Node) -> Value:
        word = operator(node)
        if word == "!":
            return self._truth(node)
        inner = self.value(field(node, "argument"))
        if word == "-":
            return self._made(f"(-{inner.text})", -inner.high, -inner.low)
        if word == "~":
            return self._made(f"(~{inner.text})", ~inner.high, ~inner.low)
        raise UnfitError(f"no lanes for {word}")

    def _truth(self, node: Node) -> Value:
        return Value(f"({self.mask(node)} & {self.splat('1')})", 0, 1)

    def _binary(self, node: Node) -> Value:
        word = operator(node)
        if word in _COMPARED or word in ("&&", "||"):
            return self._truth(node)
        kind = self.loop.types.of(node)
        a, b = self.value(field(node, "left")), self.value(field(node, "right"))
        text = f"({a.text} {word} {b.text})"
        if word == "+":
            made = self._made(text, a.low + b.low, a.high + b.high)
        elif word == "-":
            made = self._made(text, a.low - b.high, a.high - b.low)
        elif word in _BITS:
            made = _bits(text, word, a, b)
        elif word == "*" and self.size > 1:
            ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
            made = self._made(text, min(ends), max(ends))
        elif word in ("<<", ">>") and b.low == b.high and 0 <= b.low < 8 * self.size:
            made = self._moved(a, word, b.low)
        else:
            raise UnfitError(f"no lanes for {word}")
        if kind is None or made.low < kind.low or made.high > kind.high:
            return self._overflowing(made, kind)
        return made

    def _overflowing(self, made: Value, kind: Type | None) -> Value:
        """Arithmetic that may leave its type: it wraps, or C says that it does not happen."""
        if kind is None or not kind.integer or kind.size != self.size:
            raise UnfitError("wraps")
        return Value(made.text, kind.low, kind.high)

    def _moved(self, a: Value, word: str, by: int) -> Value:
        p = self.prefix
        if word == "<<":
            return self._made(f"({a.text} << {by})", a.low << by, a.high << by)
        signed = a.low < 0
        if not self._fits(a, signed=signed):
            raise UnfitError("shifts bits that lanes have not")
        text = f"(({p}u)(({p}i){a.text} >> {by}))" if signed else f"({a.text} >> {by})"
        return Value(text, a.low >> by, a.high >> by)

    def _made(self, text: str, low: int, high: int) -> Value:
        return Value(text, low, high)

    def _fits(self, value: Value, *, signed: bool) -> bool:
        kind = Type(self.size, signed)
        return kind.low <= value.low and value.high <= kind.high

    def _holds(self, value: Value) -> None:
        if not self._fits(value, signed=True) and not self._fits(value, signed=False):
            raise UnfitError("more than a lane holds")


def _bits(text: str, word: str, a: Value, b: Value) -> Value:
    if word == "&":
        positive = [v.high for v in (a, b) if v.low >= 0]
        if positive:
            return Value(text, 0, min(positive))
    width = max(v.bit_length() for x in (a, b) for v in (x.low, x.high, ~x.low))
    lowest = 0 if a.low >= 0 and b.low >= 0 else -(1 << width)
    return Value(text, lowest, (1 << width) - 1)


_ESCAPES = {"n": 10, "t": 9, "r": 13, "0": 0, "\\": 92, "'": 39, '"': 34, "v": 11, "f": 12,
            "b": 8, "a": 7}  # fmt: skip


def _character(text: str) -> int | None:
    """The value of a character's literal where it is plain."""
    inner = text[1:-1]
    if not text.startswith("'"):
        return None
    if len(inner) == 1 and ord(inner) < 128:
        return ord(inner)
    if len(inner) == 2 and inner[0] == "\\":
        return _ESCAPES.get(inner[1])
    if inner.startswith("\\x") and len(inner) == 4:
        value = int(inner[2:], 16)
        return value - 256 if value > 127 else value
    return None
