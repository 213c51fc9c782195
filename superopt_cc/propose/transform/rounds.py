"""Several rounds of a loop at once: unrolled by gcc, or with several accumulators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tree_sitter import Node

from superopt_cc.propose.transform.loops import Loop
from superopt_cc.propose.transform.scalars import Types
from superopt_cc.propose.transform.syntax import (
    LOOPS,
    PREFIX,
    Edit,
    Source,
    Variant,
    bare,
    changed_place,
    field,
    jumps,
    operator,
    walk,
)

_NEUTRAL = {"+": "0", "-": "0", "^": "0", "|": "0", "&": "-1"}
_COMBINED = {"+": "+", "-": "+", "^": "^", "|": "|", "&": "&"}


def unrolling(source: Source, types: Types) -> Iterator[Variant]:
    """`unroll(k)`: all innermost loops."""
    inner = [n for n in innermost(source) if not _has_pragma(source, n)]
    for times in (4, 8):
        edits = []
        for node in inner:
            edits.append(
                Edit(node.start_byte, node.start_byte, f"{{\n#pragma GCC unroll {times}\n")
            )
            edits.append(Edit(node.end_byte, node.end_byte, " }"))
        if edits:
            yield source.edited(f"unroll({times})", edits)


def _has_pragma(source: Source, node: Node) -> bool:
    before = node.prev_sibling
    return before is not None and "#pragma" in source.text(before)


def innermost(source: Source) -> list[Node]:
    """The loops with an end that hold no loop and none of our names."""
    kinds = (*LOOPS, "do_statement")
    return [
        n for n in walk(source.body)
        if n.type in kinds and PREFIX not in source.text(n)
        and n.child_by_field_name("condition") is not None
        and not any(below.type in kinds for below in walk(n) if below != n)
    ]  # fmt: skip


def accumulators(source: Source, types: Types) -> Iterator[Variant]:
    """`accumulators(k)`: each loop that adds up whole numbers, k rounds at once."""
    for node in source.loops():
        loop = Loop(source, types, node)
        if loop.others or len(loop.bounds) != 1 or jumps(loop.body) or not loop.statements:
            continue
        sums = _sums(loop)
        if not sums:
            continue
        for times in (4, 2):
            text = _split(loop, sums, times)
            yield source.replaced(f"accumulators({times})", node, text)


def _sums(loop: Loop) -> dict[str, str]:
    """The variables that a loop only adds to (or the like), and by which operation."""
    source = loop.source
    found: dict[str, str] = {}
    for node in (n for s in loop.statements for n in walk(s)):
        place = changed_place(node)
        if place is None or bare(place).type != "identifier":
            continue
        name = source.text(bare(place))
        kind = loop.types.variable(name)
        word = _operation(source, node, name)
        if kind is None or not kind.integer or word is None or _is_inner(loop, name):
            continue
        if found.setdefault(name, word) != word:
            found[name] = ""
    uses = [source.text(n) for n in walk(loop.node) if n.type == "identifier"]
    return {
        name: word for name, word in found.items()
        if word and uses.count(name) == loop.changed.count(name) + _named_twice(loop, name)
        and not _in_head(loop, name)
    }  # fmt: skip


def _is_inner(loop: Loop, name: str) -> bool:
    """Is it declared by the body itself?"""
    source = loop.source
    return any(
        n.type == "init_declarator" and source.text(field(n, "declarator")) == name
        for n in walk(loop.body)
    )


def _in_head(loop: Loop, name: str) -> bool:
    head = [n for n in (loop.init, loop.condition, loop.update) if n is not None]
    return any(name in loop.source.names(n) for n in head)


def _operation(source: Source, node: Node, name: str) -> str | None:
    """The operation of `a += b`, `a++`, `a = a ^ b`, as a statement."""
    parent = node.parent
    if parent is None or parent.type != "expression_statement":
        return None
    if node.type == "update_expression":
        return "+"
    if node.type != "assignment_expression":
        return None
    word, right = operator(node), bare(field(node, "right"))
    if word == "=" and right.type == "binary_expression":
        if source.text(bare(field(right, "left"))) != name:
            return None
        word = operator(right) + "="
    found = word[:-1]
    return _COMBINED.get(found) if len(word) == 2 else None


def _named_twice(loop: Loop, name: str) -> int:
    """How many assignments name it on their right, too, as `a = a + b` does."""
    source = loop.source
    assigned = [n for n in walk(loop.body) if n.type == "assignment_expression"]
    return sum(
        1 for n in assigned
        if operator(n) == "=" and source.text(bare(field(n, "left"))) == name
    )  # fmt: skip


def _split(loop: Loop, sums: dict[str, str], times: int) -> str:
    """The loop with `times` rounds at once, each with sums of its own."""
    source = loop.source
    p = source.fresh("")
    update = "" if loop.update is None else source.text(loop.update) + ";"
    body = source.text(loop.body)
    names = sorted(sums)
    copies = [
        [(name, f"{p}{place}_{number}") for place, name in enumerate(names)]
        for number in range(1, times)
    ]
    declared = " ".join(
        f"__typeof__({name}) {own} = {_NEUTRAL[sums[name]]};"
        for copy in copies for name, own in copy
    )  # fmt: skip
    rounds = [f"{body} {update}"]
    rounds += [f"{_renamed(loop, copy)} {update}" for copy in copies]
    added = " ".join(f"{name} {sums[name]}= {own};" for copy in copies for name, own in copy)
    return (
        f"{{ {loop.opening()} if ({loop.within()}) {{ {declared} "
        f"unsigned long {p}r = {loop.bounds[0].rounds}; "
        f"for (; {p}r >= {times}; {p}r -= {times}) {{ {' '.join(rounds)} }} "
        f"{added} }} {_left_over(loop, times - 1)} }}"
    )


def _left_over(loop: Loop, most: int) -> str:
    """At most so many rounds, written one after another: gcc need not think of more."""
    text = ""
    update = "" if loop.update is None else loop.source.text(loop.update) + ";"
    for _ in range(most):
        text = f"if ({loop.within()}) {{ {loop.source.text(loop.body)} {update} {text} }}"
    return text


def _renamed(loop: Loop, names: Sequence[tuple[str, str]]) -> str:
    """The body's text with other variables."""
    source, body = loop.source, loop.body
    new = dict(names)
    edits = [n for n in walk(body) if n.type == "identifier" and source.text(n) in new]
    text, at = "", body.start_byte
    for node in edits:
        text += source.code[at : node.start_byte].decode("utf-8", "surrogateescape")
        text += new[source.text(node)]
        at = node.end_byte
    return text + source.code[at : body.end_byte].decode("utf-8", "surrogateescape")
