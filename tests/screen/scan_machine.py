"""A small machine for integer code, in which a scan of 0 gives whatever it is told to give."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from superopt_cc.assembly.decode import Imm, Instruction, Mem, Operand, Reg
from superopt_cc.assembly.registers import PARTS

_CONDITIONS: dict[str, Callable[[dict[str, bool]], bool]] = {
    "e": lambda f: f["z"],
    "b": lambda f: f["c"],
    "be": lambda f: f["c"] or f["z"],
    "l": lambda f: f["s"] != f["o"],
    "le": lambda f: f["z"] or f["s"] != f["o"],
    "s": lambda f: f["s"],
}
_NEGATED = {"ne": "e", "ae": "b", "a": "be", "ge": "l", "g": "le", "ns": "s"}


class Endless(Exception):
    """Too many steps."""


class Machine:
    """Registers and flags; `undefined` is what a scan of 0 leaves."""

    def __init__(self, registers: dict[str, int], undefined: int) -> None:
        self.registers = registers
        self.flags = dict.fromkeys("zsco", False)
        self.undefined = undefined

    def run(self, code: Sequence[Instruction], steps: int = 400) -> int:
        """%rax at the return.  Raises Endless."""
        at = {item.address: i for i, item in enumerate(code)}
        i = 0
        for _ in range(steps):
            item = code[i]
            if item.name == "ret":
                return self.registers["rax"]
            i += 1
            if item.name.startswith("j"):
                if item.name == "jmp" or self.holds(item.name[1:]):
                    assert item.destination is not None
                    i = at[item.destination]
            else:
                self.step(item)
        raise Endless

    def holds(self, condition: str) -> bool:
        if condition in _NEGATED:
            return not self.holds(_NEGATED[condition])
        return _CONDITIONS[condition](self.flags)

    def read(self, operand: Operand, size: int) -> int:
        if isinstance(operand, Imm):
            return operand.value & (1 << 8 * size) - 1
        if isinstance(operand, Mem):
            total = operand.disp
            for name, by in ((operand.base, 1), (operand.index, operand.scale)):
                total += self.registers[name] * by if name else 0
            return total & (1 << 8 * size) - 1
        parent, mask = PARTS[operand.name]
        return self.registers[parent] >> (8 if mask == 2 else 0) & (1 << 8 * operand.size) - 1

    def write(self, operand: Operand, value: int) -> None:
        assert isinstance(operand, Reg)
        parent, mask = PARTS[operand.name]
        if operand.size >= 4:
            self.registers[parent] = value & (1 << 8 * operand.size) - 1
            return
        shift = 8 if mask == 2 else 0
        hole = (1 << 8 * operand.size) - 1 << shift
        self.registers[parent] = self.registers[parent] & ~hole | value << shift & hole

    def step(self, item: Instruction) -> None:
        first, *rest = item.operands
        a = self.read(first, first.size)
        b = self.read(rest[0], first.size) if rest else 0
        moved = self.moved(item, a, b)
        if moved is not None:
            self.write(first, moved)
            return
        result = self.computed(item.name, 8 * first.size, a, b)
        if item.name not in ("cmp", "test"):
            self.write(first, result)

    def moved(self, item: Instruction, a: int, b: int) -> int | None:
        """The result of an instruction that leaves the flags alone, or of a scan."""
        name, operands = item.name, item.operands
        if name in ("mov", "movabs", "lea", "movzx"):
            return b
        if name in ("movsx", "movsxd"):
            bits = 8 * operands[1].size
            return b - (1 << bits) if b >> bits - 1 else b
        if name.startswith("cmov"):
            return b if self.holds(name[4:]) else a
        if name.startswith("set"):
            return int(self.holds(name[3:]))
        if name == "not":
            return ~a
        if name in ("bsf", "bsr", "tzcnt"):
            self.flags["z"] = b == 0
            found = b if name == "bsr" else b & -b
            return found.bit_length() - 1 if b else self.undefined
        return None

    def computed(self, name: str, bits: int, a: int, b: int) -> int:
        """The result of arithmetic and logic, which set all flags."""
        top = 1 << bits - 1
        carry = over = False
        if name in ("add", "inc"):
            b = b if name == "add" else 1
            result = a + b
            carry, over = result >> bits > 0, bool((a ^ result) & (b ^ result) & top)
        elif name in ("sub", "cmp", "dec", "neg"):
            a, b = (0, a) if name == "neg" else (a, b if name != "dec" else 1)
            result = a - b
            carry, over = a < b, bool((a ^ b) & (a ^ result) & top)
        elif name in ("shl", "shr", "sar"):
            signed = a - (1 << bits) if name == "sar" and a & top else a
            result = a << b if name == "shl" else signed >> b
        else:
            result = {"and": a & b, "test": a & b, "or": a | b, "xor": a ^ b}[name]
        result &= (1 << bits) - 1
        if name in ("inc", "dec"):
            carry = self.flags["c"]
        self.flags = {"z": result == 0, "s": bool(result & top), "c": carry, "o": over}
        return result
