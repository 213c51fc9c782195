"""The loops that call a function under test, as assembly text: only what its calls need.

The cycle counter is read with fences around it.  In the *throughput* shape the calls are
independent; in the *latency* shape each call waits for the result of the one before (design 6).
A call's argument words lie one after the other: see `Words`.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum

THROUGHPUT = "superopt.time.throughput"
LATENCY = "superopt.time.latency"
ANSWER = "superopt.time.answer"

_INTEGERS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")


class Result(StrEnum):
    """Where a function's result shows up: in registers, or only in memory (void)."""

    INTEGER = "integer"  # %rax
    INTEGERS = "integers"  # %rdx as well
    FLOAT = "float"  # %xmm0
    FLOATS = "floats"  # %xmm1 as well
    MIXED = "mixed"  # %rax and %xmm0
    MEMORY = "memory"


@dataclasses.dataclass(frozen=True, slots=True)
class Words:
    """How one call's argument words lie: byte offsets from their 16-byte aligned start.

    Word 0 is the address of a byte that the call writes, word 1 that of its first answer, then
    `integers` words, `stack` words, and `floats` of 16 bytes each.
    """

    integers: int
    floats: int
    stack: int

    @property
    def stack_at(self) -> int:
        return 16 + 8 * self.integers

    @property
    def floats_at(self) -> int:
        return _round16(self.stack_at + 8 * self.stack)

    @property
    def stride(self) -> int:
        return self.floats_at + 16 * self.floats


def _round16(value: int) -> int:
    return (value + 15) & ~15


def _load(words: Words, *, answers: bool) -> list[str]:
    lines = [f"\tmovq\t{16 + 8 * i}(%r12), %{_INTEGERS[i]}" for i in range(words.integers)]
    for i in range(words.stack):
        lines.append(f"\tmovq\t{words.stack_at + 8 * i}(%r12), %rax")
        lines.append(f"\tmovq\t%rax, {8 * i}(%rsp)")
    lines += [f"\tmovups\t{words.floats_at + 16 * i}(%r12), %xmm{i}" for i in range(words.floats)]
    if answers:
        lines += ["\tmovq\t8(%r12), %rax", f"\tmovq\t%rax, {ANSWER}(%rip)"]
    # A variadic function reads the number of vector registers from %al.
    lines.append(f"\tmovl\t${words.floats}, %eax")
    return lines


def _wait(words: Words, chained: int) -> list[str]:
    """Make the next call's arguments wait for %rbp, which is zero but only at run time."""
    if words.integers:
        return [f"\taddq\t%rbp, %{_INTEGERS[chained]}"]
    if words.floats:
        return ["\tmovq\t%rbp, %xmm15", "\torps\t%xmm15, %xmm0"]
    return ["\tlfence"]


def _result(result: Result) -> list[str]:
    """%rbp = the call's result & 0, computed so that the processor has to wait for it."""
    match result:
        case Result.INTEGER:
            lines = ["\tmovq\t%rax, %rbp"]
        case Result.INTEGERS:
            lines = ["\tleaq\t(%rax,%rdx), %rbp"]
        case Result.FLOAT:
            lines = ["\tmovq\t%xmm0, %rbp"]
        case Result.FLOATS:
            lines = ["\tmovq\t%xmm0, %rbp", "\tmovq\t%xmm1, %rcx", "\torq\t%rcx, %rbp"]
        case Result.MIXED:
            lines = ["\tmovq\t%xmm0, %rbp", "\torq\t%rax, %rbp"]
        case Result.MEMORY:
            lines = ["\tmovq\t(%r12), %rcx", "\tmovzbl\t(%rcx), %ebp"]
    return [*lines, "\tandq\t%r15, %rbp"]


def _loop(label: str, words: Words, before: list[str], after: list[str], *, answers: bool) -> str:
    """uint64_t label(entry %rdi, words %rsi, end %rdx, stack %rcx): cycles for all calls."""
    saved = ("rbx", "rbp", "r12", "r13", "r14", "r15")
    frame = 8 + _round16(8 * words.stack)
    counter = ["\tshlq\t$32, %rdx", "\torq\t%rdx, %rax"]
    lines = [
        f"\t.globl\t{label}", f"\t.type\t{label}, @function", "\t.p2align\t6", f"{label}:",
        *(f"\tpushq\t%{r}" for r in saved),
        "\tmovq\t%rsp, %rax", "\tmovq\t%rcx, %rsp", "\tpushq\t%rax", f"\tsubq\t${frame}, %rsp",
        "\tmovq\t%rdi, %rbx", "\tmovq\t%rsi, %r12", "\tmovq\t%rdx, %r13",
        "\txorl\t%r15d, %r15d", "\txorl\t%ebp, %ebp",
        "\tlfence", "\trdtsc", "\tlfence", *counter, "\tmovq\t%rax, %r14",
        "\t.p2align\t6", "1:",
        *_load(words, answers=answers), *before, "\tcall\t*%rbx", *after,
        f"\taddq\t${words.stride}, %r12", "\tcmpq\t%r13, %r12", "\tjne\t1b",
        "\trdtscp", "\tlfence", *counter, "\tsubq\t%r14, %rax",
        f"\taddq\t${frame}, %rsp", "\tpopq\t%rsp",
        *(f"\tpopq\t%{r}" for r in reversed(saved)),
        "\tret", f"\t.size\t{label}, .-{label}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def caller_text(words: Words, result: Result, chained: int, *, answers: bool) -> str:
    """Both loops.  `chained` is the integer argument that carries the latency chain; `answers`
    whether stubs need each call's answers.
    """
    wait = _wait(words, chained)
    after = ["\tlfence"] if wait == ["\tlfence"] else _result(result)
    return (
        "\t.text\n"
        + _loop(THROUGHPUT, words, [], [], answers=answers)
        + _loop(LATENCY, words, [] if wait == ["\tlfence"] else wait, after, answers=answers)
        + '\t.section\t.note.GNU-stack,"",@progbits\n'
    )
