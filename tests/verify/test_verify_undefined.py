"""Only what C leaves undefined, and gcc's code does not trap, excuses a difference (design 5.6)."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifying import body, compiled, verdict

from superopt_cc.verify.judging.undefined import may_stop

SHIFT_ALL = "void f(unsigned *a, int n, int by) { for (int i = 0; i < n; i++) a[i] <<= by; }\n"


def test_shifts_beyond_the_width_may_differ(tmp_path: Path) -> None:
    # gcc's vectors shift everything out, plain shifts take the count modulo 32.
    answer = verdict(
        tmp_path, SHIFT_ALL, "f", compiled(tmp_path, SHIFT_ALL, ("-O2", "-fno-tree-vectorize"))
    )
    assert answer.accepted, answer
    assert answer.evidence is not None
    assert answer.evidence.discarded > 0


def test_counts_that_c_defines_excuse_nothing(tmp_path: Path) -> None:
    wrong = SHIFT_ALL.replace("<<= by", "<<= by == 31 ? 30 : by")
    answer = verdict(tmp_path, SHIFT_ALL, "f", compiled(tmp_path, wrong))
    assert answer.reason is not None
    assert answer.reason.value == "memory"


def test_undefined_inputs_excuse_no_write_elsewhere(tmp_path: Path) -> None:
    wrong = SHIFT_ALL.replace("{ for", "{ if (by > 31 && n > 0) { a[n] = 0; return; } for")
    answer = verdict(tmp_path, SHIFT_ALL, "f", compiled(tmp_path, wrong))
    assert answer.verdict == "rejected"
    assert answer.reason is not None
    assert answer.reason.value in ("access", "memory")


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("int f(int x) { return x << 24; }", "int f(int x) { return x < 0 ? 0 : x << 24; }"),
        (
            "int f(int x, int y) { return x + y; }",
            "int f(int x, int y) { long s = (long)x + y; return s > 0x7fffffff ? 0 : s; }",
        ),
        (
            "int f(int x) { return -x; }",
            "int f(int x) { return x == -2147483647 - 1 ? 0 : -x; }",
        ),
    ],
)
def test_overflow_and_shifts_of_signed_values_excuse_nothing(
    tmp_path: Path, source: str, wrong: str
) -> None:
    answer = verdict(tmp_path, source, "f", compiled(tmp_path, wrong))
    assert answer.reason is not None
    assert answer.reason.value == "result"


def test_a_division_that_traps_excuses_nothing(tmp_path: Path) -> None:
    source = "int f(int x, int y) { return x / y; }\n"
    answer = verdict(
        tmp_path, source, "f",
        compiled(tmp_path, "int f(int x, int y) { return y ? x / y : 0; }\n"),
    )  # fmt: skip
    assert answer.reason is not None
    assert answer.reason.value == "trap"


def test_a_path_that_only_undefined_inputs_take_is_untested(tmp_path: Path) -> None:
    source = """
    unsigned f(unsigned x, unsigned n) {
        if (n > 40) { x ^= 0x55; return x << n; }
        return x + n;
    }
    """
    rewrite = body(
        "f",
        """
        cmpl $40, %esi
        ja 1f
        leal (%rsi,%rdi), %eax
        ret
        1:
        xorl %eax, %eax
        ret
        """,
    )
    answer = verdict(tmp_path, source, "f", rewrite)
    assert not answer.accepted


def test_a_case_of_a_switch_that_only_undefined_inputs_take_is_untested(tmp_path: Path) -> None:
    # A jump through a table is no conditional edge, and few counts are below 32.
    cases = "".join(f"case {i}: return x * {3 + 2 * i} + (x >> {i + 1});\n" for i in range(5))
    source = f"""unsigned f(unsigned n, unsigned x, unsigned y) {{ switch (n) {{ {cases}
        case 5: return (x | 1) << (y * 0x9E3779B1u ^ 0x51ab3c77u);
        case 6: return x - 7 * y; default: return x; }} }}"""
    wrong = compiled(tmp_path, source.replace("(x | 1) <<", "(x | 3) <<"))
    args = ("-O2", "-fno-reorder-blocks-and-partition")
    answer = verdict(tmp_path, source, "f", wrong, args)
    assert not answer.accepted


def test_a_path_of_a_rewrite_that_only_undefined_inputs_take_is_untested(tmp_path: Path) -> None:
    # For one x in 2^32 the path for counts beyond 31 is taken by all counts.
    rewrite = body(
        "f",
        """
        imull $0x9E3779B1, %edi, %edx
        addl $0x51ab3c77, %edx
        cmpl $1, %edx
        sbbl %edx, %edx
        andl $64, %edx
        addl %esi, %edx
        movl %edi, %eax
        movl %esi, %ecx
        cmpl $31, %edx
        ja 1f
        shll %cl, %eax
        ret
        1:
        xorl %eax, %eax
        ret
        """,
    )
    source = "unsigned f(unsigned x, unsigned n) { return x << n; }"
    answer = verdict(tmp_path, source, "f", rewrite)
    assert not answer.accepted


def test_code_that_matters_for_undefined_inputs_alone_is_untested(tmp_path: Path) -> None:
    # The only defined input that the tests hold is n = 0: there the product is 0 either way.
    source = "unsigned f(unsigned x, unsigned n) { return x << n * 0x9E3779B1u; }"
    wrong = compiled(tmp_path, "unsigned f(unsigned x, unsigned n) { return x; }")
    answer = verdict(tmp_path, source, "f", wrong)
    assert not answer.accepted


def test_what_all_of_gccs_code_agrees_on_counts(tmp_path: Path) -> None:
    # Shifting by 32 - 0 is undefined, and programs rely on the rotation that gcc makes of it.
    source = "unsigned f(unsigned x, unsigned n) { return (x << n) | (x >> (32 - n)); }"
    wrong = source.replace("return", "return n == 0 ? 0 :")
    answer = verdict(tmp_path, source, "f", compiled(tmp_path, wrong))
    assert answer.reason is not None
    assert answer.reason.value in ("result", "timing")


@pytest.mark.parametrize(
    "text",
    ["x >> n;", "x << 3 + n;", "x >>= n;", "x << 32;", "x << 0x2f;", "x >> (3);", "1 << 2 * i;",
     "a / b;", "a/=b;", "a % (b);", "a / 0;", "_Bool b;", "enum e v;", "__builtin_unreachable();",
     '# 1 "/usr/include/a.h" 1 3 4\nint f;\n# 2 "b.c" 2\nint g = a / b;'],
)  # fmt: skip
def test_text_that_may_be_undefined_is_compiled_once_more(text: str) -> None:
    assert may_stop(text.encode())


@pytest.mark.parametrize(
    "text",
    ["x >> 15;", "x << 3 ^ y;", "x>>=7;", "(x << 31u)", "a / 3 * b;", "a %10u)", "a < b; b >= a;",
     '# 1 "/one/of/many.c"\nint f;', '# 1 "/usr/include/a.h" 1 3 4\na / b;\n# 2 "b.c" 2\n'],
)  # fmt: skip
def test_text_that_cannot_be_undefined_is_not_compiled_once_more(text: str) -> None:
    assert not may_stop(text.encode())
