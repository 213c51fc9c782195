"""The x87 stack and status word in rewrites: what no run could tell apart for sure."""

from __future__ import annotations

import pytest
from screening import reason, screened

TWICE = "long double f(long double x) { return x + x; }\n"
SIGN = "int f(long double x) { return __builtin_signbit(x) != 0; }\n"
CUT = "long f(long double x) { return (long)x; }\n"
LOCAL = """
static __attribute__((noinline)) long double f(long double x) { return x + x; }
long double caller(long double x, long double y) { return f(x) * y; }
"""
CALLS = "long double g(int);\nlong double f(int x) { return g(x) + g(x + 1); }\n"


def test_a_rewrite_that_keeps_the_stack_passes() -> None:
    assert screened(TWICE, "f", "fldt 8(%rsp)\nfld %st(0)\nfaddp\nret") is None


@pytest.mark.parametrize(
    "body",
    [
        "fldt 8(%rsp)\nfld %st(0)\nfadd %st(1), %st\nret",  # one too many
        "fldt 8(%rsp)\nfaddp\nret",  # adds what is not there
        "fldt 8(%rsp)\nfadd %st(1), %st\nret",
        "fchs\nret",
        "ret",
        "fldt 8(%rsp)\nfadd %st(0), %st\nfstp %st(1)\nret",
        "fldt 8(%rsp)\n" + "fld %st(0)\n" * 8 + "fstp %st(0)\n" * 8 + "fadd %st(0), %st\nret",
        "fldt 8(%rsp)\ntestl %edi, %edi\nje 1f\nfld %st(0)\n1:\nfadd %st(0), %st\nret",
        "fldt 8(%rsp)\n1:\nfld %st(0)\ndecl %edi\njne 1b\nfaddp\nret",  # deeper every time
    ],
)
def test_a_stack_that_is_not_as_the_convention_has_it(body: str) -> None:
    assert reason(TWICE, "f", body) == "abi"


def test_eight_values_fit() -> None:
    body = "fldt 8(%rsp)\n" + "fld %st(0)\n" * 7 + "fstp %st(0)\n" * 7 + "fadd %st(0), %st\nret"
    assert reason(TWICE, "f", body) == ""


def test_calls_find_the_stack_empty() -> None:
    kept = "subq $8, %rsp\nfld1\ncall g\nfaddp\naddq $8, %rsp\nret"
    assert reason(CALLS, "f", kept, "-fno-pie") == "abi"


def test_callers_in_the_file_may_hold_values_on_the_stack() -> None:
    assert reason(LOCAL, "f", "fldt 8(%rsp)\nfld %st(0)\nfaddp\nret") == "instruction"


def test_the_control_word_changes_only_where_gcc_changes_it() -> None:
    set_and_reset = "fnstcw -8(%rsp)\nfldcw -8(%rsp)\n"
    assert (
        reason(TWICE, "f", f"{set_and_reset}fldt 8(%rsp)\nfadd %st(0), %st\nret") == "instruction"
    )
    body = "fldt 8(%rsp)\nfistpq -24(%rsp)\nmovq -24(%rsp), %rax\nret"
    assert reason(CUT, "f", set_and_reset + body) == ""


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("fxam\nfnstsw %ax\nfstp %st(0)\nandl $512, %eax\nshrl $9, %eax", False),
        ("fxam\nfnstsw %ax\nfstp %st(0)\nmovl $0, %ecx\ntestb $2, %ah\nsetne %cl\nmovl %ecx, %eax",
         False),
        ("fxam\nfnstsw %ax\nfstp %st(0)\nandl $544, %eax\nshrl $9, %eax", True),  # inexact
        ("fxam\nfnstsw %ax\nfstp %st(0)\nshrl $9, %eax\nandl $1, %eax", True),  # not told
        ("fxam\nfnstsw %ax\nfstp %st(0)\ntestb $2, %ah\nsetne %dl\nmovzbl %dl, %eax", False),
        ("fxam\nfnstsw %ax\nfstp %st(0)\ntestb $2, %ah\nsetne %cl\nandl $1, %eax", True),
        ("fxam\nfabs\nfnstsw %ax\nfstp %st(0)\nandl $512, %eax\nshrl $9, %eax", True),
        ("fnstsw %ax\nfstp %st(0)\nandl $512, %eax\nshrl $9, %eax", True),
    ],
)  # fmt: skip
def test_of_the_status_word_only_what_fxam_found_counts(body: str, wrong: bool) -> None:
    assert reason(SIGN, "f", f"fldt 8(%rsp)\n{body}\nret") == ("instruction" if wrong else "")
