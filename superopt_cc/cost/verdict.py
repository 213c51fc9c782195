"""From gains to a Measurement: is the rewrite faster, and is it slower anywhere (design 6)?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from superopt_cc.cost.plan import COLD, Combination
from superopt_cc.cost.statistics import Interval, bootstrap, weighted_gains
from superopt_cc.types import Measurement

SMALLEST_GAIN = 0.02
STRATUM_FLOOR = 0.98
PLACEMENTS_NEEDED = 32
CODE_FACTOR, CODE_EXTRA, TABLE_LIMIT = 4, 256, 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Growth:
    """Bytes of code and of own tables, target then rewrite."""

    target_code: int
    rewrite_code: int
    target_tables: int
    rewrite_tables: int

    @property
    def large(self) -> bool:
        """Has it grown so far that caches must be asked too (design 6)?"""
        code = self.rewrite_code > CODE_FACTOR * self.target_code + CODE_EXTRA
        tables = self.rewrite_tables > max(TABLE_LIMIT, self.target_tables)
        return code or tables


@dataclasses.dataclass(frozen=True, slots=True)
class Gained:
    """Gains [placement, combination] of one function, with what the columns mean."""

    table: Sequence[Combination]
    weights: Mapping[str, float]
    gains: NDArray[np.float64]
    seed: int

    def interval(self, wanted: Callable[[Combination], bool]) -> Interval:
        """The speed-up over the wanted combinations, strata weighted by their share of cases."""
        columns = [i for i, c in enumerate(self.table) if wanted(c)]
        weights = np.array([self.weights[self.table[i].stratum] for i in columns])
        return bootstrap(weighted_gains(self.gains[:, columns], weights), self.seed)


def _hot(combination: Combination) -> bool:
    return combination.shape != COLD


def overall(gained: Gained) -> Interval:
    """The speed-up over everything but the cold pass."""
    return gained.interval(_hot)


def judge(
    rewrite: Gained, calibration: Gained, growth: Growth, conditions: Mapping[str, str]
) -> Measurement:
    """Decide.  `calibration` are the gains of a second copy of the target, placed as a rewrite is,
    for the same placements in the same order.

    No clamping: slower is told as slower.
    """
    total = overall(rewrite)
    noise = overall(calibration).seeming_gain
    margin = max(noise, SMALLEST_GAIN)
    slower: list[str] = []
    strata: dict[str, tuple[float, float, float]] = {}
    for name in dict.fromkeys(c.stratum for c in rewrite.table):
        part = rewrite.interval(lambda c, n=name: _hot(c) and c.stratum == n)  # type: ignore[misc]
        strata[name] = (part.middle, part.low, part.high)
        if part.low < STRATUM_FLOOR:
            slower.append(f"size {name}")
    aspects: dict[str, Interval] = {}
    for name, wanted in _ASPECTS.items():
        part = aspects[name] = rewrite.interval(wanted)
        tolerance = max(SMALLEST_GAIN, calibration.interval(wanted).half_width)
        if part.low < 1.0 - tolerance:
            slower.append(name)
    # A body that starts a cache line wins cold calls by that alone; the copy has that as well.
    placed_alike = dataclasses.replace(rewrite, gains=rewrite.gains - calibration.gains)
    cold = placed_alike.interval(lambda c: not _hot(c))
    if growth.large and cold.low <= 1.0:
        slower.append(COLD)
    enough = len(rewrite.gains) >= PLACEMENTS_NEEDED
    extra = {
        COLD: f"{cold.middle:.3f} [{cold.low:.3f}, {cold.high:.3f}]",
        "random": f"{aspects['random'].middle:.3f}",
        "steady": f"{aspects['steady'].middle:.3f}",
        "placements": str(len(rewrite.gains)),
        "code bytes": f"{growth.target_code} -> {growth.rewrite_code}",
        "table bytes": f"{growth.target_tables} -> {growth.rewrite_tables}",
    }
    return Measurement(
        speedup=total.middle,
        interval=(total.low, total.high),
        noise=noise,
        significant=enough and not slower and total.low > 1.0 + margin,
        latency=aspects["latency"].middle,
        throughput=aspects["throughput"].middle,
        strata=strata,
        slower_in=tuple(slower),
        conditions={**conditions, **extra},
    )


_ASPECTS: Mapping[str, Callable[[Combination], bool]] = {
    "throughput": lambda c: c.shape == "throughput",
    "latency": lambda c: c.shape == "latency",
    "random": lambda c: _hot(c) and c.order == "random",
    "steady": lambda c: _hot(c) and c.order == "steady",
}
