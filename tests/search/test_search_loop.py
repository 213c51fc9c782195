import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from superopt_cc.propose.base import Context
from superopt_cc.search.loop import optimize
from superopt_cc.settings import Settings
from superopt_cc.types import Origin, Outcome, Rewrite
from superopt_cc.verify.job import Job

MakeJob = Callable[[str, str], Job]

POWER = """
unsigned power(unsigned x)
{
    unsigned r = x;
    for (int i = 0; i < 60; i++) r = r * 5 + 1;
    return r;
}
"""
# The same 60 steps r = r * 5 + 1 as one multiplication and one addition modulo 2^32.
FACTOR = pow(5, 60, 2**32)
TERM = sum(pow(5, i, 2**32) for i in range(60)) % 2**32
STEPS = """
unsigned steps(unsigned x, const unsigned *n)
{
    for (int i = 0; i < 60; i++) x = x * *n + 1;
    return x;
}
"""
TWICE = "int twice(int x) { return x + x; }\nint thrice(int x) { return 3 * x; }\n"


@dataclasses.dataclass
class Offers:
    """A proposer with known rewrites."""

    rewrites: Sequence[Rewrite]
    name: str = "offers"
    uses_model: bool = False
    wait: float = 0.0
    closed: bool = False

    def propose(self, context: Context) -> Iterator[Rewrite]:
        try:
            for rewrite in self.rewrites:
                time.sleep(self.wait)
                yield rewrite
        finally:
            self.closed = True


def rewrite(name: str, *body: str, origin: Origin = Origin.MIXED) -> Rewrite:
    text = "\n".join((f"{name}:", *(f"\t{line}" for line in body))) + "\n"
    return Rewrite(text, "offers", origin, body[0])


def right() -> Rewrite:
    return rewrite("twice", "movl %edi, %eax", "addl %edi, %eax", "ret")


def wrong(name: str = "twice") -> Rewrite:
    return rewrite(name, "movl %edi, %eax", "shll $2, %eax", "ret")


def fast_power() -> Offers:
    body = (f"imull ${FACTOR}, %edi, %eax", f"addl ${TERM}, %eax", "ret")
    return Offers([rewrite("power", *body)])


def search(job: Job, folder: Path, *rewrites: Rewrite, **settings: object) -> Outcome:
    made = Settings(cache_dir=folder, **settings)  # type: ignore[arg-type]
    return optimize(job, made, proposers=(Offers(rewrites),))


