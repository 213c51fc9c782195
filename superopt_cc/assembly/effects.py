"""What one instruction does to registers, flags and memory, by our own table (design 5.2)."""

from __future__ import annotations

import dataclasses

from superopt_cc.assembly.decode import Imm, Instruction, Mem, Reg
from superopt_cc.assembly.instructions import Bound, Slot, all_flags, lookup
from superopt_cc.assembly.registers import FULL, LOW16, PARTS, UPPER, VECTORS, X87, Parts, union

_ACCUMULATORS = {
    "A": {1: "al", 2: "ax", 4: "eax", 8: "rax"},
    "D": {1: "dl", 2: "dx", 4: "edx", 8: "rdx"},
}


@dataclasses.dataclass(frozen=True, slots=True)
class MemoryOperand:
    """`size` bytes at base + index*scale + disp, evaluated with the registers before execution.

    rip-relative operands have neither base nor index: `disp` is the address.
    """

    base: str | None
    index: str | None
    scale: int
    disp: int
    size: int
    reads: bool
    writes: bool
    segment: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Effects:
    """Registers by parent with the bytes concerned; flags by letter.

    `writes` holds bytes whose value may change; where the old value can survive (cmov, a merging
    mask) they are in `reads` too.  `flags_kept` are written or left as they were.  `undefined`
    names results that the manual leaves open: "zero" (of a source of 0; it may be the old value,
    which counts as no read) or "approximate".
    `needs` are macros of ISA extensions.  Of x87 instructions `depth` is how many registers of the
    stack must be in use, `pushes` by how many more are then.
    """

    reads: Parts
    writes: Parts
    flags_read: frozenset[str]
    flags_written: frozenset[str]
    flags_kept: frozenset[str]
    flags_undefined: frozenset[str]
    memory: tuple[MemoryOperand, ...]
    undefined: str
    needs: frozenset[str]
    category: str
    depth: int = 0
    pushes: int = 0


_KNOWN: dict[tuple[bytes, frozenset[str] | None], Effects] = {}
_MOST_KNOWN = 1 << 17


def effects(instruction: Instruction, isa: frozenset[str] | None = None) -> Effects:
    """The instruction's effects.  `isa` are the permitted extensions (None: all).

    Raises InstructionError when the instruction is not allowed.
    """
    if any(isinstance(o, Mem) and o.rip for o in instruction.operands):
        return _effects(instruction, isa)  # its place is part of them
    key = instruction.code, isa
    known = _KNOWN.get(key)
    if known is None:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        known = _KNOWN[key] = _effects(instruction, isa)
    return known


def _effects(instruction: Instruction, isa: frozenset[str] | None) -> Effects:
    bound = lookup(instruction, isa)
    reads: list[Parts] = []
    writes: list[Parts] = []
    memory: list[MemoryOperand] = []
    for slot, operand, (_, used) in zip(
        bound.form.slots, instruction.operands, bound.used, strict=True
    ):
        if isinstance(operand, Reg):
            reads += _register_reads(instruction, slot, operand, used)
            writes += _register_writes(instruction, slot, operand, used)
        elif isinstance(operand, Mem) and not _is_nop(bound):
            reads.append(_address(operand.base, operand.index))
            if slot.role != "a":
                memory.append(_memory(operand, used, slot.role))
    if _independent(bound, instruction):
        reads = []
    _implicit(bound, reads, writes, memory)
    if instruction.mask is not None:
        reads.append({instruction.mask: 0xFF})
    if bound.form.category == "float":
        reads.append({"mxcsr": 0xF})
        writes.append({"mxcsr": 0xF})
    depth = pushes = 0
    if bound.form.category == X87:
        reads.append({X87: FULL[X87]})
        writes.append({X87: FULL[X87]})
        depth, pushes = _x87_stack(bound, instruction)
    flags = bound.form.flags
    return Effects(
        union(*reads),
        union(*writes),
        all_flags(flags.read),
        all_flags(flags.written),
        all_flags(flags.kept),
        all_flags(flags.undefined),
        tuple(memory),
        bound.form.note if bound.form.note in ("zero", "approximate") else "",
        bound.needs,
        bound.form.category,
        depth,
        pushes,
    )


