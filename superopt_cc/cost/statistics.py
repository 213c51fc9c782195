"""Statistics of speed-ups: bootstrap over placements, in logarithms (design 6).

A *gain* is log(target time / rewrite time): 0 means equal, positive means faster.  Arrays of
gains have one row a placement and one column a combination (stratum, order, shape).  Placements
are resampled, never single runs: where code lies moves times far more than repetition does.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Gains = NDArray[np.float64]

DRAWS = 4000
CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True, slots=True)
class Interval:
    """A ratio of times and its confidence interval; 1.0 means equal."""

    middle: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval's width, as a fraction of 1."""
        return (self.high - self.low) / 2.0

    @property
    def seeming_gain(self) -> float:
        """How much of a gain code could show that is no faster: the noise floor of design 6.

        The interval is that of a copy of the target.  Its upper end counts, since a copy placed
        as a rewrite may gain by the placement alone; its width counts in any case.
        """
        return max(self.half_width, self.high - 1.0)


def geometric_mean(ratios: Sequence[float]) -> float:
    """Geometric mean of positive ratios.  Raises ValueError for none or for one that is not."""
    if not ratios or min(ratios) <= 0.0:
        raise ValueError("a geometric mean needs positive numbers")
    return math.exp(math.fsum(math.log(r) for r in ratios) / len(ratios))


def round_gain(reference: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """The gain of `other` over `reference` (cycles, one entry a round): median over rounds.

    Rounds are pairs (both ran the same inputs next to each other), and one interrupted round
    must not decide.  NaN without rounds.
    """
    if reference.size == 0:
        return math.nan
    first = np.maximum(reference.astype(np.float64), 1.0)
    second = np.maximum(other.astype(np.float64), 1.0)
    return float(np.median(np.log(first / second)))


def weighted_gains(gains: Gains, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """One gain a placement: the weighted mean over its combinations (columns)."""
    return np.asarray(gains @ (weights / weights.sum()), dtype=np.float64)


def bootstrap(gains: NDArray[np.float64], seed: int) -> Interval:
    """Mean gain over placements as a ratio, with its 95 % interval; same seed, same answer.

    Raises ValueError for fewer than two placements: nothing can be said about their spread.
    """
    if gains.ndim != 1 or gains.size < 2:
        raise ValueError("a bootstrap over placements needs at least two of them")
    chosen = np.random.default_rng(seed).integers(0, gains.size, (DRAWS, gains.size))
    means = gains[chosen].mean(axis=1)
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(means, (tail, 100.0 - tail))
    return Interval(math.exp(float(gains.mean())), math.exp(float(low)), math.exp(float(high)))


def rough_interval(gains: Sequence[float]) -> Interval | None:
    """Mean gain with the smallest and largest as bounds, for few placements; None without any."""
    if not gains:
        return None
    values = [math.exp(gain) for gain in gains]
    return Interval(geometric_mean(values), min(values), max(values))
