"""Where an indirect jump or call takes its destination from.

All definitions that reach it are followed back: through a table of the body's own, in the two
shapes that compilers emit; from a pointer that was loaded or passed; or computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from superopt_cc.assembly.decode import Imm, Instruction, Mem, Operand, Reg
from superopt_cc.assembly.flow import Graph, Stack, through_got
from superopt_cc.assembly.registers import CALLEE_SAVED, PARTS

_OWN_DATA = ".rodata"
_OWN_SYMBOLS = (_OWN_DATA, ".text")
_MOVES = ("mov", "pop")
_ENTRY = -1


def is_indirect(item: Instruction) -> bool:
    """Does a jump or call take its destination from a register or from memory?"""
    return not isinstance(item.operands[0], Imm) and not through_got(item)


def indirect_jumps(graph: Graph) -> Iterator[int]:
    """Positions of reachable jumps whose destination is in a register or in memory."""
    for i in sorted(graph.reachable):
        if graph.effects[i].category == "jump" and is_indirect(graph.instructions[i]):
            yield i


class Origins:
    """Finds the instructions that define a register at a place."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._predecessors = graph.predecessors()

    def through_table(self, jump: int) -> bool:
        """Does an indirect jump go through a table of the body's own?"""
        operand = self._graph.instructions[jump].operands[0]
        if not isinstance(operand, Reg):  # jmp *.L4(,%rax,8)
            return self._loads_from_table(jump)
        return self._all(jump, operand.name, self._is_table_entry)

    def is_loaded(self, place: int, stack: Mapping[int, Stack]) -> bool:
        """Is the destination at `place` a whole pointer that was loaded, passed or returned?

        `stack` tells where registers point into the stack.  The return address is no pointer.
        """
        operand = self._graph.instructions[place].operands[0]
        if isinstance(operand, Mem):
            return _is_pointer(operand, stack.get(place, {}))
        todo, seen = [(place, operand)], set[tuple[int, str]]()
        while todo:
            here, register = todo.pop()
            if not isinstance(register, Reg) or register.size != 8:
                return False
            for i in self._definitions(here, register.name):
                if i == _ENTRY or (i, register.name) in seen:
                    continue
                seen.add((i, register.name))
                sources = self._moved(i, register, stack.get(i, {}))
                if sources is None:
                    return False
                todo += [(i, source) for source in sources]
        return True

    def _moved(self, i: int, into: Reg, stack: Stack) -> list[Reg] | None:
        """The registers from which instruction `i` moves eight bytes, unchanged; None if it does
        anything else."""
        item = self._graph.instructions[i]
        if _names_a_symbol(item, into.name):
            return []
        choice = item.name.startswith("cmov")
        if item.operands[0] != into or not (choice or item.name in _MOVES):
            return None
        sources = item.operands if choice else item.operands[1:]
        if any(not (isinstance(s, Reg) or _is_pointer(s, stack)) for s in sources):
            return None
        return [s for s in sources if isinstance(s, Reg)]

    def _is_table_entry(self, i: int) -> bool:
        """mov .L4(,%rax,8) -> reg, or add of a table's address and one of its offsets."""
        item = self._graph.instructions[i]
        if item.name == "mov" and isinstance(item.operands[1], Mem):
            return self._loads_from_table(i)
        if item.name != "add":
            return False
        into, other = item.operands
        if not isinstance(into, Reg) or not isinstance(other, Reg):
            return False
        left = self._all(i, into.name, self._is_table_address)
        right = self._all(i, other.name, self._is_table_address)
        if right:
            return self._all(i, into.name, self._is_offset)
        return left and self._all(i, other.name, self._is_offset)

    def _all(self, i: int, register: str, check: Callable[[int], bool]) -> bool:
        found = self._definitions(i, register)
        return bool(found) and all(d != _ENTRY and check(d) for d in found)

    def _is_table_address(self, i: int) -> bool:
        item = self._graph.instructions[i]
        return item.name == "lea" and _names_own_data(item)

    def _is_offset(self, i: int) -> bool:
        """movslq (%table,%index,4), %reg"""
        item = self._graph.instructions[i]
        if item.name != "movsxd" or not isinstance(item.operands[1], Mem):
            return False
        memory = item.operands[1]
        if memory.base is None or memory.index is None or (memory.scale, memory.disp) != (4, 0):
            return False
        return self._all(i, memory.base, self._is_table_address)

    def _loads_from_table(self, i: int) -> bool:
        item = self._graph.instructions[i]
        memory = next((o for o in item.operands if isinstance(o, Mem)), None)
        if memory is None or memory.size != 8 or memory.index is None or memory.scale != 8:
            return False
        return memory.base is None and _names_own_data(item)

    def _definitions(self, i: int, register: str) -> set[int]:
        """Positions whose write of the register reaches `i`; -1 for the entry and for a call."""
        parent = PARTS[register][0]
        found: set[int] = set()
        seen: set[int] = set()
        todo = [i]
        while todo:
            here = todo.pop()
            if here == 0:
                found.add(_ENTRY)
            for before in self._predecessors[here]:
                if before in seen:
                    continue
                seen.add(before)
                effect = self._graph.effects[before]
                if effect.category == "call" and parent not in CALLEE_SAVED:
                    found.add(_ENTRY)
                elif parent in effect.writes:
                    found.add(before)
                else:
                    todo.append(before)
        return found


def _is_pointer(operand: Operand, stack: Stack) -> bool:
    """Eight bytes of memory, the return address apart."""
    if not isinstance(operand, Mem) or operand.size != 8:
        return False
    at = None if operand.index else stack.get(operand.base or "")
    return at is None or not -8 < at + operand.disp < 8


def _names_own_data(item: Instruction) -> bool:
    return any(r.symbol == _OWN_DATA for r in item.relocations)


def _names_a_symbol(item: Instruction, register: str) -> bool:
    """Does it put the address of something outside the body into the register?"""
    into = item.operands[0]
    here = isinstance(into, Reg) and PARTS[into.name][0] == PARTS[register][0]
    address = item.name == "lea" or (item.name == "mov" and isinstance(item.operands[1], Imm))
    outside = bool(item.relocations) and item.relocations[0].symbol not in _OWN_SYMBOLS
    return here and address and outside
