"""Loops over consecutive elements: what counts, how many times they go round, what they read."""

from __future__ import annotations

import dataclasses
from collections.abc import Set

from tree_sitter import Node

from superopt_cc.propose.transform.scalars import Type, Types, number
from superopt_cc.propose.transform.syntax import (
    Source,
    bare,
    comma_list,
    expression,
    field,
    operands,
    operator,
    statements,
    walk,
)

_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """A part of the condition that ends the loop after a known number of rounds.

    `rounds` is that number where `condition` holds.
    """

    condition: str
    rounds: str


@dataclasses.dataclass(frozen=True, slots=True)
class Stream:
    """Elements that are read one a round; `first` is the address of the next round's element."""

    first: str
    type: Type


class Loop:
    """A `for` or `while` loop whose variables that count change once a round, at its end.

    `steps` holds these variables, `statements` the body without `trailing`, what steps at its end,
    `others` the parts of the condition that are no bounds.  `still` are places in memory, as the
    text has them, that no round changes.
    """

    def __init__(
        self, source: Source, types: Types, node: Node, still: Set[str] = frozenset()
    ) -> None:
        self.source, self.types, self.node, self.still = source, types, node, still
        self.init = node.child_by_field_name("initializer")
        self.update = node.child_by_field_name("update")
        self.condition = node.child_by_field_name("condition")
        self.body = field(node, "body")
        self.statements = statements(self.body)
        self.changed = source.changed(node)
        self._skip_init()
        self.steps: dict[str, int] = {}
        self.trailing: list[Node] = []
        for part in comma_list(self.update):
            self._step(part)
        # `continue` would leave out what steps at the body's end.
        skips = any(n.type == "continue_statement" for n in walk(self.body))
        while self.statements and not skips:
            last = expression(self.statements[-1])
            if last is None or not all(self._step(part) for part in comma_list(last)):
                break
            self.trailing.insert(0, self.statements.pop())
        self.bounds: list[Bound] = []
        self.others: list[Node] = []
        for part in [] if self.condition is None else operands(self.condition, "&&"):
            bound = self._bound(part)
            if bound is None:
                self.others.append(part)
            else:
                self.bounds.append(bound)

    def _skip_init(self) -> None:
        """What the initialiser assigns is not assigned by the loop's rounds."""
        if self.init is not None:
            for name in self.source.changed(self.init):
                self.changed.remove(name)

    def _step(self, node: Node) -> bool:
        """Is it `i++` or the like, the only change of `i`?  Then it is kept."""
        found = stepped(self.source, node)
        if found is None or self.changed.count(found[0]) != 1 or found[0] in self.steps:
            return False
        self.steps[found[0]] = found[1]
        return True

    def is_invariant(self, node: Node) -> bool:
        """The same in each round, and harmless to compute before the loop?"""
        source = self.source
        if source.text(bare(node)) in self.still:
            return True
        if not source.is_pure(node) or source.reads_memory(node):
            return False
        return all(
            name not in self.changed and self.types.variable(name) is not None
            for name in source.names(node)
        )

    def step_of(self, node: Node) -> int | None:
        """By how much an expression grows a round; None where that is not known."""
        node = bare(node)
        if self.is_invariant(node):
            return 0
        if node.type == "identifier":
            return self.steps.get(self.source.text(node))
        if node.type == "binary_expression" and operator(node) in ("+", "-"):
            left = self.step_of(field(node, "left"))
            right = self.step_of(field(node, "right"))
            if left is None or right is None:
                return None
            return left + right if operator(node) == "+" else left - right
        if node.type == "cast_expression":
            return self.step_of(field(node, "value")) if self._keeps(node) else None
        return None

    def _keeps(self, cast: Node) -> bool:
        kind = self.types.of(cast)
        return kind is not None and kind.size == 8 and kind.integer

    def stream(self, node: Node) -> Stream | None:
        """A memory operand that moves on by one element a round."""
        node = bare(node)
        source = self.source
        kind = self.types.of(node)
        if kind is None or kind.pointers:
            return None
        argument = field(node, "argument")
        if node.type == "subscript_expression":
            steps = [self.step_of(argument), self.step_of(field(node, "index"))]
        elif node.type == "pointer_expression" and operator(node) == "*":
            steps = [self.step_of(argument)]
        else:
            return None
        if None in steps or sum(step for step in steps if step is not None) != 1:
            return None
        return Stream(f"&({source.text(node)})", kind)

    def _bound(self, node: Node) -> Bound | None:
        """`i < n` and the like."""
        source = self.source
        text = source.text(node)
        node = bare(node)
        if node.type == "identifier":
            kind = self.types.variable(text)
            if self.steps.get(text) == -1 and kind is not None and kind.integer:
                return Bound(text, f"(unsigned long)({text})")
            return None
        if node.type != "binary_expression" or (word := operator(node)) not in _FLIPPED:
            return None
        left, right = field(node, "left"), field(node, "right")
        if self.is_invariant(left):
            left, right, word = right, left, _FLIPPED[word]
        kinds = self.types.of(left), self.types.of(right)
        unknown = None in kinds and source.text(bare(right)) not in self.still
        if not self.is_invariant(right) or unknown:
            return None
        rounds = self._rounds(left, right, word)
        return None if rounds is None else Bound(text, rounds)

    def _rounds(self, left: Node, right: Node, word: str) -> str | None:
        step = self.step_of(left)
        here, end = self.source.text(left), self.source.text(right)
        kind = self.types.of(left)
        if kind is None or (kind.floating and not kind.pointers):
            return None
        if step == 1 and word in ("<", "<=", "!="):
            first, last = here, end
        elif step == -1 and word in (">", ">=", "!="):
            first, last = end, here
        else:
            return None
        more = " + 1" if word in ("<=", ">=") else ""
        if kind.pointers:
            return f"(unsigned long)(({last}) - ({first})){more}"
        both = f"__typeof__(({first}) + ({last}))"
        return f"(unsigned long)(({both})({last})) - (unsigned long)(({both})({first})){more}"

    def opening(self) -> str:
        """What goes before the loop where it is put into a block."""
        if self.init is None:
            return ""
        text = self.source.text(self.init)
        return text if text.endswith(";") else text + ";"

    def rest(self) -> str:
        """The loop itself, without its initialiser, behind `opening`."""
        source = self.source
        body = source.text(self.body)
        if self.node.type == "while_statement":
            return source.text(self.node)
        condition = "" if self.condition is None else source.text(self.condition)
        update = "" if self.update is None else source.text(self.update)
        return f"for (; {condition}; {update}) {body}"

    def fewer(self, counter: str, most: int) -> str:
        """`counter` rounds, less than `most`, one after another; nothing leaves the loop early."""
        update = "" if self.update is None else self.source.text(self.update) + ";"
        text = ""
        for place in reversed(range(most - 1)):
            body = self.source.text(self.body)
            text = f"if ({counter} > {place}) {{ {body} {update} {text} }}"
        return text

    def advance(self, rounds: str) -> str:
        """Statements that go on by so many rounds."""
        found = []
        for name, step in self.steps.items():
            by = rounds if abs(step) == 1 else f"{abs(step)} * {rounds}"
            found.append(f"{name} {'+=' if step > 0 else '-='} {by};")
        return " ".join(found)

    def within(self) -> str:
        """The condition under which `rounds` counts."""
        return " && ".join(f"({bound.condition})" for bound in self.bounds) or "1"


def stepped(source: Source, node: Node) -> tuple[str, int] | None:
    """The variable and the constant of `i++`, `i += 2`, `i = i - 1`."""
    node = bare(node)
    if node.type == "update_expression":
        place = bare(field(node, "argument"))
        by: int | None = 1 if operator(node) == "++" else -1
    elif node.type == "assignment_expression":
        place = bare(field(node, "left"))
        by = _added(source, node, source.text(place))
    else:
        return None
    if place.type != "identifier" or by is None:
        return None
    return source.text(place), by


def _added(source: Source, node: Node, name: str) -> int | None:
    right = bare(field(node, "right"))
    word = operator(node)
    if word == "=" and right.type == "binary_expression":
        if source.text(bare(field(right, "left"))) != name:
            return None
        word, right = operator(right) + "=", bare(field(right, "right"))
    if word not in ("+=", "-=") or right.type != "number_literal":
        return None
    value = number(source.text(right))
    return value if value is None or word == "+=" else -value
