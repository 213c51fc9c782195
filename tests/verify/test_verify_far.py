"""Indexes beyond 2^31 and 2^32: what only an array that fits no memory here would show."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifying import QUICK, body, job_for, verdict

from superopt_cc.types import Reason
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.telling.replaying import replay

READ = "int f(const int *a, {} i) {{ return a[i]; }}"
WRITE = "void f(long *a, long i, long x) { a[i] = x; }"
TWO = "char f(const char *a, unsigned i, unsigned j) { return a[i] + a[j]; }"
MATRIX = "int f(const int *a, long r, long w, long c) { return a[r * w + c]; }"
STRUCT = "struct s { int x; short y; }; int f(struct s *p, unsigned i) { return p[i].y; }"

TAKES_INT = "movl (%rdi,%rsi,4), %eax\nret"
WRONG = [
    ("cuts a long index to 32 bits", READ.format("long"), f"movslq %esi, %rsi\n{TAKES_INT}"),
    ("scales in 32 bits", READ.format("long"),
     "shll $2, %esi\nmovslq %esi, %rsi\nmovl (%rdi,%rsi), %eax\nret"),
    ("extends an unsigned index by sign", READ.format("unsigned"),
     f"movslq %esi, %rsi\n{TAKES_INT}"),
    ("extends a signed index by zeros", READ.format("int"), f"movl %esi, %esi\n{TAKES_INT}"),
    ("extends one of two indexes by sign", TWO,
     "movslq %esi, %rsi\nmovl %edx, %edx\nmovzbl (%rdi,%rsi), %eax\naddb (%rdi,%rdx), %al\nret"),
    ("writes to an index cut to 32 bits", WRITE,
     "movslq %esi, %rsi\nmovq %rdx, (%rdi,%rsi,8)\nret"),
    ("multiplies row and width in 32 bits", MATRIX,
     "imull %edx, %esi\nmovslq %esi, %rsi\naddq %rcx, %rsi\nmovl (%rdi,%rsi,4), %eax\nret"),
    ("scales a structure's index in 32 bits", STRUCT,
     "leal (,%rsi,8), %esi\nmovswl 4(%rdi,%rsi), %eax\nret"),
]  # fmt: skip
RIGHT = [
    ("a long index", READ.format("long"), "leaq (%rdi,%rsi,4), %rax\nmovl (%rax), %eax\nret"),
    ("an unsigned index", READ.format("unsigned"),
     "movl %esi, %esi\nleaq (%rdi,%rsi,4), %rdi\nmovl (%rdi), %eax\nret"),
    ("a signed index", READ.format("int"),
     "movslq %esi, %rsi\nleaq (%rdi,%rsi,4), %rdi\nmovl (%rdi), %eax\nret"),
    ("a store", WRITE, "leaq (%rdi,%rsi,8), %rdi\nmovq %rdx, (%rdi)\nret"),
    ("a matrix", MATRIX,
     "imulq %rdx, %rsi\nleaq (%rdi,%rsi,4), %rdi\nmovl (%rdi,%rcx,4), %eax\nret"),
    ("a structure", STRUCT, "movl %esi, %esi\nleaq 4(%rdi,%rsi,8), %rdi\nmovswl (%rdi), %eax\nret"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "code"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_wrong_for_far_indexes_only(tmp_path: Path, source: str, code: str) -> None:
    answer = verdict(tmp_path, source, "f", body("f", code))
    assert answer.verdict == "rejected"
    assert answer.reason in (Reason.RESULT, Reason.MEMORY, Reason.ACCESS), answer


@pytest.mark.parametrize(("source", "code"), [r[1:] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_right_for_far_indexes_too(tmp_path: Path, source: str, code: str) -> None:
    answer = verdict(tmp_path, source, "f", body("f", code))
    assert answer.accepted, answer


def test_far_counterexample_replays(tmp_path: Path) -> None:
    job = job_for(tmp_path, WRONG[0][1], "f")
    rewrite = body("f", WRONG[0][2])
    with Verifier(job, QUICK) as verifier:
        verifier.small = True
        answer = verifier.check(rewrite)
    assert answer.counterexample is not None
    assert replay(job, rewrite, answer.counterexample).verdict == "rejected"
