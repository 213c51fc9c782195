"""Inputs for timing of functions whose callees fill variables in the frame."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifying import QUICK, compiled, job_for

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.unit import parse_unit
from superopt_cc.cost import lock
from superopt_cc.cost.callers import Result
from superopt_cc.cost.protocol import Timer
from superopt_cc.verify.engine import Verifier

LOOP = """extern void size(int *);
unsigned f(unsigned x) {
    int n; size(&n); n &= 511;
    for (int i = 0; i < n; i++) x = x * 5 + 1;
    return x;
}"""
UNROLLED = LOOP.replace(
    "for (int i = 0; i < n; i++) x = x * 5 + 1;",
    "int i = 0; for (; i + 7 < n; i += 8) x = x * 390625 + 97656; "
    "for (; i < n; i++) x = x * 5 + 1;",
).replace("int n; size(&n); n &= 511;", "int a[9], n; size(a + 6); n = a[6] & 511;")


def test_a_bound_that_a_callee_sets_counts_where_the_rewrite_keeps_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lock, "lock_folder", lambda: tmp_path / "lock")
    job = job_for(tmp_path, LOOP, "f", ("-O2",))
    with Verifier(job, QUICK) as verifier:
        rewrite = compiled(tmp_path, UNROLLED)
        assert verifier.check(rewrite).accepted
        other = verifier.fragment(rewrite)
        cases = verifier.workload()
    assert isinstance(other, Fragment)
    assert all(case.answers[0].given for case in cases)
    timer = Timer(
        parse_unit(job.unit_text), "f", cases, seed=1, result=Result.INTEGER,
        as_options=job.as_options,
    )  # fmt: skip
    (found,) = timer.compare([other], 4.0)
    assert not found.failure
    assert found.speedup > 2.0


AGAIN = """extern int step(int *); extern void done(void);
int f(void) {
    int v, s = 0;
    for (int i = 0; i < 20; i++) { s += step(&v); s = s * 30 + v; }
    done();
    return s;
}"""


def test_each_call_changes_in_time_what_it_changed_when_it_was_checked(tmp_path: Path) -> None:
    with Verifier(job_for(tmp_path, AGAIN, "f", ("-O1",)), QUICK) as verifier:
        cases = verifier.workload()
    assert cases
    for case in cases:
        assert [len(answer.given) for answer in case.answers[:21]] == [1] * 20 + [0]
        assert case.answers[0].stores  # nobody else sets it
        assert not any(answer.stores for answer in case.answers[21:])
    changes = [bool(a.stores) for case in cases for a in case.answers[1:20]]
    assert 0.6 < sum(changes) / len(changes) < 0.9  # the others leave it as it is
