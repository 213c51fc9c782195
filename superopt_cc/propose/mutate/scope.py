"""Where a search applies: leaf functions over general registers, and what counts of them."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from superopt_cc.assembly.decode import Imm, Instruction, Mem, decode_function
from superopt_cc.assembly.effects import Effects, effects
from superopt_cc.assembly.fragment import own_fragment
from superopt_cc.assembly.instructions import InstructionError
from superopt_cc.assembly.registers import FULL
from superopt_cc.assembly.unit import Unit
from superopt_cc.errors import AssemblyError, Ineligible, ToolchainError
from superopt_cc.propose.mutate.wire import Leaf
from superopt_cc.toolchain import tools
from superopt_cc.verify.job import Job
from superopt_cc.verify.signature import abi
from superopt_cc.verify.signature.ctype import Bool, CType, Enum, Int, Pointer

_MOST_INSTRUCTIONS = 96
_NAME = "superopt.target"
_CALLS = re.compile(r"\tcall|@(?:PLT|GOT)|\(%rip\)")
# Registers that code may use, those that short encodings reach first.
USABLE = ("rax", "rdx", "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11")


class OutOfScope(Exception):
    """One line on why a search does not apply."""


@dataclasses.dataclass(frozen=True, slots=True)
class Argument:
    """A register at entry: how many of its bits the type defines; above them is noise."""

    register: str
    bits: int
    signed: bool = False
    pointer: bool = False
    boolean: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """What a search must know of its target.

    `lines` are the statements of `code` (without the return) where it is straight, else empty;
    `usable` the registers that it may change; `loads` what it reads through arguments.
    """

    code: tuple[Instruction, ...]
    lines: tuple[str, ...]
    arguments: tuple[Argument, ...]
    outs: tuple[tuple[str, int], ...]
    usable: tuple[str, ...]
    isa: frozenset[str]
    constants: tuple[int, ...]
    loads: tuple[Leaf, ...]

    @property
    def bytes(self) -> bytes:
        return b"".join(item.code for item in self.code)

    @property
    def straight(self) -> bool:
        return bool(self.lines)

    @property
    def body(self) -> tuple[Instruction, ...]:
        """The code without markers and return."""
        return tuple(i for i in self.code if effects(i).category not in ("nop", "ret"))


def scope_of(job: Job, unit: Unit) -> Scope:
    """Raises OutOfScope where a search does not apply, at the price of a look at the text."""
    function = unit.function(job.name)
    fragment = own_fragment(function)
    statements = fragment.instructions
    if len(statements) > _MOST_INSTRUCTIONS:
        raise OutOfScope(f"{len(statements)} instructions")
    if any(_CALLS.search(line) for line in statements) or fragment.constants:
        raise OutOfScope("calls, or refers to data")
    arguments, outs = _signature(job)
    code = assembled([fragment.render(_NAME, ".L")], [_NAME], job.as_options)[0]
    known = _effects(code, job.facts.isa)
    _check(code, known)
    usable: tuple[str, ...] = USABLE
    if _is_called_here(unit, function.names):  # design 5.4: IPA-RA
        changed = {name for effect in known for name in effect.writes}
        usable = tuple(name for name in USABLE if name in changed)
    straight = all(e.category not in ("jump", "branch", "stack") for e in known)
    lines = [line for line in statements if not line.startswith(("\tret", "\tendbr", "\tnop"))]
    return Scope(
        code, tuple(lines) if straight else (), arguments, outs, usable, job.facts.isa,
        _constants(code), _loads(code, arguments),
    )  # fmt: skip


def assembled(
    bodies: Sequence[str], names: Sequence[str], as_options: Sequence[str]
) -> list[tuple[Instruction, ...]]:
    """The instructions of labelled bodies, assembled in one go.

    Raises OutOfScope where that fails or leaves relocations.
    """
    text = ["\t.text"]
    for body, name in zip(bodies, names, strict=True):
        text += [f"\t.type\t{name}, @function", body, f"\t.size\t{name}, .-{name}"]
    with tempfile.TemporaryDirectory(prefix="superopt-mutate-") as folder:
        path = Path(folder) / "bodies.o"
        try:
            tools.assemble("\n".join(text) + "\n", path, as_options)
            data = path.read_bytes()
            found = [decode_function(data, name) for name in names]
        except (ToolchainError, AssemblyError) as error:
            raise OutOfScope(str(error)) from error
    if any(item.relocations for code in found for item in code):
        raise OutOfScope("calls, or refers to data")
    return found


def _signature(job: Job) -> tuple[tuple[Argument, ...], tuple[tuple[str, int], ...]]:
    facts = job.facts
    try:
        places = abi.assign(facts.types, [p.type for p in facts.parameters])
        outs = abi.returned(facts.types, facts.returns)
    except Ineligible as error:
        raise OutOfScope(str(error)) from error
    if not outs or any(name not in FULL or name.startswith("zmm") for name, _ in outs):
        raise OutOfScope("no integer result")
    found: list[Argument] = []
    for place, parameter in zip(places, facts.parameters, strict=True):
        kind: CType = facts.types[parameter.type]
        if place.kind != "int" or not isinstance(kind, (Int, Enum, Bool, Pointer)):
            raise OutOfScope("arguments elsewhere than in general registers")
        register = abi.INTEGER_REGISTERS[place.number]
        signed = isinstance(kind, (Int, Enum)) and kind.signed
        pointer, boolean = isinstance(kind, Pointer), isinstance(kind, Bool)
        found.append(Argument(register, place.bits, signed, pointer, boolean))
    return tuple(found), outs


def _effects(code: Sequence[Instruction], isa: frozenset[str]) -> list[Effects]:
    try:
        return [effects(item, isa) for item in code]
    except InstructionError as error:
        raise OutOfScope(str(error)) from error


def _check(code: Sequence[Instruction], known: Sequence[Effects]) -> None:
    for item, effect in zip(code, known, strict=True):
        if effect.category in ("call", "string", "trap"):
            raise OutOfScope(f"`{item.text}`")
        for access in effect.memory:
            if access.writes and effect.category != "stack":
                raise OutOfScope("writes memory")
    if not any(effect.category == "ret" for effect in known):
        raise OutOfScope("does not return")


def _is_called_here(unit: Unit, names: Sequence[str]) -> bool:
    """Does other code of the unit refer to it?"""
    return any(
        name in function.mentions
        for function in unit.functions
        if function.names[0] != names[0]
        for name in names
    )


def _constants(code: Sequence[Instruction]) -> tuple[int, ...]:
    """Constants of the instructions, addresses' scales and places of jumps aside."""
    found: dict[int, None] = {}
    for item in code:
        for operand in item.operands:
            if isinstance(operand, Imm) and item.destination is None:
                found[operand.value] = None
            elif isinstance(operand, Mem) and item.name == "lea" and operand.disp:
                found[operand.disp] = None
    return tuple(found)


def _loads(code: Sequence[Instruction], arguments: Sequence[Argument]) -> tuple[Leaf, ...]:
    """What may be read at a fixed distance from an argument; tests tell whether it is so."""
    found: dict[Leaf, None] = {}
    pointers = {a.register for a in arguments if a.pointer}
    for item in code:
        for operand in item.operands:
            if not isinstance(operand, Mem) or item.name == "lea" or operand.index:
                continue
            if operand.base in pointers and operand.size in (1, 2, 4, 8):
                signed = item.name in ("movsx", "movsxd")
                leaf = Leaf(None, operand.base, True, operand.disp, operand.size, signed)
                found[leaf] = None
    return tuple(found)
