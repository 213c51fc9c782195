"""Bounds on registers and flags: the states of `infeasible`.

A register is three variables of a zone: the signed value of its low half, twice that, and the
signed value of the whole.  Three more stand for what was compared last: its two sides and the
result, so that registers may change between a comparison and its jump.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from superopt_cc.assembly.decode import Reg
from superopt_cc.assembly.registers import GPR, PARTS
from superopt_cc.verify.proofs.zones import LARGEST, NONE, Matrix, Zone

HALF, WORD = 1 << 31, 1 << 32
LEFT, RIGHT, RESULT = (1 + 3 * len(GPR) + i for i in range(3))
SIZE = RESULT + 1
PLACE = {name: 1 + 3 * i for i, name in enumerate(GPR)}
_HALVES = np.array(list(PLACE.values()))
_PAIRS = {"e": "ne", "l": "ge", "le": "g", "b": "ae", "be": "a", "s": "ns"}
OPPOSITE = {**_PAIRS, **{v: k for k, v in _PAIRS.items()}}
_SIGNED = {"l": (LEFT, RIGHT, -1), "le": (LEFT, RIGHT, 0), "g": (RIGHT, LEFT, -1),
           "ge": (RIGHT, LEFT, 0)}  # fmt: skip
_UNSIGNED = {"b": (LEFT, RIGHT, -1), "be": (LEFT, RIGHT, 0), "a": (RIGHT, LEFT, -1),
             "ae": (RIGHT, LEFT, 0)}  # fmt: skip

# Bounds of a number against all variables, as `Zone.set` takes them.
Bounds = tuple[Matrix, Matrix]


def half_of(name: str) -> int:
    return PLACE[name]


def twice_of(name: str) -> int:
    return PLACE[name] + 1


def whole_of(name: str) -> int:
    return PLACE[name] + 2


@dataclasses.dataclass(slots=True)
class State:
    """A zone, and what the flags tell.

    `flags` is "compare" (every condition, by the two sides), "plain" (the sides are shorter than
    their variables and not negative: equality and unsigned order), "result" (zero and sign of the
    result) or "" (nothing).
    """

    zone: Zone
    flags: str = ""

    @staticmethod
    def entry() -> State:
        state = State(Zone.top(SIZE))
        for name in GPR:
            state.unknown(name)
        return state

    def copy(self) -> State:
        return State(self.zone.copy(), self.flags)

    def join(self, other: State) -> State:
        return State(self.zone.join(other.zone), self.flags if self.flags == other.flags else "")

    def unknown(self, name: str) -> None:
        """The register holds anything."""
        for x in (half_of(name), twice_of(name), whole_of(name)):
            self.zone.forget(x)
        self.zone.between(half_of(name), -HALF, HALF - 1)
        self.zone.between(twice_of(name), -2 * HALF, 2 * HALF - 2)

    def settle(self) -> bool:
        """Relate the variables of each register; False if no state is left."""
        bounds = self.zone.bounds
        high, low = bounds[:, 0], bounds[0, :]
        half, twice, whole = _HALVES, _HALVES + 1, _HALVES + 2
        loose = (high[twice] != 2 * high[half]) | (low[twice] != 2 * low[half])
        loose |= (bounds[half, twice] > low[half]) | (bounds[twice, half] > high[half])
        narrow = (high[whole] < WORD) & (low[whole] <= HALF)
        loose |= narrow & ((bounds[whole, half] != 0) | (bounds[half, whole] != 0))
        return all(self._settle(GPR[i]) for i in np.flatnonzero(loose).tolist())

    def _settle(self, name: str) -> bool:
        zone, half, twice, whole = self.zone, half_of(name), twice_of(name), whole_of(name)
        if not zone.between(twice, 2 * zone.low(half), 2 * zone.high(half)):
            return False
        if not zone.between(half, -(-zone.low(twice) // 2), zone.high(twice) // 2):
            return False
        low, high = zone.low(half), zone.high(half)
        if not (zone.add(half, twice, -low) and zone.add(twice, half, high)):
            return False
        if zone.within(whole, -HALF, HALF - 1):
            return zone.equal(whole, half)
        if zone.within(whole, 0, WORD - 1):
            if low >= 0:
                return zone.equal(whole, half)
            if high < 0:
                return zone.equal(whole, half, WORD)
        return True

    def write(self, register: Reg, half: Number | None, whole: Number | None) -> None:
        """A register gets numbers: its low half, and where eight bytes are written the whole;
        None for anything."""
        name, zone = PARTS[register.name][0], self.zone
        mine = [half_of(name), twice_of(name), whole_of(name)]
        if half is not None and half.fits(-HALF, HALF - 1):
            # The sides of a comparison are written before the result of a subtraction.
            zone.set(mine[0], *without(half.bounds, [LEFT, RIGHT, RESULT]))
            zone.set(mine[1], *without(half.doubled, [*mine, LEFT, RIGHT, RESULT]))
        else:
            zone.forget(half_of(name))
            zone.forget(twice_of(name))
            zone.between(half_of(name), -HALF, HALF - 1)
            zone.between(twice_of(name), -2 * HALF, 2 * HALF - 2)
        if register.size == 8 and whole is not None and whole.fits(-LARGEST, LARGEST):
            zone.set(mine[2], *without(whole.bounds, [*mine, LEFT, RIGHT, RESULT]))
        else:
            zone.forget(whole_of(name))
        if register.size == 4:
            zone.between(whole_of(name), 0, WORD - 1)
        self._settle(name)

    # Conditions

    def assume(self, condition: str) -> bool:
        """The condition holds from now on; False if it cannot."""
        return self._assume(condition) and self.settle()

    def _assume(self, condition: str) -> bool:
        zone = self.zone
        if self.flags == "result":
            pair = (RESULT, 0)
        elif self.flags in ("compare", "plain"):
            pair = (LEFT, RIGHT)
        else:
            return True
        if condition == "e":
            return zone.equal(*pair)
        if condition == "ne":
            return self._differ(*pair) and self._differ(pair[1], pair[0])
        if condition in ("s", "ns") and self.flags != "plain":
            return zone.add(RESULT, 0, -1) if condition == "s" else zone.add(0, RESULT, 0)
        if condition in _SIGNED and self.flags == "compare":
            return zone.add(*_SIGNED[condition])
        if condition in _UNSIGNED and self.flags != "result":
            less, more, gap = _UNSIGNED[condition]
            # Below a number that is not negative there are only such.
            if zone.low(more) >= 0:
                return zone.add(0, less, 0) and zone.add(less, more, gap)
        return True

    def _differ(self, x: int, y: int) -> bool:
        return self.zone.bounds[x, y] > 0 or self.zone.add(x, y, -1)


def without(bounds: Bounds, stale: list[int]) -> Bounds:
    """The same but for what is said of variables that have changed since."""
    above, below = bounds[0].copy(), bounds[1].copy()
    above[stale] = below[stale] = NONE
    return above, below


class Number:
    """A sum of variables with factors and a constant, before it is written anywhere.

    `doubled` are the bounds of twice the number.
    """

    def __init__(self, zone: Zone, terms: Iterable[tuple[int, int]], constant: int) -> None:
        factors: dict[int, int] = {}
        for x, factor in terms:
            factors[x] = factors.get(x, 0) + factor
        factors = {x: factor for x, factor in factors.items() if factor}
        self._copied = constant == 0 and list(factors.values()) == [1]
        found, doubled = [], []
        for x, factor in (*factors.items(), (0, 0)):
            low, high = interval(zone, [p for p in factors.items() if p[0] != x], constant)
            if factor in (0, 1):
                found.append(zone.sum(x, low, high))
            if factor == 2 and _is_half(x):
                found.append(zone.sum(x + 1, low, high))
            if factor == 1 and _is_half(x):
                doubled.append(zone.sum(x + 1, 2 * low, 2 * high))
            if factor == 0:
                doubled.append(zone.sum(x, 2 * low, 2 * high))
        self.bounds = both(found)
        self.doubled = both(doubled)

    def limit(self, *others: Bounds) -> Number:
        """The same with bounds that are known besides."""
        self.bounds = both([self.bounds, *others])
        return self

    def limit_doubled(self, other: Bounds) -> Number:
        self.doubled = both([self.doubled, other])
        return self

    def fits(self, low: int, high: int) -> bool:
        """Is it for certain one of these, or a copy of what fits already?"""
        inside = low <= -int(self.bounds[1][0]) and int(self.bounds[0][0]) <= high
        return inside or self._copied


def _is_half(x: int) -> bool:
    return x < LEFT and x % 3 == 1


def both(many: list[Bounds]) -> Bounds:
    above, below = many[0]
    for one, other in many[1:]:
        above, below = np.minimum(above, one), np.minimum(below, other)
    return above, below


def interval(zone: Zone, terms: Iterable[tuple[int, int]], constant: int) -> tuple[int, int]:
    """Bounds of a sum; beyond LARGEST where there is none."""
    low = high = constant
    for x, factor in terms:
        ends = zone.low(x) * factor, zone.high(x) * factor
        low, high = low + min(ends), high + max(ends)
    return low, high
