"""How one function's seconds are shared out."""

from __future__ import annotations

import dataclasses
import time

from superopt_cc.settings import Settings
from superopt_cc.verify.gathering.gather import DEFAULT_LIMITS, Limits

# Making inputs may take this share of a small budget: without all of them nothing is decided.
_INPUT_SHARE, _LEAST_INPUTS = 0.5, 1.0
# Of a budget that was spent before the search began, this share is granted all the same.
_LEAST_SHARE = 0.5
# Timing gets at least this share; what proposing and verifying leave over goes to it as well.
_TIMING_SHARE = 0.45
# Ranking more than this many seconds a candidate gains nothing.
_RANKING_EACH = 1.5
# Of few seconds it gets this share, the confirmation the rest.
_RANKING_SHARE = 0.4
_CONFIRMATION = 6.0
# Beyond the budget a winner may still be confirmed, within the two seconds that are allowed.
_GRACE = 0.9
# Timing needs about so many seconds, linking included, to say anything.
_LEAST = 0.8
_SHORT = 4.0
# An untimed search with a small budget verifies at least something, within those two seconds.
_LEAST_PROPOSING = 1.0
# Verifying a model's last answer may take so many seconds.
_LAST_ANSWER = 10.0
# Making inputs for timing: at most so many seconds, and this share of what is left.
_WORKLOAD, _WORKLOAD_SHARE = 4.0, 0.2


@dataclasses.dataclass(slots=True)
class Budget:
    """Deadlines on `time.monotonic()`; the model's seconds come on top of the others."""

    end: float
    timing: float
    model_seconds: float
    model_end: float | None = None  # while the model has its time

    @staticmethod
    def start(settings: Settings, began: float) -> Budget:
        """`began` is when the clock started: what went by since then is gone, up to a bound."""
        now = time.monotonic()
        seconds = max(settings.budget - (now - began), settings.budget * _LEAST_SHARE)
        timing = seconds * _TIMING_SHARE if settings.accept == "faster" else 0.0
        return Budget(now + seconds, timing, settings.model_budget)

    def limits(self) -> Limits:
        """What gathering inputs may cost; the verifier's own least number of inputs stands."""
        seconds = max(_LEAST_INPUTS, min(DEFAULT_LIMITS.seconds, self.left() * _INPUT_SHARE))
        until = self.verifying_deadline(found=False) - time.monotonic()
        return Limits(seconds=max(0.0, min(seconds, until)))

    def left(self) -> float:
        return max(0.0, self.end - time.monotonic())

    def proposing_deadline(self) -> float:
        """When proposers other than a model, and verifying, must have stopped."""
        if self.timing:
            return self.end - self.timing
        return max(self.end, min(time.monotonic(), self.end) + _LEAST_PROPOSING)

    def start_model(self) -> float:
        """Begin the model's own time, in which the other deadlines wait; returns its end."""
        self.model_end = time.monotonic() + self.model_seconds
        return self.model_end

    def end_model(self, deadline: float) -> None:
        """Push the other deadlines back by what the model used of its time until `deadline`."""
        self.end += time.monotonic() - (deadline - self.model_seconds)
        self.model_end = None

    def verifying_deadline(self, found: bool) -> float:
        """When verifying must end; later as long as there is nothing to time yet.

        What a model answers is verified in the model's time, the last answer beyond it.
        """
        if self.model_end is not None:
            return max(self.model_end, time.monotonic() + _LAST_ANSWER)
        if not self.timing:
            return self.proposing_deadline() + _LEAST_PROPOSING / 2
        if found:
            return self.proposing_deadline()
        # One rewrite alone is confirmed without ranking: of few seconds the grace is enough.
        return self.end - (self.timing / 2 if self.timing > _SHORT else _LEAST / 2)

    def workload_seconds(self) -> float:
        """What making inputs for timing may use."""
        return max(0.3, min(_WORKLOAD, self.left() * _WORKLOAD_SHARE))

    def ranking_seconds(self, candidates: int) -> float:
        """What ranking may use: the confirmation's seconds are not its own."""
        spare = self._spare()
        most = max(self.left() - _CONFIRMATION, _RANKING_SHARE * spare)
        return min(most, _RANKING_EACH * candidates + 1.0)

    def confirming_seconds(self) -> float:
        """What a confirmation may use; 0 where too little is left for one."""
        spare = self._spare()
        return min(spare, _CONFIRMATION) if spare >= _LEAST else 0.0

    def _spare(self) -> float:
        return max(0.0, self.end + _GRACE - time.monotonic())


@dataclasses.dataclass(slots=True)
class Pace:
    """How many rewrites to verify together: as many as a link serves well and time allows."""

    seconds: float = 0.0

    def took(self, seconds: float, count: int) -> None:
        """`count` rewrites took `seconds` to verify."""
        self.seconds = seconds / count

    def room(self, deadline: float) -> int:
        """How many fit before `deadline`, between 1 and 8; 2 as long as nothing is known."""
        if not self.seconds:
            return 2
        return max(1, min(8, int((deadline - time.monotonic()) / self.seconds)))
