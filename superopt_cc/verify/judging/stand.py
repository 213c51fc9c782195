"""One link of a target with rewrites, its runner, and what the target does on every plan."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.closing import Closing
from superopt_cc.errors import RunnerError
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.gathering.bench import Bench, start_runner
from superopt_cc.verify.gathering.contest import Contest
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.judging.compare import (
    COMPARISONS,
    LENIENT,
    Comparison,
    Difference,
    first_difference,
)
from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.layout import Arena
from superopt_cc.verify.running.runner import Run
from superopt_cc.verify.running.trace import Decoder

_TRIES = 4
_MOVED = 2  # plans: objects at the end and at the start of what is accessible


class Stand(Closing):
    """Rewrites beside their target, ready to be compared.  A context manager.

    `arena` is that of the image in which the plans were settled, `image` one that is linked
    already.  With `ticks` rewrites are ended after that many, and nothing can be followed, which
    makes linking cheaper.

    Raises Ineligible or ToolchainError as `Bench.link`; its methods raise RunnerError when gcc's
    code does not end now where it did before.
    """

    def __init__(
        self, bench: Bench, fragments: Sequence[Fragment], made: Sequence[Plan], arena: Arena,
        *, ticks: int | None = None, image: Image | None = None,
    ) -> None:  # fmt: skip
        self._ticks, self._bench = ticks, bench
        self._name, self.masks = bench.job.name, bench.around.masks
        self._shape = bench.around.shape
        self._elsewhere: list[Stand] = []
        self.image = image or bench.link(fragments, traced=ticks is None)
        self.plans = self.moved(made, arena)
        self.runner = start_runner(self.image)
        self._expected: list[Run] = []

    def close(self) -> None:
        """End the runners; safe to call twice."""
        self.runner.close()
        for each in self._elsewhere:
            each.close()

    @property
    def elsewhere(self) -> Sequence[Stand]:
        """The same with everything at other addresses, which must not matter.

        Raises as the stand itself.
        """
        if not self._elsewhere:
            made, arena = self.plans[:_MOVED], self.image.arena
            for image in self._bench.elsewhere(self.image):
                self._elsewhere.append(Stand(self._bench, (), made, arena, image=image))
        return self._elsewhere

    @functools.cached_property
    def decoder(self) -> Decoder:
        return Decoder(self.image)

    def contest(self, label: str) -> Contest:
        """The target and one rewrite, for making a counterexample small."""
        return Contest(
            self.runner, self.image, self.decoder, self._name, label, self.masks, self._shape
        )

    def moved(self, made: Sequence[Plan], arena: Arena) -> Sequence[Plan]:
        """Further plans, settled in an image with `arena`, for this one."""
        return plans.relocate(made, self.image.arena, arena)

    def wanted(self, plan: Plan) -> Run:
        """What the target does.  Raises RunnerError unless it ends on every case."""
        done = self.target(plan)
        if not plans.all_end(done):
            raise RunnerError(f"{self._name}: gcc's code ended before and does not end now")
        return done

    def lasting(self, plan: Plan) -> tuple[Plan, Run] | None:
        """What the target does on those cases of a plan from elsewhere on which it ends here.

        None if there are none.
        """
        here: Plan | None = plan
        for _ in range(_TRIES):  # where an object lies also depends on what stands before its case
            if here is None:
                return None
            done = self.target(here)
            if plans.all_end(done):
                return here, done
            here = plans.lasting(here, self.runner, self.image, self._name, self.masks)
        return None

    def target(self, plan: Plan) -> Run:
        """What the target does, whether it ends or not."""
        return plans.run(plan, self.runner, self.image, self._name, self.masks, stop=False)

    def first(
        self, label: str, in_time: Callable[[], None] = lambda: None,
        rules: Sequence[Comparison] = COMPARISONS,
    ) -> tuple[Plan, Difference] | None:  # fmt: skip
        """Where the function `label` first differs over all plans, if it does.

        `in_time` is called now and then; what it raises ends the comparison.
        """
        for number, plan in enumerate(self.plans):
            in_time()
            if number == len(self._expected):  # most rewrites fall before all plans are needed
                plan, done = self.lasting(plan) or (plan, self.wanted(plan))
                self.plans = (*self.plans[:number], plan, *self.plans[number + 1 :])
                self._expected.append(done)
            found = self.difference(label, plan, self._expected[number], rules)
            if found is not None:
                return plan, found
        return None

    def difference(
        self, label: str, plan: Plan, wanted: Run, rules: Sequence[Comparison] = COMPARISONS
    ) -> Difference | None:
        """How the function `label` differs on one plan, on which the target did `wanted`."""
        if self._ticks is not None:
            mode = dataclasses.replace(plan.mode, ticks=self._ticks)
            plan = dataclasses.replace(plan, mode=mode)
        got = plans.run(plan, self.runner, self.image, label, self.masks, stop=True)
        if plan.lenient:
            rules = [rule for rule in rules if rule in LENIENT]
        return first_difference(wanted, got, self.image.arena, self.image.text, rules)
