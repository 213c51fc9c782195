"""Register names by width, as AT&T text spells them."""

from __future__ import annotations

SUFFIX = {1: "b", 2: "w", 4: "l", 8: "q"}
_LEGACY = {"rax": "ax", "rcx": "cx", "rdx": "dx", "rbx": "bx", "rsi": "si", "rdi": "di"}


def register(name: str, width: int) -> str:
    """`%eax` for ("rax", 4)."""
    short = _LEGACY.get(name)
    if short is None:
        return f"%{name}{ {1: 'b', 2: 'w', 4: 'd', 8: ''}[width] }"
    if width == 1:
        return f"%{short[0]}l" if short[1] == "x" else f"%{short}l"
    return f"%{ {2: '', 4: 'e', 8: 'r'}[width] }{short}"


def move(source: str, target: str, width: int = 8) -> str:
    """A copy between registers."""
    width = max(width, 4)
    return f"mov{SUFFIX[width]}\t{register(source, width)}, {register(target, width)}"
