"""The x87 unit in a body: how deep its stack is at each instruction (design 5.3), and what is read
of its status word (design 5.2).

gcc's code never leaves the depth to data: at an instruction it is the same on all ways to it.  So
what a run could only sample is settled here: nothing is read that was not put there, nothing is
pushed on a full stack, and callers and callees find the stack as the convention has it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from superopt_cc.assembly.decode import Imm, Reg
from superopt_cc.assembly.flow import Graph, pack
from superopt_cc.assembly.registers import X87

REGISTERS = 8
# The condition codes in the status word: all else there tells of earlier code.
_CONDITIONS = 0x4700
_AX = pack({"rax": 3})
_AH = 2


@dataclasses.dataclass(frozen=True, slots=True)
class X87Use:
    """Whether a body uses the unit, how deep its stack gets, and what is wrong with that in one
    line ("" if nothing is)."""

    used: bool
    deepest: int = 0
    problem: str = ""


def follow(graph: Graph, results: Mapping[int, int], returned: int) -> X87Use:
    """`results` are how many registers calls return in, by position, `returned` in how many the
    body itself does."""
    used = any(graph.effects[i].category == X87 for i in graph.reachable)
    if not used and not returned and not any(results.values()):
        return X87Use(False)
    before: dict[int, int] = {0: 0}
    deepest, todo = 0, [0]
    while todo:
        i = todo.pop()
        problem = _problem(graph, i, before[i], returned)
        if graph.effects[i].category == "call":
            after = results.get(i, 0)
        else:
            after = before[i] + graph.effects[i].pushes
        deepest = max(deepest, after)
        for j in graph.successors[i]:
            if j not in before:
                before[j] = after
                todo.append(j)
            elif before[j] != after:
                problem = problem or "the depth of the x87 stack depends on the way taken"
        if problem:
            return X87Use(used, deepest, problem)
    return X87Use(used, deepest)


def _problem(graph: Graph, i: int, depth: int, returned: int) -> str:
    effect, text = graph.effects[i], graph.instructions[i].text
    if depth < effect.depth or depth + effect.pushes > REGISTERS:
        return f"`{text}` with {depth} values on the x87 stack"
    if effect.category == "call" and depth:
        return "calls with values on the x87 stack"
    if i in graph.exits:
        wanted = returned if effect.category == "ret" else 0
        if depth != wanted:
            return f"leaves with {depth} values on the x87 stack, not {wanted}"
    return ""


def undefined_status(graph: Graph, live: Sequence[int]) -> bool:
    """Does a body read what `fxam` did not put into the status word?  `live` are the register bytes
    that may be read after each instruction (`flow.live_after`)."""
    predecessors = graph.predecessors()
    return any(
        graph.instructions[i].name == "fnstsw"
        and not (_classified(graph, predecessors, i) and _only_conditions(graph, live, i))
        for i in graph.reachable
    )


def _classified(graph: Graph, predecessors: Sequence[Sequence[int]], i: int) -> bool:
    """Is `fxam` the x87 instruction before, with nothing between the two that may be jumped to?"""
    while len(predecessors[i]) == 1 and i:
        (i,) = predecessors[i]
        if graph.effects[i].category == "call":
            return False
        if graph.effects[i].category == X87:
            return graph.instructions[i].name == "fxam"
    return False


def _only_conditions(graph: Graph, live: Sequence[int], i: int) -> bool:
    """Does the code behind look at the condition codes alone?"""
    seen: set[int] = set()
    while len(graph.successors[i]) == 1 and i not in seen:
        seen.add(i)
        (i,) = graph.successors[i]
        effect, item = graph.effects[i], graph.instructions[i]
        if effect.reads.get("rax", 0) & 3:
            break
        if effect.writes.get("rax", 0) & 3 == 3:
            return True
        if effect.category in ("call", "branch"):
            return not live[i] & _AX and "rax" not in effect.reads
    else:
        return False
    if item.name not in ("and", "test") or len(item.operands) != 2:
        return False
    target, mask = item.operands
    if not isinstance(target, Reg) or not isinstance(mask, Imm):
        return False
    high = effect.reads["rax"] == _AH
    bits = mask.value & ((1 << 8 * target.size) - 1)
    inside = not (bits << 8 * high) & ~_CONDITIONS
    whole = target.size >= 2 and item.name == "and"
    return inside and (whole or not live[i] & _AX)
