"""Early-exit and sparse loops that pass over sixteen bytes at once where nothing happens.

A loop that ends (or does something) only where a condition on its elements holds gets a run-up in
front: blocks are tested as a whole, and the loop itself goes on at the first element that counts.
No block reaches into a cache line that holds no byte that the loop would read.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from superopt_cc.propose.transform.lanes import BYTES, Lanes, UnfitError
from superopt_cc.propose.transform.loops import Loop
from superopt_cc.propose.transform.scalars import Types
from superopt_cc.propose.transform.syntax import (
    LOOPS,
    Source,
    Variant,
    bare,
    changed_place,
    field,
    leaves,
    statements,
    walk,
)

_LINE = 64
_SIZES = (1, 2, 4)


def skipping(source: Source, types: Types) -> Iterator[Variant]:
    """`blocks16`: each loop that fits, tested in blocks of 16 bytes."""
    for node in source.loops():
        loop = Loop(source, types, node)
        for size in _SIZES:
            lanes = Lanes(loop, size, source.fresh(""))
            try:
                events, sparse = _events(loop, lanes)
                mask = _any(lanes, events)
            except UnfitError:
                continue
            if not lanes.streams:
                continue
            text = (
                _sparse(loop, lanes, mask, events) if sparse else _early(loop, lanes, mask, events)
            )
            yield source.replaced("blocks16", node, text)
            break


def _events(loop: Loop, lanes: Lanes) -> tuple[list[tuple[Node, bool]], bool]:
    """The conditions under which something happens (negated where the flag is set): the loop ends,
    or, in a sparse loop, something is done and the loop goes on.
    """
    events = [(part, True) for part in loop.others]
    sparse = False
    for place, statement in enumerate(loop.statements):
        if statement.type == "declaration" and len(events) == len(loop.others):
            remember(lanes, statement)
            continue
        if statement.type != "if_statement":
            raise UnfitError("does something each round")
        if _goes_on(statement):
            if not loop.statements[place + 1 :]:
                raise UnfitError("does nothing")
            events.append((field(statement, "condition"), True))
            sparse = True
            break
        arms = list(_arms(statement))
        events += [(field(arm, "condition"), False) for arm in arms]
        if all(leaves(field(arm, "consequence")) for arm in arms):
            continue
        if not any(_does_much(field(arm, "consequence")) for arm in arms):
            raise UnfitError("needs no branch")
        sparse = True
    if not events or (sparse and loop.others):
        raise UnfitError("nothing ends it")
    return events, sparse


def _goes_on(statement: Node) -> bool:
    """`if (c) continue;`"""
    listed = statements(field(statement, "consequence"))
    alone = statement.child_by_field_name("alternative") is None
    return alone and [n.type for n in listed] == ["continue_statement"]


def _arms(statement: Node) -> Iterator[Node]:
    """The parts of `if ... else if ...`; something is done only where one of them holds."""
    yield statement
    otherwise = statement.child_by_field_name("alternative")
    if otherwise is None:
        return
    inner = [n for n in otherwise.named_children if n.type != "comment"]
    if len(inner) != 1 or inner[0].type != "if_statement":
        raise UnfitError("does something each round")
    yield from _arms(inner[0])


def _does_much(node: Node) -> bool:
    """More than gcc does without a branch: a store, a call, a loop?"""
    kinds = (*LOOPS, "call_expression", "do_statement")
    places = [place for n in walk(node) if (place := changed_place(n)) is not None]
    return any(n.type in kinds for n in walk(node)) or any(
        bare(place).type != "identifier" for place in places
    )


def remember(lanes: Lanes, declaration: Node) -> None:
    """A local of the body that stands for a pure expression."""
    source = lanes.loop.source
    declarators = declaration.children_by_field_name("declarator")
    if len(declarators) != 1 or declarators[0].type != "init_declarator":
        raise UnfitError("declares something odd")
    name = source.text(field(declarators[0], "declarator"))
    value = field(declarators[0], "value")
    if name in lanes.loop.changed or not source.is_pure(value):
        raise UnfitError("a local that changes")
    lanes.temporaries[name] = value
    lanes.value(value)  # what it reads is read each round


def _any(lanes: Lanes, events: list[tuple[Node, bool]]) -> str:
    """Where one of the conditions holds; later ones may not be evaluated."""
    masks = []
    for number, (node, negated) in enumerate(events):
        if not lanes.loop.source.is_pure(node):
            raise UnfitError("a condition that does something")
        mask = lanes.maybe(node) if number else lanes.mask(node)
        masks.append(f"~{mask}" if negated else mask)
    return " | ".join(masks)


def _early(loop: Loop, lanes: Lanes, mask: str, events: list[tuple[Node, bool]]) -> str:
    """A run-up and the last round; with several streams only where the first element is passed."""
    first = loop.within()
    if len(lanes.streams) > 1 and not lanes.temporaries:
        first += f" && !({_happens(loop, events)})"
    return (
        f"{{ {loop.opening()} {lanes.types()} "
        f"if ({first}) {{ {_run_up(loop, lanes, mask)} }} {_end(loop)} }}"
    )


def _happens(loop: Loop, events: list[tuple[Node, bool]]) -> str:
    """The conditions on the next element as C has them."""
    source = loop.source
    return " || ".join(f"{'!' if negated else ''}({source.text(node)})" for node, negated in events)


def _end(loop: Loop) -> str:
    """The round that the run-up leads to: it is the last one, and gcc is told so."""
    if not loop.statements:
        return ""
    source = loop.source
    condition = "1" if loop.condition is None else source.text(loop.condition)
    body = " ".join(source.text(statement) for statement in loop.statements)
    return f"while ({condition}) {{ {body} __builtin_unreachable(); }}"


def _sparse(loop: Loop, lanes: Lanes, mask: str, events: list[tuple[Node, bool]]) -> str:
    """The loop with a run-up before each round: gcc is told that something happens in each."""
    source = loop.source
    declared = [n for n in loop.statements if n.type == "declaration"]
    rest = [n for n in loop.statements if n.type != "declaration"]
    listed = [source.text(statement) for statement in declared]
    listed.append(f"if (!({_happens(loop, events)})) __builtin_unreachable();")
    listed += [source.text(n) for n in (*rest, *loop.trailing)]
    inner = f"{{ {_run_up(loop, lanes, mask)} if (!({loop.within()})) break; {' '.join(listed)} }}"
    update = "" if loop.update is None else source.text(loop.update)
    return f"{{ {loop.opening()} {lanes.types()} for (; {loop.within()}; {update}) {inner} }}"


def _run_up(loop: Loop, lanes: Lanes, mask: str) -> str:
    """Statements that go on to the first element where `mask` holds, or to the loop's end."""
    p, size = lanes.prefix, lanes.size
    one = len(lanes.streams) == 1
    parts = [
        f"const char *{p}b{number} = (const char *)({stream.first});"
        for number, stream in enumerate(lanes.streams)
    ]
    parts.append(f"unsigned long {p}k;")
    if loop.bounds:
        parts.append(f"unsigned long {p}r = {loop.bounds[0].rounds};")
        parts += [
            f"{{ unsigned long {p}q = {bound.rounds}; if ({p}q < {p}r) {p}r = {p}q; }}"
            for bound in loop.bounds[1:]
        ]
        if size > 1:
            parts.append(f"{p}r *= {size};")
    parts.append(_aligned(loop, lanes, mask) if one else _in_lines(loop, lanes, mask))
    if loop.bounds:
        parts.append(f"if ({p}k > {p}r) {p}k = {p}r;")
    rounds = f"({p}k / {size})" if size > 1 else f"{p}k"
    parts.append(loop.advance(rounds))
    return " ".join(parts)


