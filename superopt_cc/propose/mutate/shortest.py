"""Enumeration: every expression of few operations, the shortest first.

Looking at all short programs is Massalin's superoptimizer (ASPLOS 1987), counting states that agree
on all tests as one is Bansal and Aiken's (ASPLOS 2006); csrc/mutate_enumerate.c does both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from superopt_cc.propose.mutate import child, operations
from superopt_cc.propose.mutate.emit import Emitter, Node, Tree
from superopt_cc.propose.mutate.operations import Kind, Pass
from superopt_cc.propose.mutate.scope import Scope
from superopt_cc.propose.mutate.wire import Bounds, Inputs, Operation, Record, enumerate_job
from superopt_cc.propose.mutate.wire import Kind as RecordKind

_TICK = 0.01


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """Instructions without the return, and how they were found."""

    lines: tuple[str, ...]
    how: str


def shortest(
    scope: Scope, tests: Inputs, search: Pass, depths: tuple[int, int], limit: int, seconds: float
) -> Iterator[Found]:
    """What expressions of so many operations, at least and at most, make of the target."""
    ticks = max(1, int(seconds / _TICK))
    leaves = operations.leaves(scope, search)
    known = operations.operations(scope, search)
    shifts = operations.shifts(scope, search)
    job = enumerate_job(tests, leaves, known, shifts, depths, Bounds(limit, ticks))
    for record in child.ask(job, seconds):
        if record.kind is RecordKind.TREE:
            nodes = _nodes(record, known, shifts)
            if nodes is None:
                continue
            tree = Tree(leaves, nodes, scope.outs[0][1])
            lines = Emitter(tree, scope.usable).text()
            if lines is not None:
                count, looked = record.words[:2]
                how = f"{count} operations by enumeration, after {in_words(looked)} expressions"
                yield Found(lines, how)


def _nodes(
    record: Record, known: tuple[Operation, ...], shifts: tuple[tuple[int, int], ...]
) -> tuple[Node, ...] | None:
    """A record's nodes; a node whose flags the next one needs is loud."""
    words = record.words[2:]
    rows = [words[i : i + 4] for i in range(0, len(words), 4)]
    try:
        nodes = [Node(known[o], a, b, shifts[s][1]) for o, a, b, s in rows]
    except (IndexError, ValueError):
        return None
    loud = -1
    for i, node in enumerate(nodes):
        kind = Kind(node.operation.kind)
        if kind < Kind.CMOV:
            loud = i
        elif loud >= 0:
            nodes[loud] = dataclasses.replace(nodes[loud], loud=True)
    return tuple(nodes)


def in_words(count: int) -> str:
    """About how many."""
    for size, name in ((10**9, "billion"), (10**6, "million"), (10**3, "thousand")):
        if count >= size:
            return f"{count / size:.3g} {name}"
    return str(count)
