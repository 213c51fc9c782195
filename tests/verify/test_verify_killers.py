"""Inputs that refuted rewrites come first, and outlive the check."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from verifying import QUICK, body, compiled, job_for

from superopt_cc.cases import Blob, Case, Ref
from superopt_cc.types import Rejection, Rewrite
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.gathering.bench import Bench, body_label, start_runner
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.job import Job
from superopt_cc.verify.judging.compare import Difference, first_difference
from superopt_cc.verify.judging.killers import Killers, fitting, worth_keeping

MAGIC = "int f(int x) { if (x == 123456789) return 1; return x / 7; }"
WRONG = "int f(int x) { return x / 7; }"
RARELY = """
void f(int *p, int x) { for (int i = 0; i < 4; i++) if (x == 777) p[i] = 3; else p[i + 4] += x; }
"""
MODEL = Case(ints=(1, Ref(0, 0)), objects=(Blob(b"1234"),), globals={"g": bytes(4)})


def refuted_by(job: Job, rewrite: Rewrite, made: list[Plan]) -> tuple[Plan, Difference]:
    """The first plan that refutes a rewrite, and how."""
    with Bench(job) as bench:
        fragment = bench.fragment(rewrite)
        assert not isinstance(fragment, Rejection), fragment
        image, masks = bench.link((fragment,)), bench.around.masks
        with start_runner(image) as runner:
            for plan in plans.relocate(made, image.arena, bench.image.arena):
                wanted = plans.run(plan, runner, image, job.name, masks, stop=False)
                got = plans.run(plan, runner, image, body_label(0), masks, stop=True)
                found = first_difference(wanted, got, image.arena, image.text)
                if found is not None:
                    return plan, found
    raise AssertionError("nothing refutes it")


def test_input_that_refuted_one_rewrite_refutes_the_next(tmp_path: Path) -> None:
    job = job_for(tmp_path, MAGIC, "f")
    with Verifier(job, QUICK) as verifier:
        made = list(verifier.plans)
        arena = verifier._arena
    pool = Killers()
    assert pool.plan(arena) is None
    pool.add(*refuted_by(job, compiled(tmp_path, WRONG), made))
    first = pool.plan(arena)
    assert first is not None
    assert [case.ints for case in first.batch.cases] == [(123456789,)]
    again = body("f", "movl %edi, %eax\nmovl $7, %ecx\ncltd\nidivl %ecx\nret")
    plan, found = refuted_by(job, again, [first])
    assert plan.batch.cases[found.index].ints == (123456789,)


def test_most_successful_inputs_come_first_then_the_newest(tmp_path: Path) -> None:
    job = job_for(tmp_path, MAGIC, "f")
    with Verifier(job, QUICK) as verifier:
        plan = verifier.plans[0]
    _, found = refuted_by(job, compiled(tmp_path, WRONG), [plan])
    pool = Killers(most=2)
    for index in (0, 1, 0, 2):
        pool.add(plan, dataclasses.replace(found, index=index))
    assert pool.cases == (plan.batch.cases[0], plan.batch.cases[2])


def test_inputs_of_rare_branches_are_worth_keeping(tmp_path: Path) -> None:
    with Verifier(job_for(tmp_path, RARELY, "f"), QUICK) as verifier:
        gathered = verifier.gathered
    kept = worth_keeping(Killers(), gathered)
    assert any(case.ints[1] == 777 for case in kept)
    assert len(kept) < 8 < len(gathered.probes)


def test_kept_inputs_that_do_not_fit_the_function_are_left_out() -> None:
    far = dataclasses.replace(MODEL, ints=(1, Ref(3, 0)))
    named = dataclasses.replace(MODEL, ints=(1, Ref("unknown", 0)))
    short = dataclasses.replace(MODEL, ints=(1,))
    other = dataclasses.replace(MODEL, globals={"h": bytes(4)})
    loose = dataclasses.replace(MODEL, objects=(Blob(b"1234", 4, True, ((0, Ref(0, 0)),)),))
    odd = dataclasses.replace(MODEL, objects=(Blob(b"1234", 3),))
    wide = dataclasses.replace(MODEL, ints=(2, Ref("table", 0)), objects=(Blob(bytes(64)),))
    kept = (far, named, short, other, loose, odd, wide, MODEL)
    assert fitting(kept, MODEL, {"table": 64}) == (wide, MODEL)
