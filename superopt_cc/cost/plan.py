"""What one process times: visits to placements in every stratum, order and shape, and their yield.

A *combination* is a column of the gains: (stratum, order, shape), or a stratum with everything
evicted from the caches.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from superopt_cc.cost.arena import Arena, Series
from superopt_cc.cost.image import TimingImage
from superopt_cc.cost.statistics import round_gain
from superopt_cc.cost.wire import Code, Record, Visit

COLD = "cold"
ROUNDS = 5
COLD_ROUNDS = 12
_STACK_STEPS = 64
_LINE = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Combination:
    """One column: size class, order of inputs ("random", "steady"), shape or "cold"."""

    stratum: str
    order: str
    shape: str


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Visits of one process; `keys[i]` is (placement, combination index) of visit i.

    `functions[0]` is the target for probing; then each placement's functions in turn.
    """

    functions: tuple[Code, ...]
    visits: tuple[Visit, ...]
    keys: tuple[tuple[int, int], ...]
    width: int

    def column(self, function: int) -> int:
        """Which function of its placement the table's `function` is; -1 for the probed target."""
        return (function - 1) % self.width if function else -1


def combinations(series: Iterable[Series]) -> tuple[Combination, ...]:
    """All columns for these series, in a fixed order."""
    found: list[Combination] = []
    for one in series:
        found += [Combination(one.stratum, one.order, s) for s in ("throughput", "latency")]
        if one.order == "random":
            found.append(Combination(one.stratum, one.order, COLD))
    return tuple(found)


def make_plan(
    image: TimingImage,
    arena: Arena,
    placements: Sequence[int],
    columns: Sequence[int],
    *,
    passes: int,
    seed: int,
) -> Plan:
    """Plan `passes` passes over `placements`; `columns` selects functions of each (0 is first)."""
    rng = np.random.default_rng(seed)
    loops = dict(image.loops)
    series = {(s.stratum, s.order): s for s in arena.series}
    table = combinations(arena.series)
    functions = [image.target]
    for p in placements:
        functions += [image.placements[p][c] for c in columns]
    # A placement also means another stack: the same distance for all its functions.
    stacks = {p: _LINE * int(rng.integers(_STACK_STEPS)) for p in placements}
    visits: list[Visit] = []
    keys: list[tuple[int, int]] = []
    for _ in range(passes):
        for slot in rng.permutation(len(placements)):
            for c in rng.permutation(len(table)):
                placement, combination = placements[int(slot)], table[int(c)]
                blocks = series[combination.stratum, combination.order]
                cold = combination.shape == COLD
                visit = Visit(
                    loops["throughput" if cold else combination.shape],
                    1 + int(slot) * len(columns), len(columns), blocks.first, blocks.count,
                    int(rng.integers(blocks.count)), int(combination.order == "random"),
                    int(cold), COLD_ROUNDS if cold else ROUNDS, stacks[placement],
                )  # fmt: skip
                visits.append(visit)
                keys.append((placement, int(c)))
    return Plan(tuple(functions), tuple(visits), tuple(keys), len(columns))


class Yield:
    """Cycle counts collected over processes, by placement, combination and function."""

    def __init__(self, table: Sequence[Combination]) -> None:
        self.table = tuple(table)
        self.rounds = 0
        self.discarded = 0
        self.interrupted = 0
        self._cells: dict[tuple[int, int, int], list[NDArray[np.uint64]]] = {}

    def add(self, plan: Plan, columns: Sequence[int], records: Iterable[Record]) -> None:
        """Take a process's records; visits that met steal time are thrown away (design 6)."""
        for record in records:
            count = len(record.cycles)
            self.interrupted += record.discarded
            self.discarded += count if record.steal else 0
            if record.steal or not count:
                continue
            self.rounds += count
            placement, combination = plan.keys[record.visit]
            for at, function in enumerate(columns):
                pair = record.cycles[:, [0, at]]
                self._cells.setdefault((placement, combination, function), []).append(pair)

    def gains(self, function: int) -> NDArray[np.float64]:
        """Gains of a function over the target: [placement, combination].

        Only placements that have a value in every combination; column order is the table's.
        """
        rows, _ = self._rows(function)
        return rows[np.isfinite(rows).all(axis=1)]

    def complete(self, function: int) -> frozenset[int]:
        """Placements that have a value in every combination."""
        rows, placements = self._rows(function)
        return frozenset(np.array(placements)[np.isfinite(rows).all(axis=1)].tolist())

    def rough_gains(self, function: int) -> list[float]:
        """One gain a placement from whatever hot combinations were reached."""
        hot = [i for i, c in enumerate(self.table) if c.shape != COLD]
        rows = self._rows(function)[0][:, hot]
        return [float(row[np.isfinite(row)].mean()) for row in rows if np.isfinite(row).any()]

    def _rows(self, function: int) -> tuple[NDArray[np.float64], list[int]]:
        placements = sorted({p for p, _, f in self._cells if f == function})
        rows = np.full((len(placements), len(self.table)), math.nan)
        for row, placement in enumerate(placements):
            for column in range(len(self.table)):
                parts = self._cells.get((placement, column, function))
                if parts:
                    both = np.concatenate(parts)
                    rows[row, column] = round_gain(both[:, 0], both[:, 1])
        return rows, placements
