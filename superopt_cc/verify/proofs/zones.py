"""Differences between numbers that are bounded: Miné's zones, closed at all times.

A zone says x - y <= c for pairs of variables over the integers; variable 0 is the number 0.  Each
operation gives at least all states that are possible: where a bound is too large to be written
down, there is none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.int64]

NONE = 1 << 61  # no bound
LARGEST = 1 << 59  # a bound beyond this is forgotten


def _fit(bounds: Matrix) -> Matrix:
    fitted: Matrix = np.where(bounds > LARGEST, NONE, np.maximum(bounds, -LARGEST))
    return fitted


class Zone:
    """Bounds on the differences of `size` variables; changed in place."""

    __slots__ = ("bounds",)

    def __init__(self, bounds: Matrix) -> None:
        self.bounds = bounds

    @staticmethod
    def top(size: int) -> Zone:
        """Nothing is known."""
        bounds = np.full((size, size), NONE, dtype=np.int64)
        np.fill_diagonal(bounds, 0)
        return Zone(bounds)

    def copy(self) -> Zone:
        return Zone(self.bounds.copy())

    def high(self, x: int) -> int:
        """The largest value of x, NONE if there is none."""
        return int(self.bounds[x, 0])

    def low(self, x: int) -> int:
        """The smallest value of x, -NONE if there is none."""
        return -int(self.bounds[0, x])

    def within(self, x: int, low: int, high: int) -> bool:
        """Does x lie there for certain?"""
        return low <= self.low(x) and self.high(x) <= high

    def forget(self, x: int) -> None:
        self.bounds[x, :] = NONE
        self.bounds[:, x] = NONE
        self.bounds[x, x] = 0

    def add(self, x: int, y: int, most: int) -> bool:
        """x - y <= most from now on; False, and no change, if no state is left then."""
        bounds, most = self.bounds, max(most, -LARGEST)
        if most > LARGEST or bounds[x, y] <= most:
            return True
        if bounds[y, x] + most < 0:
            return False
        through = _fit(bounds[:, x] + most)[:, None] + bounds[y, :][None, :]
        np.minimum(bounds, _fit(through), out=bounds)
        return True

    def between(self, x: int, low: int, high: int) -> bool:
        """low <= x <= high from now on; False if no state is left then."""
        return self.add(x, 0, high) and self.add(0, x, -low)

    def equal(self, x: int, y: int, more: int = 0) -> bool:
        """x = y + more from now on; False if no state is left then."""
        return self.add(x, y, more) and self.add(y, x, -more)

    def set(self, x: int, above: Matrix, below: Matrix) -> None:
        """x becomes a number of which x - y <= above[y] and y - x <= below[y]; bounds that name
        the old x are ignored."""
        self.forget(x)
        above, below = _fit(above), _fit(below)
        above[x] = below[x] = NONE
        bounds = self.bounds
        row = _fit((above[:, None] + bounds).min(axis=0))
        column = _fit((bounds + below[None, :]).min(axis=1))
        row[x] = column[x] = 0
        bounds[x, :], bounds[:, x] = row, column
        np.minimum(bounds, _fit(column[:, None] + row[None, :]), out=bounds)

    def sum(self, x: int, low: int, high: int) -> tuple[Matrix, Matrix]:
        """(above, below) of x plus a number between `low` and `high`, for `set`."""
        above, below = self.bounds[x, :], self.bounds[:, x]
        above = above + max(high, -LARGEST) if high < LARGEST else np.full_like(above, NONE)
        below = below - min(low, LARGEST) if low > -LARGEST else np.full_like(below, NONE)
        return _fit(above), _fit(below)

    def join(self, other: Zone) -> Zone:
        return Zone(np.maximum(self.bounds, other.bounds))

    def holds(self, other: Zone) -> bool:
        """Is every state of `other` one of these?"""
        return bool((other.bounds <= self.bounds).all())

    def widened(self, other: Zone, steps: Matrix) -> Zone:
        """This zone with bounds that `other` exceeds moved to the next of `steps`; not closed."""
        at = np.minimum(np.searchsorted(steps, other.bounds), len(steps) - 1)
        return Zone(np.where(other.bounds > self.bounds, steps[at], self.bounds))

    def close(self) -> bool:
        """All bounds that follow from others; False if no state is left."""
        bounds = self.bounds
        for k in range(len(bounds)):
            np.minimum(bounds, bounds[:, k, None] + bounds[None, k, :], out=bounds)
            self.bounds = bounds = _fit(bounds)
        return not bool((np.diagonal(bounds) < 0).any())
