"""Bit scans of what may be 0: refused where the result may be used, fine where it cannot."""

from __future__ import annotations

import pytest
from screening import job_of, reason, screened

from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.verify.screening.screen_view import View

PAIR = "long f(unsigned long x, unsigned long y) { return (long)(x * 9 + y); }\n"
CALLING = "long g(long); long f(unsigned long x) { long s = g(1) + g(2); return s + (long)x; }\n"


def lines(body: str) -> str:
    """Instructions apart by semicolons; a label `.Le` that is only jumped to returns 0."""
    if " .Le" in body and ".Le:" not in body:
        body += "; .Le:; xorl %eax, %eax; ret"
    return body.replace("; ", "\n")


GUARDED = {
    "by a branch": "testq %rdi, %rdi; je .Le; bsfq %rdi, %rax; ret; .Le:; movl $64, %eax; ret",
    "by a branch on a copy":
        "movq %rdi, %rcx; testq %rcx, %rcx; je .Le; bsfq %rdi, %rax; ret; .Le:; "
        "movl $64, %eax; ret",
    "of its low half alone": "testl %edi, %edi; je .Le; bsfq %rdi, %rax; ret",
    "of its low byte alone": "testb %dil, %dil; je .Le; bsrl %edi, %eax; ret",
    "of its second byte alone": "movq %rdi, %rcx; testb %ch, %ch; je .Le; bsrq %rdi, %rax; ret",
    "by its own flag": "bsfq %rdi, %rax; je .Le; ret; .Le:; movl $64, %eax; ret",
    "by a selection on its own flag": "movl $64, %ecx; bsfq %rdi, %rax; cmoveq %rcx, %rax; ret",
    "by a later selection":
        "movl $8, %ecx; bsfq %rdi, %rax; sarl $3, %eax; testq %rdi, %rdi; "
        "cmovel %ecx, %eax; ret",
    "by a later selection of it":
        "movl $8, %eax; bsfq %rdi, %rdx; xorl $7, %edx; testq %rdi, %rdi; "
        "cmovnel %edx, %eax; ret",
    "by a comparison of two":
        "movq %rdi, %rax; xorq %rsi, %rax; bsfq %rax, %rax; cmpq %rsi, %rdi; "
        "cmoveq %rdi, %rax; ret",
    "by a branch on a difference": "cmpq %rsi, %rdi; je .Le; xorq %rsi, %rdi; bsfq %rdi, %rax; ret",
    "above a number": "cmpl $7, %edi; jbe .Le; bsrl %edi, %eax; ret",
    "above 1, less 1": "cmpl $1, %edi; jbe .Le; subl $1, %edi; bsrl %edi, %eax; ret",
    "in a range": "leal -1(%rdi), %eax; cmpl $6, %eax; ja .Le; bsrl %edi, %eax; ret",
    "greater than 0": "testl %edi, %edi; jle .Le; bsrl %edi, %eax; ret",
    "above another": "cmpq %rsi, %rdi; jbe .Le; bsrq %rdi, %rax; ret",
    "one bit set": "orl $1, %edi; bsrl %edi, %eax; ret",
    "one bit known": "testb $8, %dil; je .Le; bsfq %rdi, %rax; ret",
    "the lowest bit":
        "testl %edi, %edi; je .Le; movl %edi, %eax; negl %eax; andl %edi, %eax; "
        "bsfl %eax, %eax; ret",
    "shifted": "shrl $3, %edi; movl $2, %eax; je .Le; bsrl %edi, %eax; .Le:; ret",
    "large enough to shift": "cmpl $8, %edi; jb .Le; shrl $3, %edi; bsrl %edi, %eax; ret",
    "extended": "testw %di, %di; je .Le; movzwl %di, %eax; bsrl %eax, %eax; ret",
    "at least 1": "testl %edi, %edi; movl $1, %eax; cmovel %eax, %edi; bsrl %edi, %eax; ret",
    "bit by bit":
        "xorl %eax, %eax; testq %rdi, %rdi; je .Le; .Lt:; bsfq %rdi, %rcx; "
        "addq %rcx, %rax; leaq -1(%rdi), %rcx; andq %rcx, %rdi; jne .Lt; .Le:; ret",
    "behind a loop":
        "xorl %eax, %eax; .Lt:; movq (%rsp,%rax,8), %rcx; addq $1, %rax; "
        "testq %rcx, %rcx; je .Lt; bsfq %rcx, %rcx; addq %rcx, %rax; ret",
    "on every path to it":
        "testq %rdi, %rdi; je .La; movq %rdi, %rcx; jmp .Lb; .La:; movl $1, %ecx; .Lb:; "
        "bsfq %rcx, %rax; ret",
    "of a mask of bytes":
        "movq %rdi, %xmm0; pmovmskb %xmm0, %eax; testl %eax, %eax; je .Le; "
        "bsfl %eax, %eax; .Le:; ret",
    "and never looked at": "bsfq %rdi, %rcx; movq %rdi, %rax; ret",
}  # fmt: skip


