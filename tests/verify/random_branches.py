"""Random functions full of comparisons, and a native harness that reports what they do.

Each function exists twice: as it is, for the analysis, and with a report of flags and registers
before every instruction.  Runs end at `ret`, at a fault, or after so many reports.
"""

from __future__ import annotations

import dataclasses
import random
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from superopt_cc.assembly.decode import Instruction, decode_function
from superopt_cc.toolchain.tools import assemble

Rows = npt.NDArray[np.uint64]

_NAMES = {"rax": ("al", "ax", "eax", "rax"), "rcx": ("cl", "cx", "ecx", "rcx"),
          "rdx": ("dl", "dx", "edx", "rdx"), "rsi": ("sil", "si", "esi", "rsi"),
          "rdi": ("dil", "di", "edi", "rdi"), "rbx": ("bl", "bx", "ebx", "rbx"),
          "r8": ("r8b", "r8w", "r8d", "r8"), "r12": ("r12b", "r12w", "r12d", "r12")}  # fmt: skip
_HIGH = {"rax": "ah", "rcx": "ch", "rdx": "dh", "rbx": "bh"}
_SUFFIX, _BITS = "bwlq", (8, 16, 32, 64)
_CONDITIONS = ("e", "ne", "l", "ge", "le", "g", "b", "ae", "be", "a", "s", "ns")
_RARE = (*_CONDITIONS, "o", "no", "p", "np")
_NUMBERS = (0, 0, 1, 1, -1, 2, -2, 3, 5, 7, 8, 15, 16, 31, 63, 64, 100, 127, 128, -128, -129, 255,
            256, 32767, -32768, 65535, 65536, 2**31 - 1, -(2**31), 1 - 2**31)  # fmt: skip
_WORDS = (*_NUMBERS, 2**31, 2**32 - 1, 2**32, 2**32 + 5, 2**63 - 1, -(2**63), -(2**32),
          -(2**31) - 1, 2**62)  # fmt: skip
_REPORTS, _COLUMNS = 80, 18
_STACK = 0x5555AAAA5555AAAA  # stands for an address of the stack in the inputs


