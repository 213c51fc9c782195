"""Register names: which parent register a name belongs to, and which of its bytes it means.

Parents are rax..r15 (8 bytes), zmm0..zmm31 (64 bytes), k0..k7 (8 bytes), mxcsr (4 bytes), and x87,
one for the whole unit: its registers lie on a stack, which `x87stack` follows (one byte each).
A set of bytes is an integer mask: bit n stands for byte n.  `Parts` maps parents to masks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Parts = Mapping[str, int]

GPR = (
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
)  # fmt: skip
VECTORS = tuple(f"zmm{n}" for n in range(32))
X87 = "x87"
MASKS = tuple(f"k{n}" for n in range(8))
FLAGS = "oszapc"  # overflow, sign, zero, adjust, parity, carry; "d" is the direction flag

CALLEE_SAVED = frozenset({"rbx", "rbp", "rsp", "r12", "r13", "r14", "r15"})
CALLER_SAVED = frozenset((*GPR, *VECTORS, *MASKS, X87)) - CALLEE_SAVED

FULL = {
    **dict.fromkeys((*GPR, *MASKS), 255),
    **dict.fromkeys(VECTORS, (1 << 64) - 1),
    "mxcsr": 0xF,
    X87: 0xFF,
}
LOW16 = 0xFFFF  # an xmm register within its zmm parent
UPPER = FULL["zmm0"] & ~LOW16


def _build() -> dict[str, tuple[str, int]]:
    parts = {name: (name, mask) for name, mask in FULL.items()}
    for short in ("ax", "cx", "dx", "bx"):
        parts["e" + short] = ("r" + short, 0xF)
        parts[short] = ("r" + short, 0x3)
        parts[short[0] + "l"] = ("r" + short, 0x1)
        parts[short[0] + "h"] = ("r" + short, 0x2)
    for short in ("sp", "bp", "si", "di"):
        parts["e" + short] = ("r" + short, 0xF)
        parts[short] = ("r" + short, 0x3)
        parts[short + "l"] = ("r" + short, 0x1)
    for n in range(8, 16):
        for suffix, mask in (("d", 0xF), ("w", 0x3), ("b", 0x1)):
            parts[f"r{n}{suffix}"] = (f"r{n}", mask)
    for n in range(32):
        parts[f"xmm{n}"] = (f"zmm{n}", LOW16)
        parts[f"ymm{n}"] = (f"zmm{n}", (1 << 32) - 1)
    for n in range(8):
        parts[f"st({n})"] = (X87, FULL[X87])
    return parts


PARTS: Mapping[str, tuple[str, int]] = _build()


def part(name: str) -> tuple[str, int] | None:
    """(parent, byte mask) of a register name in Intel spelling; None for any other register."""
    return PARTS.get(name)


def union(*many: Parts) -> dict[str, int]:
    """All bytes of all the given parts."""
    result: dict[str, int] = {}
    for parts in many:
        for name, mask in parts.items():
            result[name] = result.get(name, 0) | mask
    return result


def clobber_names(parts: Parts) -> Iterable[str]:
    """Names for a clobber set: rax, k1, xmm3, and apart from it ymm3-high and zmm3-high."""
    for name, mask in parts.items():
        if not name.startswith("zmm"):
            yield name
            continue
        number = name[3:]
        for label, piece in (
            (f"xmm{number}", LOW16),
            (f"ymm{number}-high", 0xFFFF << 16),
            (f"zmm{number}-high", 0xFFFFFFFF << 32),
        ):
            if mask & piece:
                yield label
