"""What the author promises of callers bounds the tests, and nothing else (design 10)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
from verifying import QUICK, compiled, job_for

from superopt_cc.errors import Ineligible
from superopt_cc.types import Rewrite, Verdict
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.job import Contract
from superopt_cc.verify.making.promises import read, with_positions

FIND = (
    "int f(const int *a, int n, int x) {"
    " for (int i = 0; i < n; i++) if (a[i] == x) return i; return -1; }\n"
)
# Looks at all elements before it says which was the first.
FIND_ALL = (
    "int f(const int *a, int n, int x) { int at = -1;"
    " for (int i = n; i > 0; i--) if (a[i - 1] == x) at = i - 1; return at; }\n"
)
SUM = (
    "unsigned f(const unsigned *a, int n) {"
    " unsigned s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; }\n"
)
ADD = "void f(int *a, const int *b, int n) { for (int i = 0; i < n; i++) a[i] += b[0]; }\n"
ADD_HOISTED = (
    "void f(int *a, const int *b, int n) { if (n <= 0) return; int x = b[0];"
    " for (int i = 0; i < n; i++) a[i] += x; }\n"
)


def promised(
    folder: Path, source: str, rewrite: Rewrite, clauses: Sequence[str],
    args: Sequence[str] = ("-O3",),
) -> Verdict:  # fmt: skip
    job = job_for(folder, source, "f", args)
    named = with_positions(clauses, [p.name for p in job.facts.parameters])
    with Verifier(dataclasses.replace(job, contract=Contract(clauses=named)), QUICK) as verifier:
        return verifier.check(rewrite)


def reason_of(answer: Verdict) -> str:
    return answer.reason.value if answer.reason else answer.verdict


def test_what_an_extent_holds_may_be_read_before_gccs_code_would(tmp_path: Path) -> None:
    eager = compiled(tmp_path, FIND_ALL)
    answer = promised(tmp_path, FIND, eager, ["extent(a, n)"])
    assert answer.accepted
    assert answer.evidence is not None
    assert answer.evidence.assumed == ("extent(a, n)",)
    assert reason_of(promised(tmp_path, FIND, eager, [])) == "access"


@pytest.mark.parametrize("clauses", [["extent(a, n)"], ["extent(a, n + 3)"]])
def test_nothing_behind_an_extent_may_be_read(tmp_path: Path, clauses: list[str]) -> None:
    beyond = FIND_ALL.replace("i = n;", "i = n < 0 ? 0 : n + 40;")
    beyond = beyond.replace("== x)", "== x && i <= n)")
    assert not promised(tmp_path, FIND, compiled(tmp_path, beyond), clauses).accepted


def test_an_extent_is_no_leave_to_write(tmp_path: Path) -> None:
    first = "void f(int *a, int n) { for (int i = 0; i < n && a[i]; i++) a[i] = 0; }\n"
    blind = "void f(int *a, int n) { int on = 1; for (int i = 0; i < n; i++) {" \
        " on &= a[i] != 0; a[i] = on ? 0 : a[i]; } }\n"  # fmt: skip
    answer = promised(tmp_path, first, compiled(tmp_path, blind), ["extent(a, n)"])
    assert reason_of(answer) in ("access", "memory")


def test_assumed_lengths_spare_the_tail(tmp_path: Path) -> None:
    source = SUM.replace("i < n;", "i < (n & ~7);")
    rewrite = compiled(tmp_path, source)
    clauses = ["assume(n % 8 == 0 && n >= 0)"]
    assert promised(tmp_path, SUM, rewrite, clauses, ("-O3", "-march=x86-64-v2")).accepted
    assert reason_of(promised(tmp_path, SUM, rewrite, [])) in ("result", "access")


@pytest.mark.parametrize(
    ("assumed", "condition"),
    [
        ("assume(n <= 4096)", "n == 4096"),
        ("assume(n > 0 && n <= 100)", "n == 1"),
        ("assume(n % 8 == 0)", "n == 24"),
        ("assume(x != 0)", "x == 1"),
        ("assume(n < x)", "n == x - 1"),
        ("assume((n & 1) || x >> 4 == 3)", "x == 48 && !(n & 1)"),
    ],
)
def test_wrong_within_what_is_assumed_is_wrong(
    tmp_path: Path, assumed: str, condition: str
) -> None:
    source = "int f(int n, int x) { return n * 3 + (x ^ 5); }\n"
    wrong = source.replace("return", f"if ({condition}) return 7; return")
    answer = promised(tmp_path, source, compiled(tmp_path, wrong), [assumed])
    assert reason_of(answer) == "result"
    assert answer.counterexample is not None
    words = answer.counterexample.case["input"]["ints"]
    signed = [(word & 0xFFFFFFFF) - (1 << 32 if word & 1 << 31 else 0) for word in words]
    values = dict(enumerate(signed))
    assert read(with_positions([assumed], ["n", "x"])).hold(values)


@pytest.mark.parametrize(
    ("assumed", "condition"),
    [
        ("assume(n <= 4096)", "n == 4097"),
        ("assume(n != 77)", "n == 77"),
        ("assume(x / 3 == 5)", "x == 18"),
    ],
)
def test_wrong_beyond_what_is_assumed_is_right(
    tmp_path: Path, assumed: str, condition: str
) -> None:
    source = "int f(int n, int x) { return n * 3 + (x ^ 5); }\n"
    wrong = source.replace("return", f"if ({condition}) return 7; return")
    rewrite = compiled(tmp_path, wrong)
    assert reason_of(promised(tmp_path, source, rewrite, [])) == "result"
    assert promised(tmp_path, source, rewrite, [assumed]).accepted


def test_floating_arguments_can_be_assumed_about(tmp_path: Path) -> None:
    source = "double f(double x) { return x < 0 ? -x : x + 0.0; }\n"
    same = compiled(tmp_path, "double f(double x) { return x + 0.0; }\n")
    assert reason_of(promised(tmp_path, source, same, [])) == "result"
    assert promised(tmp_path, source, same, ["assume(x >= 0)"]).accepted


def test_disjoint_memory_does_not_overlap(tmp_path: Path) -> None:
    hoisted = compiled(tmp_path, ADD_HOISTED)
    assert promised(tmp_path, ADD, hoisted, ["disjoint(a, b)"]).accepted
    clauses = ["extent(a, n)", "extent(b, 1)", "disjoint(a, b)"]
    assert promised(tmp_path, ADD, hoisted, clauses).accepted
    assert reason_of(promised(tmp_path, ADD, hoisted, [])) == "memory"


@pytest.mark.parametrize(
    ("clause", "words"),
    [
        ("assume(m < 3)", "'m' is no parameter"),
        ("assume(n <)", "it ends too early"),
        ("assume((n)", "a parenthesis is missing"),
        ("assume(*a > 2)", "'*' is not understood"),
        ("extent(a)", "a pointer and a number"),
        ("extent(n + 1, a)", "'n + 1' is no parameter"),
        ("disjoint(a)", "two or more pointers"),
    ],
)
def test_a_clause_that_cannot_be_read_is_named(clause: str, words: str) -> None:
    with pytest.raises(Ineligible) as caught:
        with_positions([clause], ["a", "n"])
    assert caught.value.reason == "contract"
    assert clause in caught.value.detail
    assert words in caught.value.detail


def test_an_extent_of_what_is_no_pointer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Ineligible, match="no pointer"):
        promised(tmp_path, SUM, compiled(tmp_path, SUM), ["extent(n, 4)"])


def test_conditions_read_as_in_c() -> None:
    def holds(text: str, **values: int) -> bool:
        names = sorted(values)
        found = read(with_positions([f"assume({text})"], names))
        return found.hold({i: values[name] for i, name in enumerate(names)})

    assert holds("1 + 2 * 3 == 7")
    assert holds("a % 4 == -3", a=-7)
    assert holds("a / 2 == -3", a=-7)
    assert holds("a & 1 == 1", a=1)  # C reads a & (1 == 1)
    assert holds("!a || 8 / a > 1", a=0)
    assert not holds("8 / a > 1", a=0)
    assert holds("0x10 == 16 && 1u << 4 == 16")
    assert holds("~a == -1 && -a == 0", a=0)
    assert not holds("1 << a > 0", a=5000)
