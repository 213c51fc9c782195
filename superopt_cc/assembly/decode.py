"""Machine code into instructions with operands, by capstone, with relocations attached.

Only the spelling is capstone's: what an instruction reads and writes is our own table
(`instructions.py`, design 5.2).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import capstone
from capstone import x86_const

from superopt_cc.assembly.elf import EXECUTABLE, FUNCTION, Elf, Section
from superopt_cc.errors import AssemblyError

_PREFIX_WORDS = frozenset(
    {"rep", "repe", "repz", "repne", "repnz", "lock", "notrack", "bnd", "data16",
     "xacquire", "xrelease", "rex64"}
)  # fmt: skip
_SPELLINGS = {"repz": "repe", "repnz": "repne"}


@dataclasses.dataclass(frozen=True, slots=True)
class Reg:
    """A register operand in Intel spelling ("eax", "xmm1", "k2"); `size` in bytes."""

    name: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class Imm:
    """A constant; for direct jumps and calls the address of the destination."""

    value: int
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class Mem:
    """`segment:[base + index*scale + disp]`, `size` bytes.

    rip-relative operands have no base: `disp` is the resolved address and `rip` is True.
    """

    base: str | None
    index: str | None
    scale: int
    disp: int
    size: int
    segment: str | None = None
    rip: bool = False
    broadcast: bool = False


Operand = Reg | Imm | Mem


@dataclasses.dataclass(frozen=True, slots=True)
class Relocation:
    """`kind` such as "R_X86_64_PLT32" at byte `offset` of the instruction.

    `symbol` is the symbol's name, or a section's name with its dot when the assembler reduced a
    local label to its section.
    """

    offset: int
    symbol: str
    kind: str
    addend: int


@dataclasses.dataclass(frozen=True, slots=True)
class Instruction:
    """One decoded instruction; `address` within its section (objects) or absolute (images).

    `name` is the Intel mnemonic without prefixes; `mask` the AVX-512 write mask register.
    """

    address: int
    code: bytes
    name: str
    prefixes: tuple[str, ...]
    operands: tuple[Operand, ...]
    encoding: str  # "legacy", "vex" or "evex"
    mask: str | None
    zeroing: bool
    rounding: bool
    relocations: tuple[Relocation, ...]
    text: str

    @property
    def end(self) -> int:
        return self.address + len(self.code)

    @property
    def destination(self) -> int | None:
        """Address that a direct jump or call goes to, when no relocation decides it."""
        if self.relocations or not (self.name == "call" or self.name.startswith("j")):
            return None
        if len(self.operands) == 1 and isinstance(self.operands[0], Imm):
            return self.operands[0].value
        return None


@cache
def _engine(detail: bool) -> capstone.Cs:
    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    engine.detail = detail
    return engine


# Every instruction seen, by its bytes, as it was first met.
_SEEN: dict[bytes, Instruction] = {}
_MOST_SEEN = 1 << 17


def decode_bytes(
    code: bytes, address: int, relocations: tuple[Relocation, ...] = ()
) -> tuple[Instruction, ...]:
    """Decode `code` placed at `address`; relocation offsets count from the start of `code`.

    Raises AssemblyError when a byte of it is not part of a known instruction.
    """
    result: list[Instruction] = []
    pending = sorted(relocations, key=lambda r: r.offset)
    at = 0
    for here, size, mnemonic, operands in _engine(False).disasm_lite(code, address):
        mine: list[Relocation] = []
        while pending and pending[0].offset < at + size:
            first = pending.pop(0)
            mine.append(dataclasses.replace(first, offset=first.offset - at))
        seen = _seen(code[at : at + size], here)
        result.append(_placed(seen, here, f"{mnemonic} {operands}".strip(), tuple(mine)))
        at += size
    if at != len(code):
        raise AssemblyError(f"undecodable bytes {code[at : at + 8].hex()} at offset {at:#x}")
    return tuple(result)


def _seen(code: bytes, address: int) -> Instruction:
    """The instruction that these bytes are, wherever they were met; its details are costly."""
    seen = _SEEN.get(code)
    if seen is None:
        if len(_SEEN) >= _MOST_SEEN:
            _SEEN.clear()
        seen = _instruction(next(_engine(True).disasm(code, address, 1)), ())
        _SEEN[code] = seen
    return seen


def _placed(
    seen: Instruction, address: int, text: str, relocations: tuple[Relocation, ...]
) -> Instruction:
    """The same bytes at another address: what is relative to it moves along."""
    operands = seen.operands
    if address != seen.address and operands:
        relative = seen.name.startswith(("j", "loop")) or seen.name in ("call", "xbegin")
        operands = tuple(_moved(o, address - seen.address, relative) for o in operands)
    return Instruction(
        address, seen.code, seen.name, seen.prefixes, operands, seen.encoding, seen.mask,
        seen.zeroing, seen.rounding, relocations, text,
    )  # fmt: skip


def _moved(operand: Operand, distance: int, relative: bool) -> Operand:
    if isinstance(operand, Mem):
        return (
            dataclasses.replace(operand, disp=operand.disp + distance) if operand.rip else operand
        )
    if relative and isinstance(operand, Imm):
        return Imm(operand.value + distance, operand.size)
    return operand


def _instruction(item: capstone.CsInsn, relocations: tuple[Relocation, ...]) -> Instruction:
    words = item.mnemonic.split()
    prefixes = [_SPELLINGS.get(w, w) for w in words[:-1]]
    if any(w not in _PREFIX_WORDS for w in words[:-1]):
        raise AssemblyError(f"unknown prefix in {item.mnemonic!r}")
    code = bytes(item.bytes)
    encoding = _encoding(code)
    operands: list[Operand] = []
    mask: str | None = None
    zeroing = False
    masked = encoding == "evex" and _evex_byte(code) & 7 != 0
    for position, raw in enumerate(item.operands):
        operand = _operand(item, raw)
        if masked and position == 1 and isinstance(operand, Reg) and operand.name[0] == "k":
            mask, zeroing = operand.name, bool(raw.avx_zero_opmask)
            continue
        operands.append(operand)
    if masked and mask is None:
        raise AssemblyError(f"cannot read the mask of {item.mnemonic} {item.op_str}")
    return Instruction(
        item.address,
        code,
        words[-1],
        tuple(prefixes),
        tuple(operands),
        encoding,
        mask,
        zeroing,
        bool(item.avx_rm or item.avx_sae or "{sae}" in item.op_str or "-sae}" in item.op_str),
        relocations,
        f"{item.mnemonic} {item.op_str}".strip(),
    )


def _operand(item: capstone.CsInsn, raw: capstone.x86.X86Op) -> Operand:
    if raw.type == x86_const.X86_OP_REG:
        return Reg(item.reg_name(raw.reg), raw.size)
    if raw.type == x86_const.X86_OP_IMM:
        return Imm(raw.imm, raw.size)
    base = item.reg_name(raw.mem.base) if raw.mem.base else None
    index = item.reg_name(raw.mem.index) if raw.mem.index else None
    segment = item.reg_name(raw.mem.segment) if raw.mem.segment else None
    code = bytes(item.bytes)
    disp, rip = raw.mem.disp, base in ("rip", "eip")
    if rip:
        base, disp = None, disp + item.address + item.size
    if index in ("riz", "eiz"):
        index = None
    # capstone 5 leaves avx_bcast empty: read the EVEX bit.
    broadcast = _encoding(code) == "evex" and bool(_evex_byte(code) & 0x10)
    return Mem(base, index, raw.mem.scale, disp, raw.size, segment, rip, broadcast)


def _encoding(code: bytes) -> str:
    """VEX and EVEX bytes can only follow segment and address-size prefixes."""
    for byte in code:
        if byte in (0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x67):
            continue
        return {0xC4: "vex", 0xC5: "vex", 0x62: "evex"}.get(byte, "legacy")
    return "legacy"


def _evex_byte(code: bytes) -> int:
    """The last EVEX prefix byte: mask register in bits 0-2, broadcast in bit 4."""
    return code[code.index(0x62) + 3]


def _relocations(elf: Elf, section: Section, start: int, size: int) -> tuple[Relocation, ...]:
    """Relocations of bytes [start, start + size) of `section`, offsets counted from `start`."""
    return tuple(
        Relocation(entry.offset - start, elf.label(entry.symbol), entry.kind, entry.addend)
        for entry in elf.relocations(section)
        if 0 <= entry.offset - start < size
    )


def decode_function(source: Path | str | bytes, symbol: str) -> tuple[Instruction, ...]:
    """The instructions of function `symbol` of an object file (a path or its bytes).

    Addresses count from the start of the section.  Raises AssemblyError when the symbol is
    missing, has no size, or holds bytes that do not decode.
    """
    return _function(Elf(source), symbol)


def _function(elf: Elf, symbol: str) -> tuple[Instruction, ...]:
    entry = next((s for s in elf.symbols if s.name == symbol and s.section is not None), None)
    if entry is None or entry.section is None:
        raise AssemblyError(f"{symbol}: not defined in the object")
    size, start = entry.size, entry.value
    if size == 0:
        raise AssemblyError(f"{symbol}: the object gives it no size")
    section = elf.sections[entry.section]
    code = section.data[start : start + size]
    return decode_bytes(code, start, _relocations(elf, section, start, size))


@dataclasses.dataclass(frozen=True, slots=True)
class BodyObject:
    """An object that holds one body: its instructions, its read-only data, its labels.

    `labels` are the symbols with the prefix asked for, with their place in their section.
    """

    instructions: tuple[Instruction, ...]
    constants: bytes
    constant_relocations: tuple[Relocation, ...]
    labels: Mapping[str, int]


def read_body(source: Path | str | bytes, symbol: str, prefix: str) -> BodyObject:
    """Everything screening needs of an object, read once.  Raises as `decode_function` does."""
    elf = Elf(source)
    data = elf.section(".rodata")
    return BodyObject(
        _function(elf, symbol),
        data.data if data else b"",
        _relocations(elf, data, 0, data.size) if data else (),
        {s.name: s.value for s in elf.symbols if s.name.startswith(prefix)},
    )


def decode_image(source: Path | str | bytes) -> dict[str, tuple[Instruction, ...]]:
    """Every sized function of a linked image by name, at absolute addresses.

    Raises AssemblyError as `decode_function` does.
    """
    elf = Elf(source)
    result: dict[str, tuple[Instruction, ...]] = {}
    for symbol in elf.symbols:
        if symbol.kind != FUNCTION or symbol.section is None or not symbol.size:
            continue
        section = elf.sections[symbol.section]
        if section.flags & EXECUTABLE:
            offset = symbol.value - section.address
            code = section.data[offset : offset + symbol.size]
            result[symbol.name] = decode_bytes(code, symbol.value)
    return result
