"""Counterexamples: as small as they get, in the words of C, and they still replay."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifying import QUICK, compiled, job_for

from superopt_cc.cases import case_from_json
from superopt_cc.types import Reason, Verdict
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.telling.replaying import minimised, replay

# Far more than it takes: what comes out must not depend on how busy the machine is.
PATIENT = 20.0

SUM = "int f(const int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; }"
SHIFT = "void f(int *a, const int *b, int n) { for (int i = 0; i < n; i++) a[i] = b[i] + 1; }"
COPY = "void f(int *a, int n) { for (int i = 0; i < n; i++) a[i] = 2 * a[i]; }"
CALL = "extern int ext(int); int f(int x) { ext(x); return ext(x + 1) + x; }"
LIST = """
struct node { int v; struct node *next; };
int f(const struct node *l) { int s = 0; for (; l; l = l->next) s += l->v; return s; }
"""
PREFIX = """
long f(const char *s, const char *t)
{ long n = 0; while (*s && *s == *t) s++, t++, n++; return n; }
"""
LEAST = "long f(const int *a) { return *a; }"
DIVIDE = "int f(int a, int b) { if (b == 0) return 0; return a / b; }"
GLOBAL = "int g; void f(int x) { g = x; }"
LONGEST = """
int f(const unsigned char *a, int n)
{ int m = 0; for (int i = 0; i < n; i++) m = a[i] > m ? a[i] : m; return m; }
"""

# Target, rewrite, the whole text of the counterexample.
TEXTS = [
    ("a value", SUM, SUM.replace("s += a[i]", "s += a[i] > 1000 ? a[i] + 1 : a[i]"),
     "f(a={1001}, n=1) returned 1002, gcc's code returns 1001"),
    ("the least number", LEAST, LEAST.replace("return *a", "return *a + 1 > -2147483647 ? *a : 5"),
     "f(a={-2147483648}) returned 5, gcc's code returns -2147483648"),
    ("a length", SUM, SUM.replace("i < n", "i < (n & ~3)"),
     "f(a={1}, n=1) returned 0, gcc's code returns 1"),
    ("a length far from zero", SUM, SUM.replace("return s", "return n > 50 ? s + 1 : s"),
     None),
    ("a read behind the end", SUM,
     SUM.replace("return s", "if (n > 0 && a[n] == 12345) s++; return s"),
     "f(a={0}, n=1) read byte 4 of a (4 bytes), gcc's code does not"),
    ("memory", COPY, COPY.replace("2 * a[i]", "3 * a[i]"),
     "f(a={1}, n=1) left a={3}, gcc's code leaves a={2}"),
    ("overlap", SHIFT, SHIFT.replace("int i = 0; i < n; i++", "int i = n; i-- > 0;"),
     "f(a={0, 0, 0}, b=a+1, n=2) left a={2, 1, 0}, gcc's code leaves a={1, 1, 0}"),
    ("arguments of a call", CALL, CALL.replace("ext(x);", ""),
     "where ext returns 0, ext returns 0: f(x=0) called ext(1), gcc's code calls ext(0)"),
    ("a node of a list", LIST, LIST.replace("s += l->v", "s += l->v == 3 ? 4 : l->v"),
     "f(l=&{.v=3, .next=NULL}) returned 4, gcc's code returns 3"),
    ("equal texts", PREFIX, PREFIX.replace("return n", "return n > 5 ? 5 : n"),
     "f(s={1, 1, 1, 1, 1, 1, 0}, t={1, 1, 1, 1, 1, 1}) returned 5, gcc's code returns 6"),
    ("a trap", DIVIDE, "int f(int a, int b) { return a / b; }",
     "f(a=0, b=0) raised SIGFPE, gcc's code returns 0"),
    ("a global", GLOBAL, GLOBAL.replace("= x", "= x & 0x7fffffff"),
     "f(x=-1) [g=0] left g=2147483647, gcc's code leaves g=-1"),
    ("the sign of zero", "float f(float x) { return -x; }",
     "float f(float x) { union { float x; unsigned u; } v = { x }; return v.u ? -x : x; }",
     "f(x=0.0) returned 0.0, gcc's code returns -0.0"),
]  # fmt: skip


def refute(folder: Path, source: str, wrong: str) -> tuple[Verdict, Verdict, Verdict]:
    """The first verdict, the small one, and what replaying the small one says."""
    job, rewrite = job_for(folder, source, "f"), compiled(folder, wrong)
    with Verifier(job, QUICK) as verifier:
        first = verifier.check(rewrite)
    assert first.counterexample is not None, first
    small = minimised(job, rewrite, first, PATIENT)
    assert small.counterexample is not None
    return first, small, replay(job, rewrite, small.counterexample)


@pytest.mark.parametrize(
    ("source", "wrong", "text"), [c[1:] for c in TEXTS], ids=[c[0] for c in TEXTS]
)
def test_counterexample_is_small_reads_like_c_and_replays(
    tmp_path: Path, source: str, wrong: str, text: str | None
) -> None:
    first, small, again = refute(tmp_path, source, wrong)
    assert small.counterexample is not None
    if text is not None:
        assert small.counterexample.text == text
    assert small.reason is first.reason
    assert (again.verdict, again.reason) == ("rejected", first.reason), again
    assert again.counterexample is not None
    assert again.counterexample.text == small.counterexample.text


def test_length_is_the_smallest_on_which_the_codes_differ(tmp_path: Path) -> None:
    wrong = SUM.replace("return s", "return n > 50 ? s + 1 : s")
    _, small, _ = refute(tmp_path, SUM, wrong)
    assert small.counterexample is not None
    case = case_from_json(small.counterexample.case["input"])
    assert case.ints[1] == 51
    assert [len(o.data) for o in case.objects] == [4 * 51]
    assert not any(case.objects[0].data)


def test_shrinking_twice_gives_the_same(tmp_path: Path) -> None:
    source, wrong = LIST, LIST.replace("s += l->v", "s += l->v == 3 ? 4 : l->v")
    job, rewrite = job_for(tmp_path, source, "f"), compiled(tmp_path, wrong)
    with Verifier(job, QUICK) as verifier:
        first = verifier.check(rewrite)
    assert minimised(job, rewrite, first, PATIENT) == minimised(job, rewrite, first, PATIENT)


def test_input_that_does_not_end_is_made_smaller_too(tmp_path: Path) -> None:
    wrong = LONGEST.replace("return m", 'while (n > 40) __asm__ volatile(""); return m')
    first, small, again = refute(tmp_path, LONGEST, wrong)
    assert (first.reason, again.reason) == (Reason.TIMEOUT, Reason.TIMEOUT)
    assert small.counterexample is not None
    assert case_from_json(small.counterexample.case["input"]).ints[1] == 41
    assert small.counterexample.text.endswith("did not end, gcc's code returns 0")


def test_two_inputs_that_should_leave_one_trace_are_kept(tmp_path: Path) -> None:
    same = """
    int f(const unsigned char *a, const unsigned char *b, int n)
    { unsigned d = 0; for (int i = 0; i < n; i++) d |= a[i] ^ b[i]; return d == 0; }
    """
    early = """
    int f(const unsigned char *a, const unsigned char *b, int n)
    { for (int i = 0; i < n; i++) if (a[i] != b[i]) return 0; return 1; }
    """
    first, small, again = refute(tmp_path, same, early)
    assert (first.reason, again.reason) == (Reason.TIMING, Reason.TIMING)
    assert small.counterexample is not None
    assert "leave different traces" in small.counterexample.text


def test_input_stays_within_what_gccs_code_allows(tmp_path: Path) -> None:
    """The smaller input must be one on which gcc's own code ends: never a null pointer here."""
    source = "int f(const int *a) { return a[0] + a[3]; }"
    _, small, _ = refute(tmp_path, source, "int f(const int *a) { return a[0] - a[3]; }")
    assert small.counterexample is not None
    assert small.counterexample.text == ("f(a={0, 0, 0, 1}) returned -1, gcc's code returns 1")
