"""The table of allowed instructions (design 5.2): reading `instructions.table` and matching it.

A form is one operand pattern of one instruction.  What has no form is not allowed.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

from superopt_cc.assembly.decode import Imm, Instruction, Mem, Operand, Reg
from superopt_cc.assembly.registers import FLAGS, PARTS, X87
from superopt_cc.errors import AssemblyError

_VECTOR_BYTES = {"x": 16, "y": 32, "z": 64}
_SEGMENT_PREFIXES = frozenset((0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65))
_LEGACY_PREFIXES = _SEGMENT_PREFIXES | {0x66, 0x67, 0xF0, 0xF2, 0xF3}


class InstructionError(AssemblyError):
    """An instruction that the table does not allow."""


class MissingExtension(InstructionError):
    """An allowed instruction of an extension that the user's flags do not permit."""


@dataclasses.dataclass(frozen=True, slots=True)
class Atom:
    """One alternative of an operand: kind letter, bytes used (None: the form's), fraction of v."""

    kind: str
    size: int | None = None
    fraction: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Slot:
    """An operand: role "r", "w", "m" (read and written) or "a" (address only), and its kinds."""

    role: str
    atoms: tuple[Atom, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Implicit:
    """An operand that is not spelled: a register, or `size` bytes at [register + disp]."""

    role: str
    register: str
    disp: int = 0
    size: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Flags:
    """Flag letters: used, surely written, written or kept, left undefined."""

    read: str = ""
    written: str = ""
    kept: str = ""
    undefined: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """One allowed operand pattern; see the head of `instructions.table` for the columns."""

    name: str
    slots: tuple[Slot, ...]
    flags: Flags
    implicit: tuple[Implicit, ...]
    isa: str
    category: str
    note: str


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """A form with an instruction's operands: each slot's atom and number of bytes used."""

    form: Form
    used: tuple[tuple[Atom, int], ...]
    width: int  # of the operation: of the first operand, or of the vectors
    needs: frozenset[str]  # macros such as "__AVX2__"


def expand(pattern: str) -> Iterator[str]:
    """Expand braces: "p{add,sub}{b,w}" gives paddb, paddw, psubb, psubw."""
    pieces = re.split(r"(\{[^}]*\})", pattern)
    choices = [p[1:-1].split(",") if p.startswith("{") else [p] for p in pieces]
    return ("".join(words) for words in itertools.product(*choices))


def _atom(text: str) -> Atom:
    if text in ("1", "cl", "ax"):
        return Atom(text)
    found = re.fullmatch(r"([rmixyzvknt])(?:(\d+)|/(\d+))?", text)
    if found is None:
        raise ValueError(f"instruction table: bad operand {text!r}")
    kind, size, fraction = found.groups()
    return Atom(kind, int(size) if size else None, int(fraction) if fraction else 1)


def _slots(text: str) -> tuple[Slot, ...]:
    if text == "-":
        return ()
    slots = []
    for word in text.split():
        role, _, kinds = word.partition(":")
        slots.append(Slot(role, tuple(_atom(k) for k in kinds.split("|"))))
    return tuple(slots)


def _flags(text: str) -> Flags:
    sets = dict(re.findall(r"([<+~?])([oszapcd]+)", text))
    return Flags(sets.get("<", ""), sets.get("+", ""), sets.get("~", ""), sets.get("?", ""))


def _implicit(text: str) -> tuple[Implicit, ...]:
    if text == "-":
        return ()
    result = []
    for word in text.split():
        role, _, what = word.partition(":")
        memory = re.fullmatch(r"\[(\w+)([+-]\d+)\](\d+)", what)
        if memory:
            result.append(Implicit(role, memory[1], int(memory[2]), int(memory[3])))
        else:
            result.append(Implicit(role, what))
    return tuple(result)


def parse_table(text: str) -> dict[str, tuple[Form, ...]]:
    """Forms by instruction name, in the order of the table."""
    forms: dict[str, list[Form]] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        names, patterns, flags, implicit, isa, category, note = re.split(r"  +", line.strip())
        for name in expand(names):
            for pattern in patterns.split(";"):
                form = Form(
                    name,
                    _slots(pattern.strip()),
                    _flags(flags),
                    _implicit(implicit),
                    isa,
                    category,
                    "" if note == "-" else note,
                )
                forms.setdefault(name, []).append(form)
    return {name: tuple(found) for name, found in forms.items()}


@cache
def table() -> Mapping[str, tuple[Form, ...]]:
    """The shipped table."""
    text = resources.files(__package__).joinpath("instructions.table").read_text("utf-8")
    return parse_table(text)


def lookup(instruction: Instruction, isa: frozenset[str] | None = None) -> Bound:
    """The form of an instruction.  `isa` holds macros; None permits every known extension.

    Raises InstructionError when the table has no form that fits, MissingExtension when it has
    one that `isa` does not permit.
    """
    key = _key(instruction)
    fits: list[Bound] = []
    for form in table().get(key, ()):
        for bound in _bind(form, instruction):
            if isa is None or bound.needs <= isa:
                return bound
            fits.append(bound)
    if fits:
        missing = ", ".join(sorted(fits[0].needs - (isa or frozenset())))
        raise MissingExtension(f"`{instruction.text}` needs {missing}")
    raise InstructionError(f"`{instruction.text}` is not an allowed instruction")


def _key(instruction: Instruction) -> str:
    """The table's name: mnemonic with its rep prefix.  Raises InstructionError on odd prefixes."""
    name, words = instruction.name, instruction.prefixes
    error = InstructionError(f"`{instruction.text}` has a prefix that is not allowed")
    if instruction.rounding:
        raise error
    segment = _segment(instruction)
    if name == "nop":
        if words not in ((), ("data16",)):
            raise error
        return name
    if segment is not None and not (segment == 0x3E and "notrack" in words):
        raise error
    if words in (("repe",), ("repne",), ("rep",)):
        if name == "ret" and words == ("repe",):
            return name
        return f"{words[0]}_{name}"
    if words and not (words == ("notrack",) and name in ("jmp", "call")):
        raise error
    return name


def _segment(instruction: Instruction) -> int | None:
    """A segment or address-size prefix byte of the instruction, if any."""
    for byte in instruction.code:
        if byte not in _LEGACY_PREFIXES:
            return None
        if byte in _SEGMENT_PREFIXES or byte == 0x67:
            return byte
    return None


def _bind(form: Form, instruction: Instruction) -> Iterator[Bound]:
    operands = instruction.operands
    if len(form.slots) != len(operands):
        return
    for width in _widths(operands):
        used = [
            _match(slot, operand, width, form.note != "sized")
            for slot, operand in zip(form.slots, operands, strict=True)
        ]
        if None in used:
            continue
        needs = _needs(form, instruction, width)
        if needs is not None and not _masked_memory(instruction):
            yield Bound(form, tuple(u for u in used if u is not None), width, needs)


def _widths(operands: tuple[Operand, ...]) -> tuple[int, ...]:
    """Candidates for the width of the operation, in bytes."""
    vectors = [o.size for o in operands if isinstance(o, Reg) and o.name[:3] in _VECTOR_NAMES]
    if vectors:
        return tuple(dict.fromkeys((*vectors, *(2 * v for v in vectors if v < 64))))
    return (operands[0].size,) if operands else (0,)


_VECTOR_NAMES = ("xmm", "ymm", "zmm")


def _masked_memory(instruction: Instruction) -> bool:
    """Masked lanes touch no memory: such accesses have no fixed extent, so they are refused."""
    return instruction.mask is not None and any(isinstance(o, Mem) for o in instruction.operands)


def _match(slot: Slot, operand: Operand, width: int, trusted: bool) -> tuple[Atom, int] | None:
    if isinstance(operand, Mem):
        return _match_memory(slot, operand, width, trusted)
    for atom in slot.atoms:
        size = _fit(atom, operand, width)
        if size is not None:
            return atom, size
    return None


def _match_memory(slot: Slot, operand: Mem, width: int, trusted: bool) -> tuple[Atom, int] | None:
    """The atom and the bytes accessed; `trusted` when the decoder's size is to be believed."""
    atoms = [a for a in slot.atoms if a.kind == "m"]
    if not atoms or operand.segment not in (None, "ds", "cs", "es"):
        return None
    if slot.role == "a":
        return atoms[0], 0
    if operand.broadcast:
        plain = [a for a in atoms if a.size is None and a.fraction == 1]
        return (plain[0], operand.size) if plain else None
    if not trusted:
        return atoms[0], atoms[0].size or width
    sizes = {a: a.size or width // a.fraction for a in atoms}
    return next(((a, size) for a, size in sizes.items() if size == operand.size), None)


def _fit(atom: Atom, operand: Reg | Imm, width: int) -> int | None:
    """Bytes of `operand` that `atom` uses, or None when it does not fit."""
    if isinstance(operand, Imm):
        return _fit_immediate(atom, operand, width)
    return _fit_register(atom, operand, width)


def _fit_immediate(atom: Atom, operand: Imm, width: int) -> int | None:
    if atom.kind == "i":
        return operand.size
    if atom.kind == "1":
        return operand.size if operand.value == 1 else None
    if atom.kind == "n":
        return operand.size if 0 < operand.value < 8 * width else None
    return None


def _fit_register(atom: Atom, operand: Reg, width: int) -> int | None:
    known = PARTS.get(operand.name)
    if known is None:
        return None
    parent = known[0]
    if atom.kind in ("cl", "ax"):
        return operand.size if operand.name == atom.kind else None
    if atom.kind == "k":
        return 8 if parent.startswith("k") else None
    if atom.kind == "t":
        return operand.size if parent == X87 else None
    if atom.kind == "r":
        if parent[0] != "r":
            return None
        return operand.size if operand.size == (atom.size or width) else None
    if not parent.startswith("zmm"):
        return None
    if atom.kind == "v":
        used = width // atom.fraction
        return used if operand.size == max(16, used) else None
    if _VECTOR_BYTES.get(atom.kind) != operand.size:
        return None
    return atom.size or operand.size


def _needs(form: Form, instruction: Instruction, width: int) -> frozenset[str] | None:
    """Macros of the extensions that the encoding needs; None when the form has no such encoding."""
    left, slash, right = form.isa.partition("/")
    if instruction.encoding == "evex":
        if not slash or right == "-":
            return None
        names = {"AVX512F"}
        if right != "S" and width < 64:
            names.add("AVX512VL")
        if right in ("BW", "DQ", "CD"):
            names.add(f"AVX512{right}")
        return frozenset(f"__{n}__" for n in names)
    if left == "-":
        return None if slash else frozenset()
    first, _, second = left.partition(",")
    names = {second if second and width > 16 else first}
    if slash:
        names.add("AVX")
    return frozenset(f"__{n}__" for n in names)


def all_flags(letters: str) -> frozenset[str]:
    """Flag letters as a set; "d" stays a letter of its own.  Raises ValueError on others."""
    if set(letters) - set(FLAGS) - {"d"}:
        raise ValueError(f"unknown flags {letters!r}")
    return frozenset(letters)