@pytest.mark.parametrize("how", GUARDED)
def test_a_scan_that_is_guarded_passes(how: str) -> None:
    assert reason(PAIR, "f", lines(GUARDED[how])) == ""


OPEN = {
    "nothing": "bsfq %rdi, %rax; ret",
    "another register": "testq %rsi, %rsi; je .Le; bsfq %rdi, %rax; ret",
    "the other branch": "testq %rdi, %rdi; jne .Le; bsfq %rdi, %rax; ret",
    "a guard that ends nothing":
        "testq %rdi, %rdi; je .Le; addq $1, %rsi; .Le:; bsfq %rdi, %rax; ret",
    "its own flag after `rep`": "rep bsfq %rdi, %rax; jne .Le; xorl %eax, %eax; .Le:; ret",
    "a test before a change": "testq %rdi, %rdi; je .Le; subq %rsi, %rdi; bsfq %rdi, %rax; ret",
    "a test before a load": "testq %rdi, %rdi; je .Le; movq -8(%rsp), %rdi; bsfq %rdi, %rax; ret",
    "a narrow change": "testq %rdi, %rdi; je .Le; movb %sil, %dil; bsfq %rdi, %rax; ret",
    "64 bits where 32 are scanned": "testq %rdi, %rdi; je .Le; bsfl %edi, %eax; ret",
    "32 bits where 8 are scanned":
        "testl %edi, %edi; je .Le; movzbl %dil, %eax; bsfl %eax, %eax; ret",
    "below a number": "cmpl $7, %edi; ja .Le; bsrl %edi, %eax; ret",
    "not below a number": "cmpl $1, %edi; jb .Le; subl $1, %edi; bsrl %edi, %eax; ret",
    "less than another": "cmpq %rsi, %rdi; jge .Le; bsrq %rdi, %rax; ret",
    "above another, signed": "cmpq %rsi, %rdi; jle .Le; bsrq %rdi, %rax; ret",
    "at least 0": "testl %edi, %edi; js .Le; bsrl %edi, %eax; ret",
    "a range with 0": "leal 1(%rdi), %eax; cmpl $6, %eax; ja .Le; bsrl %edi, %eax; ret",
    "one bit that is clear": "testb $8, %dil; jne .Le; bsfq %rdi, %rax; ret",
    "a bit set elsewhere": "orl $1, %esi; bsrl %edi, %eax; ret",
    "a selection the other way": "movl $64, %ecx; bsfq %rdi, %rax; cmovneq %rcx, %rax; ret",
    "a selection on another":
        "movl $64, %ecx; bsfq %rdi, %rax; testq %rsi, %rsi; cmoveq %rcx, %rax; ret",
    "a selection on the low half":
        "movl $64, %ecx; bsfl %edi, %eax; testq %rdi, %rdi; cmoveq %rcx, %rax; ret",
    "a selection between both":
        "bsfq %rdi, %rax; bsfq %rsi, %rcx; testq %rdi, %rdi; cmoveq %rcx, %rax; ret",
    "too small to shift": "cmpl $7, %edi; jb .Le; shrl $3, %edi; bsrl %edi, %eax; ret",
    "shifted to nothing": "testl %edi, %edi; je .Le; shrl $3, %edi; bsrl %edi, %eax; ret",
    "one path only":
        "testq %rdi, %rdi; je .La; movq %rdi, %rcx; jmp .Lb; .La:; movq %rsi, %rcx; "
        ".Lb:; bsfq %rcx, %rax; ret",
    "the first round of a loop":
        "xorl %eax, %eax; .Lt:; bsfq %rdi, %rcx; addq %rcx, %rax; leaq -1(%rdi), %rcx; "
        "andq %rcx, %rdi; jne .Lt; ret",
    "all rounds but the first":
        "xorl %eax, %eax; testq %rdi, %rdi; je .Le; .Lt:; bsfq %rdi, %rcx; "
        "addq %rcx, %rax; shrq $1, %rdi; cmpq %rsi, %rax; jb .Lt; .Le:; ret",
    "last round's load":
        "xorl %eax, %eax; movl $1, %edx; .Lt:; movq %rdx, %rcx; "
        "movq -16(%rsp,%rax,8), %rdx; addq $1, %rax; testq %rcx, %rcx; je .Lt; "
        "bsfq %rdx, %rax; ret",
    "a guard of the next round's load":
        "xorl %eax, %eax; xorl %edx, %edx; .Lt:; movq -64(%rsp,%rdx,8), %rcx; addq $1, %rdx; "
        "testq %rcx, %rcx; jne .Le; bsfq %rcx, %rax; cmpq $8, %rdx; jb .Lt; xorl %eax, %eax; "
        ".Le:; ret",
    "a guard of the next round's value":
        "xorl %eax, %eax; xorl %edx, %edx; .Lt:; testq %rdi, %rdi; jne .Le; bsfq %rdi, %rax; "
        "addq %rsi, %rdi; addq $1, %rdx; cmpq $8, %rdx; jb .Lt; xorl %eax, %eax; .Le:; ret",
    "an address":
        "bsfq %rdi, %rax; movq -128(%rsp,%rax), %rcx; movl $64, %ecx; testq %rdi, %rdi; "
        "cmoveq %rcx, %rax; ret",
    "a store": "bsfq %rdi, %rax; movq %rax, -8(%rsp); movq -8(%rsp), %rax; ret",
    "a branch":
        "bsfq %rdi, %rax; cmpl $5, %eax; ja .Le; xorl %eax, %eax; ret; .Le:; "
        "movl $1, %eax; ret",
    "a condition as a number": "bsfq %rdi, %rcx; xorl %eax, %eax; cmpl $5, %ecx; seta %al; ret",
    "a vector": "bsfq %rdi, %rcx; movq %rcx, %xmm1; paddd %xmm1, %xmm1; movq %xmm1, %rax; ret",
    "a divisor":
        "bsfq %rdi, %rcx; movl $9, %eax; xorl %edx, %edx; divl %ecx; movl $64, %ecx; "
        "testq %rdi, %rdi; cmovel %ecx, %eax; ret",
}  # fmt: skip


