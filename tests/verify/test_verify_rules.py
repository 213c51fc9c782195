"""Static and dynamic rules through the whole verifier, and replaying what it found."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from verifying import QUICK, body, compiled, job_for, verdict

from superopt_cc.errors import Ineligible
from superopt_cc.types import Reason
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.job import Contract
from superopt_cc.verify.telling.replaying import replay

STATIC_TIMES_9 = """
static __attribute__((noinline)) int f(int x) { return x * 9; }
int g(int x, int y) { return f(x) + y; }
"""
EXTERNAL_TIMES_9 = "int f(int x) { return x * 9; }"
CLOBBERS_ESI = "movl %edi, %esi\nleal (%rsi,%rsi,8), %eax\nret"
LOCAL_CALL = """
static __attribute__((noinline)) int h(int x) { return x * 7; }
int f(int x, int y) { return h(x) + y; }
"""
KEEPS_ESI = "subq $8, %rsp\ncall h\naddl %esi, %eax\naddq $8, %rsp\nret"
TABLE = "static const int T[8] = {7, 6, 5, 4, 3, 2, 1, 0}; int f(unsigned i) { return T[i & 7]; }"
SELECT = "unsigned f(unsigned a, unsigned b, unsigned m) { return (a & m) | (b & ~m); }"
BRANCHES = (
    "movl %esi, %eax\ntestl %edx, %edx\nje .Le\nandl %edx, %edi\nnotl %edx\nandl %edx, %eax\n"
    "orl %edi, %eax\n.Le:\nret"
)
SAME = """
int f(const unsigned char *a, const unsigned char *b, int n)
{ unsigned d = 0; for (int i = 0; i < n; i++) d |= a[i] ^ b[i]; return d == 0; }
"""
EARLY = """
int f(const unsigned char *a, const unsigned char *b, int n)
{ for (int i = 0; i < n; i++) if (a[i] != b[i]) return 0; return 1; }
"""


def test_rewrite_that_clobbers_a_register_its_caller_keeps_is_rejected(tmp_path: Path) -> None:
    answer = verdict(tmp_path, STATIC_TIMES_9, "f", body("f", CLOBBERS_ESI))
    assert (answer.verdict, answer.reason) == ("rejected", Reason.CLOBBER), answer


def test_the_same_rewrite_is_accepted_without_local_callers(tmp_path: Path) -> None:
    answer = verdict(tmp_path, EXTERNAL_TIMES_9, "f", body("f", CLOBBERS_ESI))
    assert answer.accepted, answer


def test_rewrite_that_keeps_a_register_across_a_local_call_is_rejected(tmp_path: Path) -> None:
    answer = verdict(tmp_path, LOCAL_CALL, "f", body("f", KEEPS_ESI), ("-O3", "-fno-ipa-ra"))
    assert answer.verdict == "rejected", answer
    assert answer.reason in (Reason.CLOBBER, Reason.RESULT)


def test_system_call_is_rejected(tmp_path: Path) -> None:
    answer = verdict(tmp_path, EXTERNAL_TIMES_9, "f", body("f", "movl $60, %eax\nsyscall\nret"))
    assert (answer.verdict, answer.reason) == ("rejected", Reason.INSTRUCTION), answer


def test_copy_in_other_spelling_is_rejected(tmp_path: Path) -> None:
    job = job_for(tmp_path, EXTERNAL_TIMES_9, "f")
    with Verifier(job, QUICK) as verifier:
        answer = verifier.check(compiled(tmp_path, EXTERNAL_TIMES_9, ("-O3",)))
    assert (answer.verdict, answer.reason) == ("rejected", Reason.COPY), answer


def test_table_access_that_does_not_link_as_pie_is_rejected(tmp_path: Path) -> None:
    text = "andl $7, %edi\nmovl T(,%rdi,4), %eax\nret"
    answer = verdict(tmp_path, TABLE, "f", body("f", text))
    assert (answer.verdict, answer.reason) == ("rejected", Reason.LINK), answer


def test_branch_on_secret_data_is_rejected_where_gcc_has_none(tmp_path: Path) -> None:
    answer = verdict(tmp_path, SELECT, "f", body("f", BRANCHES))
    assert (answer.verdict, answer.reason) == ("rejected", Reason.TIMING), answer


def test_early_exit_is_rejected_where_gcc_compares_in_constant_time(tmp_path: Path) -> None:
    answer = verdict(tmp_path, SAME, "f", compiled(tmp_path, EARLY))
    assert answer.verdict == "rejected", answer
    assert answer.reason == Reason.TIMING


def test_a_contract_lifts_the_timing_rule(tmp_path: Path) -> None:
    job = dataclasses.replace(job_for(tmp_path, SELECT, "f"), contract=Contract(timing_ok=True))
    with Verifier(job, QUICK) as verifier:
        assert verifier.check(body("f", BRANCHES)).accepted


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("int f(int x) { return x < 0 ? -x : x; }", "int f(int x) { return x; }"),
        ("void f(int *p, int n) { for (int i = 0; i < n; i++) p[i]++; }",
         "void f(int *p, int n) { for (int i = 0; i <= n; i++) p[i]++; }"),
        ("extern int e(int); int f(int x) { return e(x) + e(x + 1); }",
         "extern int e(int); int f(int x) { return 2 * e(x); }"),
        (SAME, EARLY),
    ],
)  # fmt: skip
def test_counterexample_replays(tmp_path: Path, source: str, wrong: str) -> None:
    job = job_for(tmp_path, source, "f")
    rewrite = compiled(tmp_path, wrong)
    with Verifier(job, QUICK) as verifier:
        first = verifier.check(rewrite)
    assert first.counterexample is not None, first
    again = replay(job, rewrite, first.counterexample)
    assert (again.verdict, again.reason) == ("rejected", first.reason), again


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("int f(void (*g)(int) __attribute__((noreturn)), int x) { if (x) g(x); return 1; }",
         "indirect-call"),
        ("struct s; struct s *f(struct s *p) { return p; }", "type-opaque"),
        ("struct l { char a[300000]; }; int f(struct l *p) { return p->a[1]; }", "type-large"),
    ],
)  # fmt: skip
def test_function_that_cannot_be_tested_is_ineligible(
    tmp_path: Path, source: str, reason: str
) -> None:
    with pytest.raises(Ineligible) as caught, Verifier(job_for(tmp_path, source, "f"), QUICK):
        pass
    assert caught.value.reason == reason


def test_a_constant_that_another_library_may_replace_has_any_contents(tmp_path: Path) -> None:
    source = "const int steps[4] = {5, 6, 7, 8}; int f(int x) { return steps[x & 3]; }"
    folded = "andl $3, %edi\nleal 5(%rdi), %eax\nret"
    assert verdict(tmp_path, source, "f", body("f", folded)).accepted
    answer = verdict(tmp_path, source, "f", body("f", folded), ("-O3", "-fPIC"))
    assert answer.reason == Reason.RESULT, answer
    bound = ("-O3", "-fPIC", "-fno-semantic-interposition")
    assert verdict(tmp_path, source, "f", body("f", folded), bound).accepted
