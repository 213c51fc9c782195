"""What callees are passed on the stack and in whole vector registers."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifying import QUICK, body, job_for, verdict

from superopt_cc.errors import Ineligible
from superopt_cc.types import Reason
from superopt_cc.verify.engine import Verifier

SEVEN = """
extern int seven(int, int, int, int, int, int, int);
int f(int x) { return seven(1, 2, 3, 4, 5, 6, x) + 1; }
"""
CALL = """
subq $24, %rsp
movl $1, %edi
movl $2, %esi
movl $3, %edx
movl $4, %ecx
movl $5, %r8d
movl $6, %r9d
{}
call seven
incl %eax
addq $24, %rsp
ret
"""
SMALL = SEVEN.replace("int, int);", "int, signed char);")


@pytest.mark.parametrize(
    ("source", "stored", "why"),
    [
        (SEVEN, "movl %edi, (%rsp)", Reason.CALLS),  # overwritten before
        (SEVEN, "movl %eax, 8(%rsp)\nmovl %eax, (%rsp)", None),
        (SEVEN, "movl $-1, 4(%rsp)\nmovl %eax, (%rsp)", None),  # nobody looks there
        (SEVEN, "movw %ax, (%rsp)", Reason.CALLS),
        (SMALL, "movsbl %al, %eax\nmovl %eax, (%rsp)", None),
        (SMALL, "movb %al, (%rsp)", Reason.CALLS),  # some callees count on all 32 bits
    ],
)
def test_a_word_on_the_stack_counts_as_far_as_its_type_reaches(
    tmp_path: Path, source: str, stored: str, why: Reason | None
) -> None:
    text = CALL.replace("movl $1, %edi", "movl %edi, %eax\nmovl $1, %edi").format(stored)
    found = verdict(tmp_path, source, "f", body("f", text))
    assert found.reason is why, found.detail
    assert found.accepted is (why is None)


TYPES = """
typedef int v __attribute__((vector_size(32)));
struct s { long a, b, c; };
"""


@pytest.mark.parametrize(
    ("source", "why"),
    [
        # a pointer into the frame
        ("extern void g(int, int, int, int, int, int, int *);"
         "int f(int x) { int y = x; g(1, 2, 3, 4, 5, 6, &y); return y; }", "frame-escape"),
        # no prototype tells the types
        ("extern int g(int, ...);"
         "int f(int x) { return g(1, 2, 3, 4, 5, 6, x) + 1; }", "call-arguments"),
        ("extern int g(struct s); int f(long x) { struct s s = { x, 2, x };"
         "return g(s) + 1; }", "call-arguments"),
        ("extern int g(v); int f(v x) { return g(x + x) + 1; }", "call-arguments"),
        (f"extern int g({', '.join(['long'] * 23)});"
         f"int f(long x) {{ return g({', '.join(['x'] * 23)}) + 1; }}", "call-arguments"),
    ],
)  # fmt: skip
def test_what_is_passed_otherwise_is_not_tested(tmp_path: Path, source: str, why: str) -> None:
    job = job_for(tmp_path, TYPES + source, "f", ("-O2", "-mavx2"))
    with pytest.raises(Ineligible) as caught, Verifier(job, QUICK):
        pass
    assert caught.value.reason == why


def test_a_local_function_may_pass_them_on(tmp_path: Path) -> None:
    source = """
    extern long double sine(long double);
    __attribute__((noinline)) static long double g(long double x) { return sine(x) * x; }
    long double f(long double x) { return g(x + 1) + x; }
    """
    text = """
    subq $24, %rsp
    fldt 32(%rsp)
    {}
    faddp %st, %st(1)
    fstpt (%rsp)
    call g
    fldt 32(%rsp)
    faddp %st, %st(1)
    addq $24, %rsp
    ret
    """
    right = "fld1"
    wrong = "fld1\nfadd %st(0), %st"
    with Verifier(job_for(tmp_path, source, "f"), QUICK) as verifier:
        found = verifier.check_many([body("f", text.format(each)) for each in (right, wrong)])
    assert found[0].accepted or found[0].reason is Reason.COPY
    assert found[1].reason is Reason.CALLS