class Writer:
    """Random instructions over a few registers."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._registers: list[str] = []

    def function(self, name: str) -> list[str]:
        """Instructions and labels; `%s` stands for the name in labels."""
        pick = self.random.choice
        self._registers = self.random.sample(list(_NAMES), self.random.randint(2, 5))
        count, labels = self.random.randint(6, 20), self.random.randint(1, 4)
        lines = [
            f"j{pick((*_CONDITIONS, *_RARE, 'mp'))} .L{name}_{self.random.randrange(labels)}"
            if self.random.random() < 0.2 else self.line()
            for _ in range(count)
        ]  # fmt: skip
        for label in range(labels):
            lines.insert(self.random.randint(0, len(lines)), f".L{name}_{label}:")
        return [*self._guards(f".L{name}_end"), *lines, f".L{name}_end:", "ret"]

    def _guards(self, end: str) -> list[str]:
        """Only what is known at all can be claimed wrongly: most registers are bounded first."""
        found = []
        for name in self._registers:
            width = self.random.choice((2, 2, 3))
            register, other = "%" + _NAMES[name][width], self._register(width)
            most = self.random.choice((3, 7, 100, 127, 255, 65535, 2**31 - 1))
            jump = self.random.choice(("a", "g", "ge", "l", "le", "e"))
            found += self.random.choice((
                [f"and{_SUFFIX[width]} ${most}, {register}"],
                [f"and{_SUFFIX[width]} ${most}, {register}"],
                [f"cmp{_SUFFIX[width]} ${most}, {register}", f"ja {end}"],
                [f"cmp{_SUFFIX[width]} ${most}, {register}", f"ja {end}"],
                [f"test{_SUFFIX[width]} {register}, {register}", f"j{jump} {end}"],
                [f"cmp{_SUFFIX[width]} {other}, {register}", f"j{jump} {end}"],
            ))  # fmt: skip
        return found

    def line(self) -> str:
        width = self.random.choice((0, 1, 2, 2, 2, 2, 3, 3, 3))
        kinds = (self._compare, self._compare, self._compare, self._two, self._two, self._two,
                 self._two, self._one, self._one, self._shift, self._shift, self._lea,
                 self._extend, self._choose, self._other)  # fmt: skip
        return self.random.choice(kinds)(width)

    def _register(self, width: int) -> str:
        return "%" + _NAMES[self.random.choice(self._registers)][width]

    def _low(self, width: int) -> str:
        """A register, or bits 8 to 15 of one."""
        high = [_HIGH[r] for r in self._registers if r in _HIGH]
        if width == 0 and high and self.random.random() < 0.25:
            return "%" + self.random.choice(high)
        return self._register(width)

    def _memory(self) -> str:
        if self.random.random() < 0.92:
            return f"{self.random.choice((-8, -12, -16, -23, -24, -32, -40))}(%rsp)"
        return f"{self.random.choice((0, 4, 8, -4, 64, -128))}({self._register(3)})"

    def _pair(self, width: int) -> tuple[str, str]:
        """A target and a source that one instruction may name."""
        target, source = self._low(width), self._low(width)
        high = any(r[1:] in _HIGH.values() for r in (target, source))
        if high and any(r[1:] in ("sil", "dil", "r8b", "r12b") for r in (target, source)):
            return self._pair(width)
        half = 1 << min(_BITS[width], 32) - 1
        number = (self.random.choice(_NUMBERS) + half) % (2 * half) - half
        chance = self.random.random()
        return target, f"${number}" if chance < 0.45 else source if chance < 0.9 else self._memory()

    def _compare(self, width: int) -> str:
        target, source = self._pair(width)
        if self.random.random() < 0.7:
            return f"cmp{_SUFFIX[width]} {source}, {target}"
        same = self.random.random() < 0.6 or "(" in source
        return f"test{_SUFFIX[width]} {target if same else source}, {target}"

    def _two(self, width: int) -> str:
        names = ("add", "add", "sub", "sub", "and", "or", "xor", "mov", "mov", "mov", "adc", "sbb")
        target, source = self._pair(width)
        if self.random.random() < 0.04:
            return f"mov{_SUFFIX[width]} {target}, {self._memory()}"
        return f"{self.random.choice(names)}{_SUFFIX[width]} {source}, {target}"

    def _one(self, width: int) -> str:
        name = self.random.choice(("inc", "dec", "neg", "not"))
        return f"{name}{_SUFFIX[width]} {self._low(width)}"

    def _shift(self, width: int) -> str:
        top = _BITS[width] - 1
        by = self.random.choice((1, 1, 2, 3, 7, top, top, "%cl"))
        name = self.random.choice(("shl", "shr", "sar"))
        return f"{name}{_SUFFIX[width]} {by if by == '%cl' else f'${by}'}, {self._low(width)}"

    def _lea(self, width: int) -> str:
        pick, disp = self.random.choice, self.random.choice((*_NUMBERS[:12], *_NUMBERS[-3:]))
        index = f"{self._register(3)},{pick((1, 2, 4, 8))}"
        base = pick((self._register(3), f"{self._register(3)},{index}", f",{index}"))
        return f"lea {disp}({base}), {self._register(max(width, 2))}"

    def _extend(self, width: int) -> str:
        if self.random.random() < 0.25:
            return f"movslq {self._register(2)}, {self._register(3)}"
        short = self.random.choice((0, 0, 1))
        width, name = max(width, short + 1), self.random.choice(("movz", "movs"))
        source = self._memory() if self.random.random() < 0.15 else self._register(short)
        return f"{name}{_SUFFIX[short]}{_SUFFIX[width]} {source}, {self._register(width)}"

    def _choose(self, width: int) -> str:
        condition = self.random.choice(_RARE)
        if width == 0:
            return f"set{condition} {self._low(0)}"
        source = self._memory() if self.random.random() < 0.1 else self._register(width)
        return f"cmov{condition} {source}, {self._register(width)}"

    def _other(self, width: int) -> str:
        width = max(width, 2)
        one, other, long = self._register(width), self._register(width), self._register(3)
        s = _SUFFIX[width]
        return self.random.choice((
            f"imul {one}, {other}", f"imul $-3, {one}, {other}", "cltq", "cltd", "cqto", "cwtl",
            f"mul{s} {one}", f"{self.random.choice(('div', 'idiv'))}{s} {one}",
            f"xchg {one}, {other}", f"bt $3, {one}", f"bswap {one}", f"popcnt {one}, {other}",
            f"tzcnt {one}, {other}", f"bsf {one}, {other}", f"shld $3, {one}, {other}",
            "stc", "clc", "cmc", f"push {long}", f"pop {long}", "call scramble", "call scramble",
            "xorl %eax, %eax",
        ))  # fmt: skip


# Registers go to the cursor in the order of the analysis: the position of the instruction, flags,
# rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15.
_SAVED = ("rbx", "rbp", "r12", "r13", "r14", "r15")
_PLACES = (("rdx", 32), ("rbx", 40), ("rbp", 56), ("rsi", 64), ("rdi", 72),
           *((f"r{n}", 16 + 8 * n) for n in range(8, 16)))  # fmt: skip
_REPORT = "lea -256(%rsp), %rsp\npushfq\npushq ${}\ncall report\nlea 8(%rsp), %rsp\npopfq\n" \
          "lea 256(%rsp), %rsp"  # fmt: skip
_HARNESS = "\n".join((
    "report: push %rax", "push %rcx", "mov cursor(%rip), %rax", "cmp limit(%rip), %rax",
    "jae finish", *(f"mov {a}(%rsp), %rcx\nmov %rcx, {b}(%rax)"
                    for a, b in ((24, 0), (32, 8), (8, 16), (0, 24))),
    *(f"mov %{r}, {at}(%rax)" for r, at in _PLACES), "lea 296(%rsp), %rcx", "mov %rcx, 48(%rax)",
    f"addq ${8 * _COLUMNS}, cursor(%rip)", "pop %rcx", "pop %rax", "ret",
    # What a callee may destroy.
    "scramble: mov state(%rip), %rax", "imul $1103515245, %rax, %rax", "add $12345, %rax",
    "mov %rax, state(%rip)", "mov %rax, %rcx", "rol $17, %rcx", "mov %rcx, %rdx", "neg %rdx",
    "movslq %ecx, %rsi", "mov %eax, %edi", "lea (%rax,%rcx,2), %r8",
    *(f"mov %r8, %r{n}" for n in (9, 10, 11)), "imul %rdx, %rax", "cmp %rdx, %rax", "ret",
    # enter(function, registers, stack)
    ".globl enter", "enter:", *(f"push %{r}" for r in _SAVED), "mov %rsp, saved(%rip)",
    "mov %rdx, %rsp", "push %rdi", "mov %rsi, %rax",
    *(f"mov {at - 16}(%rax), %{r}" for r, at in _PLACES), "mov 8(%rax), %rcx", "mov (%rax), %rax",
    "ret", ".globl finish", "finish: mov saved(%rip), %rsp",
    *(f"pop %{r}" for r in reversed(_SAVED)), "ret", ".comm cursor,8", ".comm limit,8",
    ".comm state,8", ".comm saved,8", '.section .note.GNU-stack,"",@progbits', ".text",
))  # fmt: skip
_MAIN = """
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>
#define MIDDLE (sizeof stack / 2)
extern char *cursor, *limit;
extern unsigned long state;
extern void (*const functions[])(void);
void finish(void);
void enter(void (*f)(void), const unsigned long *registers, char *stack);
static union { char bytes[1 << 14]; unsigned long words[1 << 11]; } stack;
static char reports[REPORT_BYTES], other[1 << 15];

