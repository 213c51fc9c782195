"""The static rules (design 5.1 to 5.4), one named function each.

A rule gets the rewrite's view and the target's side; it answers None, or one line of detail.
`RULES` lists them in the order in which a rewrite is checked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from superopt_cc.assembly.canonical import fragment_canonical
from superopt_cc.assembly.decode import Instruction, Mem, Reg
from superopt_cc.assembly.instructions import InstructionError, MissingExtension, lookup
from superopt_cc.errors import AssemblyError, ToolchainError
from superopt_cc.types import Reason
from superopt_cc.verify.screening.screen_jumps import indirect_jump_problem, measures_itself
from superopt_cc.verify.screening.screen_target import Target
from superopt_cc.verify.screening.screen_view import (
    OWN_CODE,
    SELF,
    UNKNOWN_CALLEE,
    View,
)

RED_ZONE = 128
PAGE = 4096
_NOPS = ("nop", "endbr64")

Check = Callable[[View, Target], str | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """A reason code and the function that decides it."""

    reason: Reason
    check: Check

    @property
    def name(self) -> str:
        return self.check.__name__


# --- 5.1: assembles, links, is no copy


def assembles(view: View, target: Target) -> str | None:
    try:
        view.object  # noqa: B018 - evaluated for its error
    except ToolchainError as error:
        return str(error)
    return None


def links_like_the_target(view: View, target: Target) -> str | None:
    """design 4.3: per symbol the kinds of relocation that the target uses."""
    decodes(view)
    for use in view.references:
        allowed = target.kinds(use)
        if use.kind not in allowed:
            where = "an instruction" if use.code else "a constant"
            return f"{where} refers to `{use.symbol}` by a {use.kind} relocation"
    return None


def is_no_copy(view: View, target: Target) -> str | None:
    if fragment_canonical(view.fragment) == target.canonical:
        return "the same text as gcc's code"
    if _code_identity(view) == _code_identity(target.view):
        return "the same instructions as gcc's code"
    return None


def _code_identity(view: View) -> object:
    """Instructions without padding, jumps by the number of the instruction they go to."""
    kept = [i for i in view.instructions if i.name not in _NOPS]
    number: dict[int, int] = {}
    for i in view.instructions:
        number[i.address] = sum(k.address < i.address for k in kept)
    code = tuple(
        (i.name, i.prefixes, number.get(i.destination, -1) if i.destination is not None
         else _portable(i), tuple((r.symbol, r.kind, r.addend) for r in i.relocations))
        for i in kept
    )  # fmt: skip
    return code, view.constants


def _portable(item: Instruction) -> tuple[object, ...]:
    """Operands; a rip-relative one without its address, which the relocation tells."""
    return tuple(
        dataclasses.replace(o, disp=0) if isinstance(o, Mem) and o.rip else o for o in item.operands
    )


# --- 5.2: instruction set and instructions


def assembles_within_the_isa(view: View, target: Target) -> str | None:
    return str(view.gated) if isinstance(view.gated, ToolchainError) else None


def needs_no_missing_extension(view: View, target: Target) -> str | None:
    for item in view.instructions:
        try:
            lookup(item, target.facts.isa)
        except MissingExtension as error:
            return str(error)
        except InstructionError:
            continue
    return None


def instructions_are_allowed(view: View, target: Target) -> str | None:
    try:
        view.effects  # noqa: B018 - evaluated for its error
    except AssemblyError as error:
        return str(error)
    return None


def control_stays_inside(view: View, target: Target) -> str | None:
    try:
        graph = view.graph
    except AssemblyError as error:
        return str(error)
    if graph.past_end:
        return "control can run past the end of the body"
    for i, item in enumerate(view.instructions):
        here = any(isinstance(o, Mem) and o.rip for o in item.operands) and not item.relocations
        if here or OWN_CODE in {r.symbol for r in view.references if r.code}:
            return "the address of its own code is used as a value"
        inner = item.destination is not None and view.effects[i].category == "call"
        if inner and view.callee(item) != SELF:
            return "calls a place inside itself"
    return "the length of its own code is used as a value" if measures_itself(view) else None


def indirect_jumps_go_through_own_tables(view: View, target: Target) -> str | None:
    return indirect_jump_problem(view, target)


def returns_are_not_forged(view: View, target: Target) -> str | None:
    for i in sorted(view.graph.reachable):
        if view.effects[i].category == "ret" and view.stack[i].get("rsp", 0) != 0:
            return "a return takes its address from the body's own stack"
    return None


def results_are_defined(view: View, target: Target) -> str | None:
    new = view.undefined_uses - target.view.undefined_uses
    return f"depends on an undefined result: {sorted(new)[0]}" if new else None


# --- 5.2: symbols


def refers_to_known_symbols(view: View, target: Target) -> str | None:
    for use in view.references:
        if not target.knows(use.symbol):
            return f"refers to `{use.symbol}`, which gcc's code does not"
    return None


def calls_known_functions(view: View, target: Target) -> str | None:
    for name in view.calls.values():
        if name not in target.callees:
            return f"calls {_named(name)}, which gcc's code does not"
    return None


def leaves_only_by_known_tail_jumps(view: View, target: Target) -> str | None:
    known = {*target.view.tail_jumps.values(), *target.view.tail_calls}
    for name in view.tail_jumps.values():
        if name not in known:
            return f"jumps to {_named(name)}, which gcc's code does not do or call last"
    return None


def _named(callee: str) -> str:
    return "a pointer" if callee == UNKNOWN_CALLEE else f"`{callee}`"


# --- 5.4: clobbers and callers


def spares_what_local_callers_keep(view: View, target: Target) -> str | None:
    """design 5.4: IPA-RA lets callers in this unit keep what the target's code spares."""
    if not target.called_locally:
        return None
    more = target.clobbers_of(view) - target.clobbers
    if not more:
        return None
    return f"clobbers {', '.join(sorted(more)[:4])}, which callers in this file may keep"


