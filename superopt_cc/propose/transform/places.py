"""What a loop touches in memory: places that stay the same, elements that it steps over, tables.

Each is known before the loop as a range of addresses, or the loop is `UnknownError`.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Generator, Iterator, Set

from tree_sitter import Node

from superopt_cc.propose.transform.loops import Loop
from superopt_cc.propose.transform.syntax import (
    bare,
    changed_place,
    field,
    operator,
    statements,
    walk,
)

_CHOICES = ("&&", "||")
_LEAVING = ("call_expression", "gnu_asm_expression", "labeled_statement", "return_statement",
            "goto_statement")  # fmt: skip


class UnknownError(Exception):
    """A loop touches memory that is not known before it."""


@dataclasses.dataclass
class Range:
    """The bytes from `low` up to `high`, two addresses in C; a `place` is one object.

    `always` is a place that every round of the loop reads or writes, `stored` one that every round
    writes; `nodes` are where it stands, `writes` those of them that write.
    """

    low: str
    high: str
    place: str = ""
    always: bool = False
    stored: bool = False
    nodes: list[Node] = dataclasses.field(default_factory=list)
    writes: list[Node] = dataclasses.field(default_factory=list)
    under: str = ""  # a condition for the addresses to be right


class Places:
    """The ranges of a loop, `rounds` being an expression for how often it goes round at most.

    `declared` are variables of the function whose address nothing takes.
    """

    def __init__(self, loop: Loop, rounds: str, declared: Set[str]) -> None:
        self._loop = loop
        self._declared = declared
        self._parameters = loop.source.names(loop.source.declarator)
        self.ranges: dict[str, Range] = {}
        parts = [n for n in (loop.condition, loop.update, loop.body) if n is not None]
        found = [node for part in parts for node in (*_operands(part), *self._file_scope(part))]
        first = [] if loop.condition is None else [loop.condition]
        self._always = {n.id for part in (*first, *_certain(loop)) for n in _sure(part)}
        changed = (changed_place(n) for part in parts for n in walk(part))
        self._written = {bare(place).id for place in changed if place is not None}
        places = [self._is_place(node) for node in found]
        for node in itertools.compress(found, places):
            text = re.sub(r"^(\w+)\[0\]$", r"*\1", loop.source.text(node))
            self._add(text, Range(f"(&({text}))", f"(&({text}) + 1)", text), node)
        for node in itertools.compress(found, [not place for place in places]):
            # The condition may be evaluated once more than the body.
            more = loop.condition is not None and node.end_byte <= loop.condition.end_byte
            made = self._stepping(node, f"({rounds} + 1)" if more else rounds)
            self._add(f"{made.low} {made.high}", made, node)

    def _add(self, key: str, made: Range, node: Node) -> None:
        known = self.ranges.setdefault(key, made)
        known.nodes.append(node)
        known.always |= node.id in self._always
        if node.id in self._written:
            known.writes.append(node)
            known.stored |= node.id in self._always

    def _file_scope(self, part: Node) -> Iterator[Node]:
        """Variables of the file, and those whose address is taken; not tables."""
        for node in walk(part):
            if node.type != "identifier" or self._loop.source.text(node) in self._declared:
                continue
            above = node.parent
            table = above is not None and above.type == "subscript_expression"
            if not table or above is None or above.child_by_field_name("argument") != node:
                yield node

    def _is_place(self, node: Node) -> bool:
        """The same object in every round?"""
        node = bare(node)
        match node.type:
            case "identifier":
                return True  # of the file
            case "pointer_expression":
                return self._is_still(field(node, "argument"))
            case "subscript_expression":
                inner = bare(field(node, "argument"))
                still = self._is_still(field(node, "index"))
                return still and (self._is_still(inner) or self._is_member(inner))
            case "field_expression" if operator(node) == "->":
                return self._is_still(field(node, "argument"))
            case "field_expression":
                return self._is_place(field(node, "argument"))
        return False

    def _is_member(self, node: Node) -> bool:
        return node.type == "field_expression" and self._is_place(node)

    def _is_still(self, node: Node) -> bool:
        """The same value in each round, without a look at memory?"""
        source, loop = self._loop.source, self._loop
        return (
            source.is_pure(node)
            and not source.reads_memory(node)
            and all(n in self._declared and n not in loop.changed for n in source.names(node))
        )

    def _stepping(self, node: Node, rounds: str) -> Range:
        """Elements that are passed over at a steady pace, or a whole table."""
        source = self._loop.source
        while node.type == "field_expression" and operator(node) == ".":
            node = bare(field(node, "argument"))
        if node.type in ("field_expression", "pointer_expression"):
            first, step = source.text(field(node, "argument")), self._step(field(node, "argument"))
        elif node.type == "subscript_expression":
            first = f"&({source.text(node)})"
            step = self._sum(field(node, "argument"), field(node, "index"))
        else:
            raise UnknownError(node.type)
        if step not in (None, "0"):
            return _stepped(f"({first})", str(step), rounds)
        if node.type == "subscript_expression":
            return self._table(field(node, "argument"))
        raise UnknownError("moves unsteadily")

    def _step(self, node: Node) -> str | None:
        """By how much an expression grows a round, in C; None where that is not known."""
        node = bare(node)
        source, loop = self._loop.source, self._loop
        if self._is_still(node):
            return "0"
        match node.type:
            case "identifier":
                step = loop.steps.get(source.text(node))
                return None if step is None else str(step)
            case "binary_expression" if operator(node) in ("+", "-"):
                return self._sum(field(node, "left"), field(node, "right"), operator(node))
            case "binary_expression" if operator(node) == "*":
                return self._times(field(node, "left"), field(node, "right"))
            case "cast_expression":
                return self._step(field(node, "value"))
        known = self.ranges.get(source.text(node))
        return "0" if known is not None and known.always and not known.writes else None

    def _sum(self, left: Node, right: Node, word: str = "+") -> str | None:
        one, other = self._step(left), self._step(right)
        if one is None or other is None or other == "0":
            return one if other == "0" else None
        return f"{'-' if word == '-' else ''}({other})" if one == "0" else f"{one} {word} ({other})"

    def _times(self, left: Node, right: Node) -> str | None:
        for one, other in ((left, right), (right, left)):
            step = self._step(other)
            if self._step(one) == "0" and step is not None:
                text = f"(long)({self._loop.source.text(one)}) * ({step})"
                return "0" if step == "0" else text
        return None

    def _table(self, node: Node) -> Range:
        node = bare(node)
        name = self._loop.source.text(node)
        if node.type != "identifier" or name in (*self._loop.changed, *self._parameters):
            raise UnknownError("not a table of known size")
        alike = f"__builtin_types_compatible_p(__typeof__({name}), __typeof__(&({name})[0]))"
        return Range(f"({name})", f"({name} + sizeof({name}) / sizeof(*{name}))", under=f"!{alike}")


def _stepped(first: str, step: str, rounds: str) -> Range:
    """`step` may go up or down."""
    far = f"(long)({step}) * (long)({rounds} - 1)"
    up = f"(long)({step}) > 0"
    return Range(f"({first} + ({up} ? 0 : {far}))", f"({first} + ({up} ? {far} : 0) + 1)")


def _operands(node: Node) -> Iterator[Node]:
    """The parts of `node` that read or write memory, without those that only lead to them."""
    if node.type in _LEAVING:
        raise UnknownError(node.type)
    if node.type == "pointer_expression" and operator(node) == "&":
        raise UnknownError("an address")
    loads = node.type in ("subscript_expression", "field_expression", "pointer_expression")
    if loads and not _is_variable(node):
        yield node
        inner: Node | None = node
        while inner is not None:
            inner = yield from _leading(inner)
        return
    for child in node.named_children:
        yield from _operands(child)


def _is_variable(node: Node) -> bool:
    """A member of a variable?"""
    node = bare(node)
    while node.type == "field_expression" and operator(node) == ".":
        node = bare(field(node, "argument"))
    return node.type == "identifier"


def _leading(node: Node) -> Generator[Node, None, Node | None]:
    """What is read to get at `node`'s place; returns what is left of the way to it."""
    if node.type == "subscript_expression":
        yield from _operands(field(node, "index"))
    inner = bare(field(node, "argument"))
    if node.type == "field_expression" and operator(node) == ".":
        return inner
    yield from _operands(inner)
    return None


def _certain(loop: Loop) -> Iterator[Node]:
    """The statements of the body that every round begins with."""
    for statement in statements(loop.body):
        yield statement
        if any(n.type in ("break_statement", "continue_statement") for n in walk(statement)):
            return


def _sure(node: Node) -> Iterator[Node]:
    """What is evaluated wherever `node` is, if not all of it."""
    yield node
    match node.type:
        case "if_statement":
            children = [field(node, "condition")]
        case "conditional_expression":
            children = [field(node, "condition")]
        case "binary_expression" if operator(node) in _CHOICES:
            children = [field(node, "left")]
        case "expression_statement" | "declaration" | "compound_statement":
            children = node.named_children
        case _ if node.type.endswith("_statement"):
            children = []
        case _:
            children = node.named_children
    for child in children:
        yield from _sure(child)
