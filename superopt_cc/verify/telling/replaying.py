"""Running one counterexample again, and making it small, without gathering inputs."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from superopt_cc.types import Counterexample, Rejection, Rewrite, Verdict
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.gathering.bench import Bench, body_label, start_runner
from superopt_cc.verify.gathering.contest import Contest
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.job import Job
from superopt_cc.verify.judging.access import walk_again
from superopt_cc.verify.judging.compare import Difference, first_difference
from superopt_cc.verify.running.trace import Decoder
from superopt_cc.verify.telling.examples import addresses_of, counterexample, replay_plan
from superopt_cc.verify.telling.shrink import shrink


def replay(job: Job, rewrite: Rewrite, example: Counterexample) -> Verdict:
    """The verdict on this one input: "rejected" again, or "undecided" when nothing differs now.

    Raises Ineligible, ToolchainError or RunnerError as `Verifier` does, and KeyError, TypeError
    or ValueError when `example.case` was not made by us.
    """
    with _contest(job, rewrite, example) as (bench, contest):
        if isinstance(contest, Rejection):
            return Verdict("rejected", None, contest.reason, contest.detail)
        plan = replay_plan(example.case, contest.image.arena)
        found = _difference(contest, plan)
        if found is None:
            return Verdict("undecided", None, None, "target and rewrite agree on this input")
        again = counterexample(job, bench.locations, plan, found, contest.image)
        return Verdict("rejected", None, found.reason, again.text, again)


def minimised(job: Job, rewrite: Rewrite, verdict: Verdict, seconds: float = 0.3) -> Verdict:
    """The same rejection with a counterexample as small as it gets in that time.

    For who has no verifier at hand any more; raises as `replay` does.
    """
    if verdict.counterexample is None:
        return verdict
    with _contest(job, rewrite, verdict.counterexample) as (bench, contest):
        if isinstance(contest, Rejection):
            return verdict
        plan = replay_plan(verdict.counterexample.case, contest.image.arena)
        found = _difference(contest, plan)
        if found is None or found.reason is not verdict.reason:
            return verdict
        plan, found = shrink(contest, job.facts, bench.locations, plan, found, seconds)
        example = counterexample(job, bench.locations, plan, found, contest.image)
        return dataclasses.replace(verdict, detail=example.text, counterexample=example)


@contextlib.contextmanager
def _contest(
    job: Job, rewrite: Rewrite, example: Counterexample
) -> Iterator[tuple[Bench, Contest | Rejection]]:
    with Bench(job, addresses=addresses_of(example.case)) as bench:
        fragment = bench.fragment(rewrite)
        if isinstance(fragment, Rejection):
            yield bench, fragment
            return
        bench.show_frames()
        image = bench.link((fragment,))
        with start_runner(image) as runner:
            masks, shape = bench.around.masks, bench.around.shape
            label, decoder = body_label(0), Decoder(image)
            yield bench, Contest(runner, image, decoder, job.name, label, masks, shape)


def _difference(contest: Contest, plan: Plan) -> Difference | None:
    runner, image, masks = contest.runner, contest.image, contest.masks
    wanted = plans.run(plan, runner, image, contest.target, masks, stop=False)
    got = plans.run(plan, runner, image, contest.label, masks, stop=True)
    found = first_difference(wanted, got, image.arena, image.text)
    if found is not None:
        return found
    return walk_again(contest, plan)