def assumes_no_more_alignment(view: View, target: Target) -> str | None:
    """design 5.4: callers in this unit may call without aligning the stack."""
    if target.called_locally and not target.assumes_alignment and target.needs_alignment(view):
        return "assumes an aligned stack at entry, which gcc's code does not"
    return None


def keeps_nothing_more_across_calls(view: View, target: Target) -> str | None:
    """design 5.4: only what the target itself keeps across the same call."""
    for name, kept in view.kept_across.items():
        more = kept - target.view.kept_across.get(name, frozenset())
        if more:
            return f"keeps {', '.join(sorted(more)[:4])} across the call of {_named(name)}"
    return None


# --- 5.3: machine state


def changes_no_other_x87_state(view: View, target: Target) -> str | None:
    """design 5.2: only where gcc's code uses the unit, its control word only where that does."""
    if view.x87.used and not target.view.x87.used:
        return "uses the x87 unit, which gcc's code does not"
    if _sets_control_word(view) and not _sets_control_word(target.view):
        return "changes the x87 control word, which gcc's code does not"
    if target.called_locally and view.x87.deepest > target.view.x87.deepest:
        return (
            f"puts {view.x87.deepest} values on the x87 stack; callers in this file may hold some"
        )
    return None


def _sets_control_word(view: View) -> bool:
    return any(item.name == "fldcw" for item in view.instructions)


def keeps_the_x87_stack(view: View, target: Target) -> str | None:
    """design 5.3: empty but for the result when it leaves, empty at calls, never over its ends."""
    return view.x87.problem or None


def restores_callee_saved_registers(view: View, target: Target) -> str | None:
    error = view.frame_error
    return error.detail if error is not None and error.reason is Reason.ABI else None


def leaves_the_return_address_alone(view: View, target: Target) -> str | None:
    """It tells where the caller lies: in a test, where the runner does (design 5.8)."""
    for i, writes in _uses_of_return_address(view):
        if writes:
            return f"`{view.instructions[i].text}` writes over the return address"
        if not any(True for _ in _uses_of_return_address(target.view)):
            return f"`{view.instructions[i].text}` reads the return address"
    return None


def _uses_of_return_address(view: View) -> Iterator[tuple[int, bool]]:
    """Positions that touch it other than by returning, and whether they write."""
    for i, state in view.stack.items():
        for access in view.effects[i].memory:
            base = None if access.index else state.get(access.base or "")
            touches = base is not None and -access.size < base + access.disp < 8
            if touches and (access.writes or view.effects[i].category != "ret"):
                yield i, access.writes


def aligns_the_stack_at_calls(view: View, target: Target) -> str | None:
    if view.frame_error is not None or not view.calls or view.frame.aligned_calls:
        return None
    if not target.calls_aligned and not any(map(target.callee_needs_alignment, _called(view))):
        return None
    return "calls with a stack that is not aligned to 16 bytes"


def _called(view: View) -> frozenset[str]:
    return frozenset(view.calls.values())


