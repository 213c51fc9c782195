"""Wrong variants of both codes judge the tests (design 5.7)."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from verifying import QUICK, body, job_for

from superopt_cc.assembly.fragment import own_fragment
from superopt_cc.assembly.unit import parse_unit
from superopt_cc.errors import Late
from superopt_cc.types import Reason
from superopt_cc.verify import engine
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.gathering.gather import Limits
from superopt_cc.verify.judging import adequacy
from superopt_cc.verify.judging.mutants import mutants
from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.runner import Masks, Runner

SETTLE = plans.settle

CLAMP = "int f(int x, int low, int high) { return x < low ? low : x > high ? high : x; }\n"
OTHER_CLAMP = """
movl %edi, %eax
cmpl %edx, %edi
cmovg %edx, %eax
cmpl %esi, %edi
cmovl %esi, %eax
ret
"""
BODY = """f:
	cmpl $10, %edi
	jle .L2
	cmpq %rsi, %rdx
	setb %al
	movzbl %al, %eax
	ret
.L2:
	movslq %esi, %rax
	addq %rdx, %rax
	shrq $3, %rax
	pushq %rbx
	popq %rbx
	ret
	.size f, .-f
"""


def test_mutants_change_one_instruction_each_in_every_way() -> None:
    unit = parse_unit(f"\t.text\n\t.globl f\n\t.type f, @function\n{BODY}")
    made = {m.what for m in mutants(own_fragment(unit.function("f")), 100, 1)}
    for what in (
        "`jle .L2` became `jg .L2`",
        "`jle .L2` became `jl .L2`",
        "`jle .L2` became `jbe .L2`",
        "`setb %al` became `setl %al`",
        "`cmpl $10, %edi` became `cmpl $11, %edi`",
        "`cmpl $10, %edi` became `cmpl $9, %edi`",
        "`cmpq %rsi, %rdx` became `cmpl %esi, %edx`",
        "`movzbl %al, %eax` became `movsbl %al, %eax`",
        "`addq %rdx, %rax` became `subq %rdx, %rax`",
        "`addq %rdx, %rax` left out",
        "`shrq $3, %rax` became `sarq $3, %rax`",
    ):
        assert what in made
    assert not any("push" in what or "`ret`" in what for what in made)


def test_the_choice_of_mutants_is_the_same_each_time_and_takes_every_kind() -> None:
    unit = parse_unit(f"\t.text\n\t.globl f\n\t.type f, @function\n{BODY}")
    fragment = own_fragment(unit.function("f"))
    few = [m.what for m in mutants(fragment, 7, 3)]
    assert few == [m.what for m in mutants(fragment, 7, 3)]
    assert len(few) == 7
    assert any("left out" in what for what in few)
    assert any("`j" in what for what in few)


def test_evidence_counts_mutants_of_both_codes(tmp_path: Path) -> None:
    rewrite = body("f", OTHER_CLAMP)
    with Verifier(job_for(tmp_path, CLAMP, "f"), QUICK) as verifier:
        target = verifier.score()
        answer = verifier.check(rewrite)
    assert answer.accepted, answer
    assert answer.evidence is not None
    assert answer.evidence.mutants.total > target.total > 4
    assert answer.evidence.mutants.killed >= target.killed > target.total // 2
    alive = answer.evidence.mutants.total - answer.evidence.mutants.killed
    assert len(answer.evidence.survivors) == alive


def _few(
    made: Sequence[plans.Plan],
    runner: Runner,
    image: Image,
    name: str,
    masks: Masks,
    *rest: Any,
) -> tuple[plans.Plan, ...]:
    """Two inputs a plan."""
    return tuple(
        dataclasses.replace(
            plan,
            batch=plans.encode_batch(plan.batch.cases[:2], image.arena, plan.styles, plan.seed),
        )
        for plan in SETTLE(made, runner, image, name, masks, *rest)
    )


def test_tests_that_tell_too_little_apart_decide_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "settle", _few)
    rewrite = body("f", OTHER_CLAMP)
    monkeypatch.setattr(engine, "_STRONGER", 0)
    with Verifier(job_for(tmp_path, CLAMP, "f"), QUICK) as verifier:
        answer = verifier.check(rewrite)
    assert (answer.verdict, answer.reason) == ("undecided", Reason.INADEQUATE)
    assert "variant" in answer.detail
    monkeypatch.undo()  # inputs that catch what the tests did not become tests
    monkeypatch.setattr(plans, "settle", _few)
    with Verifier(job_for(tmp_path, CLAMP, "f"), QUICK) as verifier:
        monkeypatch.undo()
        answer = verifier.check(rewrite)
    assert answer.accepted, answer


def test_a_mutant_that_only_more_inputs_catch_shows_the_tests_inadequate(tmp_path: Path) -> None:
    with Verifier(job_for(tmp_path, CLAMP, "f"), QUICK) as verifier:
        score = verifier.score()
    late = adequacy.Score(score.total, score.killed, ("`jl .L2` became `jle .L2`",), ())
    assert score.gap("gcc's code") == ""
    assert "`jl .L2` became `jle .L2`" in late.gap("gcc's code")


def test_mutants_that_do_not_assemble_are_left_out(tmp_path: Path) -> None:
    source = "long f(long x) { return x & 0x7fffffff; }\n"
    rewrite = body("f", "movq %rdi, %rax\nandq $2147483647, %rax\nret")  # + 1 is no immediate
    with Verifier(job_for(tmp_path, source, "f"), QUICK) as verifier:
        answer = verifier.check(rewrite)
    assert answer.accepted, answer


def test_no_time_for_any_input_says_nothing_about_the_function(tmp_path: Path) -> None:
    job = job_for(tmp_path, CLAMP, "f")
    with pytest.raises(Late):
        Verifier(job, Limits(seconds=0.0), deadline=time.monotonic() + 60)
