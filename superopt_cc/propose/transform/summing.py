"""Counts and sums over bytes, sixteen at once, with narrow counters that are emptied in time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from tree_sitter import Node

from superopt_cc.propose.transform.lanes import BYTES, Lanes, UnfitError
from superopt_cc.propose.transform.loops import Loop
from superopt_cc.propose.transform.scalars import Types
from superopt_cc.propose.transform.skipping import remember
from superopt_cc.propose.transform.syntax import (
    Source,
    Variant,
    bare,
    expression,
    field,
    operator,
    statements,
)

_HALF = BYTES // 2
_NUMBERS = ", ".join(str(n) for n in range(BYTES))
_MOST = 255  # what a byte counts to


@dataclasses.dataclass(frozen=True, slots=True)
class _Added:
    """What a variable gets in each round: `lanes` where `mask` holds, once for each bit if None.

    `low` and `high` bound the lanes.
    """

    name: str
    sign: str
    text: str
    low: int
    high: int


def summing(source: Source, types: Types) -> Iterator[Variant]:
    """`bytes16`: each loop that only adds up what it finds in bytes."""
    for node in source.loops():
        loop = Loop(source, types, node)
        lanes = Lanes(loop, 1, source.fresh(""))
        try:
            if loop.others or len(loop.bounds) != 1:
                continue
            added = list(_added(loop, lanes, loop.statements, ""))
        except UnfitError:
            continue
        if lanes.streams and added and _apart(loop, added):
            yield source.replaced("bytes16", node, _written(loop, lanes, added))


def _apart(loop: Loop, added: list[_Added]) -> bool:
    """Are the sums nothing but sums?"""
    names = {a.name for a in added}
    changed = [name for name in loop.changed if name not in loop.steps]
    if set(changed) != names or len(changed) != len(added):
        return False
    source = loop.source
    uses = sum(source.text(n) in names for n in _identifiers(loop.body))
    return uses == len(added) + sum(1 for n in _doubled(loop))


def _identifiers(node: Node) -> Iterator[Node]:
    todo = [node]
    while todo:
        here = todo.pop()
        if here.type == "identifier":
            yield here
        todo.extend(here.children)


def _doubled(loop: Loop) -> Iterator[Node]:
    """Assignments of the form `a = a + b`, which name what they change twice."""
    todo = [loop.body]
    while todo:
        here = todo.pop()
        if here.type == "assignment_expression" and operator(here) == "=":
            yield here
        todo.extend(here.children)


def _added(loop: Loop, lanes: Lanes, listed: list[Node], where: str) -> Iterator[_Added]:
    """What the statements add where the mask `where` holds ("" for everywhere)."""
    for statement in listed:
        if statement.type == "declaration" and not where:
            remember(lanes, statement)
        elif statement.type == "compound_statement":
            yield from _added(loop, lanes, statements(statement), where)
        elif statement.type == "if_statement":
            yield from _branches(loop, lanes, statement, where)
        else:
            yield _one(loop, lanes, statement, where)


def _branches(loop: Loop, lanes: Lanes, statement: Node, where: str) -> Iterator[_Added]:
    condition = field(statement, "condition")
    if not loop.source.is_pure(condition):
        raise UnfitError("a condition that does something")
    mask = lanes.maybe(condition) if where else lanes.mask(condition)
    both = f"({where} & {mask})" if where else mask
    with lanes.uncertain():
        yield from _added(loop, lanes, [field(statement, "consequence")], both)
        otherwise = statement.child_by_field_name("alternative")
        if otherwise is not None:
            other = f"({where} & ~{mask})" if where else f"(~{mask})"
            yield from _added(loop, lanes, otherwise.named_children, other)


def _one(loop: Loop, lanes: Lanes, statement: Node, where: str) -> _Added:
    node = expression(statement)
    if node is None:
        raise UnfitError("no sum")
    source = loop.source
    if node.type == "update_expression":
        name, sign = source.text(field(node, "argument")), operator(node)[0]
        ones = lanes.splat("1")
        made = _Added(name, sign, f"({where} & {ones})" if where else ones, 0, 1)
    elif node.type == "assignment_expression":
        name, sign, term = _assigned(source, node)
        if not source.is_pure(term):
            raise UnfitError("adds what does something")
        value = lanes.value(term)
        text = f"({where} & {value.text})" if where else value.text
        made = _Added(name, sign, text, min(value.low, 0), max(value.high, 0))
    else:
        raise UnfitError("no sum")
    kind = loop.types.variable(made.name)
    if kind is None or not kind.integer or kind.size < 2:
        raise UnfitError("a sum of unknown type")
    if not ((made.low >= 0 and made.high <= 255) or (made.low >= -128 and made.high <= 127)):
        raise UnfitError("adds more than a byte")
    return made


def _assigned(source: Source, node: Node) -> tuple[str, str, Node]:
    """The variable, the sign and the term of `a += b`, `a = a - b` or `a = b + a`."""
    name = source.text(bare(field(node, "left")))
    word, right = operator(node), bare(field(node, "right"))
    if word in ("+=", "-="):
        return name, word[0], right
    if word == "=" and right.type == "binary_expression" and operator(right) in ("+", "-"):
        first, second = bare(field(right, "left")), bare(field(right, "right"))
        if source.text(first) == name:
            return name, operator(right), second
        if source.text(second) == name and operator(right) == "+":
            return name, "+", first
    raise UnfitError("no sum")


def _written(loop: Loop, lanes: Lanes, added: list[_Added]) -> str:
    p = lanes.prefix
    base = [f"const char *{p}b{n} = (const char *)({stream.first});"
            for n, stream in enumerate(lanes.streams)]  # fmt: skip
    sums = [f"{p}w {p}s{n} = {{0}};" for n in range(len(added))]
    results = [_result(loop, lanes, n, a) for n, a in enumerate(added)]
    start = " ".join((*base, *sums))
    end = " ".join((*results, loop.advance(f"{p}r")))
    return (
        f"{{ {loop.opening()} {lanes.types()} "
        f"typedef long long {p}w __attribute__((vector_size({BYTES}))); "
        f"unsigned long {p}r = {loop.within()} ? {loop.bounds[0].rounds} : 0; "
        f"if (__builtin_expect({p}r < {_HALF}, 1)) {{ {loop.fewer(f'{p}r', _HALF)} }} "
        f"else if ({p}r < {BYTES}) {{ {start} {_halves(lanes, added)} {end} }} "
        f"else {{ unsigned long {p}k = 0; "
        f"{start} {_blocks(lanes, added)} {_last(lanes, added)} {end} }} }}"
    )


def _is_count(added: _Added) -> bool:
    return (added.low, added.high) == (0, 1)


def _blocks(lanes: Lanes, added: list[_Added]) -> str:
    """All whole blocks; counts are kept in bytes for as long as these hold them."""
    p = lanes.prefix
    counts = [n for n, a in enumerate(added) if _is_count(a)]
    loads = " ".join(lanes.load(n, f"{p}b{n} + {p}k") for n in range(len(lanes.streams)))
    each = " ".join(
        f"{p}c{n} += {a.text};" if n in counts else f"{p}s{n} += {_total(lanes, a)};"
        for n, a in enumerate(added)
    )
    start = " ".join(f"{p}u {p}c{n} = {{0}};" for n in counts)
    empty = " ".join(f"{p}s{n} += {_across(p, f'{p}c{n}')};" for n in counts)
    return (
        f"while ({p}r - {p}k >= {BYTES}) {{ unsigned long {p}m = ({p}r - {p}k) / {BYTES}; "
        f"if ({p}m > {_MOST}) {p}m = {_MOST}; {start} "
        f"do {{ {loads} {each} {p}k += {BYTES}; }} while (--{p}m); {empty} }}"
    )


def _halves(lanes: Lanes, added: list[_Added]) -> str:
    """From eight to fifteen: the first eight and the last eight, without what is in both."""
    p = lanes.prefix
    loads = " ".join(
        f"{p}u {p}x{n} = ({p}u)({p}w){{ *(const {p}h *){p}b{n}, "
        f"*(const {p}h *)({p}b{n} + {p}r - {_HALF}) }};"
        for n in range(len(lanes.streams))
    )
    numbers = f"({p}i){{{_NUMBERS}}}"
    first = f"({numbers} < ({p}i){lanes.splat(str(_HALF))})"
    rest = f"({numbers} >= ({p}i){lanes.splat(f'{BYTES + _HALF} - {p}r')})"
    return (
        f"typedef long long {p}h __attribute__((may_alias, aligned(1))); "
        f"{p}u {p}v = ({p}u)({first} | {rest}); {loads} {_masked(lanes, added)}"
    )


def _masked(lanes: Lanes, added: list[_Added]) -> str:
    """Adds up the lanes that a mask names."""
    p = lanes.prefix
    return " ".join(
        f"{p}s{n} += {_total(lanes, dataclasses.replace(a, text=f'({p}v & {a.text})'))};"
        for n, a in enumerate(added)
    )


def _last(lanes: Lanes, added: list[_Added]) -> str:
    """What is left over: the last sixteen, without those that were counted."""
    p = lanes.prefix
    loads = " ".join(lanes.load(n, f"{p}b{n} + {p}r - {BYTES}") for n in range(len(lanes.streams)))
    fresh = f"(({p}i){{{_NUMBERS}}} >= ({p}i){lanes.splat(f'{BYTES} - ({p}r - {p}k)')})"
    return f"if ({p}k < {p}r) {{ {p}u {p}v = ({p}u){fresh}; {loads} {_masked(lanes, added)} }}"


def _total(lanes: Lanes, added: _Added) -> str:
    """The sum over sixteen lanes; negative ones are moved up by 128."""
    if added.low < 0:
        return _across(lanes.prefix, f"({added.text} ^ {lanes.splat('128')})")
    return _across(lanes.prefix, added.text)


def _across(p: str, text: str) -> str:
    return f"({p}w)__builtin_ia32_psadbw128(({p}c)({text}), ({p}c){{0}})"


def _result(loop: Loop, lanes: Lanes, number: int, added: _Added) -> str:
    p = lanes.prefix
    moved = f" - 128 * (({p}r + {BYTES - 1}) / {BYTES} * {BYTES})" if added.low < 0 else ""
    total = f"(unsigned long)({p}s{number}[0] + {p}s{number}[1]){moved}"
    return f"{added.name} {added.sign}= (__typeof__({added.name}))({total});"
