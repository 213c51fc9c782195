"""Reading operands of AT&T instructions as far as stack tracking needs them."""

from __future__ import annotations

import dataclasses
import re

from superopt_cc.assembly.statements import split_operands, split_statement

CALLEE_SAVED = ("rbx", "rbp", "r12", "r13", "r14", "r15")
_NAMES = {
    **dict.fromkeys(("rbx", "ebx", "bx", "bl", "bh"), "rbx"),
    **dict.fromkeys(("rbp", "ebp", "bp", "bpl"), "rbp"),
    **dict.fromkeys(("rsp", "esp", "sp", "spl"), "rsp"),
    **{f"r{i}{s}": f"r{i}" for i in (12, 13, 14, 15) for s in ("", "d", "w", "b")},
}
_MEMORY = re.compile(r"(-?\d*)\(%(rsp|rbp)\)")
_INDEXED = re.compile(r".*\(%(rsp|rbp),")
_NUMBER = re.compile(r"\$(-?(?:0[xX][0-9a-fA-F]+|\d+))")
_SUFFIXED = frozenset(
    (
        *("push", "pop", "sub", "add", "lea", "mov", "and", "leave", "ret", "call", "jmp", "xchg"),
        *("or", "test", "cmp", "pushf", "popf", "enter", "xadd", "cmpxchg", "xor", "adc", "sbb"),
        *("inc", "dec", "neg", "not", "shl", "shr", "sar", "sal", "rol", "ror", "rcl", "rcr"),
    )
)
_READ_ONLY = re.compile(
    r"(cmp|test|push|bt|call|div|idiv|mul)[bwlq]?|v?u?comis[sd]|v?ptest|vtestp[sd]|nop[wlq]?"
    r"|prefetch\w*|j\w+"
)
_BOTH_WRITTEN = frozenset(("xchg", "xadd", "mulx", "cmpxchg"))
_SCALAR = re.compile(r"v?(movss|movd|cvt\w*ss|extractps|pextrd)")
_DOUBLE = re.compile(r"v?(movsd|movq|movlps|movhps|movlpd|movhpd|pextrq)")


@dataclasses.dataclass(frozen=True, slots=True)
class Parsed:
    """An instruction: base mnemonic without size suffix or prefix, and its operands."""

    mnemonic: str
    raw: str
    operands: tuple[str, ...]

    @property
    def last(self) -> str:
        return self.operands[-1] if self.operands else ""


@dataclasses.dataclass(frozen=True, slots=True)
class Slot:
    """`displacement(%base)` without an index; base is "rsp" or "rbp"."""

    base: str
    displacement: int


def parse(statement: str) -> Parsed:
    """Mnemonic and operands of a tidied instruction."""
    head, rest = split_statement(statement.strip())
    raw = head.rsplit(" ", 1)[-1]
    base = raw[:-1] if raw[-1:] in "bwlq" and raw[:-1] in _SUFFIXED else raw
    return Parsed(base, raw, tuple(split_operands(rest)))


def register(operand: str) -> str | None:
    """`rsp` or the callee-saved register that a register operand is a part of."""
    return _NAMES.get(operand[1:]) if operand.startswith("%") else None


def immediate(operand: str) -> int | None:
    match = _NUMBER.fullmatch(operand)
    return int(match.group(1), 0) if match else None


def slot(operand: str) -> Slot | None:
    """The stack slot that a memory operand surely names."""
    match = _MEMORY.fullmatch(operand)
    if match is None:
        return None
    text = match.group(1)
    return Slot(match.group(2), int(text) if text and text != "-" else 0)


def indexed(operand: str) -> bool:
    """True for a stack operand with an index register."""
    return _INDEXED.match(operand) is not None


def written(parsed: Parsed) -> tuple[str, ...]:
    """Register operands that may be written: `rsp` and callee-saved registers only."""
    if parsed.mnemonic in _BOTH_WRITTEN:
        places = parsed.operands
    elif len(parsed.operands) < 2 and parsed.mnemonic in ("pop", "push"):
        places = parsed.operands if parsed.mnemonic == "pop" else ()
    elif _READ_ONLY.fullmatch(parsed.raw):
        places = ()
    else:
        places = parsed.operands[-1:]
    found = [register(p) for p in places]
    if parsed.mnemonic in ("cpuid",) or parsed.raw == "cmpxchg16b":
        found.append("rbx")
    return tuple(f for f in found if f)


def width(parsed: Parsed) -> int:
    """Bytes that a memory operand of this instruction has at most."""
    text = " ".join(parsed.operands)
    if "%zmm" in text:
        return 64
    if "%ymm" in text:
        return 32
    if "%xmm" in text:
        if _SCALAR.fullmatch(parsed.raw):
            return 4
        return 8 if _DOUBLE.fullmatch(parsed.raw) else 16
    if parsed.mnemonic != parsed.raw:
        return {"b": 1, "w": 2, "l": 4, "q": 8}[parsed.raw[-1]]
    if parsed.raw.startswith("set"):
        return 1
    if parsed.raw.startswith("f"):
        return _x87_width(parsed.raw)
    return 16 if parsed.raw.startswith("cmpxchg16") else 8


def _x87_width(name: str) -> int:
    if name.endswith("cw"):
        return 2
    if name.startswith("fi"):
        return {"s": 2, "l": 8 if name.endswith("ll") else 4, "q": 8}.get(name[-1], 16)
    return {"s": 4, "l": 8, "t": 10}.get(name[-1], 16)


def only_reads(parsed: Parsed) -> bool:
    """Does its last operand stay as it is, if that is memory?"""
    x87 = parsed.raw.startswith("f") and not parsed.raw.startswith(("fst", "fist", "fnst"))
    return x87 or parsed.mnemonic in ("cmp", "test", "lea")