def test_the_first_verified_rewrite_is_taken_untimed(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(TWICE, "twice")
    outcome = search(job, tmp_path, wrong(), right(), accept="verified")
    assert (outcome.outcome, outcome.reason) == ("replaced", "")
    assert outcome.rewrite == right()
    assert outcome.verdict is not None
    assert outcome.verdict.accepted
    assert outcome.measurement is None
    assert [a.result for a in outcome.attempts] == ["result", "verified"]
    assert outcome.candidates == 2


def test_without_a_right_rewrite_gcc_s_code_stays(make_job: MakeJob, tmp_path: Path) -> None:
    outcome = search(make_job(TWICE, "twice"), tmp_path, wrong(), accept="verified")
    assert (outcome.outcome, outcome.reason) == ("kept", "no-rewrite")
    assert outcome.attempts[0].detail


def test_nothing_proposed_is_no_rewrite(make_job: MakeJob, tmp_path: Path) -> None:
    outcome = search(make_job(TWICE, "twice"), tmp_path)
    assert (outcome.outcome, outcome.reason) == ("kept", "no-rewrite")


@pytest.mark.parametrize("level", ["shadowed", "bounded", "proved"])
def test_a_level_that_nothing_reaches_keeps_gcc_s_code(
    make_job: MakeJob, tmp_path: Path, level: str
) -> None:
    outcome = search(make_job(TWICE, "twice"), tmp_path, right(), require=level)
    assert (outcome.outcome, outcome.reason, outcome.candidates) == ("kept", "level", 0)


def test_compiled_takes_compiler_made_code_only(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(TWICE, "twice")
    wanted = {"require": "compiled", "accept": "verified"}
    assert search(job, tmp_path, right(), **wanted).reason == "level"
    made = dataclasses.replace(right(), origin=Origin.COMPILED)
    assert search(job, tmp_path, right(), made, **wanted).rewrite == made


def test_a_much_faster_rewrite_is_confirmed(make_job: MakeJob, tmp_path: Path) -> None:
    outcome = search(make_job(POWER, "power"), tmp_path, *fast_power().rewrites, budget=20.0)
    assert outcome.outcome == "replaced", outcome
    assert outcome.measurement is not None
    assert outcome.measurement.significant
    assert outcome.attempts[0].result == "faster"


def test_a_much_slower_rewrite_is_not_taken(make_job: MakeJob, tmp_path: Path) -> None:
    slow = rewrite(
        "twice", "movl $2000, %ecx", "1: subl $1, %ecx", "jne 1b",
        "leal (%rdi,%rdi), %eax", "ret",
    )  # fmt: skip
    outcome = search(make_job(TWICE, "twice"), tmp_path, slow, budget=20.0)
    assert (outcome.outcome, outcome.reason) == ("kept", "not-faster")
    speedup = outcome.attempts[0].speedup
    assert speedup is not None
    assert speedup < 1


def test_the_search_ends_with_its_budget(make_job: MakeJob, tmp_path: Path) -> None:
    endless = Offers([wrong()] * 1000, wait=0.3)
    settings = Settings(cache_dir=tmp_path, budget=2.0)
    outcome = optimize(make_job(TWICE, "twice"), settings, proposers=(endless,))
    assert (outcome.outcome, outcome.reason) == ("kept", "budget")
    assert outcome.seconds < 4.0
    assert endless.closed


def test_a_model_has_a_budget_of_its_own(make_job: MakeJob, tmp_path: Path) -> None:
    model = Offers([wrong()] * 1000, wait=0.3, uses_model=True)
    settings = Settings(cache_dir=tmp_path, budget=60.0, model_budget=1.0)
    outcome = optimize(make_job(TWICE, "twice"), settings, proposers=(model,))
    assert outcome.reason == "budget"
    assert 0 < outcome.candidates < 10


def test_what_a_model_answers_after_the_others_budget_is_verified(
    make_job: MakeJob, tmp_path: Path
) -> None:
    model = Offers([wrong(), right()], wait=1.5, uses_model=True)
    settings = Settings(cache_dir=tmp_path, budget=2.0, model_budget=20.0)
    outcome = optimize(make_job(TWICE, "twice"), settings, proposers=(model,))
    assert [attempt.result == "budget" for attempt in outcome.attempts] == [False, False]
    assert outcome.attempts[0].result == "result"


def test_an_ineligible_function_is_counted_under_its_reason(
    make_job: MakeJob, tmp_path: Path
) -> None:
    source = TWICE + 'void barrier(void) { __asm__ volatile("pause"); }\n'
    job = dataclasses.replace(make_job(source, "twice"), name="barrier")
    outcome = search(job, tmp_path, right())
    assert outcome.outcome == "ineligible"
    assert outcome.reason not in ("", "no-rewrite")


def test_an_interrupt_ends_the_proposer_and_passes_through(
    make_job: MakeJob, tmp_path: Path
) -> None:
    offers = Offers([wrong(), right()])

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    settings = Settings(cache_dir=tmp_path, accept="verified")
    with pytest.raises(KeyboardInterrupt):
        optimize(make_job(TWICE, "twice"), settings, progress=interrupt, proposers=(offers,))
    assert offers.closed


def test_compiler_variants_are_found_the_same_way_twice(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(STEPS, "steps")
    settings = Settings(cache_dir=tmp_path, accept="verified", proposers=("compilers",))
    first, second = optimize(job, settings), optimize(job, settings)
    assert first.outcome == "replaced", first
    assert first.rewrite == second.rewrite
