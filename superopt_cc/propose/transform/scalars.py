"""Types of C expressions, as far as arithmetic types and pointers to them go."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from tree_sitter import Node

from superopt_cc.propose.csource import Item, items
from superopt_cc.propose.transform.syntax import Source, bare, field, operator, walk

_SIZES = {
    "char": 1,
    "short": 2,
    "int": 4,
    "long": 8,
    "float": 4,
    "double": 8,
    "_Bool": 1,
    "bool": 1,
}
_SKIPPED = frozenset(("const", "static", "register", "signed", "unsigned", "restrict", "__restrict",
                      "inline", "extern", "volatile", "__restrict__", "__inline"))  # fmt: skip
_STANDARD = {
    **{f"{u}int{8 * n}_t": (n, not u) for n in (1, 2, 4, 8) for u in ("", "u")},
    "size_t": (8, False), "ssize_t": (8, True), "ptrdiff_t": (8, True),
    "uintptr_t": (8, False), "intptr_t": (8, True),
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Type:
    """`pointers` levels of pointers (or arrays) to an arithmetic type of `size` bytes."""

    size: int
    signed: bool
    floating: bool = False
    pointers: int = 0

    @property
    def integer(self) -> bool:
        return not self.floating and not self.pointers

    @property
    def low(self) -> int:
        return -(1 << (8 * self.size - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << (8 * self.size - self.signed)) - 1

    def to(self, pointers: int) -> Type:
        return dataclasses.replace(self, pointers=self.pointers + pointers)


INT = Type(4, True)
UNSIGNED = Type(4, False)
LONG = Type(8, True)
_ULONG = Type(8, False)


class Types:
    """What is known of the variables of one function; typedefs come from the unit's text."""

    def __init__(self, source: Source, typedefs: Mapping[str, Type]) -> None:
        self._source = source
        self._typedefs = typedefs
        self._variables: dict[str, Type | None] = {}
        for node in walk(source.definition):
            if node.type in ("declaration", "parameter_declaration"):
                self._declare(node)

    def _declare(self, node: Node) -> None:
        base = self._base(field(node, "type"))
        for declarator in node.children_by_field_name("declarator"):
            name, pointers = self._declared(declarator)
            known = base.to(pointers) if base is not None and pointers >= 0 else None
            if name in self._variables and self._variables[name] != known:
                known = None
            self._variables[name] = known

    def _declared(self, node: Node) -> tuple[str, int]:
        """The name in a declarator and its levels of pointers, -1 for a function."""
        levels = 0
        while node.type != "identifier":
            if node.type in ("pointer_declarator", "array_declarator"):
                levels += 1
            elif node.type == "function_declarator":
                levels = -100
            inner = node.child_by_field_name("declarator")
            if inner is None:
                inner = next((c for c in node.named_children if "declarator" in c.type), None)
            if inner is None:
                return "", -1
            node = inner
        return self._source.text(node), max(levels, -1)

    def _base(self, node: Node) -> Type | None:
        return of_words(self._source.text(node).split(), self._typedefs)

    @property
    def declared(self) -> frozenset[str]:
        """All variables of the function, parameters included."""
        return frozenset(self._variables)

    def variable(self, name: str) -> Type | None:
        """A local variable or parameter that is declared but once."""
        return self._variables.get(name)

    def of(self, node: Node) -> Type | None:
        """The type of an expression, before promotion; None where it is not known."""
        node = bare(node)
        match node.type:
            case "identifier":
                return self._variables.get(self._source.text(node))
            case "number_literal":
                return _literal(self._source.text(node))
            case "char_literal" | "true" | "false" | "sizeof_expression":
                return _ULONG if node.type == "sizeof_expression" else INT
            case "subscript_expression" | "pointer_expression":
                return self._pointed(node)
            case "cast_expression":
                return self._cast(field(node, "type"))
            case "unary_expression":
                inner = self.of(field(node, "argument"))
                return INT if operator(node) == "!" else promoted(inner)
            case "binary_expression":
                return self._binary(node)
            case "assignment_expression":
                return self.of(field(node, "left"))
            case "update_expression":
                return self.of(field(node, "argument"))
            case "conditional_expression":
                return common(self.of(field(node, "consequence")),
                              self.of(field(node, "alternative")))  # fmt: skip
        return None

    def _pointed(self, node: Node) -> Type | None:
        inner = self.of(field(node, "argument"))
        if inner is None:
            return None
        if operator(node) == "&":
            return inner.to(1)
        return inner.to(-1) if inner.pointers > 0 else None

    def _cast(self, descriptor: Node) -> Type | None:
        base = self._base(field(descriptor, "type"))
        stars = self._source.text(descriptor).count("*")
        return None if base is None else base.to(stars)

    def _binary(self, node: Node) -> Type | None:
        left, right = self.of(field(node, "left")), self.of(field(node, "right"))
        match operator(node):
            case "&&" | "||" | "==" | "!=" | "<" | ">" | "<=" | ">=":
                return INT
            case "<<" | ">>":
                return promoted(left)
            case "-" if left is not None and right is not None and left.pointers and right.pointers:
                return LONG
            case "+" | "-" if left is not None and left.pointers:
                return left
            case "+" if right is not None and right.pointers:
                return right
        return common(left, right)