static void leave(int number, siginfo_t *info, void *context)
{
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (long)finish;
    (void)number, (void)info;
}

int main(int count, char **names)
{
    stack_t aside = { .ss_sp = other, .ss_size = sizeof other };
    struct sigaction action = { .sa_sigaction = leave,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    sigaltstack(&aside, 0);
    sigaction(SIGSEGV, &action, 0);
    sigaction(SIGBUS, &action, 0);
    sigaction(SIGFPE, &action, 0);
    FILE *in = fopen(names[count - 2], "rb"), *out = fopen(names[count - 1], "wb");
    unsigned long head[2], registers[16];
    while (fread(head, 8, 2, in) == 2 && fread(registers, 8, 16, in) == 16) {
        for (int i = 0; i < 16; i++)
            if (registers[i] == 0x5555aaaa5555aaaa)
                registers[i] = (unsigned long)(stack.bytes + MIDDLE);
        for (unsigned i = 0; i < sizeof stack / 8; i++)
            stack.words[i] = registers[i % 5] ^ (i & 64 ? 0 : head[1]);
        cursor = reports, limit = reports + sizeof reports, state = head[1];
        enter(functions[head[0]], registers, stack.bytes + MIDDLE);
        head[1] = (unsigned long)(cursor - reports);
        fwrite(head, 8, 2, out);
        fwrite(reports, 1, head[1], out);
    }
    return fclose(out);
}
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Ran:
    """A function and its runs: rows of position, flags and the sixteen registers."""

    body: tuple[Instruction, ...]
    runs: Sequence[Rows]


def ran(folder: Path, seed: int, count: int, inputs: int) -> list[Ran]:
    """Random functions, run on so many inputs each."""
    writer = Writer(seed)
    functions = [writer.function(f"f{n}") for n in range(count)]
    plain = [".text", "scramble: ret"]
    reporting = [".text", _HARNESS]
    for n, lines in enumerate(functions):
        plain += [f".type f{n}, @function", f"f{n}:", *lines, f".size f{n}, .-f{n}"]
        reporting += [f"f{n}:", *_reporting(lines)]
    table = "\n.quad ".join((".globl functions\nfunctions:", *(f"f{n}" for n in range(count))))
    assemble("\n".join(plain) + "\n", folder / "plain.o")
    (folder / "functions.s").write_text("\n".join((*reporting, ".data", table, "")))
    (folder / "main.c").write_text(_MAIN)
    (folder / "in").write_bytes(b"".join(_inputs(writer.random, count, inputs)))
    sources = [folder / "main.c", folder / "functions.s"]
    size = f"-DREPORT_BYTES={8 * _COLUMNS * _REPORTS}"
    subprocess.run(["gcc", "-no-pie", size, "-o", folder / "main", *sources], check=True)
    subprocess.run([folder / "main", folder / "in", folder / "out"], check=True, timeout=60)
    runs = _read((folder / "out").read_bytes(), count)
    data = (folder / "plain.o").read_bytes()
    return [Ran(decode_function(data, f"f{n}"), runs[n]) for n in range(count)]


def _reporting(lines: Sequence[str]) -> list[str]:
    found, position = [], 0
    for line in lines:
        if not line.endswith(":"):
            found.append(_REPORT.format(position))
            position += 1
        found.append("jmp finish" if line == "ret" else line)
    return found


def _inputs(chance: random.Random, count: int, inputs: int) -> list[bytes]:
    found = []
    for n in range(count * inputs):
        words = [
            (chance.choice(_WORDS) if chance.random() < 0.7 else chance.getrandbits(64))
            + (chance.randint(-3, 3) if chance.random() < 0.3 else 0)
            for _ in range(16)
        ]
        if chance.random() < 0.6:  # many that are nearly equal
            near = words[0] if chance.random() < 0.3 else chance.randint(1, 90)
            words = [near + chance.randint(-1, 1) if chance.random() < 0.7 else w for w in words]
        if chance.random() < 0.5:
            words[chance.randrange(16)] = _STACK
        head = n // inputs, chance.getrandbits(60)
        found.append(struct.pack("<18Q", *head, *(w % (1 << 64) for w in words)))
    return found


def _read(data: bytes, count: int) -> list[list[Rows]]:
    found: list[list[Rows]] = [[] for _ in range(count)]
    at = 0
    while at < len(data):
        number, size = struct.unpack_from("<QQ", data, at)
        rows = np.frombuffer(data, dtype=np.uint64, count=size // 8, offset=at + 16)
        found[number].append(rows.reshape(-1, _COLUMNS))
        at += 16 + size
    return found
