"""gcc's code and one rewrite in one image, ready to run side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from superopt_cc.verify.image import Image
from superopt_cc.verify.layout import Batch, encode_batch
from superopt_cc.verify.plans import Plan
from superopt_cc.verify.runner import Masks, Run, Runner
from superopt_cc.verify.trace import Decoder

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

    def traced(self, label: str, plan: Plan, indices: Sequence[int], steps: int) -> Run:
        """One code's trace over some cases of a plan, at most `steps` for each."""
        return self._follow(label, self._part(plan, indices), plan, steps)

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
