"""Loops in their plainest form: what counts is changed by statements of its own."""

from __future__ import annotations

from tree_sitter import Node

from superopt_cc.propose.transform.syntax import (
    LOOPS,
    Edit,
    Source,
    bare,
    field,
    jumps,
    operator,
    statements,
    walk,
)

_SOMETIMES = ("if_statement", "conditional_expression", "switch_statement", "do_statement", *LOOPS)
_MOST = 8


def plainly(text: str) -> str:
    """The same function: `*p++` in a loop becomes `*p` and `p++`, `while (n--)` counts in its body.

    Only where nobody sees the difference.
    """
    for _ in range(_MOST):
        try:
            source = Source(text)
            found = (_plainer(source, n) or _ended(source, n) for n in walk(source.body))
            made = next(filter(None, found), None)
        except (SyntaxError, RecursionError):
            return text
        if made is None:
            return text
        text = made
    return text


def _plainer(source: Source, loop: Node) -> str | None:
    """The text with one loop made plainer; None where there is nothing to do."""
    if loop.type not in LOOPS or jumps(field(loop, "body")):
        return None
    condition = loop.child_by_field_name("condition")
    within = [n for n in walk(field(loop, "body")) if n.type == "update_expression"]
    if condition is not None:
        within += [n for n in walk(condition) if n.type == "update_expression"]
    for node in within:
        name = source.text(bare(field(node, "argument")))
        after_use = source.text(node) in (f"{name}++", f"{name}--")
        in_condition = condition is not None and _inside(node, condition)
        place = loop if in_condition else field(loop, "body")
        used = [n for n in walk(place) if n.type == "identifier" and source.text(n) == name]
        if not name.isidentifier() or len(used) != 1 or source.changed(loop).count(name) != 1:
            continue
        if in_condition and source.text(bare(field(loop, "condition"))) == f"--{name} >= 0":
            if _is_forgotten(source, loop, name):
                return _moved(source, loop, field(bare(field(loop, "condition")), "left"),
                              f"{name} - 1", f"{name}--")  # fmt: skip
            continue
        if not after_use or (in_condition and not _counts_down(source, node, loop, name)):
            continue
        if in_condition or _always(node, loop):
            return _moved(source, loop, node, name, source.text(node))
    return None


_ENDLESS = ("", "1", "true", ";")
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def _ended(source: Source, loop: Node) -> str | None:
    """The text with `while (!c) {...}` for an endless loop that begins with `if (c) break;`."""
    if loop.type not in (*LOOPS, "do_statement"):
        return None
    condition = loop.child_by_field_name("condition")
    if condition is not None and source.text(bare(condition)) not in _ENDLESS:
        return None
    listed = statements(field(loop, "body"))
    head = ("initializer", "update")
    if not listed or listed[0].type != "if_statement" or any(map(loop.child_by_field_name, head)):
        return None
    test = bare(field(listed[0], "condition"))
    leaving = statements(field(listed[0], "consequence"))
    plain = [n.type for n in leaving] == ["break_statement"] and operator(test) in _OPPOSITE
    if not plain or listed[0].child_by_field_name("alternative") is not None:
        return None
    sides = [source.text(field(test, side)) for side in ("left", "right")]
    body = " ".join(source.text(n) for n in listed[1:])
    text = f"while ({sides[0]} {_OPPOSITE[operator(test)]} {sides[1]}) {{ {body} }}"
    return source.replaced("", loop, text).text


def _inside(node: Node, above: Node) -> bool:
    return above.start_byte <= node.start_byte and node.end_byte <= above.end_byte


def _always(node: Node, loop: Node) -> bool:
    """Is it a part of an expression that each round evaluates?"""
    above = node.parent
    if above is None or above.type == "expression_statement":
        return False
    while above is not None and above != loop:
        if above.type in _SOMETIMES or operator(above) in ("&&", "||"):
            return False
        above = above.parent
    return True


def _counts_down(source: Source, node: Node, loop: Node, name: str) -> bool:
    """`n--` or `n-- > 0` as the whole condition, and nobody asks for `n` afterwards?"""
    condition = bare(field(loop, "condition"))
    whole = source.text(condition) == source.text(node)
    compared = condition.type == "binary_expression" and operator(condition) in (">", "!=")
    if not whole and not (compared and source.text(field(condition, "right")) == "0"):
        return False
    return _is_forgotten(source, loop, name)


def _is_forgotten(source: Source, loop: Node, name: str) -> bool:
    """Does nothing after a loop name a variable?"""
    above = loop.parent
    while above is not None:
        if above.type in (*LOOPS, "do_statement"):
            return False
        above = above.parent
    return not any(
        n.type == "identifier" and n.start_byte >= loop.end_byte and source.text(n) == name
        for n in walk(source.body)
    )


def _moved(source: Source, loop: Node, node: Node, now: str, step: str) -> str:
    """`now` in place of an expression, and `step` at the end of the body."""
    body = field(loop, "body")
    return source.edited("", [
        Edit(node.start_byte, node.end_byte, now),
        Edit(body.start_byte, body.start_byte, "{ "),
        Edit(body.end_byte, body.end_byte, f" {step}; }}"),
    ]).text  # fmt: skip
