"""What overflows only after millions of elements."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifying import QUICK, compiled, job_for, verdict

from superopt_cc.types import Reason
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.telling.replaying import replay

BYTES = (
    "unsigned long f(const unsigned char *p, unsigned long n) "
    "{{ {} s = 0; for (unsigned long i = 0; i < n; i++) s += p[i]; return s; }}"
)
SIGNED = (
    "long f(const signed char *p, int n) "
    "{{ {} s = 0; for (int i = 0; i < n; i++) s += p[i]; return s; }}"
)
SHORTS = (
    "long f(const short *p, const short *q, long n) "
    "{{ {} s = 0; for (long i = 0; i < n; i++) s += p[i] - q[i] / 2; return s; }}"
)
CASES = [
    ("bytes", BYTES, "unsigned"),
    ("signed bytes", SIGNED, "int"),
    ("two arrays", SHORTS, "int"),
]


@pytest.mark.parametrize(("source", "narrow"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_sum_in_32_bits_falls(tmp_path: Path, source: str, narrow: str) -> None:
    wrong = compiled(tmp_path, source.format(narrow))
    answer = verdict(tmp_path, source.format("long"), "f", wrong)
    assert (answer.verdict, answer.reason) == ("rejected", Reason.RESULT), answer


@pytest.mark.parametrize("source", [c[1] for c in CASES], ids=[c[0] for c in CASES])
def test_sum_in_64_bits_passes(tmp_path: Path, source: str) -> None:
    right = compiled(tmp_path, source.format("long"), ("-O2", "-fno-tree-vectorize"))
    answer = verdict(tmp_path, source.format("long"), "f", right)
    assert answer.accepted, answer


def test_long_counterexample_is_told_and_replays(tmp_path: Path) -> None:
    job = job_for(tmp_path, BYTES.format("unsigned long"), "f")
    rewrite = compiled(tmp_path, BYTES.format("unsigned"))
    with Verifier(job, QUICK) as verifier:
        answer = verifier.check(rewrite)
    assert answer.counterexample is not None
    assert " times, n=" in answer.counterexample.text
    assert replay(job, rewrite, answer.counterexample).reason == Reason.RESULT
