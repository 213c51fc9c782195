"""A body that reports every instruction before it executes, without single steps.

A trap for every instruction costs microseconds, a call some nanoseconds.  Each instruction gets a
call of `superopt.trace` in front of it, which finds the site by its return address and changes
nothing: the stack pointer is first moved past the red zone, by an instruction that leaves the
flags alone.
"""

from __future__ import annotations

TRACE = "superopt.trace"
_BEFORE = ("\tleaq\t-128(%rsp), %rsp", f"\tcall\t{TRACE}", "\tleaq\t128(%rsp), %rsp")
# Bytes of the third: from the report's return address to the instruction itself.
RETURN_TO_SITE = 8


def can_instrument(statements: tuple[str, ...]) -> bool:
    """Not where a repeated comparison may stop at any iteration: a report sees only its start."""
    return not any(s.lstrip().startswith(("repe", "repne", "repz", "repnz")) for s in statements)


def instrument(code: str) -> str:
    """Rendered code with a report before each instruction; its constants stay as they are."""
    lines: list[str] = []
    aside = 0
    for line in code.splitlines():
        aside += line.startswith("\t.pushsection") - line.startswith("\t.popsection")
        if not aside and line.startswith("\t") and line[1:2] not in ("", "."):
            lines += _BEFORE
        lines.append(line)
    return "\n".join(lines) + "\n"


def trace_routine(tracer: str) -> str:
    """The routine: rip and the sixteen general registers go to the cursor at symbol `tracer`,
    136 bytes each; at the limit in the word behind it, a breakpoint."""
    first = ("rcx", 16), ("rdx", 24), ("rbx", 32), ("rbp", 48), ("rsi", 56), ("rdi", 64)
    others = tuple((f"r{n}", 8 + 8 * n) for n in range(8, 16))
    stores = [f"\tmovq\t%{register}, {at}(%rax)" for register, at in first + others]
    lines = [
        f"{TRACE}:", "\tpushfq", "\tpushq\t%rax", f"\tmovq\t{tracer}(%rip), %rax",
        f"\tcmpq\t{tracer}+8(%rip), %rax", "\tjae\t1f", *stores,
        "\tmovq\t16(%rsp), %rcx", "\tmovq\t%rcx, (%rax)",
        "\tmovq\t(%rsp), %rcx", "\tmovq\t%rcx, 8(%rax)",
        "\tleaq\t152(%rsp), %rcx", "\tmovq\t%rcx, 40(%rax)",
        "\tmovq\t16(%rax), %rcx", "\taddq\t$136, %rax", f"\tmovq\t%rax, {tracer}(%rip)",
        "\tpopq\t%rax", "\tpopfq", "\tret", "1:\tint3",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
