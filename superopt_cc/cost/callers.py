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
    WIDE = "wide"  # %ymm0
    MIXED = "mixed"  # %rax and %xmm0
    EXTENDED = "extended"  # %st(0)
    EXTENDEDS = "extendeds"  # %st(1) as well
    MEMORY = "memory"


@dataclasses.dataclass(frozen=True, slots=True)
class Words:
    """How one call's argument words lie: byte offsets from their 16-byte aligned start.

    Word 0 is the address of a byte that the call writes, word 1 that of its first answer, then
    `integers` words, `stack` words, and `floats` of `vector` bytes each: 16, or 32 where one is
    passed with its upper half.
    """

    integers: int
    floats: int
    stack: int
    vector: int = 16

    @property
    def name(self) -> str:
        """What registers that pass vectors are called."""
        return "ymm" if self.vector > 16 else "xmm"

    @property
    def stack_at(self) -> int:
        return 16 + 8 * self.integers

    @property
    def floats_at(self) -> int:
        return _round16(self.stack_at + 8 * self.stack)

    @property
    def stride(self) -> int:
        return self.floats_at + self.vector * self.floats


def _round16(value: int) -> int:
    return (value + 15) & ~15


def _load(words: Words, *, answers: bool) -> list[str]:
    lines = [f"\tmovq\t{16 + 8 * i}(%r12), %{_INTEGERS[i]}" for i in range(words.integers)]
    # Two words at once: a long double that is loaded again must not wait for two stores.
    for i in range(0, words.stack - 1, 2):
        lines.append(f"\tmovups\t{words.stack_at + 8 * i}(%r12), %xmm0")
        lines.append(f"\tmovups\t%xmm0, {8 * i}(%rsp)")
    if words.stack % 2:
        lines.append(f"\tmovq\t{words.stack_at + 8 * (words.stack - 1)}(%r12), %rax")
        lines.append(f"\tmovq\t%rax, {8 * (words.stack - 1)}(%rsp)")
    move = "vmovups" if words.vector > 16 else "movups"
    for i in range(words.floats):
        lines.append(f"\t{move}\t{words.floats_at + words.vector * i}(%r12), %{words.name}{i}")
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
        if words.vector > 16:
            return ["\tvmovq\t%rbp, %xmm15", "\tvorps\t%ymm15, %ymm0, %ymm0"]
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
        case Result.WIDE:
            lines = ["\tvextractf128\t$1, %ymm0, %xmm1", "\tvorps\t%xmm1, %xmm0, %xmm0",
                     "\tvmovq\t%xmm0, %rbp", "\tvzeroupper"]  # fmt: skip
        case Result.MIXED:
            lines = ["\tmovq\t%xmm0, %rbp", "\torq\t%rax, %rbp"]
        case Result.EXTENDED:
            lines = ["\tfstpt\t-16(%rsp)", "\tmovq\t-16(%rsp), %rbp"]
        case Result.EXTENDEDS:
            lines = ["\tfaddp", "\tfstpt\t-16(%rsp)", "\tmovq\t-16(%rsp), %rbp"]
        case Result.MEMORY:
            lines = ["\tmovq\t(%r12), %rcx", "\tmovzbl\t(%rcx), %ebp"]
    return [*lines, "\tandq\t%r15, %rbp"]


def _dropped(result: Result) -> list[str]:
    """What takes a result off the x87 stack, or out of upper halves that slow down what follows."""
    if result is Result.WIDE:
        return ["\tvzeroupper"]
    many = {Result.EXTENDED: 1, Result.EXTENDEDS: 2}.get(result, 0)
    return ["\tfstp\t%st(0)"] * many


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
    dropped = _dropped(result)
    after = [*dropped, "\tlfence"] if wait == ["\tlfence"] else _result(result)
    return (
        "\t.text\n"
        + _loop(THROUGHPUT, words, [], dropped, answers=answers)
        + _loop(LATENCY, words, [] if wait == ["\tlfence"] else wait, after, answers=answers)
        + '\t.section\t.note.GNU-stack,"",@progbits\n'
    )
