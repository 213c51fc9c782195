"""long double: values as x87 has them, and what runs show of the unit that no text would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from verifying import QUICK, body, compiled, job_for, verdict

from superopt_cc.types import Reason
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.making import extended
from superopt_cc.verify.making.nans import Floats, NaNs
from superopt_cc.verify.making.values import Numbers, dictionary
from superopt_cc.verify.rules import ALL
from superopt_cc.verify.signature.ctype import EXTENDED

NOTHING = dictionary((), ())
SUM = "long double f(long double a, long double b) { return a + b; }\n"
CUT = "long f(long double x) { return (long)x; }\n"
SET = "fnstcw -10(%rsp)\nmovzwl -10(%rsp), %eax\n{}\nmovw %ax, -12(%rsp)\nfldcw -12(%rsp)\n"


def _regular(data: bytes) -> bool:
    rows = np.frombuffer(data, np.uint64).reshape(-1, 2)
    return bool((extended.regular(rows)[:, 0] == rows[:, 0]).all())


def test_only_numbers_that_the_processor_makes_are_made() -> None:
    numbers = Numbers(1)
    for kind in NaNs:
        for typical in (True, False):
            floats = Floats(kind, NOTHING, numbers, typical=typical)
            made = b"".join(floats.one(EXTENDED) for _ in range(300))
            made += floats.many(EXTENDED, 300) + floats.array(EXTENDED, 300, 20)
            assert len(made) == 900 * extended.SIZE
            assert _regular(made)
            assert _regular(floats.again(EXTENDED, numbers.randbytes(1600)))


def test_a_case_of_code_that_computes_holds_one_nan() -> None:
    for seed in range(40):
        floats = Floats(NaNs.COMPUTED, NOTHING, Numbers(seed), typical=False)
        made = np.frombuffer(floats.many(EXTENDED, 400) + floats.array(EXTENDED, 99, 9), np.uint64)
        rows = made.reshape(-1, 2)
        found = {(int(a), int(b) & 0xFFFF) for a, b in rows[extended.is_nan(rows)]}
        assert len(found) <= 1


def test_values_lie_where_mistakes_show() -> None:
    values = extended.mixture(20000, NOTHING.extended, np.random.default_rng(1))
    made = np.ascontiguousarray(values).view(np.longdouble).ravel()
    assert 0.002 < extended.is_nan(values).mean() < 0.02
    finite = made[np.isfinite(made)]
    assert set(np.signbit(finite[finite == 0])) == {True, False}
    assert (np.abs(finite) > np.finfo(np.float64).max).mean() > 0.01
    small = (finite != 0) & (np.abs(finite) < np.finfo(np.float64).tiny)
    assert small.mean() > 0.01
    finite = finite[np.abs(finite) <= np.finfo(np.float64).max]
    lost = finite.astype(np.float64).astype(np.longdouble) != finite
    assert 0.2 < lost.mean() < 0.9
    assert ((finite == np.rint(finite)) & (np.abs(finite) > 2.0**53)).mean() > 0.02


def test_constants_of_gccs_code_are_among_them() -> None:
    third = (np.longdouble(1) / 3).tobytes()[:10]
    known = dictionary((), [third]).extended
    rows = extended.mixture(1000, known, np.random.default_rng(2))
    values = np.ascontiguousarray(rows).view(np.longdouble).ravel()
    assert (values == np.longdouble(1) / 3).any()


@pytest.mark.parametrize(
    ("value", "text"),
    [("1.5", "1.5L"), ("-0.0", "-0.0L"), ("1e4000", "1.0e+4000L"), ("inf", "inf"),
     ("0.1", "0.1L"), ("18446744073709551615", "18446744073709551615.0L")],
)  # fmt: skip
def test_values_are_told_as_c_writes_them(value: str, text: str) -> None:
    assert extended.text(np.longdouble(value).tobytes()) == text


def test_a_counterexample_reads_like_c(tmp_path: Path) -> None:
    wrong = compiled(tmp_path, SUM.replace("a + b", "a - b"))
    found = verdict(tmp_path, SUM, "f", wrong)
    assert found.reason is Reason.RESULT
    assert found.detail.startswith("f(a=")
    assert "L) returned " in found.detail


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("fldt 24(%rsp)\nfldt 8(%rsp)\nfadd %st(1), %st\nret", Reason.ABI),
        ("fldt 24(%rsp)\nfldt 8(%rsp)\nfaddp\nfstp %st(0)\nret", Reason.ABI),
        ("fldt 8(%rsp)\nfldt 24(%rsp)\nfaddp\nfaddp\nret", Reason.ABI),
    ],
)
def test_runs_see_the_stack_too(tmp_path: Path, text: str, why: Reason) -> None:
    job = job_for(tmp_path, SUM, "f")
    with Verifier(job, QUICK, rules=ALL.without("keeps_the_x87_stack")) as verifier:
        assert verifier.check(body("f", text)).reason is why


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("orb $12, %ah", Reason.ABI),  # not put back
        ("andb $-4, %ah\norb $14, %ah", Reason.ABI),  # in double precision
    ],
)
def test_the_control_word_is_put_back(tmp_path: Path, change: str, why: Reason) -> None:
    text = SET.format(change) + "fldt 8(%rsp)\nfistpq -24(%rsp)\nmovq -24(%rsp), %rax\nret"
    assert verdict(tmp_path, CUT, "f", body("f", text)).reason is why


def test_rounding_follows_both_control_words(tmp_path: Path) -> None:
    """A rewrite that always rounds to nearest differs where the caller has set another mode."""
    source = "long double f(long double x) { return __builtin_floorl(x) + x * 3; }\n"
    text = """
    fldt 8(%rsp)
    fnstcw -10(%rsp)
    movzwl -10(%rsp), %eax
    andb $-13, %ah
    movw %ax, -14(%rsp)
    orb $4, %ah
    movw %ax, -12(%rsp)
    fldcw -12(%rsp)
    fld %st(0)
    frndint
    fldcw -14(%rsp)
    movl $3, -20(%rsp)
    fxch %st(1)
    fimull -20(%rsp)
    faddp
    fldcw -10(%rsp)
    ret
    """
    assert verdict(tmp_path, source, "f", body("f", text)).reason is Reason.RESULT


def test_exceptions_count_in_the_x87_status_word(tmp_path: Path) -> None:
    source = "int f(long double a, long double b) { return a < b; }\n"
    text = "fldt 8(%rsp)\nfldt 24(%rsp)\nxorl %eax, %eax\nfucomip %st(1), %st\nfstp %st(0)\n"
    quiet = body("f", f"{text}seta %al\nret")
    wrong = verdict(tmp_path, source, "f", quiet)
    assert wrong.reason is Reason.RESULT
    assert "invalid" in wrong.detail
    flagless = ("-O3", "-fno-trapping-math")
    right = verdict(tmp_path, source, "f", quiet, flagless)
    assert right.accepted or right.reason is Reason.COPY
