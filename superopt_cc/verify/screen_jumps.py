"""Indirect jumps: only through the rewrite's own read-only table (design 5.2).

Where the destination comes from is followed back over all definitions that reach the jump; the
two shapes that compilers emit are known, everything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable

from superopt_cc.assembly.decode import Imm, Instruction, Mem, Reg
from superopt_cc.assembly.flow import through_got
from superopt_cc.assembly.registers import PARTS
from superopt_cc.verify.screen_target import Target
from superopt_cc.verify.screen_view import OWN_DATA, View


def indirect_jump_problem(view: View, target: Target) -> str | None:
    """What is wrong with the body's indirect jumps, or None."""
    for i in sorted(view.graph.reachable):
        item = view.instructions[i]
        if view.effects[i].category != "jump" or isinstance(item.operands[0], Imm):
            continue
        if through_got(item):
            continue
        if not target.facts.jump_tables:
            return "a jump table, which -fno-jump-tables forbids"
        if target.facts.cet and "notrack" not in item.prefixes:
            return "an indirect jump without notrack under indirect branch tracking"
        if not view.table_targets or not _Origins(view).through_table(i):
            return f"`{item.text}` does not go through a table of its own"
    return None


class _Origins:
    """Finds the instructions that define a register at a place."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.predecessors = view.graph.predecessors()

    def through_table(self, jump: int) -> bool:
        operand = self.view.instructions[jump].operands[0]
        if not isinstance(operand, Reg):  # jmp *.L4(,%rax,8)
            return self._loads_from_table(jump)
        found = self._definitions(jump, operand.name)
        return bool(found) and all(i >= 0 and self._table_entry(i) for i in found)

    def _table_entry(self, i: int) -> bool:
        """mov .L4(,%rax,8) -> reg, or add of a table's address and one of its offsets."""
        item = self.view.instructions[i]
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
        return bool(found) and all(d >= 0 and check(d) for d in found)

    def _is_table_address(self, i: int) -> bool:
        item = self.view.instructions[i]
        return item.name == "lea" and _names_own_data(self.view, item)

    def _is_offset(self, i: int) -> bool:
        """movslq (%table,%index,4), %reg"""
        item = self.view.instructions[i]
        if item.name != "movsxd" or not isinstance(item.operands[1], Mem):
            return False
        memory = item.operands[1]
        if memory.base is None or memory.index is None or (memory.scale, memory.disp) != (4, 0):
            return False
        return self._all(i, memory.base, self._is_table_address)

    def _loads_from_table(self, i: int) -> bool:
        item = self.view.instructions[i]
        memory = next((o for o in item.operands if isinstance(o, Mem)), None)
        if memory is None or memory.size != 8 or memory.index is None or memory.scale != 8:
            return False
        if memory.base is None:
            return _names_own_data(self.view, item)
        return False

    def _definitions(self, i: int, register: str) -> set[int]:
        """Positions whose write of the whole register reaches `i`; -1 for the entry."""
        parent = PARTS[register][0]
        found: set[int] = set()
        seen: set[int] = set()
        todo = [i]
        while todo:
            here = todo.pop()
            if here == 0:
                found.add(-1)
            for before in self.predecessors[here]:
                if before in seen:
                    continue
                seen.add(before)
                effect = self.view.effects[before]
                if effect.category == "call" or parent in effect.writes:
                    found.add(before if effect.category != "call" else -1)
                else:
                    todo.append(before)
        return found


def _names_own_data(view: View, item: Instruction) -> bool:
    return any(r.symbol == ".rodata" for r in item.relocations) and OWN_DATA in {
        use.symbol for use in view.references
    }
