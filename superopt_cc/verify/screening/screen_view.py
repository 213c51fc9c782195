"""A body as screening sees it: assembled alone, decoded, with its references and its flow.

Everything outside the body and its own constants is an undefined symbol of the object, so each
reference shows as a relocation.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from superopt_cc.assembly import decode, flow, x87stack
from superopt_cc.assembly.cfi import Frame, derive
from superopt_cc.assembly.code import references
from superopt_cc.assembly.decode import Instruction, Mem, Relocation
from superopt_cc.assembly.defined import undefined_scans
from superopt_cc.assembly.dispatch import Origins, indirect_jumps
from superopt_cc.assembly.effects import Effects, effects
from superopt_cc.assembly.fragment import Fragment, FragmentError
from superopt_cc.assembly.registers import CALLER_SAVED, FULL, PARTS, X87
from superopt_cc.errors import Ineligible, ToolchainError
from superopt_cc.toolchain.tools import assemble
from superopt_cc.verify.job import Facts
from superopt_cc.verify.screening.screen_isa import isa_options
from superopt_cc.verify.signature import abi
from superopt_cc.verify.signature.ctype import Function
from superopt_cc.verify.signature.pointers import called_types, calls_pointers

SELF = "%self"
OWN_DATA = "%own"
OWN_CODE = "%code"
UNKNOWN_CALLEE = "%pointer"
_LABEL = "superopt.body"
_PREFIX = "superopt.l."
_KINDS = {
    "R_X86_64_PC32": "pc",
    "R_X86_64_PLT32": "plt",
    "R_X86_64_32": "absolute",
    "R_X86_64_32S": "absolute",
    "R_X86_64_GOTPCREL": "got",
    "R_X86_64_GOTPCRELX": "got",
    "R_X86_64_REX_GOTPCRELX": "got",
}
_ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9", "rax", "r10", *(f"xmm{n}" for n in range(8)))
_RESULTS = ("rax", "rdx", "xmm0", "xmm1")


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """One use of a symbol: `kind` of relocation ("pc", "plt", "got", "absolute", else ELF's name),
    from `code` or from the body's own constants."""

    symbol: str
    kind: str
    code: bool


def body_text(fragment: Fragment) -> str:
    """The text of an object that holds only this body and its constants."""
    lines = [
        "\t.text",
        f"\t.type\t{_LABEL}, @function",
        fragment.render(_LABEL, _PREFIX).rstrip("\n"),
        f"\t.size\t{_LABEL}, .-{_LABEL}",
        '\t.section\t.note.GNU-stack,"",@progbits',
    ]
    return "\n".join(lines) + "\n"


def assembled(fragment: Fragment, as_options: Sequence[str]) -> bytes:
    """The object of a body.  Raises ToolchainError when the assembler refuses it."""
    with tempfile.TemporaryDirectory(prefix="superopt-screen-") as folder:
        out = Path(folder) / "body.o"
        assemble(body_text(fragment), out, as_options, cwd=Path(folder))
        return out.read_bytes()


class Decoded:
    """Lazily: object, instructions and effects of one body under one set of extensions."""

    def __init__(
        self, fragment: Fragment, isa: frozenset[str], as_options: tuple[str, ...]
    ) -> None:
        self._fragment = fragment
        self._isa = isa
        self._as_options = as_options

    @cached_property
    def gated(self) -> bytes | ToolchainError:
        """The object under the gate of the permitted extensions, or what `as` says against it."""
        try:
            return assembled(self._fragment, isa_options(self._as_options, self._isa))
        except ToolchainError as error:
            return error

    @cached_property
    def object(self) -> bytes:
        """The object under the user's options; the gate only refuses, it changes no byte."""
        same = not any(option.startswith("-m") for option in self._as_options)
        if same and isinstance(self.gated, bytes):
            return self.gated
        return assembled(self._fragment, self._as_options)

    @cached_property
    def body(self) -> decode.BodyObject:
        return decode.read_body(self.object, _LABEL, _PREFIX)

    @cached_property
    def effects(self) -> tuple[Effects, ...]:
        return tuple(effects(i, self._isa) for i in self.body.instructions)


@lru_cache(maxsize=64)
def _decoded(fragment: Fragment, isa: frozenset[str], as_options: tuple[str, ...]) -> Decoded:
    """Functions of one unit reach the same local callees: each is decoded once."""
    return Decoded(fragment, isa, as_options)


class View:
    """Lazily: what screening asks about one body.

    Properties raise ToolchainError (does not assemble), AssemblyError (does not decode, jumps
    astray), InstructionError (not in the table), FragmentError (stack not understood).
    """

    def __init__(self, fragment: Fragment, facts: Facts, as_options: Sequence[str]) -> None:
        self.fragment = fragment
        self.facts = facts
        self._code = _decoded(fragment, facts.isa, tuple(as_options))

    @property
    def gated(self) -> bytes | ToolchainError:
        """The object under the gate of the permitted extensions, or what `as` says against it."""
        return self._code.gated

    @property
    def object(self) -> bytes:
        return self._code.object

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        return self._code.body.instructions

    @property
    def effects(self) -> tuple[Effects, ...]:
        return self._code.effects

    @cached_property
    def graph(self) -> flow.Graph:
        first = self._graph(frozenset())
        jumps = frozenset(indirect_jumps(first))
        if jumps and self.table_targets:
            if not calls_pointers(self.facts):
                return first
            jumps -= {i for i in jumps if Origins(first).through_table(i)}
        return self._graph(jumps) if jumps else first

    def _graph(self, leaving: frozenset[int]) -> flow.Graph:
        return flow.build(
            self.instructions, self.effects, self.table_targets,
            lambda call: self.callee(call) in noreturn_callees(self.facts), leaving,
        )  # fmt: skip

    @cached_property
    def table_targets(self) -> frozenset[int]:
        """Addresses of code labels that the body's own constants name."""
        addresses = self._code.body.labels
        labels = {s[:-1] for s in self.fragment.body if s.endswith(":")}
        named = {n for c in self.fragment.constants for line in c.lines for n in references(line)}
        return frozenset(addresses[_PREFIX + n.lstrip(".")] for n in named & labels)

    @cached_property
    def frame(self) -> Frame:
        return derive(self.fragment)

    @cached_property
    def frame_error(self) -> FragmentError | None:
        try:
            self.frame  # noqa: B018 - evaluated for its error
        except FragmentError as error:
            return error
        return None

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        code = [Reference(_symbol(r), _kind(r), True)
                for i in self.instructions for r in i.relocations]  # fmt: skip
        data = [Reference(_symbol(r), _kind(r), False)
                for r in self._code.body.constant_relocations]  # fmt: skip
        return tuple(code + data)

    @property
    def constants(self) -> bytes:
        return self._code.body.constants

    def callee(self, item: Instruction) -> str:
        """The name that a call or a jump out of the body goes to."""
        if item.relocations:
            operand = item.operands[0]
            if not isinstance(operand, Mem) or _kind(item.relocations[0]) == "got":
                return _symbol(item.relocations[0])
            return UNKNOWN_CALLEE
        return SELF if item.destination == self.instructions[0].address else UNKNOWN_CALLEE

    @cached_property
    def calls(self) -> Mapping[int, str]:
        """Callee by position, for every call that can be reached."""
        return {i: self.callee(self.instructions[i]) for i in sorted(self.graph.reachable)
                if self.effects[i].category == "call"}  # fmt: skip

    @cached_property
    def tail_jumps(self) -> Mapping[int, str]:
        """Callee by position, for every reachable jump out of the body."""
        return {i: self.callee(self.instructions[i])
                for i in sorted(self.graph.exits & self.graph.reachable)
                if self.effects[i].category in ("jump", "branch")}  # fmt: skip

    @cached_property
    def tail_calls(self) -> frozenset[str]:
        """Callees of calls after which only the frame is taken down."""
        return frozenset(name for i, name in self.calls.items() if self._tail_position(i))

    def _tail_position(self, i: int) -> bool:
        while self.graph.successors[i]:
            i = self.graph.successors[i][0]
            effect = self.effects[i]
            if effect.category == "ret":
                return True
            takes_down = effect.category in ("stack", "nop") or (
                set(effect.writes) == {"rsp"} and effect.category == "alu"
            )
            if not takes_down or len(self.graph.successors[i]) != 1:
                return False
        return False

    @cached_property
    def stack(self) -> Mapping[int, flow.Stack]:
        return flow.stack_states(self.graph)

    @cached_property
    def x87(self) -> x87stack.X87Use:
        results = {i: x87_results(self.facts, name) for i, name in self.calls.items()}
        return x87stack.follow(self.graph, results, x87_results(self.facts, SELF))

    @cached_property
    def undefined_uses(self) -> frozenset[str]:
        """Kinds of results used or computed that differ between processors (design 5.2)."""
        approximate = {
            i for i in self.graph.reachable if self.effects[i].undefined not in ("", "zero")
        }
        results = {i: result_bytes(self.facts, name) for i, name in self.calls.items()}
        open_results = {
            f"{self.instructions[i].name} ({self.effects[i].undefined})"
            for i in approximate | undefined_scans(self.graph, self._uses, results)
        }
        if any(i.name == "fnstsw" for i in self.instructions):
            live = flow.live_after(self.graph, self._uses, results)
            if x87stack.undefined_status(self.graph, live):
                open_results.add("the x87 status word")
        return flow.undefined_uses(self.graph) | open_results

    @cached_property
    def _uses(self) -> Mapping[int, int]:
        """Registers that calls, jumps out of the body and returns read, packed."""
        uses = {i: argument_bytes(self.facts, n)
                for i, n in (*self.calls.items(), *self.tail_jumps.items())}  # fmt: skip
        mine = own_result_bytes(self.facts)
        return uses | {i: mine for i in self.graph.exits if self.effects[i].category == "ret"}

    @cached_property
    def kept_across(self) -> Mapping[str, frozenset[str]]:
        """By callee: caller-saved registers read after a call that are not the call's result."""
        results = {i: result_bytes(self.facts, name) for i, name in self.calls.items()}
        after = flow.live_after(self.graph, self._uses, results)
        kept: dict[str, frozenset[str]] = {}
        for i, name in self.calls.items():
            # The x87 stack is empty at calls: `x87` sees to that.
            live = flow.registers_of(after[i] & ~results[i]) & CALLER_SAVED - {X87}
            kept[name] = kept.get(name, frozenset()) | live
        return kept


def _kind(relocation: Relocation) -> str:
    return _KINDS.get(relocation.kind, relocation.kind)


def _symbol(relocation: Relocation) -> str:
    if relocation.symbol == ".rodata":
        return OWN_DATA
    if relocation.symbol in (".text", _LABEL):
        return OWN_CODE
    return relocation.symbol


def noreturn_callees(facts: Facts) -> frozenset[str]:
    """Functions that gcc knows never to return."""
    uses = (*facts.calls, *facts.local_calls)
    return frozenset(u.callee for u in uses if u.noreturn and u.callee)


def argument_bytes(facts: Facts, callee: str) -> int:
    """Registers that a call of `callee` reads, packed; all argument registers if not known."""
    name = facts.name if callee == SELF else callee
    wanted = None if callee == UNKNOWN_CALLEE else name
    uses = [u for u in (*facts.calls, *facts.local_calls) if u.callee == wanted]
    if not uses:
        return _packed(_ARGUMENTS)
    return _packed(tuple(register for use in uses for register, _ in use.registers))


def result_bytes(facts: Facts, callee: str) -> int:
    """Registers that hold the result of `callee`, packed; nothing if its type is not known."""
    if callee == SELF:
        return own_result_bytes(facts)
    if callee == UNKNOWN_CALLEE:
        results = 0
        for called in called_types(facts):
            results |= _result(facts, called.returns, ())
        return results
    index = facts.callees.get(callee)
    kind = facts.types[index] if index is not None else None
    if not isinstance(kind, Function):
        return 0
    return _result(facts, kind.returns, ())


def own_result_bytes(facts: Facts) -> int:
    """Registers in which the function itself returns, packed."""
    return _result(facts, facts.returns, _RESULTS)


def passes_uppers(facts: Facts) -> bool:
    """Does a caller pass upper halves of vector registers?"""
    try:
        places = abi.assign(facts.types, [p.type for p in facts.parameters])
    except Ineligible:
        return False
    return any(word.kind == "sse" and word.bits > 128 for each in places for word in each.words)


def x87_results(facts: Facts, callee: str) -> int:
    """In how many registers of the x87 stack `callee` returns."""
    if callee == SELF:
        return abi.x87_results(facts.types, facts.returns)
    if callee == UNKNOWN_CALLEE:
        return max(
            (abi.x87_results(facts.types, c.returns) for c in called_types(facts)), default=0
        )
    index = facts.callees.get(callee)
    kind = facts.types[index] if index is not None else None
    return abi.x87_results(facts.types, kind.returns) if isinstance(kind, Function) else 0


def _result(facts: Facts, returns: int | None, otherwise: tuple[str, ...]) -> int:
    try:
        results = abi.returned(facts.types, returns)
    except Ineligible:
        return _packed(otherwise)
    return _packed(tuple(register for register, _ in results))


def _packed(names: Sequence[str]) -> int:
    parents = [PARTS[name][0] for name in names if name in PARTS]
    return flow.pack({parent: FULL[parent] for parent in parents})
