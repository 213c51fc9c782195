"""Branches as arithmetic, arithmetic as branches, and what gcc is told about them."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from superopt_cc.propose.transform.scalars import Types, promoted
from superopt_cc.propose.transform.syntax import (
    LOOPS,
    PREFIX,
    Edit,
    Source,
    Variant,
    bare,
    expression,
    field,
    operator,
    statements,
    walk,
)

_MOST_GUESSED = 4
_MOST_ASSIGNED = 3
_COMPARED = ("==", "!=", "<", ">", "<=", ">=")


def branchless(source: Source, types: Types) -> Iterator[Variant]:
    """`branchless`: assignments under conditions as masks, choices as masks, && as &."""
    choices = list(_choices(source, types))
    conditions = list(_conditions(source))
    assigned = list(_assignments(source, types))
    if assigned:
        yield source.edited("branchless(if)", assigned)
    if choices:
        yield source.edited("branchless(?:)", choices)
    if conditions:
        yield source.edited("branchless(&&)", conditions)


def _truth(source: Source, node: Node) -> str:
    """An expression as 0 or 1."""
    inner = bare(node)
    text = source.text(inner)
    return f"({text})" if operator(inner) in _COMPARED else f"(({text}) != 0)"


def _quiet(source: Source, node: Node) -> bool:
    """May it be computed although the program might not?"""
    return source.is_pure(node) and not source.reads_memory(node)


def _assignments(source: Source, types: Types) -> Iterator[Edit]:
    """`if (c) x = a; else y = b;` about a few local whole numbers."""
    number = 0
    for node in walk(source.body):
        if node.type != "if_statement" or source.is_ours(node):
            continue
        condition = field(node, "condition")
        arms = [field(node, "consequence")]
        otherwise = node.child_by_field_name("alternative")
        if otherwise is not None:
            arms += [n for n in otherwise.named_children if n.type != "comment"]
        made = [_arm(source, types, arm) for arm in arms]
        if not source.is_pure(condition) or len(arms) > 2 or not all(made):
            continue
        mask = source.fresh(f"c{number}")
        number += 1
        parts = [f"{{ long {mask} = -(long){_truth(source, condition)};"]
        for place, listed in enumerate(made):
            word = "~" if place else ""
            parts += [
                f"{name} ^= ({name} ^ ({value})) & (__typeof__({name} + 0)){word}{mask};"
                for name, value in listed
            ]
        yield Edit(node.start_byte, node.end_byte, " ".join((*parts, "}")))


def _arm(source: Source, types: Types, statement: Node) -> list[tuple[str, str]]:
    """What a branch assigns, in its order; nothing where it does more."""
    found = [_assignment(source, types, part) for part in statements(statement)]
    return [] if None in found or len(found) > _MOST_ASSIGNED else [f for f in found if f]


def _assignment(source: Source, types: Types, statement: Node) -> tuple[str, str] | None:
    """The variable and the new value of a single assignment that is safe to make always."""
    listed = statements(statement)
    node = expression(listed[0]) if len(listed) == 1 else None
    if node is None:
        return None
    if node.type == "update_expression":
        place, right = bare(field(node, "argument")), None
        value = f"{source.text(place)} {operator(node)[0]} 1"
    elif node.type == "assignment_expression":
        place, right = bare(field(node, "left")), field(node, "right")
        word = operator(node)[:-1]
        value = source.text(right)
        if word:
            value = f"{source.text(place)} {word} ({value})"
        if word in ("/", "%") or not _quiet(source, right):
            return None
    else:
        return None
    kind = types.variable(source.text(place)) if place.type == "identifier" else None
    if kind is None or not kind.integer:
        return None
    if right is not None:
        given = types.of(right)
        if given is None or not given.integer:
            return None
    return source.text(place), value


def _choices(source: Source, types: Types) -> Iterator[Edit]:
    """`c ? a : b` about whole numbers; of nested ones the innermost."""
    for node in walk(source.body):
        if node.type != "conditional_expression" or source.is_ours(node):
            continue
        arms = [field(node, "consequence"), field(node, "alternative")]
        inner = any(n.type == "conditional_expression" for n in walk(node) if n != node)
        kind = promoted(types.of(node))
        if inner or kind is None or not kind.integer:
            continue
        if not all(source.is_pure(n) and not _traps(source, n) for n in arms):
            continue
        a, b = (source.text(arm) for arm in arms)
        mask = f"-(__typeof__(({a}) + ({b}))){_truth(source, field(node, 'condition'))}"
        text = f"(({b}) ^ ((({a}) ^ ({b})) & {mask}))"
        yield Edit(node.start_byte, node.end_byte, text)


def _traps(source: Source, arm: Node) -> bool:
    """Does an arm read memory that the condition does not read?"""
    choice = arm.parent
    assert choice is not None
    known = source.text(field(choice, "condition"))
    kinds = ("subscript_expression", "pointer_expression", "field_expression")
    return any(n.type in kinds and source.text(n) not in known for n in walk(arm))


def _conditions(source: Source) -> Iterator[Edit]:
    """`a && b` where b is harmless: both are computed."""
    for node in walk(source.body):
        if node.type != "binary_expression" or operator(node) not in ("&&", "||"):
            continue
        left, right = field(node, "left"), field(node, "right")
        if source.is_ours(node) or not source.is_pure(left):
            continue
        if not source.is_pure(right) or _reads_more(source, right, left):
            continue
        if any(operator(n) in ("&&", "||") for part in (left, right) for n in walk(part)):
            continue
        word = operator(node)[0]
        text = f"({_truth(source, left)} {word} {_truth(source, right)})"
        yield Edit(node.start_byte, node.end_byte, text)


def _reads_more(source: Source, node: Node, before: Node) -> bool:
    kinds = ("subscript_expression", "pointer_expression", "field_expression")
    known = source.text(before)
    return any(n.type in kinds and source.text(n) not in known for n in walk(node))


def branchy(source: Source, types: Types) -> Iterator[Variant]:
    """`branchy`: choices that are assigned become branches that gcc takes for predictable."""
    edits = []
    for node in walk(source.body):
        made = _as_branch(source, node)
        if made is not None and not source.is_ours(node):
            edits.append(Edit(node.start_byte, node.end_byte, made))
    if edits:
        yield source.edited("branchy", edits)


def _as_branch(source: Source, node: Node) -> str | None:
    assigned = expression(node)
    if assigned is None or assigned.type != "assignment_expression":
        return None
    right = bare(field(assigned, "right"))
    if right.type != "conditional_expression":
        return None
    head = f"{source.text(field(assigned, 'left'))} {operator(assigned)}"
    condition = expected(source.text(field(right, "condition")), 1)
    a, b = (source.text(field(right, arm)) for arm in ("consequence", "alternative"))
    return f"if ({condition}) {head} {a}; else {head} {b};"


def expected(condition: str, value: int) -> str:
    return f"__builtin_expect_with_probability(!!({condition}), {value}, 0.99)"


def guesses(source: Source, types: Types) -> Iterator[Variant]:
    """`likely`, `unlikely`: one condition inside of a loop."""
    found = [n for n in walk(source.body) if n.type == "if_statement" and _in_loop(n)]
    for number, node in enumerate(found[:_MOST_GUESSED], 1):
        condition = field(node, "condition")
        if "__builtin_expect" in source.text(condition) or PREFIX in source.text(node):
            continue
        for value, word in ((0, "unlikely"), (1, "likely")):
            text = f"({expected(source.text(condition), value)})"
            yield source.replaced(f"{word}({number})", condition, text)


def _in_loop(node: Node) -> bool:
    above = node.parent
    while above is not None:
        if above.type in (*LOOPS, "do_statement"):
            return True
        above = above.parent
    return False
