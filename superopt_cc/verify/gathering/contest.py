"""gcc's code and one rewrite in one image, ready to run side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from superopt_cc.cases import Case
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.making.admit import admits, promised
from superopt_cc.verify.making.shape import Shape
from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.layout import Batch, encode_batch
from superopt_cc.verify.running.runner import Masks, Run, Runner
from superopt_cc.verify.running.trace import Decoder

_PATIENCE = 200  # ticks


@dataclasses.dataclass(frozen=True, slots=True)
class Contest:
    """The image that holds `target` and, at `label`, the rewrite."""

    runner: Runner
    image: Image
    decoder: Decoder
    target: str
    label: str
    masks: Masks
    shape: Shape

    def promised(self, case: Case) -> Iterator[tuple[int, int, int]]:
        """What the author says of the case's memory, as `admit.promised`."""
        return promised(case, self.shape)

    def admits(self, case: Case) -> bool:
        """Could a caller pass this, by what the author says?"""
        return admits(case, self.shape)

    def traced(self, label: str, plan: Plan, indices: Sequence[int], steps: int) -> Run:
        """One code's trace over some cases of a plan, at most `steps` for each."""
        return self._follow(label, self._part(plan, indices), plan, steps)

    def alone(self, cases: Sequence[Case], like: Plan, steps: int) -> Run:
        """The rewrite's trace over other cases, run as those of a plan."""
        batch = encode_batch(cases, self.image.arena, like.styles, like.seed)
        return self._follow(self.label, batch, like, steps)

    def both(self, plan: Plan, indices: Sequence[int], steps: int) -> tuple[Run, Run]:
        """Both codes' traces, the target's first."""
        batch = self._part(plan, indices)
        return (
            self._follow(self.target, batch, plan, steps),
            self._follow(self.label, batch, plan, steps),
        )

    def _part(self, plan: Plan, indices: Sequence[int]) -> Batch:
        cases = [plan.batch.cases[i] for i in indices]
        return encode_batch(cases, self.image.arena, plan.styles, plan.seed)

    def _follow(self, label: str, batch: Batch, plan: Plan, steps: int) -> Run:
        mode = dataclasses.replace(plan.mode, steps=steps, ticks=_PATIENCE, stop=False)
        return self.decoder.follow(self.runner, label, batch, mode, self.masks)