def keeps_the_frame_pointer(view: View, target: Target) -> str | None:
    """design 5.3: %rbp stays a frame pointer where gcc keeps one."""
    if not target.facts.frame_pointer:
        return None
    made = False
    for i in sorted(view.graph.reachable):
        item = view.instructions[i]
        if "rbp" not in view.effects[i].writes:
            continue
        sets = item.name == "mov" and item.operands == (Reg("rbp", 8), Reg("rsp", 8))
        if not sets and item.name not in ("pop", "leave"):
            return f"`{item.text}` uses %rbp, which is the frame pointer"
        made |= sets
    return None if made or not target.makes_frame_pointer else "sets up no frame pointer"


def leaves_upper_halves_as_the_target(view: View, target: Target) -> str | None:
    both = zip(target.dirty_in(view), target.dirty, strict=True)
    if not any(mine and not theirs for mine, theirs in both):
        return None
    return "leaves upper vector halves in use where gcc's code clears or spares them"


# --- 5.3: the frame


def stack_use_is_certain(view: View, target: Target) -> str | None:
    error = view.frame_error
    return error.detail if error is not None and error.reason is not Reason.ABI else None


def frame_is_not_larger(view: View, target: Target) -> str | None:
    limit = target.frame_bytes if target.recursive else min(target.frame_bytes + 128, PAGE - 1)
    if view.frame_error is None and view.frame.frame_bytes > max(limit, target.frame_bytes):
        return f"a frame of {view.frame.frame_bytes} bytes; at most {limit} are allowed"
    return None


def tail_jumps_stay_tail_jumps(view: View, target: Target) -> str | None:
    jumped = set(view.tail_jumps.values())
    for name in set(target.view.tail_jumps.values()):
        if name in view.calls.values() and name not in jumped:
            return f"calls {_named(name)}, to which gcc's code jumps"
    return None


def keeps_to_the_red_zone(view: View, target: Target) -> str | None:
    limit = RED_ZONE if target.facts.red_zone else 0
    if view.frame_error is None and view.frame.red_zone > limit:
        return f"uses {view.frame.red_zone} bytes below the stack pointer"
    for i, state in view.stack.items():
        for access in view.effects[i].memory:
            base = None if access.index else state.get(access.base or "")
            if base is None or "rsp" not in state:
                continue
            below = state["rsp"] - base - access.disp
            if below > limit and view.effects[i].category not in ("stack", "call"):
                return f"`{view.instructions[i].text}` lies {below} bytes below the stack pointer"
    return None


def decodes(view: View) -> None:
    """Raises AssemblyError when the bytes of the body do not decode."""
    view.instructions  # noqa: B018 - evaluated for its error


RULES: tuple[Rule, ...] = (
    Rule(Reason.ASSEMBLER, assembles),
    Rule(Reason.LINK, links_like_the_target),
    Rule(Reason.COPY, is_no_copy),
    Rule(Reason.ISA, assembles_within_the_isa),
    Rule(Reason.ISA, needs_no_missing_extension),
    Rule(Reason.INSTRUCTION, instructions_are_allowed),
    Rule(Reason.INSTRUCTION, control_stays_inside),
    Rule(Reason.INSTRUCTION, indirect_jumps_go_through_own_tables),
    Rule(Reason.INSTRUCTION, returns_are_not_forged),
    Rule(Reason.INSTRUCTION, results_are_defined),
    Rule(Reason.INSTRUCTION, changes_no_other_x87_state),
    Rule(Reason.SYMBOL, refers_to_known_symbols),
    Rule(Reason.SYMBOL, calls_known_functions),
    Rule(Reason.SYMBOL, leaves_only_by_known_tail_jumps),
    Rule(Reason.CLOBBER, spares_what_local_callers_keep),
    Rule(Reason.CLOBBER, assumes_no_more_alignment),
    Rule(Reason.CLOBBER, keeps_nothing_more_across_calls),
    Rule(Reason.ABI, keeps_the_x87_stack),
    Rule(Reason.ABI, restores_callee_saved_registers),
    Rule(Reason.ABI, leaves_the_return_address_alone),
    Rule(Reason.ABI, aligns_the_stack_at_calls),
    Rule(Reason.ABI, keeps_the_frame_pointer),
    Rule(Reason.ABI, leaves_upper_halves_as_the_target),
    Rule(Reason.FRAME, stack_use_is_certain),
    Rule(Reason.FRAME, frame_is_not_larger),
    Rule(Reason.FRAME, tail_jumps_stay_tail_jumps),
    Rule(Reason.FRAME, keeps_to_the_red_zone),
)