def _more(loop: Loop, p: str) -> str:
    return f"{p}k < {p}r" if loop.bounds else "1"


def _aligned(loop: Loop, lanes: Lanes, mask: str) -> str:
    """One stream: aligned blocks, the first of them from before the first element."""
    p = lanes.prefix
    return (
        f"{{ unsigned long {p}o = (unsigned long){p}b0 & {BYTES - 1}; unsigned {p}m; "
        f"{{ {lanes.load(0, f'{p}b0 - {p}o', aligned=True)} "
        f"{p}m = {lanes.mask_of(mask)} >> {p}o; }} "
        f"if ({p}m) {p}k = __builtin_ctz({p}m); else {{ {p}k = {BYTES} - {p}o; "
        f"while ({_more(loop, p)}) {{ {lanes.load(0, f'{p}b0 + {p}k', aligned=True)} "
        f"{p}m = {lanes.mask_of(mask)}; "
        f"if ({p}m) {{ {p}k += __builtin_ctz({p}m); break; }} {p}k += {BYTES}; }} }} }}"
    )


def _in_lines(loop: Loop, lanes: Lanes, mask: str) -> str:
    """Several streams: blocks that end where the first of their cache lines ends.

    What a block holds from before the next element is no matter.  Where it would begin before the
    first element, the next one is tested alone.
    """
    p = lanes.prefix
    count = len(lanes.streams)
    room = [
        f"unsigned long {p}o{n} = (unsigned long)({p}b{n} + {p}k) & {_LINE - 1}; "
        f"if ({p}s > {_LINE} - {p}o{n}) {p}s = {_LINE} - {p}o{n};"
        for n in range(count)
    ]
    loads = " ".join(lanes.load(n, f"{p}b{n} + {p}k + {p}s - {BYTES}") for n in range(count))
    first = " ".join(_one(lanes, n) for n in range(count))
    return (
        f"{p}k = 0; while ({_more(loop, p)}) {{ unsigned long {p}s = {BYTES}; unsigned {p}m; "
        f"{' '.join(room)} "
        f"if ({p}k + {p}s < {BYTES}) {{ {first} "
        f"if ({lanes.mask_of(mask)} & 1) break; {p}k += {lanes.size}; continue; }} "
        f"{{ {loads} {p}m = {lanes.mask_of(mask)} >> ({BYTES} - {p}s); }} "
        f"if ({p}m) {{ {p}k += __builtin_ctz({p}m); break; }} {p}k += {p}s; }}"
    )


def _one(lanes: Lanes, number: int) -> str:
    """The next element alone, in the first lane."""
    p = lanes.prefix
    kind = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int"}[lanes.size]
    return (
        f"typedef {kind} {p}e{number} __attribute__((may_alias)); "
        f"{p}u {p}x{number} = {{ *(const {p}e{number} *)({p}b{number} + {p}k) }};"
    )
