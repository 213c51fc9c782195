from __future__ import annotations

import re
from pathlib import Path

import pytest
from assembly_support import assemble, compile_unit, run

from superopt_cc.assembly.cfi import derive
from superopt_cc.assembly.code import Constant
from superopt_cc.assembly.fragment import Fragment, FragmentError, own_fragment
from superopt_cc.types import Reason

SOURCE = """
#include <stdio.h>
#include <string.h>
int (*call)(int);
int leaf(int x) { return x * 3; }
int saves(int a, int b, int c) { int s = call(a); s ^= call(b) * s; return s + call(c) * a; }
int frame(const char *s) { char b[300]; sprintf(b, "%s!", s); return strlen(b); }
int early(int n) { if (n < 2) return 1; int s = 0; while (n-- > 0) s += call(n) * s; return s; }
int deep(int n) { return n < 2 ? 1 : deep(n - 1) * deep(n - 2) + n; }
int sw(int x) { switch (x) { case 0: return call(1); case 1: return call(7) + call(2); case 2:
  return 77; case 3: return call(3) * 3; case 4: return 11; case 5: return call(9) ^ x; }
  return x; }
"""


def rows(obj: Path) -> dict[int, dict[int, tuple[str, ...]]]:
    """Unwind rows of an object: function start -> location -> (CFA, register rules)."""
    found: dict[int, dict[int, tuple[str, ...]]] = {}
    start, heading = 0, []
    for line in run("readelf", "--debug-dump=frames-interp", obj).splitlines():
        if match := re.search(r"FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)", line):
            start = int(match[1], 16)
            found[start] = {start: ("rsp+8",)}
        elif line.strip().startswith("LOC"):
            heading = line.split()[2:]
        elif start in found and re.match(r"[0-9a-f]{16} ", line):
            place, cfa, *rules = line.split()
            saved = sorted(f"{n}={r}" for n, r in zip(heading, rules, strict=True) if r[0] == "c")
            found[start][int(place, 16)] = (cfa, *saved)
    return found


def in_effect(table: dict[int, tuple[str, ...]], place: int) -> tuple[str, ...]:
    return table[max(p for p in table if p <= place)]


@pytest.mark.parametrize("options", ["-O3", "-O1", "-O2 -fcf-protection", "-Os"])
def test_derived_unwind_rows_agree_with_gcc_at_every_place(options, tmp_path):
    unit = compile_unit(SOURCE, *options.split())
    lines = []
    for function in unit.functions:
        fragment = own_fragment(function)
        framed = Fragment(fragment.name, derive(fragment).lines, fragment.constants)
        text = framed.render(function.name, f".L{function.name}.").split("\n")
        lines += ["\t.text", "\t.p2align 4", text[0], "\t.cfi_startproc", *text[1:-1]]
        lines += ["\t.cfi_endproc"]
    ours = rows(assemble("\n".join(lines) + "\n", tmp_path / "ours.o"))
    plain = [line for line in unit.lines if ".text.unlikely" not in line]
    theirs = rows(assemble("\n".join(plain) + "\n", tmp_path / "theirs.o"))
    assert len(ours) == len(theirs) == len(unit.functions)
    for mine, gccs in zip(sorted(ours), sorted(theirs), strict=True):
        mine_rows = {p - mine: r for p, r in ours[mine].items()}
        gccs_rows = {p - gccs: r for p, r in theirs[gccs].items()}
        for place in {*mine_rows, *gccs_rows}:
            left, right = in_effect(mine_rows, place), in_effect(gccs_rows, place)
            assert left[0] == right[0]
            # gcc leaves the rule of a register that was popped; ours says that it is back.
            assert set(left[1:]) <= set(right[1:])


def lines(*statements: str) -> Fragment:
    return Fragment("f", tuple(s if s.endswith(":") else f"\t{s}" for s in statements))


def test_frame_size_red_zone_and_saved_registers_are_reported():
    frame = derive(
        lines("pushq\t%rbx", "subq\t$32, %rsp", "movq\t%rdi, %rbx", "call\tg@PLT",
              "addq\t$32, %rsp", "popq\t%rbx", "movl\t%eax, -20(%rsp)", "ret")
    )  # fmt: skip
    assert (frame.frame_bytes, frame.red_zone, frame.saved) == (40, 20, ("rbx",))
    assert frame.aligned_calls
    assert not derive(lines("call\tg@PLT", "ret")).aligned_calls