@pytest.mark.parametrize("what", OPEN)
def test_a_scan_of_a_possible_zero_is_refused_behind(what: str) -> None:
    found = screened(PAIR, "f", lines(OPEN[what]))
    assert found is not None
    assert "depends on an undefined result" in found.detail


KEPT = "pushq %rbx\nsubq $16, %rsp\nmovq %rdi, %rbx\n{}addq $16, %rsp\npopq %rbx\nret"


def test_a_guard_holds_across_calls_for_registers_that_they_keep() -> None:
    body = ("testq %rbx, %rbx\nje .Le\nmovl $1, %edi\ncall g\nbsfq %rbx, %rdi\ncall g\n"
            "addq %rbx, %rax\n.Le:\n")  # fmt: skip
    assert reason(CALLING, "f", KEPT.format(body)) == ""


def test_a_guard_before_a_call_says_nothing_of_what_the_callee_returns() -> None:
    body = ("movl $1, %edi\ncall g\ntestq %rax, %rax\nje .Le\nmovl $2, %edi\ncall g\n"
            "bsfq %rax, %rax\n.Le:\n")  # fmt: skip
    assert reason(CALLING, "f", KEPT.format(body)) == "instruction"


def test_an_undefined_result_is_no_argument() -> None:
    body = "bsfq %rdi, %rdi\ncall g\nmovl $2, %edi\ncall g\naddq %rbx, %rax\n"
    assert reason(CALLING, "f", KEPT.format(body)) == "instruction"


def test_a_call_settles_nothing() -> None:
    body = "bsfq %rdi, %rbx\nmovl $1, %edi\ncall g\nmovl $2, %edi\ncall g\nmovq %rbx, %rax\n"
    assert reason(CALLING, "f", KEPT.format(body)) == "instruction"


LOOPS = """
int bits(unsigned long m, int *out)
{ int n = 0; for (; m; m &= m - 1) out[n++] = __builtin_ctzl(m); return n; }
long first(const unsigned long *w)
{ long i = 0; while (!w[i]) i++; return i * 64 + __builtin_ctzl(w[i]); }
unsigned gcd(unsigned a, unsigned b)
{ if (!a) return b; if (!b) return a; int s = __builtin_ctz(a | b); a >>= __builtin_ctz(a);
  do { b >>= __builtin_ctz(b); if (a > b) { unsigned t = a; a = b; b = t; } b -= a; } while (b);
  return a << s; }
typedef long long pair __attribute__((vector_size(16)));
typedef char bytes __attribute__((vector_size(16), aligned(1), may_alias));
long length(const char *s)
{ for (const char *p = s;; p += 16) {
    int m = __builtin_ia32_pmovmskb128(*(const bytes *)p == (bytes){0});
    if (m) return p - s + __builtin_ctz(m); } }
long same(const char *a, const char *b, long n)
{ long i; for (i = 0; i + 8 <= n; i += 8) { unsigned long x, y; __builtin_memcpy(&x, a + i, 8);
    __builtin_memcpy(&y, b + i, 8); if (x != y) return i + __builtin_ctzl(x ^ y) / 8; } return i; }
"""


@pytest.mark.parametrize("name", ["bits", "first", "gcd", "length", "same"])
@pytest.mark.parametrize("option", ["-O3", "-O2", "-Os", "-fno-if-conversion"])
def test_scans_in_gccs_own_loops_need_no_leave(name: str, option: str) -> None:
    job, unit = job_of(LOOPS, name, option)
    text = "\n".join(unit.function(name).lines) + "\n"
    view = View(parse_fragment(text, name, unit), job.facts, ("--64",))
    assert any(effect.undefined for effect in view.effects)
    assert view.undefined_uses == frozenset()


def test_a_target_with_a_guard_lets_no_rewrite_drop_it() -> None:
    source = "int f(unsigned long x) { return x ? __builtin_ctzl(x) : 64; }\n"
    assert reason(source, "f", "rep bsfq %rdi, %rax\nret") == "instruction"
    guarded = "movl $64, %eax\ntestq %rdi, %rdi\nje .Le\nrep bsfq %rdi, %rax\n.Le:\nret"
    assert reason(source, "f", guarded) == ""