def _x87_stack(bound: Bound, instruction: Instruction) -> tuple[int, int]:
    """Registers that must be in use, and how many more are in use afterwards."""
    least = 0 if bound.form.note in ("push", "state") else 1
    named = [
        1 + int(o.name[3]) for o in instruction.operands if isinstance(o, Reg) and o.size == 10
    ]
    return max((least, *named)), {"push": 1, "pop": -1}.get(bound.form.note, 0)


def memory_operands(
    instruction: Instruction, isa: frozenset[str] | None = None
) -> tuple[MemoryOperand, ...]:
    """Every access of the instruction, the implicit ones of push, call, movs... included.

    Under a rep prefix: one iteration.  Raises InstructionError as `effects` does.
    """
    return effects(instruction, isa).memory


def _is_nop(bound: Bound) -> bool:
    return bound.form.category == "nop"


def _low(used: int) -> int:
    return (1 << used) - 1


def _register_reads(instruction: Instruction, slot: Slot, operand: Reg, used: int) -> list[Parts]:
    parent, mask = PARTS[operand.name]
    merging = instruction.mask is not None and not instruction.zeroing
    if slot.role in ("r", "m"):
        if parent.startswith("zmm"):
            return [{parent: _low(used)}]
        return [{parent: mask}]
    if slot.role == "w" and merging and parent.startswith("zmm"):
        return [{parent: _low(operand.size)}]
    return []


def _register_writes(instruction: Instruction, slot: Slot, operand: Reg, used: int) -> list[Parts]:
    """Widths of writing: 32-bit results clear the upper half, VEX and EVEX everything above."""
    if slot.role not in ("w", "m"):
        return []
    parent, mask = PARTS[operand.name]
    if parent.startswith("zmm"):
        if instruction.encoding != "legacy":
            return [{parent: FULL[parent]}]
        return [{parent: _low(used)}]
    if parent.startswith("k") or operand.size == 4:
        return [{parent: 0xFF}]
    return [{parent: mask}]


def _address(base: str | None, index: str | None) -> Parts:
    return {PARTS[name][0]: 0xFF for name in (base, index) if name is not None}


def _memory(operand: Mem, size: int, role: str) -> MemoryOperand:
    return MemoryOperand(
        operand.base,
        operand.index,
        operand.scale,
        operand.disp,
        size,
        role in ("r", "m"),
        role in ("w", "m"),
        operand.segment,
    )


def _implicit(
    bound: Bound, reads: list[Parts], writes: list[Parts], memory: list[MemoryOperand]
) -> None:
    for item in bound.form.implicit:
        if item.size:
            memory.append(
                MemoryOperand(
                    item.register, None, 1, item.disp, item.size, item.role == "r", item.role == "w"
                )
            )
            reads.append({item.register: 0xFF})
            continue
        for name, mask in _implicit_register(item.register, bound.width).items():
            if item.role in ("r", "m"):
                reads.append({name: mask})
            if item.role in ("w", "m"):
                writes.append({name: _written(item.register, bound.width, mask, bound)})


def _implicit_register(register: str, width: int) -> Parts:
    if register == "upper":  # vzeroupper
        return dict.fromkeys(VECTORS[:16], UPPER)
    if register == "low":  # vzeroall
        return {name: FULL[name] for name in VECTORS[:16]}
    register = _ACCUMULATORS[register][width] if register in _ACCUMULATORS else register
    parent, mask = PARTS[register]
    return {parent: mask}


def _written(register: str, width: int, mask: int, bound: Bound) -> int:
    if register in ("upper", "low"):
        return mask
    if mask == 0xF:  # a 32-bit general register
        return 0xFF
    if mask == LOW16 and bound.form.name.startswith("v"):
        return FULL["zmm0"]
    return mask


def _independent(bound: Bound, instruction: Instruction) -> bool:
    """Does the result not depend on the explicit operands (xor of a register with itself)?"""
    if instruction.mask is not None:
        return False
    note, operands = bound.form.note, instruction.operands
    if note == "ternary":
        last = operands[-1]
        constant = isinstance(last, Imm) and last.value & 0xFF in (0, 0xFF)
        return constant and not any(isinstance(o, Mem) for o in operands)
    if note != "same":
        return False
    sources = operands if bound.form.slots[0].role == "m" else operands[1:]
    names = {o.name for o in sources if isinstance(o, Reg)}
    return len(names) == 1 and all(isinstance(o, Reg) for o in sources)
