"""Screening: every rule that needs no run, checked before a rewrite is executed.

design 5.1 to 5.4; the rules themselves are in `screen_rules`.
"""

from __future__ import annotations

from collections.abc import Sequence

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.reasons import Refusal
from superopt_cc.assembly.unit import Unit
from superopt_cc.errors import AssemblyError, Ineligible
from superopt_cc.types import Reason, Rejection
from superopt_cc.verify.job import Job
from superopt_cc.verify.screening.screen_rules import RULES, Rule
from superopt_cc.verify.screening.screen_target import Target
from superopt_cc.verify.screening.screen_view import View

# Counted names that `target_reasons` gives.
REASONS = {
    "instruction": "gcc's code holds an instruction that our table does not know",
    "x87": "gcc's code leaves the x87 stack otherwise than a callee or caller expects it",
    "isa": "gcc's code uses instructions beyond the extensions that its flags define",
    "callee-asm": "a local function that it reaches holds asm, fences or unknown instructions",
    "no-assembly": "its text alone does not assemble",
}


def target_reasons(job: Job, unit: Unit) -> tuple[Refusal, ...]:
    """Why rewrites of this function cannot be screened, so that gcc's code stays."""
    return tuple(Target(job, unit).refusals())


class Screener:
    """Screens rewrites of one target; the target's side is worked out once.

    Raises Ineligible under a name of `REASONS`.
    """

    def __init__(self, job: Job, unit: Unit, rules: Sequence[Rule] = RULES) -> None:
        self._target = Target(job, unit)
        self._rules = tuple(rules)
        for refusal in self._target.refusals():
            raise Ineligible(refusal.reason, refusal.detail)

    @property
    def called_locally(self) -> bool:
        """Other code of the unit refers to the function: IPA-RA rules apply (design 5.4)."""
        return self._target.called_locally

    @property
    def entered_misaligned(self) -> bool:
        """Callers may enter it with a stack that is not aligned (design 5.4)."""
        return self._target.called_locally and not self._target.assumes_alignment

    def check(self, fragment: Fragment) -> Rejection | None:
        """The first rule that the rewrite breaks, or None."""
        view = View(fragment, self._target.facts, self._target.as_options)
        for rule in self._rules:
            try:
                detail = rule.check(view, self._target)
            except AssemblyError as error:
                # Bytes that do not decode, or code that no rule can follow.
                return Rejection(Reason.INSTRUCTION, str(error))
            if detail is not None:
                return Rejection(rule.reason, detail)
        return None


def screen(job: Job, unit: Unit, fragment: Fragment) -> Rejection | None:
    """Screen a single rewrite.  Raises Ineligible as `Screener` does."""
    return Screener(job, unit).check(fragment)
