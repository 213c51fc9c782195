"""Wrong rewrites that only running them shows, each with the reason it must fall for."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifying import body, compiled, verdict

from superopt_cc.types import Reason

ABSOLUTE = "int f(int x) { return x < 0 ? -x : x; }"
MAGIC = "int f(int x) { if (x == 123456789) return 1; return x / 7; }"
PAIR = "int f(int x, int y) { if (x == 77777 && y == -4242) return 1; return x ^ y; }"
SUM = "int f(const int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; }"
SHIFT = "void f(int *a, const int *b, int n) { for (int i = 0; i < n; i++) a[i] = b[i] + 1; }"
FILL = "void f(char *p, char c, long n) { for (long i = 0; i < n; i++) p[i] = c ^ (char) i; }"
CALL = "extern int ext(int); int f(int x) { ext(x); return ext(x + 1) + x; }"
GLOBAL = "extern void ext(void); int g; int f(int x) { g += x; ext(); return g; }"
MAYBE = "void f(int *p, int c) { if (c) *p = 3; }"
DIVIDE = "int f(int a, int b) { if (b == 0) return 0; return a / b; }"
FLOAT = "double f(double x) { return x + 0.0; }"
TABLE = "static const int t[4] = {3, 1, 4, 1}; int f(unsigned i) { return t[i & 3]; }"
CHARS = "int f(unsigned char c) { return c - 48u <= 9 || (c | 32u) - 97u <= 5; }"


CASES = [
    ("wrong on INT_MIN only", ABSOLUTE,
     "int f(int x) { return x == (-2147483647 - 1) ? 7 : __builtin_abs(x); }", Reason.RESULT),
    ("wrong for one constant that the target compares with", MAGIC,
     "int f(int x) { return x / 7; }", Reason.RESULT),
    ("wrong when two arguments have certain constants at once", PAIR,
     "int f(int x, int y) { return x ^ y; }", Reason.RESULT),
    ("wrong for lengths that are not a multiple of four", SUM,
     "int f(const int *a, int n) { int s = 0; for (int i = 0; i < (n & ~3); i++) s += a[i];"
     " return s; }", Reason.RESULT),
    ("takes the length as unsigned", SUM,
     "int f(const int *a, unsigned n) { int s = 0; for (unsigned i = 0; i < n; i++) s += a[i];"
     " return s; }", Reason.ACCESS),
    ("reads one element too many", SUM,
     "int f(const int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i];"
     " if (n > 0 && a[n] == 12345) s++; return s; }", Reason.ACCESS),
    ("reads one element before the first", SUM,
     "int f(const int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i];"
     " if (n > 0 && a[-1] == 12345) s++; return s; }", Reason.ACCESS),
    ("ignores overlap", SHIFT,
     "void f(int *restrict a, const int *restrict b, int n) {"
     " for (int i = n; i-- > 0;) a[i] = b[i] + 1; }", Reason.MEMORY),
    ("stores past the end", FILL,
     "void f(char *p, char c, long n) { for (long i = 0; i < n; i++) p[i] = c ^ (char) i;"
     " if (n > 4) p[n] = 0; }", Reason.ACCESS),
    ("drops a call", CALL,
     "extern int ext(int); int f(int x) { return ext(x + 1) + x; }", Reason.CALLS),
    ("swaps two calls", CALL,
     "extern int ext(int); int f(int x) { int r = ext(x + 1); ext(x); return r + x; }",
     Reason.CALLS),
    ("keeps a global in a register across a call", GLOBAL,
     "extern void ext(void); int g; int f(int x) { int h = g + x; g = h; ext(); return h; }",
     Reason.RESULT),
    ("sinks a store below a call", GLOBAL,
     "extern void ext(void); int g; int f(int x) { int h = g + x; ext(); g += x; return g; }",
     Reason.CALLS),
    ("stores an input back unchanged", MAYBE,
     "void f(int *p, int c) { int v = *(volatile int *)p;"
     " *(volatile int *)p = c ? 3 : v; }", Reason.ACCESS),
    ("traps where the target does not", DIVIDE, "int f(int a, int b) { return a / b; }",
     Reason.TRAP),
    ("loses the sign of zero", FLOAT, "double f(double x) { return x; }", Reason.RESULT),
    ("takes a wrong table entry", TABLE,
     "int f(unsigned i) { return i == 3 ? 9 : (i & 3) == 0 ? 3 : (i & 3) == 2 ? 4 : 1; }",
     Reason.RESULT),
    ("is wrong for one character", CHARS,
     "int f(unsigned char c) { return c - 48u <= 9 || (c | 32u) - 97u <= 4; }", Reason.RESULT),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "wrong", "reason"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_rewrite_that_is_wrong_is_rejected(
    tmp_path: Path, source: str, wrong: str, reason: Reason
) -> None:
    answer = verdict(tmp_path, source, "f", compiled(tmp_path, wrong))
    assert (answer.verdict, answer.reason) == ("rejected", reason), answer.detail
    assert answer.counterexample is not None


INSTRUCTIONS = [
    ("clobbers a callee-saved register", ABSOLUTE,
     "movl %edi, %ebx\nmovl %edi, %eax\nnegl %eax\ncmovsl %edi, %eax\nret", Reason.ABI),
    ("loops for ever", ABSOLUTE, ".Lx:\njmp .Lx\nret", Reason.TIMEOUT),
    ("loops for ever on one input", ABSOLUTE,
     ".Lx:\ncmpl $1000, %edi\nje .Lx\nmovl %edi, %eax\nnegl %eax\ncmovsl %edi, %eax\nret",
     Reason.TIMEOUT),
    ("uses undefined high bits of a narrow argument", CHARS,
     "leal -48(%rdi), %ecx\nxorl %eax, %eax\ncmpl $9, %ecx\nsetbe %al\norl $32, %edi\n"
     "subl $97, %edi\ncmpl $5, %edi\nsetbe %dl\norb %dl, %al\nret", Reason.RESULT),
    ("depends on the red zone's old contents", ABSOLUTE,
     "movl %edi, %eax\nnegl %eax\ncmovsl %edi, %eax\naddl -16(%rsp), %eax\nret", Reason.RESULT),
    ("over-reads across a page", SUM,
     "xorl %eax, %eax\ntestl %esi, %esi\njle .Le\nmovslq %esi, %rsi\nxorl %edx, %edx\n.Ll:\n"
     "movq (%rdi,%rdx,4), %rcx\naddl %ecx, %eax\nincq %rdx\ncmpq %rsi, %rdx\njb .Ll\n.Le:\nret",
     Reason.ACCESS),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "text", "reason"), [c[1:] for c in INSTRUCTIONS], ids=[c[0] for c in INSTRUCTIONS]
)
def test_instructions_that_are_wrong_are_rejected(
    tmp_path: Path, source: str, text: str, reason: Reason
) -> None:
    answer = verdict(tmp_path, source, "f", body("f", text))
    assert (answer.verdict, answer.reason) == ("rejected", reason), answer.detail


RIGHT = [
    (ABSOLUTE, "movl %edi, %eax\nsarl $31, %eax\nxorl %eax, %edi\nsubl %eax, %edi\n"
     "movl %edi, %eax\nret"),
    (SUM, "xorl %eax, %eax\ntestl %esi, %esi\njle .Le\nmovl %esi, %esi\n.Ll:\naddl (%rdi), %eax\n"
     "addq $4, %rdi\ndecq %rsi\njne .Ll\n.Le:\nret"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "text"), RIGHT)
def test_right_rewrite_is_accepted(tmp_path: Path, source: str, text: str) -> None:
    answer = verdict(tmp_path, source, "f", body("f", text))
    assert answer.accepted, answer
    assert answer.evidence is not None
    assert answer.evidence.inputs > 300


@pytest.mark.parametrize("source", [c[1] for c in CASES][::2])
@pytest.mark.parametrize("option", ["-O1", "-Os"])
def test_other_optimisation_levels_are_accepted(tmp_path: Path, source: str, option: str) -> None:
    answer = verdict(tmp_path, source, "f", compiled(tmp_path, source, (option,)))
    assert answer.accepted or answer.reason in (Reason.COPY, Reason.TIMING), answer
