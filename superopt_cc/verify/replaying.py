"""Running one counterexample again, without gathering inputs."""

from __future__ import annotations

from superopt_cc.types import Counterexample, Rejection, Rewrite, Verdict
from superopt_cc.verify import plans
from superopt_cc.verify.access import walk_again
from superopt_cc.verify.bench import Bench, body_label, start_runner
from superopt_cc.verify.compare import first_difference
from superopt_cc.verify.examples import counterexample, replay_plan
from superopt_cc.verify.job import Job
from superopt_cc.verify.trace import Decoder


def replay(job: Job, rewrite: Rewrite, example: Counterexample) -> Verdict:
    """The verdict on this one input: "rejected" again, or "undecided" when nothing differs now.

    Raises Ineligible, ToolchainError or RunnerError as `Verifier` does, and KeyError, TypeError
    or ValueError when `example.case` was not made by us.
    """
    with Bench(job) as bench:
        fragment = bench.fragment(rewrite)
        if isinstance(fragment, Rejection):
            return Verdict("rejected", None, fragment.reason, fragment.detail)
        image = bench.link((fragment,))
        with start_runner(image) as runner:
            plan = replay_plan(example.case, image.arena)
            masks, label = bench.around.masks, body_label(0)
            wanted = plans.run(plan, runner, image, job.name, masks, stop=False)
            got = plans.run(plan, runner, image, label, masks, stop=True)
            found = first_difference(wanted, got, image.arena, image.text)
            if found is None:
                decoder = Decoder(image)
                found = walk_again(runner, image, decoder, job.name, label, plan, masks)
        if found is None:
            return Verdict("undecided", None, None, "target and rewrite agree on this input")
        again = counterexample(job, bench.locations, plan, found)
        return Verdict("rejected", None, found.reason, f"{found.detail}: {again.text}", again)
