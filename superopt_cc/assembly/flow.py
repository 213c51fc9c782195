"""Control and data flow over one decoded body: successors, liveness, undefined flags, the stack.

Addresses are those of the instructions; registers are sets of bytes packed into one integer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from superopt_cc.assembly.decode import Imm, Instruction, Mem, Reg
from superopt_cc.assembly.effects import Effects
from superopt_cc.assembly.registers import CALLEE_SAVED, FULL, PARTS, Parts
from superopt_cc.errors import AssemblyError

_POSITION: Mapping[str, int] = {
    name: sum(FULL[n].bit_length() for n in list(FULL)[:i]) for i, name in enumerate(FULL)
}

# What makes any other operand irrelevant.
_ABSORBING: Mapping[str, int] = {"or": -1, "and": 0}


def pack(parts: Parts) -> int:
    """Register bytes as one integer."""
    packed = 0
    for name, mask in parts.items():
        packed |= mask << _POSITION[name]
    return packed


def registers_of(packed: int) -> frozenset[str]:
    """Parents of which at least one byte is in the set."""
    return frozenset(n for n, at in _POSITION.items() if packed >> at & FULL[n])


@dataclasses.dataclass(frozen=True, slots=True)
class Graph:
    """Successors of each instruction, by position.

    `exits` are positions that leave the body (ret, tail jump); `past_end` those from which control
    would run behind the last byte.
    """

    instructions: tuple[Instruction, ...]
    effects: tuple[Effects, ...]
    successors: tuple[tuple[int, ...], ...]
    exits: frozenset[int]
    past_end: frozenset[int]
    reachable: frozenset[int]

    def predecessors(self) -> tuple[tuple[int, ...], ...]:
        """Reachable predecessors of each position."""
        found: list[list[int]] = [[] for _ in self.instructions]
        for i in sorted(self.reachable):
            for j in self.successors[i]:
                found[j].append(i)
        return tuple(tuple(f) for f in found)


def build(
    instructions: Sequence[Instruction],
    effects: Sequence[Effects],
    table_targets: frozenset[int],
    ends_here: Callable[[Instruction], bool],
    leaving: frozenset[int] = frozenset(),
) -> Graph:
    """The graph of a body.

    Indirect jumps at positions in `leaving` leave it, all others go to all `table_targets`
    (addresses); `ends_here` says whether a call does not return.  Raises AssemblyError when a jump
    goes to no instruction of the body.
    """
    at = {item.address: i for i, item in enumerate(instructions)}
    successors: list[tuple[int, ...]] = []
    exits: set[int] = set()
    past_end: set[int] = set()

    def position(address: int) -> int:
        if address not in at:
            raise AssemblyError(f"a jump goes to {address:#x}, where no instruction starts")
        return at[address]

    for i, (item, effect) in enumerate(zip(instructions, effects, strict=True)):
        following: list[int] = []
        falls = effect.category not in ("jump", "ret", "trap")
        if effect.category == "call" and ends_here(item):
            falls = False
        if effect.category in ("jump", "branch"):
            goal = item.destination
            if goal is not None:
                following.append(position(goal))
            elif isinstance(item.operands[0], Imm) or through_got(item) or i in leaving:
                exits.add(i)
            else:
                following += sorted(position(t) for t in table_targets)
        if effect.category == "ret":
            exits.add(i)
        if falls:
            if i + 1 < len(instructions):
                following.append(i + 1)
            else:
                past_end.add(i)
        successors.append(tuple(dict.fromkeys(following)))
    reachable = _reachable(successors)
    return Graph(
        tuple(instructions), tuple(effects), tuple(successors), frozenset(exits),
        frozenset(past_end & reachable), reachable,
    )  # fmt: skip


def through_got(item: Instruction) -> bool:
    """A call or jump to a named function by its entry in the global offset table."""
    return any("GOTPCREL" in r.kind for r in item.relocations)


def _reachable(successors: Sequence[tuple[int, ...]]) -> frozenset[int]:
    seen = {0}
    todo = [0]
    while todo:
        for j in successors[todo.pop()]:
            if j not in seen:
                seen.add(j)
                todo.append(j)
    return frozenset(seen)


def live_after(graph: Graph, uses: Mapping[int, int], kills: Mapping[int, int]) -> tuple[int, ...]:
    """Register bytes that may be read later, after each instruction (packed).

    `uses` adds reads at a position (arguments of calls, results at exits), `kills` bytes that it
    defines (results of calls).
    """
    items = zip(graph.instructions, graph.effects, strict=True)
    reads = [_needed(item, e) | uses.get(i, 0) for i, (item, e) in enumerate(items)]
    writes = [pack(e.writes) | kills.get(i, 0) for i, e in enumerate(graph.effects)]
    after = [0] * len(reads)
    before = [0] * len(reads)
    predecessors = graph.predecessors()
    todo = sorted(graph.reachable)
    while todo:
        i = todo.pop()
        after[i] = 0
        for j in graph.successors[i]:
            after[i] |= before[j]
        new = reads[i] | (after[i] & ~writes[i])
        if new != before[i]:
            before[i] = new
            todo += predecessors[i]
    return tuple(after)


def _needed(item: Instruction, effect: Effects) -> int:
    """Registers that its results depend on, packed: `or $-1` and `and $0` have one result."""
    if item.name in _ABSORBING and isinstance(item.operands[0], Reg):
        source = item.operands[1]
        ones = (1 << 8 * item.operands[0].size) - 1
        if isinstance(source, Imm) and source.value & ones == _ABSORBING[item.name] & ones:
            return 0
    return pack(effect.reads)


def undefined_uses(graph: Graph) -> frozenset[str]:
    """Uses of flags that the manual leaves open, as "o after mul"; "z at entry" before any write.

    design 5.2: such results differ between processors.
    """
    start = frozenset((f, "at entry") for f in "oszapc")
    before: dict[int, frozenset[tuple[str, str]]] = {0: start}
    todo = [0]
    while todo:
        i = todo.pop()
        after = _flags_after(graph, i, before[i])
        for j in graph.successors[i]:
            merged = before.get(j, frozenset()) | after
            if j not in before or merged != before[j]:
                before[j] = merged
                todo.append(j)
    return frozenset(
        f"{flag} {origin}"
        for i, state in before.items()
        for flag, origin in state
        if flag in graph.effects[i].flags_read
    )


def _flags_after(
    graph: Graph, i: int, state: frozenset[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    effect = graph.effects[i]
    if effect.category == "call":
        return frozenset((f, "after call") for f in "oszapc")
    settled = effect.flags_written | effect.flags_undefined
    name = graph.instructions[i].name
    kept = {(f, origin) for f, origin in state if f not in settled}
    return frozenset(kept | {(f, f"after {name}") for f in effect.flags_undefined})


Stack = Mapping[str, int]


def stack_states(graph: Graph) -> dict[int, Stack]:
    """Before each reachable instruction: registers that point into the stack, and where.

    Places count from the return address's slot; a register that is missing, or on which paths
    disagree, is not known.
    """
    before: dict[int, Stack] = {0: {"rsp": 0}}
    todo = [0]
    while todo:
        i = todo.pop()
        after = _stack_after(graph, i, before[i])
        for j in graph.successors[i]:
            old = before.get(j)
            merged = after if old is None else dict(old.items() & after.items())
            if merged != old:
                before[j] = merged
                todo.append(j)
    return before


def _stack_after(graph: Graph, i: int, state: Stack) -> Stack:
    item, effect = graph.instructions[i], graph.effects[i]
    if effect.category == "call":
        return {name: at for name, at in state.items() if name in CALLEE_SAVED}
    if effect.category == "ret":
        return state
    after = {name: at for name, at in state.items() if name not in effect.writes}
    for register in effect.writes:
        place = _moved(item, state, register)
        if place is not None:
            after[register] = place
    return after


def _moved(item: Instruction, state: Stack, register: str) -> int | None:
    """Where `register` points after an instruction that writes it, if that is known."""
    if item.name == "leave":
        return state["rbp"] + 8 if register == "rsp" and "rbp" in state else None
    if item.name in ("push", "pop") and register == "rsp":
        popped = item.name == "pop" and item.operands[0] == Reg("rsp", 8)
        step = -8 if item.name == "push" else 8
        return None if popped or "rsp" not in state else state["rsp"] + step
    if len(item.operands) != 2 or item.operands[0] != Reg(register, 8):
        return None
    source = item.operands[1]
    if item.name == "mov" and isinstance(source, Reg):
        return state.get(source.name)
    if item.name == "lea" and isinstance(source, Mem) and source.index is None:
        base = state.get(source.base or "")
        return None if base is None else base + source.disp
    if item.name in ("add", "sub") and isinstance(source, Imm) and register in state:
        return state[register] + (source.value if item.name == "add" else -source.value)
    return None


def upper_dirty(graph: Graph, *, passed: bool = False) -> frozenset[int]:
    """Positions before which upper vector halves may hold what the body put there, or what was
    `passed` to it."""
    dirty: set[int] = set()
    todo = [(0, passed)]
    seen: set[tuple[int, bool]] = set()
    while todo:
        i, state = todo.pop()
        if (i, state) in seen:
            continue
        seen.add((i, state))
        if state:
            dirty.add(i)
        name = graph.instructions[i].name
        if name in ("vzeroupper", "vzeroall"):
            state = False
        elif graph.effects[i].category != "call":
            state = state or _writes_upper(graph.instructions[i], graph.effects[i])
        todo += [(j, state) for j in graph.successors[i]]
    return frozenset(dirty)


def _writes_upper(item: Instruction, effect: Effects) -> bool:
    """A 256- or 512-bit result; 128-bit VEX results leave zeros above."""
    return any(
        isinstance(o, Reg)
        and o.size > 16
        and PARTS.get(o.name, ("", 0))[0] in effect.writes
        and o == item.operands[0]
        for o in item.operands
    )
