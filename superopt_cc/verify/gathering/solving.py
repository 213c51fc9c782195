"""Which changes bring a gap to a wanted number, by what single changes were seen to do to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence


@dataclasses.dataclass(frozen=True, slots=True)
class Slope:
    """A word of `bits` bits that holds `value`; one more, and the gap grows by `step`."""

    number: int
    value: int
    bits: int
    step: int

    def room(self) -> tuple[int, int]:
        """How far the word may sink and rise."""
        if self.bits > _WRAPPING:
            return -(1 << 62), 1 << 62
        return -self.value, (1 << self.bits) - 1 - self.value

    def moved(self, by: int) -> tuple[int, int]:
        """(number, new value)."""
        return self.number, (self.value + by) % (1 << self.bits)


_ALONE = 8
# Words of so many bits may be computed with modulo a power of two.
_WRAPPING = 32
Solution = dict[int, int]  # new values by the number of the word


def solutions(slopes: Sequence[Slope], missing: int, bits: int) -> Iterator[Solution]:
    """New values of words that change the gap by `missing` if every slope is straight.

    `bits` is the width in which the gap itself wraps around.
    """
    yield from together(slopes, missing)
    yield from alone(slopes, missing, bits)


def alone(slopes: Sequence[Slope], missing: int, bits: int) -> Iterator[Solution]:
    """One word each, the smallest changes of all that do."""
    found: list[tuple[int, Slope]] = []
    for slope in slopes:
        low, high = slope.room()
        whole = missing // slope.step if missing % slope.step == 0 else None
        ring = _in_a_ring(slope.step, missing, bits)
        if whole is not None and low <= whole <= high:
            found.append((whole, slope))
        if ring is not None and (low <= ring <= high or slope.bits >= _WRAPPING):
            found.append((ring, slope))
    for by, slope in sorted(found, key=lambda each: abs(each[0]))[:_ALONE]:
        yield dict([slope.moved(by)])


def together(slopes: Sequence[Slope], missing: int) -> Iterator[Solution]:
    """As much as each word gives, the steepest first and the other way round."""
    steep = sorted(slopes, key=lambda slope: -abs(slope.step))
    yield _in_order(steep, missing)
    yield _in_order(steep[::-1], missing)


def _in_order(slopes: Sequence[Slope], missing: int) -> Solution:
    found: Solution = {}
    for slope in slopes:
        low, high = slope.room()
        whole = abs(missing) // abs(slope.step) * (1 if (missing > 0) == (slope.step > 0) else -1)
        by = min(max(whole, low), high)
        if by:
            found.update([slope.moved(by)])
            missing -= by * slope.step
    return found


def _in_a_ring(step: int, missing: int, bits: int) -> int | None:
    """How many steps make `missing` modulo 2^bits."""
    size = 1 << bits
    twos = (step & -step).bit_length() - 1
    if twos >= bits or missing % (1 << twos):
        return None
    inner = size >> twos
    by = (missing >> twos) * pow(step >> twos, -1, inner) % inner if inner > 1 else 0
    return by - inner if by > inner // 2 else by


def flipped(effects: Sequence[tuple[int, int]], missing: int) -> Iterator[list[int]]:
    """Numbers of independent changes, each used once at most, that may close a gap together;
    `effects` are (number, change of the gap)."""
    yield _largest_first(effects, missing)
    yield _lowest_first(effects, missing)


def _largest_first(effects: Sequence[tuple[int, int]], missing: int) -> list[int]:
    chosen: list[int] = []
    for number, effect in sorted(effects, key=lambda each: -abs(each[1])):
        if abs(missing - effect) < abs(missing):
            chosen.append(number)
            missing -= effect
    return chosen


def _lowest_first(effects: Sequence[tuple[int, int]], missing: int) -> list[int]:
    """The lowest bit that is wrong only a change can mend whose own lowest bit it is."""
    chosen: list[int] = []
    for number, effect in sorted(effects, key=lambda each: each[1] & -each[1]):
        if missing & effect & -effect:
            chosen.append(number)
            missing -= effect
    return chosen


def between(low: int, high: int, count: int) -> list[int]:
    """At most `count` numbers that divide what lies between two others evenly."""
    inner = high - low - 1
    if inner <= count:
        return list(range(low + 1, high))
    return [low + (high - low) * (n + 1) // (count + 1) for n in range(count)]
