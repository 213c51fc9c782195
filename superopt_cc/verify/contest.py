"""gcc's code and one rewrite in one image, ready to run side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from superopt_cc.verify.image import Image
from superopt_cc.verify.layout import encode_batch
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
        cases = [plan.batch.cases[i] for i in indices]
        batch = encode_batch(cases, self.image.arena, plan.styles, plan.seed)
        mode = dataclasses.replace(plan.mode, steps=steps, ticks=_PATIENCE, stop=False)
        return self.decoder.follow(self.runner, label, batch, mode, self.masks)

    def both(self, plan: Plan, indices: Sequence[int], steps: int) -> tuple[Run, Run]:
        """Both codes' traces, the target's first."""
        return (
            self.traced(self.target, plan, indices, steps),
            self.traced(self.label, plan, indices, steps),
        )
