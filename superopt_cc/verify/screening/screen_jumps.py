"""Indirect jumps and calls: only through the rewrite's own read-only table, or to a pointer where
gcc's code goes to one (design 5.2)."""

from __future__ import annotations

from superopt_cc.assembly.decode import Instruction
from superopt_cc.assembly.dispatch import Origins, indirect_jumps, is_indirect
from superopt_cc.assembly.statements import operands, split_operands, symbols_in
from superopt_cc.verify.screening.screen_target import Target
from superopt_cc.verify.screening.screen_view import UNKNOWN_CALLEE, View


def indirect_jump_problem(view: View, target: Target) -> str | None:
    """What is wrong with the body's indirect jumps and calls, or None."""
    for i in indirect_jumps(view.graph):
        item = view.instructions[i]
        if i in view.graph.exits:
            found = _pointer_problem(view, i) if _jumps_to_pointers(target) else _astray(item)
        else:
            found = _table_problem(view, i, target)
        if found:
            return found
    for i in view.calls:
        if is_indirect(view.instructions[i]) and (found := _pointer_problem(view, i)):
            return found
    return None


def _jumps_to_pointers(target: Target) -> bool:
    """Does gcc's code jump to a pointer, or call one last?"""
    calls = any(use.callee is None for use in target.facts.calls)
    return calls and UNKNOWN_CALLEE in {*target.view.tail_jumps.values(), *target.view.tail_calls}


def _astray(item: Instruction) -> str:
    return f"`{item.text}` does not go through a table of its own"


def _table_problem(view: View, i: int, target: Target) -> str | None:
    item = view.instructions[i]
    if not target.facts.jump_tables:
        return "a jump table, which -fno-jump-tables forbids"
    if target.facts.cet and "notrack" not in item.prefixes:
        return "an indirect jump without notrack under indirect branch tracking"
    return None if Origins(view.graph).through_table(i) else _astray(item)


def _pointer_problem(view: View, i: int) -> str | None:
    """A pointer is loaded or passed, never worked out, and never the return address."""
    item = view.instructions[i]
    if "notrack" in item.prefixes:
        return f"`{item.text}` goes to a pointer without branch tracking"
    if not Origins(view.graph).is_loaded(i, view.stack):
        return f"`{item.text}` goes to an address that is worked out"
    return None


def measures_itself(view: View) -> bool:
    """Is a distance inside the body used as a value, or a table of its code by other than jumps?

    The instrumented copies of `trace` are longer than what they were made of: a rewrite that knew
    could behave there and nowhere else.
    """
    body = view.fragment.body
    own = {s[:-1] for s in body if s.endswith(":")} | {".", view.fragment.name}
    lines = [line for table in view.fragment.constants for line in table.lines]
    for statement in (*view.fragment.instructions, *lines):
        if any(_labels(text, own) > 1 for text in split_operands(operands(statement))):
            return True
    tables = any(_labels(operands(line), own) for line in lines)
    return tables and not any(True for _ in indirect_jumps(view.graph))


def _labels(text: str, own: set[str]) -> int:
    return sum(name in own for name in symbols_in(text))
