"""Vectors of 32 bytes by value: where AVX has them in registers, and nowhere else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from verifying import QUICK, body, compiled, job_for, verdict

from superopt_cc.cases import Case, case_from_json, case_to_json
from superopt_cc.errors import Ineligible
from superopt_cc.types import Reason
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.judging.killers import fitting
from superopt_cc.verify.telling.replaying import minimised, replay

TYPE = "typedef int v __attribute__((vector_size(32)));\n"
SUM = f"{TYPE}v f(v a, v b) {{ return a + b; }}\n"
AVX = ("-O3", "-mavx2")
CALLING = f"""{TYPE}
extern void k(int);
void f(v *p, v a) {{ *p += a; k(3); *p += *p; }}
"""


@pytest.mark.parametrize("flags", [("-O3",), ("-O3", "-msse4.1")])
def test_without_avx_they_lie_in_memory_and_are_not_tested(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    with pytest.raises(Ineligible, match="vector"):
        job_for(tmp_path, SUM, "f", flags)


def test_longer_ones_and_those_beyond_the_registers_are_not_tested(tmp_path: Path) -> None:
    longer = SUM.replace("32", "64")
    nine = f"{TYPE}v f({', '.join(f'v a{i}' for i in range(9))}) {{ return a0 + a8; }}\n"
    for source in (longer, nine):
        with pytest.raises(Ineligible, match="vector"):
            job_for(tmp_path, source, "f", AVX)


def test_an_attribute_brings_avx_along(tmp_path: Path) -> None:
    source = SUM.replace("v f(", '__attribute__((target("avx2"))) v f(')
    half = body("f", "vpaddd %xmm1, %xmm0, %xmm0\nret")
    assert verdict(tmp_path, source, "f", half).reason is Reason.RESULT


def test_a_counterexample_is_small_and_replays(tmp_path: Path) -> None:
    job = job_for(tmp_path, SUM, "f", AVX)
    wrong = compiled(tmp_path, SUM.replace("a + b", "a + b + (a == 77)"), ("-O2", "-mavx2"))
    with Verifier(job, QUICK) as verifier:
        first = verifier.check(wrong)
    small = minimised(job, wrong, first, 20.0)
    assert small.counterexample is not None
    again = replay(job, wrong, small.counterexample)
    assert (again.verdict, again.reason) == ("rejected", Reason.RESULT)
    case = case_from_json(small.counterexample.case["input"])
    assert [len(vector) for vector in case.floats] == [32, 32]
    assert sum(any(v[i : i + 4]) for v in case.floats for i in range(0, 32, 4)) <= 2


def test_upper_halves_survive_being_stored(tmp_path: Path) -> None:
    case = Case(floats=(bytes(range(32)), bytes(16)))
    assert case_from_json(case_to_json(case)) == case
    narrow = dataclasses.replace(case, floats=(bytes(16), bytes(16)))
    assert fitting((narrow, case), case, {}) == (case,)


@pytest.mark.parametrize(
    ("before", "why"),
    [("", Reason.ABI), ("vzeroupper", None)],
)
def test_upper_halves_are_as_gccs_code_has_them_at_calls(
    tmp_path: Path, before: str, why: Reason | None
) -> None:
    """gcc clears them before the call and leaves them in use at the end, as its caller has."""
    text = f"""
    pushq %rbx
    movq %rdi, %rbx
    vpaddd (%rdi), %ymm0, %ymm0
    vmovdqa %ymm0, (%rdi)
    movl $3, %edi
    {before}
    call k@PLT
    vmovdqa (%rbx), %ymm0
    vpslld $1, %ymm0, %ymm0
    vmovdqa %ymm0, (%rbx)
    vzeroupper
    popq %rbx
    ret
    """
    found = verdict(tmp_path, CALLING, "f", body("f", text), AVX)
    assert found.reason is why, found.detail
    assert found.accepted is (why is None)


def test_a_local_callees_result_keeps_its_upper_half(tmp_path: Path) -> None:
    source = f"""{TYPE}
    __attribute__((noinline)) static v g(v a, int n) {{ return (a >> 3) * n; }}
    v f(v a, int n) {{ return g(a, n) + 1; }}
    """
    call = "subq $8, %rsp\ncall g\naddq $8, %rsp\nvpcmpeqd %ymm1, %ymm1, %ymm1\n"
    right = body("f", f"{call}vpsubd %ymm1, %ymm0, %ymm0\nret")
    wrong = body("f", f"{call}vpsubd %xmm1, %xmm0, %xmm0\nret")
    with Verifier(job_for(tmp_path, source, "f", AVX), QUICK) as verifier:
        assert [each.reason for each in verifier.check_many((right, wrong))] == [
            None, Reason.RESULT
        ]  # fmt: skip


def test_callees_that_return_one_are_not_imitated(tmp_path: Path) -> None:
    source = f"{TYPE}extern v g(int); v f(int n) {{ return g(n) + g(n + 1); }}\n"
    with (
        pytest.raises(Ineligible, match="vector"),
        Verifier(job_for(tmp_path, source, "f", AVX), QUICK),
    ):
        pass
