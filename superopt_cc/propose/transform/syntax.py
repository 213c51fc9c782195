"""One C function as text and tree, and edits of its text."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator

import tree_sitter_c
from tree_sitter import Language, Node, Parser

# Our own locals begin so; loops that hold such names are our own work.
PREFIX = "so_"

LOOPS = ("for_statement", "while_statement")
_JUMPS = ("return_statement", "break_statement", "goto_statement")
_SCOPES = ("for_statement", "while_statement", "do_statement", "switch_statement")
# What one expression may hold to be computed at any time, any number of times.
_HARMLESS = frozenset((
    "identifier", "number_literal", "char_literal", "true", "false", "binary_expression",
    "unary_expression", "parenthesized_expression", "conditional_expression", "cast_expression",
    "type_descriptor", "subscript_expression", "pointer_expression", "sizeof_expression",
    "field_expression", "field_identifier", "primitive_type", "sized_type_specifier",
    "type_identifier", "type_qualifier", "abstract_pointer_declarator", "escape_sequence",
    "character", "struct_specifier", "comment",
))  # fmt: skip
_TRAPPING = ("/", "%")


@dataclasses.dataclass(frozen=True, slots=True)
class Edit:
    """`text` in place of the bytes from `start` to `end`."""

    start: int
    end: int
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Variant:
    """A transformed function: what was done, in words, and its text."""

    how: str
    text: str


@functools.cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_c.language()))


class Source:
    """A function's definition, parsed.  Raises SyntaxError for what the grammar does not know."""

    def __init__(self, text: str) -> None:
        self.code = text.encode("utf-8", "surrogateescape")
        root = _parser().parse(self.code).root_node
        found = [child for child in root.named_children if child.type == "function_definition"]
        if root.has_error or len(found) != 1:
            raise SyntaxError("not a plain definition")
        body = found[0].child_by_field_name("body")
        declarator = found[0].child_by_field_name("declarator")
        if body is None or declarator is None:
            raise SyntaxError("no body")
        self.definition, self.body, self.declarator = found[0], body, declarator

    def text(self, node: Node) -> str:
        return self.code[node.start_byte : node.end_byte].decode("utf-8", "surrogateescape")

    def edited(self, how: str, edits: Iterable[Edit]) -> Variant:
        """The function with `edits`, which must not overlap."""
        code = self.code
        for edit in sorted(edits, key=lambda e: e.start, reverse=True):
            given = edit.text.encode("utf-8", "surrogateescape")
            code = code[: edit.start] + given + code[edit.end :]
        return Variant(how, code.decode("utf-8", "surrogateescape"))

    def replaced(self, how: str, node: Node, text: str) -> Variant:
        return self.edited(how, [Edit(node.start_byte, node.end_byte, text)])

    def loops(self) -> list[Node]:
        """The loops that are not our own work, in the order of the text."""
        return [n for n in walk(self.body) if n.type in LOOPS and not self.is_ours(n)]

    def is_ours(self, node: Node) -> bool:
        """Does it use our names, or stand in a block that begins with our declarations?"""
        if PREFIX in self.text(node):
            return True
        kinds = ("type_definition", "declaration")
        block = node.parent
        while block is not None and block != self.body:
            if any(n.type in kinds and PREFIX in self.text(n) for n in block.named_children):
                return True
            block = block.parent
        return False

    def names(self, node: Node) -> set[str]:
        return {self.text(n) for n in walk(node) if n.type == "identifier"}

    def fresh(self, word: str) -> str:
        """A name that the function does not hold."""
        name = f"{PREFIX}{word}"
        number = 0
        while name.encode() in self.code:
            number += 1
            name = f"{PREFIX}{word}{number}"
        return name

    def changed(self, node: Node) -> list[str]:
        """The variables that `node` assigns or takes the address of, once for each time."""
        found = []
        for place in map(changed_place, walk(node)):
            if place is not None and (name := self.base(place)):
                found.append(name)
        return found

    def base(self, place: Node) -> str:
        """The variable that a place is, or is a member of; "" for memory behind pointers."""
        place = bare(place)
        if place.type == "identifier":
            return self.text(place)
        if place.type != "field_expression" or operator(place) == "->":
            return ""
        return self.base(field(place, "argument"))

    def is_pure(self, node: Node) -> bool:
        """May it be computed at any time when its memory may be read?"""
        for inner in walk(node):
            if inner.is_named and inner.type not in _HARMLESS:
                return False
            if inner.type == "pointer_expression" and self.text(inner).startswith("&"):
                return False
            if operator(inner) in _TRAPPING and not self._is_safe_divisor(field(inner, "right")):
                return False
        return True

    def _is_safe_divisor(self, node: Node) -> bool:
        text = self.text(bare(node))
        return text[:1].isdigit() and any(digit in text for digit in "123456789")

    def reads_memory(self, node: Node) -> bool:
        kinds = ("subscript_expression", "pointer_expression", "field_expression")
        return any(inner.type in kinds for inner in walk(node))


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in the order of the text."""
    todo = [node]
    while todo:
        here = todo.pop()
        yield here
        todo.extend(reversed(here.children))


def field(node: Node, name: str) -> Node:
    """A part that the grammar promises."""
    found = node.child_by_field_name(name)
    if found is None:
        raise SyntaxError(f"{node.type} without {name}")
    return found


def operator(node: Node) -> str:
    found = node.child_by_field_name("operator")
    return "" if found is None else found.type


def bare(node: Node) -> Node:
    """An expression without the parentheses around it."""
    while node.type == "parenthesized_expression":
        inner = [child for child in node.named_children if child.type != "comment"]
        if len(inner) != 1:
            return node
        node = inner[0]
    return node


def changed_place(node: Node) -> Node | None:
    """What an assignment or update changes, or whose address is taken."""
    if node.type == "assignment_expression":
        return field(node, "left")
    if node.type == "update_expression":
        return field(node, "argument")
    if node.type == "pointer_expression" and operator(node) == "&":
        return field(node, "argument")
    return None


def statements(node: Node) -> list[Node]:
    """A statement as a list: what blocks hold, or itself; empty ones are left out."""
    inner = node.named_children if node.type == "compound_statement" else [node]
    if len(inner) == 2 and inner[0].type == "compound_statement":
        inner = [*statements(inner[0]), inner[1]]
    empty = ("comment",)
    return [
        n
        for n in inner
        if n.type not in empty and not (n.type == "expression_statement" and not n.named_children)
    ]


def expression(statement: Node) -> Node | None:
    """The expression that a statement is."""
    if statement.type != "expression_statement" or len(statement.named_children) != 1:
        return None
    return bare(statement.named_children[0])


def comma_list(node: Node | None) -> list[Node]:
    """The expressions between commas."""
    if node is None:
        return []
    node = bare(node)
    if node.type != "comma_expression":
        return [node]
    return [*comma_list(field(node, "left")), *comma_list(field(node, "right"))]


def operands(node: Node, word: str) -> list[Node]:
    """The operands of a chain of `&&` or `||`."""
    node = bare(node)
    if node.type != "binary_expression" or operator(node) != word:
        return [node]
    return [*operands(field(node, "left"), word), *operands(field(node, "right"), word)]


def leaves(statement: Node) -> bool:
    """Does control always leave the loop at the end of a statement?"""
    listed = statements(statement)
    return bool(listed) and listed[-1].type in _JUMPS


def jumps(node: Node) -> bool:
    """May control leave a loop's body early, or is there a label in it?"""
    todo = list(node.children)
    if node.type in (*_JUMPS, "continue_statement", "labeled_statement", "case_statement"):
        return True
    while todo:
        here = todo.pop()
        if here.type in ("return_statement", "goto_statement", "labeled_statement"):
            return True
        if here.type in ("break_statement", "continue_statement") and not _inner(here, node):
            return True
        todo.extend(here.children)
    return False


def _inner(jump: Node, within: Node) -> bool:
    """Is a jump that of a loop inside of `within`?"""
    above = jump.parent
    while above is not None and above != within:
        if above.type in _SCOPES and not (
            above.type == "switch_statement" and jump.type == "continue_statement"
        ):
            return True
        above = above.parent
    return False
