"""Pointers into a function's own frame that its callees get (design 5.5)."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifying import QUICK, compiled, job_for, verdict

from superopt_cc.errors import Ineligible
from superopt_cc.types import Reason
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.telling.replaying import replay

E = "extern void e(int *); "
CHANGED = E + "int f(int x) { int y = x; e(&y); return y; }"


def test_counterexample_with_an_object_in_the_frame_replays(tmp_path: Path) -> None:
    job = job_for(tmp_path, CHANGED, "f")
    rewrite = compiled(tmp_path, E + "int f(int x) { int y = x; e(&y); return x; }")
    with Verifier(job, QUICK) as verifier:
        first = verifier.check(rewrite)
    assert first.counterexample is not None, first
    again = replay(job, rewrite, first.counterexample)
    assert (again.verdict, again.reason) == ("rejected", Reason.RESULT), again


def test_counterexample_names_the_variable_that_is_passed(tmp_path: Path) -> None:
    other = compiled(tmp_path, E + "int f(int x) { int y = x + 1; e(&y); return y; }")
    with Verifier(job_for(tmp_path, CHANGED, "f"), QUICK) as verifier:
        answer = verifier.check(other)
    assert answer.reason == Reason.CALLS
    assert "e(&y) with other contents" in answer.detail, answer.detail


@pytest.mark.parametrize(
    "source",
    [
        # No word of gcc's says how large it is.
        E + "int f(int x) { e((int[9]){x, 1, 2}); return x; }",
        # A pointer to it lies in memory, where its contents are not looked at.
        "extern int *g; extern int h(int *); int f(int x) { int y = x, z = 1; g = &y; h(&z); "
        "return y + z; }",
        "struct s { int *p; }; extern int h(struct s *); "
        "int f(int x) { int y = x; struct s s = {&y}; h(&s); return y; }",
        # The frame is not that of the function itself.
        E + "__attribute__((noinline)) static int g(int x) { int y = x; e(&y); return y + 1; }"
        "int f(int x) { return g(x) * g(x + 1); }",
        # It is in use while a function of the unit calls out.
        E + "extern void out(int); "
        "__attribute__((noinline)) static int g(int x) { out(x); return x + 1; }"
        "int f(int x) { int y = x; e(&y); int z = g(x); return y + z; }",
    ],
)
def test_what_is_not_known_of_a_frame_makes_ineligible(tmp_path: Path, source: str) -> None:
    with pytest.raises(Ineligible) as caught, Verifier(job_for(tmp_path, source, "f"), QUICK):
        pass
    assert caught.value.reason == "frame-escape", caught.value


def test_a_place_that_two_variables_share_is_the_one_in_scope(tmp_path: Path) -> None:
    source = (
        "extern void fill(char *); extern void e(long *); "
        "long f(long x) { long t = 0; { char b[16]; fill(b); t += b[3]; } "
        "{ long v = x; e(&v); t += v; } return t; }"
    )
    late = source.replace("t += b[3]; }", "t += b[4]; }")
    other = source.replace("long v = x;", "long v = x, w = 0;").replace("t += v;", "t += v + w;")
    assert verdict(tmp_path, source, "f", compiled(tmp_path, other, ("-O1",))).accepted
    assert verdict(tmp_path, source, "f", compiled(tmp_path, late)).reason == Reason.RESULT


def test_a_constant_in_the_frame_is_not_changed(tmp_path: Path) -> None:
    source = (
        "extern int e(const int *); "
        "int f(int x, int i) { const int t[4] = {x, x + 1, x * 3, 9}; return e(t) + t[i & 3]; }"
    )
    again = source.replace("return e(t) + t[i & 3]", "int k = t[i & 3]; return e(t) + k")
    assert verdict(tmp_path, source, "f", compiled(tmp_path, again)).accepted


def test_a_structure_passed_on_the_stack_is_an_object(tmp_path: Path) -> None:
    source = (
        "struct s { long a[5]; }; extern long e(struct s *); "
        "long f(struct s s) { long r = e(&s); return r + s.a[1]; }"
    )
    copy = source.replace("long r = e(&s); return r + s.a[1]",
                          "struct s t = s; long r = e(&t); return r + t.a[1]")  # fmt: skip
    stale = source.replace("long r = e(&s);", "long b = s.a[1]; long r = e(&s);").replace(
        "r + s.a[1]", "r + b"
    )
    assert verdict(tmp_path, source, "f", compiled(tmp_path, copy, ("-O1",))).accepted
    assert verdict(tmp_path, source, "f", compiled(tmp_path, stale)).reason == Reason.RESULT


def test_a_string_that_a_callee_writes_ends_somewhere(tmp_path: Path) -> None:
    source = (
        "extern int name(char *, int); int f(int k) { char b[24]; name(b, k); int n = 0; "
        "while (b[n]) n++; return n; }"
    )
    other = source.replace("while (b[n]) n++;", "for (char *p = b; *p; p++) n++;")
    one = source.replace("while (b[n]) n++;", "while (b[n] && n < 23) n++;")
    short = source.replace("while (b[n]) n++;", "while (b[n] && n < 5) n++;")
    assert verdict(tmp_path, source, "f", compiled(tmp_path, other, ("-O1",))).accepted
    assert verdict(tmp_path, source, "f", compiled(tmp_path, one)).verdict != "rejected"
    assert verdict(tmp_path, source, "f", compiled(tmp_path, short)).reason == Reason.RESULT