def test_a_realigned_stack_is_unwound_through_the_frame_pointer():
    frame = derive(
        lines("pushq\t%rbp", "movq\t%rsp, %rbp", "pushq\t%rbx", "andq\t$-32, %rsp",
              "subq\t$64, %rsp", "movl\t%edi, %ebx", "call\tg@PLT", "movq\t-8(%rbp), %rbx",
              "leave", "ret")
    )  # fmt: skip
    assert "\t.cfi_def_cfa 6, 16" in frame.lines
    assert frame.aligned_calls
    assert 64 + 16 <= frame.frame_bytes <= 64 + 16 + 32


def test_registers_stored_by_mov_are_known_to_the_unwinder():
    frame = derive(
        lines("subq\t$24, %rsp", "movq\t%r12, 8(%rsp)", "movl\t%edi, %r12d", "call\tg@PLT",
              "movq\t8(%rsp), %r12", "addq\t$24, %rsp", "ret")
    )  # fmt: skip
    assert "\t.cfi_offset 12, -24" in frame.lines
    assert frame.lines.index("\t.cfi_offset 12, -24") < frame.lines.index("\tmovl\t%edi, %r12d")


UNCERTAIN = {
    "unbalanced": ("pushq\t%rax", "ret"),
    "alloca": ("subq\t%rdi, %rsp", "ret"),
    "paths disagree": ("testl\t%edi, %edi", "je\t.L1", "pushq\t%rax", ".L1:", "ret"),
    "runs off": ("movl\t%edi, %eax",),
    "off the end by a jump": ("je\t.L1", "ret", ".L1:", "jne\t.L1"),
    "grows in a loop": (".L1:", "pushq\t%rax", "jmp\t.L1"),
    "above the return address": ("addq\t$8, %rsp", "jmp\tg"),
    "forged return": ("movq\t%rdi, (%rsp)", "ret"),
    "pop rsp": ("popq\t%rsp", "ret"),
    "enter": ("enter\t$16, $0", "leave", "ret"),
    "return with operand": ("ret\t$8",),
    "leave without frame": ("leave", "ret"),
    "realigned without frame": ("andq\t$-32, %rsp", "ret"),
    "saved slot overwritten": (
        "pushq\t%rbx", "movl\t%edi, %ebx", "movq\t%rdi, (%rsp)", "popq\t%rbx", "ret",
    ),
    "kept below rsp over a call": (
        "movq\t%rbx, -16(%rsp)", "movl\t%edi, %ebx", "call\tg@PLT",
        "movq\t-16(%rsp), %rbx", "ret",
    ),
    "exchanged": ("xchgq\t%rsp, %rax", "ret"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNCERTAIN)
def test_what_is_not_certain_is_refused(case):
    with pytest.raises(FragmentError) as caught:
        derive(lines(*UNCERTAIN[case]))
    assert caught.value.reason == Reason.FRAME


@pytest.mark.parametrize(
    "statements",
    [
        ("movl\t%edi, %ebx", "ret"),
        ("movq\t%rbx, %rax", "xorl\t%ebx, %ebx", "movq\t%rax, %rbx", "ret"),
        ("pushq\t%rbx", "movl\t%edi, %ebx", "popq\t%rax", "ret"),
        ("xchgl\t%ebp, %eax", "ret"),
        ("btcl\t$1, %r13d", "ret"),
        ("mulx\t%rax, %r14, %rdx", "ret"),
        ("cpuid", "ret"),
    ],
)
def test_a_callee_saved_register_that_is_lost_is_refused(statements):
    with pytest.raises(FragmentError) as caught:
        derive(lines(*statements))
    assert caught.value.reason in (Reason.ABI, Reason.FRAME)


def test_jump_tables_lead_to_their_labels():
    fragment = lines(
        "pushq\t%rax", "jmp\t*.L4(, %rdi, 8)", ".L1:", "popq\t%rax", "ret", ".L2:", "ret"
    )
    good = Fragment("f", fragment.body, (Constant(".L4", 8, ("\t.quad\t.L1",)),))
    assert derive(good).frame_bytes == 8
    bad = Fragment("f", fragment.body, (Constant(".L4", 8, ("\t.quad\t.L1", "\t.quad\t.L2")),))
    with pytest.raises(FragmentError):
        derive(bad)