def promoted(kind: Type | None) -> Type | None:
    """After the integer promotions."""
    return INT if kind is not None and kind.integer and kind.size < 4 else kind


def common(left: Type | None, right: Type | None) -> Type | None:
    """The usual arithmetic conversions."""
    left, right = promoted(left), promoted(right)
    if left is None or right is None:
        return None
    if left.pointers or right.pointers:
        return left if left == right else None
    if left.floating or right.floating:
        return max((k for k in (left, right) if k.floating), key=lambda k: k.size)
    if left.size != right.size:
        return max(left, right, key=lambda k: k.size)
    return left if not left.signed else right


def _literal(text: str) -> Type | None:
    value = number(text)
    if value is None:
        return Type(4 if text[-1] in "fF" else 8, True, floating=True)
    ending = text.lower()[len(text.lower().rstrip("ul")) :]
    hexadecimal = text.lower().startswith("0x")
    sizes = (8,) if "l" in ending else (4, 8)
    for size in sizes:
        for signed in (True, False):
            if (signed and "u" in ending) or (not signed and "u" not in ending and not hexadecimal):
                continue
            if value <= Type(size, signed).high:
                return Type(size, signed)
    return None


def number(text: str) -> int | None:
    """The value of an integer's literal."""
    word = text.lower().rstrip("ul")
    try:
        if word.startswith("0") and word.isdigit():
            return int(word, 8)
        return int(word, 0)
    except ValueError:
        return None


def of_words(words: list[str], typedefs: Mapping[str, Type]) -> Type | None:
    """The type that specifiers name, such as `const unsigned char` or `uint8_t`."""
    kept = [word for word in words if word not in _SKIPPED]
    signed = "unsigned" not in words and kept not in (["bool"], ["_Bool"])
    if not kept:
        return Type(4, signed) if {"unsigned", "signed"} & set(words) else None
    if len(kept) == 1 and kept[0] not in _SIZES:
        known = typedefs.get(kept[0])
        if known is None and kept[0] in _STANDARD:
            return Type(*_STANDARD[kept[0]])
        return known
    if any(word not in _SIZES for word in kept) or ("long" in kept and "double" in kept):
        return None
    named = [word for word in kept if word != "int"] or ["int"]
    return Type(_SIZES[named[0]], signed, floating=named[0] in ("float", "double"))


def typedefs(source: str, before: int) -> dict[str, Type]:
    """The arithmetic types (and pointers to them) that typedefs name, in `source[:before]`."""
    found: dict[str, Type] = {}
    for item in items(source[:before]):
        words = [t.text for t in item.tokens]
        if words[0] == "typedef" and not {"{", "(", "[", "struct", "union", "enum"} & set(words):
            _define(item, found)
    return found


def _define(item: Item, found: dict[str, Type]) -> None:
    words = [t.text for t in item.tokens if t.kind == "word" and t.text != "__extension__"][1:]
    stars = sum(t.text == "*" for t in item.tokens)
    if len(words) > 1 and (kind := of_words(words[:-1], found)) is not None:
        found[words[-1]] = kind.to(stars)
