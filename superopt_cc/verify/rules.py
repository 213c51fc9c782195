"""Every rule that a rewrite must pass, as one list (design 5).

In the order in which a rewrite meets them: what its text and bytes show (`screened`), what a run
shows (`run`), what a trace shows (`bounds` on what is touched, `leaks` of data into time), and
whether the tests were good enough to decide anything (`weighed`).
`tests/verify/test_verify_dropped.py` drops each in turn and sees a wrong rewrite pass.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

from superopt_cc.verify.judging.access import LEAKS, Leak
from superopt_cc.verify.judging.compare import COMPARISONS, Comparison
from superopt_cc.verify.judging.touched import BOUNDS, Bound
from superopt_cc.verify.judging.weighing import WEIGHED, Weighed
from superopt_cc.verify.screening.screen_rules import RULES as SCREENED
from superopt_cc.verify.screening.screen_rules import Rule as Screened


class Named(Protocol):
    """What all rules have."""

    @property
    def name(self) -> str: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """The rules that a verifier applies."""

    screened: tuple[Screened, ...] = SCREENED
    run: tuple[Comparison, ...] = COMPARISONS
    bounds: tuple[Bound, ...] = BOUNDS
    leaks: tuple[Leak, ...] = LEAKS
    weighed: tuple[Weighed, ...] = WEIGHED

    def names(self) -> tuple[str, ...]:
        """All of them, in order: the functions that decide them."""
        kinds: tuple[Sequence[Named], ...] = (
            self.screened, self.run, self.bounds, self.leaks, self.weighed
        )  # fmt: skip
        return tuple(rule.name for kind in kinds for rule in kind)

    def without(self, name: str) -> Rules:
        """All but one, for tests of the rules themselves.  Raises KeyError if there is none."""
        if name not in self.names():
            raise KeyError(name)
        return Rules(
            tuple(rule for rule in self.screened if rule.name != name),
            tuple(rule for rule in self.run if rule.name != name),
            tuple(rule for rule in self.bounds if rule.name != name),
            tuple(rule for rule in self.leaks if rule.name != name),
            tuple(rule for rule in self.weighed if rule.name != name),
        )


ALL = Rules()
