"""Loops that change some elements in place: sixteen bytes are tested at once.

Only elements that the loop would write are written: another thread may own the others.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from superopt_cc.propose.transform.lanes import BYTES, Lanes, UnfitError
from superopt_cc.propose.transform.loops import Loop
from superopt_cc.propose.transform.scalars import Types
from superopt_cc.propose.transform.skipping import remember
from superopt_cc.propose.transform.syntax import (
    Source,
    Variant,
    expression,
    field,
    operator,
    statements,
)

_HALF = BYTES // 2


def storing(source: Source, types: Types) -> Iterator[Variant]:
    """`stores16`: each loop whose rounds are `if (P) x[i] = E;` with P and E about x[i]."""
    for node in source.loops():
        loop = Loop(source, types, node)
        for size in (1, 2, 4):
            lanes = Lanes(loop, size, source.fresh(""))
            try:
                mask, value = _change(loop, lanes)
            except UnfitError:
                continue
            yield source.replaced("stores16", node, _written(loop, lanes, mask, value))
            break


def _change(loop: Loop, lanes: Lanes) -> tuple[str, str]:
    """Where something is stored, and what."""
    if len(loop.bounds) != 1 or loop.others or not loop.statements:
        raise UnfitError("no plain loop")
    *declared, last = loop.statements
    for statement in declared:
        if statement.type != "declaration":
            raise UnfitError("does several things")
        remember(lanes, statement)
    if last.type != "if_statement" or last.child_by_field_name("alternative") is not None:
        raise UnfitError("no single condition")
    condition = field(last, "condition")
    stored = statements(field(last, "consequence"))
    if len(stored) != 1 or not loop.source.is_pure(condition):
        raise UnfitError("does several things")
    mask = lanes.mask(condition)
    with lanes.uncertain():
        return mask, _stored(loop, lanes, expression(stored[0]))


def _stored(loop: Loop, lanes: Lanes, node: Node | None) -> str:
    """The lanes of what an assignment stores; it stores to the one stream."""
    if node is None or node.type != "assignment_expression":
        raise UnfitError("stores nothing")
    place, right, word = field(node, "left"), field(node, "right"), operator(node)
    stream = loop.stream(place)
    if stream is None or lanes.streams != [stream] or not loop.source.is_pure(right):
        raise UnfitError("stores elsewhere")
    value = lanes.value(right)
    if word == "=":
        return value.text
    if word[:-1] in ("+", "-", "&", "|", "^"):
        return f"({lanes.value(place).text} {word[:-1]} {value.text})"
    raise UnfitError("stores in an odd way")


def _written(loop: Loop, lanes: Lanes, mask: str, value: str) -> str:
    """Blocks, the last of which overlaps the one before; two halves; the loop for very few."""
    p, size = lanes.prefix, lanes.size
    element = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int"}[size]
    found = f"unsigned {p}m = {lanes.mask_of(mask)};"
    last = f"{p}r * {size} - {BYTES}"
    few = loop.fewer(f"{p}r", _HALF // size)
    left = f"{BYTES // size} - ({p}r - {p}k / {size})"
    blocks = (
        f"unsigned long {p}k = 0; do {{ {lanes.load(0, f'{p}b + {p}k')} {found} "
        f"if ({p}m) {{ {p}u {p}e = {value}; if ({p}m == 0xffff) "
        f"*({p}l *)({p}b + {p}k) = ({p}l){p}e; else {_each(lanes, f'{p}k + {p}j')} }} "
        f"{p}k += {BYTES}; }} while ({p}r * {size} - {p}k >= {BYTES}); "
        f"if ({p}r * {size} > {p}k) {{ {lanes.load(0, f'{p}b + {last}')} "
        f"unsigned {p}m = {lanes.mask_of(f'({mask}) & {_from(lanes, left)}')}; "
        f"if ({p}m) {{ {p}u {p}e = {value}; {_each(lanes, f'{last} + {p}j')} }} }}"
    )
    return (
        f"{{ {loop.opening()} {lanes.types()} "
        f"typedef {element} {p}t __attribute__((may_alias)); "
        f"typedef long long {p}w __attribute__((vector_size({BYTES}))); "
        f"typedef long long {p}h __attribute__((may_alias, aligned(1))); "
        f"unsigned long {p}r = {loop.within()} ? {loop.bounds[0].rounds} : 0; "
        f"if (__builtin_expect({p}r < {_HALF // size}, 1)) {{ {few} }} else {{ "
        f"char *{p}b = (char *)({lanes.streams[0].first}); "
        f"if ({p}r < {BYTES // size}) {{ {_halves(lanes, mask, value)} }} else {{ {blocks} }} "
        f"{loop.advance(f'{p}r')} }} }}"
    )


def _halves(lanes: Lanes, mask: str, value: str) -> str:
    """More than a half block, less than one: its first half and its last, each element once."""
    p, size = lanes.prefix, lanes.size
    first = f"~{_from(lanes, str(_HALF // size))}"
    rest = _from(lanes, f"{(BYTES + _HALF) // size} - {p}r")
    place = f"({p}j < {_HALF} ? {p}j : {p}r * {size} - {BYTES} + {p}j)"
    return (
        f"{p}u {p}x0 = ({p}u)({p}w){{ *(const {p}h *){p}b, "
        f"*(const {p}h *)({p}b + {p}r * {size} - {_HALF}) }}; "
        f"unsigned {p}m = {lanes.mask_of(f'({mask}) & ({first} | {rest})')}; "
        f"if ({p}m) {{ {p}u {p}e = {value}; {_each(lanes, place)} }}"
    )


def _from(lanes: Lanes, first: str) -> str:
    """The lanes from number `first` on."""
    p = lanes.prefix
    numbers = ", ".join(str(n) for n in range(BYTES // lanes.size))
    return f"({p}u)(({p}i){{{numbers}}} >= ({p}i){lanes.splat(first)})"


def _each(lanes: Lanes, place: str) -> str:
    """Stores the lanes that are marked in the bits of a mask, one by one."""
    p, size = lanes.prefix, lanes.size
    done = f"{p}m - 1" if size == 1 else f"~({(1 << size) - 1}u << {p}j)"
    return (
        f"do {{ unsigned {p}j = __builtin_ctz({p}m); "
        f"*({p}t *)({p}b + {place}) = {p}e[{p}j / {size}]; {p}m &= {done}; }} while ({p}m);"
    )
