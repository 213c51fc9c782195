"""Loops that keep something in memory which might be what they read or write besides.

gcc must store and load such a place in every round.  Where a test before the loop finds it apart
from everything else, it is kept in a variable; otherwise the loop stays as it is.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence, Set

from tree_sitter import Node

from superopt_cc.propose.transform.loops import Loop
from superopt_cc.propose.transform.places import Places, Range, UnknownError
from superopt_cc.propose.transform.scalars import Types
from superopt_cc.propose.transform.syntax import (
    LOOPS,
    Edit,
    Source,
    Variant,
    bare,
    field,
    operands,
    operator,
    walk,
)

_NAME = "apart_"  # not as our other names: later transformations shall work on these loops
_MOST = 16  # tests before a loop
_WORTH = 8  # rounds: fewer are over before the tests are


def apart(source: Source, types: Types) -> Iterator[Variant]:
    """`apart`: every innermost loop that has such places."""
    if _NAME in source.text(source.definition):
        return
    taken = {
        source.base(field(n, "argument")) for n in walk(source.body)
        if n.type == "pointer_expression" and operator(n) == "&"
    }  # fmt: skip
    edits: list[Edit] = []
    for node in source.loops():
        if any(n.type in (*LOOPS, "do_statement") for n in walk(node) if n != node):
            continue
        text = _written(_loop(source, types, node), types.declared - taken, f"{_NAME}{len(edits)}")
        if text:
            edits.append(Edit(node.start_byte, node.end_byte, text))
    if edits:
        yield source.edited("apart", edits)


def _loop(source: Source, types: Types, node: Node) -> Loop:
    """Bounds may be places, if nothing but the test before the loop has to tell that they stay."""
    still = set()
    condition = node.child_by_field_name("condition")
    for part in [] if condition is None else operands(condition, "&&"):
        for side in map(part.child_by_field_name, ("left", "right")):
            if side is not None and bare(side).type in ("field_expression", "pointer_expression"):
                still.add(source.text(bare(side)))
    return Loop(source, types, node, still)


def _written(loop: Loop, declared: Set[str], name: str) -> str:
    """The loop in both forms; "" where it has nothing to keep."""
    if not loop.bounds:
        return ""
    try:
        ranges = list(Places(loop, f"{name}r", declared).ranges.values())
    except UnknownError:
        return ""
    kept = [each for each in ranges if each.place and each.always]
    if loop.still - {each.place for each in kept if not each.writes}:
        return ""
    tests = list(_tests(ranges, kept))
    if not kept or not tests or len(tests) > _MOST:
        return ""
    variables = [_Kept(each, f"{name}v{number}") for number, each in enumerate(kept)]
    before, after = "".join(v.before() for v in variables), "".join(v.after() for v in variables)
    nodes = [node for v in variables for node in v.nodes()]
    within = loop.within()
    return (
        f"{{ {loop.opening()} unsigned long {name}r = {within} ? {loop.bounds[0].rounds} : 0; "
        f"if (__builtin_expect({name}r >= {_WORTH}, 0) && {' && '.join(tests)}) "
        f"{{ {before}{_kept(loop, nodes)} {after}}} "
        f"else {{ {loop.rest()} }} }}"
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Kept:
    """A place that is kept in the variable `name`.

    It is written back if the loop has written it: surely, or as its value tells, or for floating
    point, where -0 equals 0, a flag.
    """

    range: Range
    name: str

    def before(self) -> str:
        if not self.range.writes:
            return f"__auto_type {self.name} = {self.range.place}; "
        name, place = self.name, self.range.place
        return f"__typeof__({place}) {name} = {place}, {name}o = {name}; int {name}w = 0; "

    def after(self) -> str:
        if not self.range.writes:
            return ""
        back = f"{self.range.place} = {self.name}; "
        if self.range.stored:
            return back
        floats = " || ".join(
            f"__builtin_types_compatible_p(__typeof__({self.name}), {kind})"
            for kind in ("float", "double", "long double")
        )
        return f"if (({floats}) ? {self.name}w : {self.name} != {self.name}o) {back}"

    def nodes(self) -> Iterator[tuple[Node, str]]:
        """Where the variable stands in the loop, and as what."""
        for node in self.range.nodes:
            flagged = node in self.range.writes and not self.range.stored
            yield node, f"(*({self.name}w = 1, &{self.name}))" if flagged else self.name


def _tests(ranges: Sequence[Range], kept: Sequence[Range]) -> Iterator[str]:
    """That what is kept is not changed, and changes nothing, behind the variables' backs."""
    for one, other in itertools.combinations(ranges, 2):
        if (one.writes or other.writes) and (one in kept or other in kept):
            yield (
                f"((char *){one.low} >= (char *){other.high}"
                f" || (char *){other.low} >= (char *){one.high})"
            )
            yield from (each.under for each in (one, other) if each.under)


def _kept(loop: Loop, nodes: Sequence[tuple[Node, str]]) -> str:
    """The loop with variables in place of `nodes`."""

    def text(part: Node | None) -> str:
        if part is None:
            return ""
        code = loop.source.code[part.start_byte : part.end_byte]
        inside = [n for n in nodes if part.start_byte <= n[0].start_byte < part.end_byte]
        for node, name in sorted(inside, key=lambda n: n[0].start_byte, reverse=True):
            start, end = node.start_byte - part.start_byte, node.end_byte - part.start_byte
            code = code[:start] + name.encode() + code[end:]
        return code.decode("utf-8", "surrogateescape")

    if loop.node.type == "while_statement":
        return f"while {text(loop.condition)} {text(loop.body)}"
    return f"for (; {text(loop.condition)}; {text(loop.update)}) {text(loop.body)}"
