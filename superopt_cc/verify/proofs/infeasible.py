"""Branches of a body that no state of the machine takes, by proof (design 5.7).

Tests are good enough only when every conditional edge was taken.  gcc's code has edges that cannot
be: a guard that an outer one implies, a loop that always runs once.  This is an abstract
interpretation over zones (Miné, "The Octagon Abstract Domain" and the work before it): for each
block bounds on registers and on their differences that hold whenever control comes there, whatever
the registers and the memory held at entry.  An edge that contradicts them is never taken.

All that is taken for granted: registers that the convention preserves come back from calls, and
an address that is accessed with success is one of a user's.  Code that jumps through a register
is not looked at: nothing is said of it.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Sequence

import numpy as np

from superopt_cc.assembly.decode import Instruction
from superopt_cc.assembly.instructions import InstructionError
from superopt_cc.verify.proofs.ranges import OPPOSITE, State
from superopt_cc.verify.proofs.stepping import step
from superopt_cc.verify.proofs.zones import NONE

_ENDS = frozenset({"ret", "ud2", "hlt"})
_MOST = 800  # instructions of a body that is looked at
_MOST_APART = 200  # of one that is looked at way by way
# Visits of a block after which its bounds jump to the next of `_STEPS`, and after which it is
# given up.
_PATIENCE, _MOST_VISITS, _NARROWING = 3, 80, 2
_MOST_STEPS = 12_000  # instructions gone through in all
_STEPS = np.array(
    [-(1 << 32), -(1 << 31), -256, -2, -1, 0, 1, 2, 255, 256, (1 << 31) - 2, (1 << 31) - 1,
     1 << 31, (1 << 32) - 1, 1 << 32, 1 << 56, NONE]
)  # fmt: skip

Edge = tuple[int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Infeasible:
    """Conditional edges (as `trace.Flow` names them) and instructions that nothing reaches."""

    edges: frozenset[Edge] = frozenset()
    addresses: frozenset[int] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class _Block:
    """Positions [first, last) and the blocks that follow: the jump's, the next one's."""

    first: int
    last: int
    jump: int | None
    following: int | None


# A block, and the side of the last distinction that the states in it stand for.
_Node = tuple[int, tuple[int, int]]


def infeasible(body: Sequence[Instruction], start: int) -> Infeasible:
    """What of a body is never taken or reached; `start` is the address of its first byte.

    Between instructions there may be reports, as in an instrumented copy.
    """
    if not 0 < len(body) <= _MOST or not _is_plain(body):
        return Infeasible()
    edges, addresses = frozenset[Edge](), frozenset[int]()
    for apart in (False, True) if len(body) <= _MOST_APART else (False,):
        try:
            found = _Analysis(body, start, apart=apart).result()
        except (InstructionError, _TooLong):
            continue
        edges, addresses = edges | found.edges, addresses | found.addresses
    return Infeasible(edges, addresses)


def states_before(
    body: Sequence[Instruction], start: int, *, apart: bool = False
) -> dict[int, list[State]]:  # fmt: skip
    """What is known before each instruction: one of these states holds whenever control comes
    there.  Raises as the analysis does."""
    return _Analysis(body, start, apart=apart).states_before()


def _is_plain(body: Sequence[Instruction]) -> bool:
    """No jump but to addresses that it names."""
    return not any(i.name == "jmp" and i.destination is None for i in body)


class _TooLong(Exception):
    """The bounds did not settle."""


class _Analysis:
    def __init__(self, body: Sequence[Instruction], start: int, *, apart: bool) -> None:
        """`apart`: where ways meet, the states stay apart by the last jump that they came from."""
        self._body, self._start = body, start
        self._addresses = [i.address for i in body]
        self._blocks = self._split()
        self._meeting = self._met() if apart else frozenset()
        self._widened: set[_Node] = set()
        self._steps = 0

    def _position(self, address: int) -> int | None:
        if not self._start <= address <= self._addresses[-1]:
            return None
        return bisect.bisect_left(self._addresses, address)

    def _split(self) -> dict[int, _Block]:
        targets = [self._goal(i) for i in self._body]
        leaders = {0, *(t for t in targets if t is not None)}
        leaders |= {
            n + 1 for n, i in enumerate(self._body) if i.name.startswith("j") or i.name in _ENDS
        }
        ordered = sorted(leaders - {len(self._body)})
        blocks = {}
        for first, last in zip(ordered, [*ordered[1:], len(self._body)], strict=True):
            end = self._body[last - 1]
            falls = end.name not in ("jmp", *_ENDS) and last < len(self._body)
            blocks[first] = _Block(first, last, targets[last - 1], last if falls else None)
        return blocks

    def _met(self) -> frozenset[int]:
        """The blocks that control comes to from more than one."""
        to = [w for b in self._blocks.values() for w in (b.jump, b.following) if w is not None]
        return frozenset(w for w in to if to.count(w) > 1)

    def _goal(self, item: Instruction) -> int | None:
        if not item.name.startswith("j") or item.destination is None:
            return None
        return self._position(item.destination)

    def result(self) -> Infeasible:
        states = self._narrowed(self._fixed_point())
        reached = {first for first, _ in states}
        taken = {
            (self._addresses[self._blocks[node[0]].last - 1], self._addresses[to[0]])
            for node, state in states.items() for to, _ in self._after(node, state)
        }  # fmt: skip
        edges = {
            (self._addresses[b.last - 1], self._addresses[to])
            for b in self._blocks.values() if self._is_branch(b)
            for to in (b.jump, b.following) if to is not None
        }  # fmt: skip
        dead = {
            a for b in self._blocks.values() if b.first not in reached
            for a in self._addresses[b.first : b.last]
        }  # fmt: skip
        return Infeasible(frozenset(edges - taken), frozenset(dead))

    def states_before(self) -> dict[int, list[State]]:
        found: dict[int, list[State]] = {}
        for (first, _), state in self._narrowed(self._fixed_point()).items():
            current = [state.copy()]
            for position in range(first, self._blocks[first].last):
                item = self._body[position]
                found.setdefault(item.address, []).extend(s.copy() for s in current)
                current = [after for one in current for _, after in step(one, item)]
        return found

    def _is_branch(self, block: _Block) -> bool:
        name = self._body[block.last - 1].name
        return name.startswith("j") and name != "jmp"

    def _fixed_point(self) -> dict[_Node, State]:
        entry: _Node = (0, (0, 0))
        states = {entry: State.entry()}
        visits = {entry: 0}
        todo = {entry}
        self._widened.clear()
        while todo:
            node = min(todo)
            todo.discard(node)
            visits[node] = visits.get(node, 0) + 1
            if visits[node] > _MOST_VISITS:
                raise _TooLong
            for to, state in self._after(node, self._closed(node, states[node])):
                old = states.get(to)
                if old is None:
                    states[to] = state
                elif old.zone.holds(state.zone) and old.flags in ("", state.flags):
                    continue
                else:
                    new = old.join(state)
                    if visits.get(to, 0) >= _PATIENCE:
                        new.zone = old.zone.widened(new.zone, _STEPS)
                        self._widened.add(to)
                    states[to] = new
                todo.add(to)
        return states

    def _narrowed(self, states: dict[_Node, State]) -> dict[_Node, State]:
        """Bounds that widening gave away come back: one step from all states is all states."""
        for _ in range(_NARROWING):
            found: dict[_Node, State] = {(0, (0, 0)): State.entry()}
            for node, state in states.items():
                for to, after in self._after(node, self._closed(node, state)):
                    found[to] = found[to].join(after) if to in found else after
            states = found
            self._widened.clear()
        return states

    def _closed(self, node: _Node, state: State) -> State:
        """With all bounds that follow, which widening leaves out."""
        if node not in self._widened:
            return state
        closed = state.copy()
        closed.zone.close()
        return closed

    def _after(self, node: _Node, state: State) -> list[tuple[_Node, State]]:
        """The states that a block hands on, by successor."""
        first, side = node
        block = self._blocks[first]
        current = [(side, state.copy())]
        self._steps += block.last - block.first
        if self._steps > _MOST_STEPS:
            raise _TooLong
        for position in range(block.first, block.last):
            found = []
            for mine, before in current:
                for number, after in step(before, self._body[position]):
                    found.append(((position, number) if number else mine, after))
            current = found
        end = self._body[block.last - 1]
        return [pair for mine, after in current for pair in self._leave(block, end, mine, after)]

    def _leave(
        self, block: _Block, end: Instruction, side: tuple[int, int], state: State
    ) -> list[tuple[_Node, State]]:
        condition = end.name.removeprefix("j") if self._is_branch(block) else ""
        known = condition in OPPOSITE
        found: list[tuple[_Node, State]] = []
        ways = ((block.jump, condition), (block.following, OPPOSITE.get(condition, "")))
        for to, holds in ways:
            if to is None:
                continue
            after = state.copy()
            if not known or after.assume(holds):
                met = (-block.last, int(to == block.jump)) if to in self._meeting else side
                found.append(((to, met), after))
        return found
