"""Rewrites that attack the verifier instead of doing their work: each falls, for the right reason.

Most attacks fall to a static rule before anything runs.  Those that a rule cannot see are run, and
fall because the process that runs them knows nothing worth finding.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from verifying import QUICK, body, compiled, job_for, verdict

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.cases import Blob, Case
from superopt_cc.toolchain import tools
from superopt_cc.types import Reason
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering.bench import Bench, body_label, start_runner
from superopt_cc.verify.judging.compare import Fields
from superopt_cc.verify.running.image import Addresses
from superopt_cc.verify.running.layout import SLOT_STRIDE, SLOTS, Style, encode_batch
from superopt_cc.verify.running.runner import Masks, Mode

ABSOLUTE = "int f(int x) { return x < 0 ? -x : x; }"
NEGATE = "movl %edi, %eax\nnegl %eax\ncmovsl %edi, %eax\n"
SUM = "int f(const int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; }"
ADD_UP = (
    "xorl %eax, %eax\ntestl %esi, %esi\njle .Le\nmovl %esi, %esi\n.Ll:\naddl (%rdi), %eax\n"
    "addq $4, %rdi\ndecq %rsi\njne .Ll\n.Le:\nret"
)
DIVIDE = "int f(int a, int b) { return a / b; }"
SHIFT_DOWN = "void f(int *p) { p[0] = p[1]; }"
MAYBE = "void f(int *p, const int *q) { if (*q) *p = 3; }"

# The read-only view of a slot lies so far behind the writable one.
VIEWS = SLOTS * SLOT_STRIDE

STATIC = [
    ("jumps into the middle of nowhere", "movl $0x1234, %eax\njmp *%rax", Reason.INSTRUCTION),
    ("returns to nowhere", "movl $0x1234, %eax\npushq %rax\nret", Reason.INSTRUCTION),
    ("forges its return address", f"movq $0x1234, (%rsp)\n{NEGATE}ret", Reason.ABI),
    ("forges its return address through a copy of %rsp",
     f"movq %rsp, %rdx\nmovl $0x1234, %ecx\nmovq %rcx, (%rdx)\n{NEGATE}ret", Reason.ABI),
    ("reads its return address: who calls?",
     f"{NEGATE}movq (%rsp), %rdx\nshrq $63, %rdx\naddl %edx, %eax\nret", Reason.ABI),
    ("calls the next instruction to learn its address",
     f"call .Ln\n.Ln:\npopq %rdx\n{NEGATE}ret", Reason.INSTRUCTION),
    ("takes the address of its own code", f"leaq .La(%rip), %rdx\n.La:\n{NEGATE}ret",
     Reason.INSTRUCTION),
    ("%rsp = 0", "xorl %esp, %esp\nret", Reason.FRAME),
    ("pushes until the stack is full", ".Lp:\npushq %rax\njmp .Lp", Reason.FRAME),
    ("calls itself for ever", f"subq $8, %rsp\ncall f\naddq $8, %rsp\n{NEGATE}ret", Reason.SYMBOL),
    ("reads thread-local storage of the process", f"movq %fs:0, %rdx\n{NEGATE}ret",
     Reason.INSTRUCTION),
    ("looks for the trap flag", f"pushfq\npopq %rdx\n{NEGATE}ret", Reason.INSTRUCTION),
    ("returns from a signal that never came", "movl $15, %eax\nsyscall\nret", Reason.INSTRUCTION),
    ("looks at the clock", f"rdtsc\n{NEGATE}ret", Reason.INSTRUCTION),
    ("counts its calls below the red zone",
     "movl -8192(%rsp), %edx\nincl %edx\nmovl %edx, -8192(%rsp)\ncmpl $1000000, %edx\n"
     f"je .Lw\n{NEGATE}ret\n.Lw:\nxorl %eax, %eax\nret", Reason.FRAME),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), [c[1:] for c in STATIC], ids=[c[0] for c in STATIC])
def test_attack_falls_before_it_runs(tmp_path: Path, text: str, reason: Reason) -> None:
    answer = verdict(tmp_path, ABSOLUTE, "f", body("f", text))
    assert (answer.verdict, answer.reason) == ("rejected", reason), answer
    assert answer.counterexample is None


RUN = [
    ("reads memory at a guessed address", ABSOLUTE, f"movl 0x404330, %edx\n{NEGATE}ret",
     Reason.ACCESS),
    ("writes memory at a guessed address", ABSOLUTE, f"movl $0, 0x4c5000\n{NEGATE}ret",
     Reason.ACCESS),
    ("scans memory for the runner", ABSOLUTE,
     "movl $0x400000, %ecx\n.Ls:\nmovl (%rcx), %eax\naddq $4096, %rcx\njmp .Ls", Reason.ACCESS),
    ("writes a read-only object through its writable view", SUM,
     f"testl %esi, %esi\njle .Lq\nmovabsq $-{VIEWS}, %rdx\nmovl (%rdi,%rdx), %ecx\n"
     f"movl %ecx, (%rdi,%rdx)\n.Lq:\n{ADD_UP}", Reason.ACCESS),
    ("leaves a mark in the arena for the next call", SHIFT_DOWN,
     "movl 4(%rdi), %eax\nmovl %eax, (%rdi)\nincl 8192(%rdi)\nret", Reason.ACCESS),
    ("loops for ever", ABSOLUTE, ".Lx:\njmp .Lx", Reason.TIMEOUT),
    ("divides by a register that nobody set", DIVIDE,
     "xorl %eax, %eax\nxorl %edx, %edx\ndivl %r9d\nmovl %edi, %eax\ncltd\nidivl %esi\nret",
     Reason.TRAP),
    ("divides by what lies in the red zone", DIVIDE,
     "xorl %eax, %eax\nxorl %edx, %edx\ndivl -32(%rsp)\nmovl %edi, %eax\ncltd\nidivl %esi\nret",
     Reason.TRAP),
    ("does not trap where gcc's code does", DIVIDE,
     "movl %edi, %eax\ntestl %esi, %esi\nje .Lz\ncltd\nidivl %esi\n.Lz:\nret", Reason.TRAP),
    ("traps where gcc's code does not", ABSOLUTE, "ud2", Reason.TRAP),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "text", "reason"), [c[1:] for c in RUN], ids=[c[0] for c in RUN]
)
def test_attack_falls_when_it_runs(tmp_path: Path, source: str, text: str, reason: Reason) -> None:
    answer = verdict(tmp_path, source, "f", body("f", text))
    assert (answer.verdict, answer.reason) == ("rejected", reason), answer
    assert answer.counterexample is not None


# It stores an input back, which only the trace shows; but not while it is traced: then the
# instruction between .La and .Lb is longer.
UNWATCHED = """
movl 4(%rdi), %eax
movl %eax, (%rdi)
{length}
leaq -8(%rsp), %rdx
leaq 4(%rdi), %rsi
cmpl $1, %ecx
cmove %rsi, %rdx
movl %eax, (%rdx)
.La:
nop
.Lb:
ret
"""
LENGTHS = [
    ("in an operand", "movl $.Lb-.La, %ecx", ""),
    ("in an address", "xorl %ecx, %ecx\nleal .Lb-.La(%rcx), %ecx", ""),
    ("in a table", "movl .LT(%rip), %ecx", ".long .Lb-.La"),
    ("in two entries of a table", "movl .LT(%rip), %ecx\nsubl 4+.LT(%rip), %ecx",
     ".long .Lb-.LT, .La-.LT"),
]  # fmt: skip


@pytest.mark.parametrize(("length", "table"), [c[1:] for c in LENGTHS], ids=[c[0] for c in LENGTHS])
def test_rewrite_cannot_tell_whether_it_is_traced(tmp_path: Path, length: str, table: str) -> None:
    data = f".section .rodata\n.LT:\n{table}\n.text\n" if table else ""
    answer = verdict(tmp_path, SHIFT_DOWN, "f", body("f", data + UNWATCHED.format(length=length)))
    assert (answer.verdict, answer.reason) == ("rejected", Reason.INSTRUCTION), answer
    honest = UNWATCHED.format(length="movl $1, %ecx")
    answer = verdict(tmp_path, SHIFT_DOWN, "f", body("f", honest))
    assert (answer.verdict, answer.reason) == ("rejected", Reason.ACCESS), answer


DEEP = """
int f(unsigned n)
{
    KIND unsigned t[2600];
    unsigned s = 0;
    for (int i = 0; i < 32; i++) t[i * 80] = 0;
    for (unsigned i = 0; i < (n & 63); i++) t[(n >> (i & 7) & 31) * 80]++;
    for (int i = 0; i < 32; i++) s += t[i * 80] * i;
    return s;
}
"""
TARGET = DEEP.replace("KIND ", "")
LATE = DEEP.replace("KIND", "volatile").replace(
    "return s", "for (int i = 0; i < 32; i++) t[i * 80] = 0; return s"
)


@pytest.mark.parametrize("trusted", range(1, 32, 8))
def test_what_a_large_frame_held_is_not_there_at_the_next_call(
    tmp_path: Path, trusted: int
) -> None:
    """A fresh stack holds zeros, and a rewrite that clears its frame at the end finds them."""
    wrong = LATE.replace("t[i * 80] = 0", f"if (i != {trusted}) t[i * 80] = 0", 1)
    answer = verdict(tmp_path, TARGET, "f", compiled(tmp_path, wrong))
    assert (answer.verdict, answer.reason) == ("rejected", Reason.RESULT), answer


def test_a_large_frame_that_is_cleared_first_is_fine(tmp_path: Path) -> None:
    assert verdict(tmp_path, TARGET, "f", compiled(tmp_path, TARGET, ("-O1",))).accepted


def test_runaway_recursion_is_no_crash_of_ours(tmp_path: Path) -> None:
    source = "int f(int n) { return n < 2 ? 1 : f(n - 2) * n + f(n / 2); }"
    deep = "subq $8, %rsp\nincl %edi\ncall f\naddq $8, %rsp\nret"
    answer = verdict(tmp_path, source, "f", body("f", deep))
    assert answer.verdict == "rejected", answer
    assert answer.reason in (Reason.ACCESS, Reason.CRASH, Reason.FRAME, Reason.TIMEOUT)


def test_time_for_later_inputs_cannot_be_used_up(tmp_path: Path) -> None:
    """A rewrite that is slow on every input is given up at the first."""
    slow = f"movl $2000000000, %ecx\n.Ly:\ndecl %ecx\njne .Ly\n{NEGATE}ret"
    with Verifier(job_for(tmp_path, ABSOLUTE, "f"), QUICK) as verifier:
        began = time.monotonic()
        answer = verifier.check(body("f", slow))
    assert (answer.verdict, answer.reason) == ("rejected", Reason.TIMEOUT), answer
    assert time.monotonic() - began < 10


def test_slow_rewrite_is_not_called_endless(tmp_path: Path) -> None:
    slow = f"movl $300, %ecx\n.Ly:\ndecl %ecx\njne .Ly\n{NEGATE}ret"
    assert verdict(tmp_path, ABSOLUTE, "f", body("f", slow)).accepted


def test_every_run_finds_empty_memory(tmp_path: Path) -> None:
    """Neither in the arena nor in the trace is anything of what ran before (design 5.8)."""
    swap = "int f(int *p, int n) { int old = p[n]; p[n] = 77; return old; }"
    with Bench(job_for(tmp_path, swap, "f")) as bench, start_runner(bench.image) as runner:
        image = bench.image
        slot = image.arena.slot(0, writable=True)
        case = Case(ints=(slot, 1000), objects=(Blob(bytes(8), 8, written=True),))
        batch = encode_batch([case, case], image.arena, (Style(),), 1)

        def swapped(name: str, mode: Mode) -> list[int]:
            run = runner.run(batch, image.symbols[name], mode, Masks(rax=0xFFFFFFFF))
            return [Fields.of(run.result(i)).rax for i in range(run.done)]

        assert swapped("f", Mode()) == [0, 77]
        assert swapped("f", Mode()) == [0, 77]
        assert swapped(image.traced["f"], Mode(trace=True, steps=1000)) == [0, 77]
        assert any(runner._trace[: 1 << 12])
        assert swapped("f", Mode()) == [0, 77]
        assert not any(runner._trace[: 1 << 12])


# Each returns what a place holds that no caller fills, and leaves its argument there.
KEPT = [
    ("the stack", "movq -1000(%rsp), %rax\nmovq %rdi, -1000(%rsp)", "sse2"),
    ("a register", "movq %r10, %rax\nmovq %rdi, %r10", "sse2"),
    ("a vector register", "movq %xmm9, %rax\nmovq %rdi, %xmm9", "sse2"),
    ("an MMX register", "movq %mm3, %rax\nmovq %rdi, %mm3\nemms", "mmx"),
    ("an upper half", "vextracti128 $1, %ymm9, %xmm0\nvmovq %xmm0, %rax\n"
     "vmovq %rdi, %xmm9\nvpbroadcastq %xmm9, %ymm9", "avx2"),
    ("a high register", "vmovq %xmm29, %rax\nvmovq %rdi, %xmm29", "avx512f"),
    ("a mask register", "kmovq %k3, %rax\nkmovq %rdi, %k3", "avx512bw"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "needs"), [c[1:] for c in KEPT], ids=[c[0] for c in KEPT])
@pytest.mark.parametrize("clean", [False, True])
def test_nothing_is_kept_from_one_input_to_the_next(
    tmp_path: Path, text: str, needs: str, clean: bool
) -> None:
    if needs not in Path("/proc/cpuinfo").read_text().split():
        pytest.skip(f"the processor has no {needs}")
    with Bench(job_for(tmp_path, "long f(long x) { return x; }", "f")) as bench:
        fragment = bench.parse(body("f", f"{text}\nret"))
        assert isinstance(fragment, Fragment)
        image = bench.link((fragment,))
        marks = [0x1234_5678_9ABC + i for i in range(40)]
        batch = encode_batch([Case(ints=(m,)) for m in marks], image.arena, (Style(),), 1)
        with start_runner(image) as runner:
            mode, entry = Mode(clean_upper=clean), image.symbols[body_label(0)]
            run = runner.run(batch, entry, mode, Masks(rax=(1 << 64) - 1))
        found = {Fields.of(run.result(i)).rax for i in range(run.done)}
        assert run.done == len(marks)
        assert not found & set(marks)


def test_addresses_of_the_arena_are_those_of_real_pointers() -> None:
    numbers = random.Random(1)
    chosen = [Addresses.random(numbers) for _ in range(200)]
    slots, stacks = [each.slot for each in chosen], [each.stack for each in chosen]
    assert {address >> 44 for address in slots} >= {1, 2, 5, 6}
    assert {address >> 44 for address in stacks} >= {0, 7}
    assert len({address & 0xFFFFF000 for address in slots}) > 150
    assert all(address % 64 == 0 and address < 1 << 47 for address in (*slots, *stacks))


def test_opposite_addresses_differ_in_every_bit() -> None:
    one = Addresses.random(random.Random(1))
    other = one.opposite()
    assert one.slot ^ other.slot == (1 << 47) - 4096
    assert one.stack ^ other.stack == (1 << 47) - 64
    assert one.base ^ other.base == one.data ^ other.data == (1 << 31) - 4096
    for number in (0, 1, 31):
        places = [a.arena((0, b""), {}).slot(number, writable=True) for a in (one, other)]
        assert places[0] ^ places[1] == (1 << 47) - 4096


def test_the_runner_lies_elsewhere_each_time() -> None:
    """Its own addresses are no constants that a rewrite could know."""
    head = tools.native("superopt-runner").read_bytes()[:18]
    shared_object = 3
    assert int.from_bytes(head[16:18], "little") == shared_object
