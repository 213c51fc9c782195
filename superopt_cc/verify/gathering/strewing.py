"""Inputs in which single words become anything, thousands of them.

What is worked out from a word, a remainder or a hash, comes to its rare values only where the word
takes very many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from superopt_cc.cases import Case
from superopt_cc.verify.gathering.places import Place, write
from superopt_cc.verify.gathering.words import Loads
from superopt_cc.verify.making.values import Dictionary, Numbers
from superopt_cc.verify.running.strip import Change

_WORDS = 16  # of one input
_MORE = 0.3  # of the variants change a second word too
_ROUND_UNITS = (10, 25, 100, 365, 400, 1000, 60)


def changes(
    case: Case, loads: Loads, numbers: Numbers, dictionary: Dictionary, count: int
) -> list[list[Change]]:  # fmt: skip
    """At most so many ways to change one or two words of an input."""
    every = loads.words(case)
    words = numbers.sample(every, min(len(every), _WORDS))
    found: list[list[Change]] = []
    for _ in range(count if words else 0):
        many = 2 if len(words) > 1 and numbers.random() < _MORE else 1
        chosen = numbers.sample(words, many)
        change = list(_changed(chosen, loads, numbers, dictionary))
        if change:
            found.append(change)
    return found


def variants(
    cases: Sequence[Case], loads: Loads, numbers: Numbers, dictionary: Dictionary, count: int
) -> list[Case]:  # fmt: skip
    """These cases so changed, `count` of them together."""
    return [
        changed(case, each)
        for case in cases
        for each in changes(case, loads, numbers, dictionary, count // len(cases))
    ]


def changed(case: Case, change: Sequence[Change]) -> Case:
    """A case with other words."""
    for place, value in change:
        assert isinstance(place, Place)
        case = write(case, place, value)
    return case


def _changed(
    words: Sequence[tuple[Place, int]], loads: Loads, numbers: Numbers, dictionary: Dictionary
) -> Iterator[Change]:
    for place, word in words:
        value = _anything(place.size, numbers, dictionary)
        if value != word and loads.fits(word, value, place.size):
            yield place, value


def _anything(size: int, numbers: Numbers, dictionary: Dictionary) -> int:
    """Edges and constants, any bits, few high bits, or a multiple of something round."""
    bits, chance = 8 * size, numbers.random()
    if chance < 0.3:
        return numbers.integer(size, dictionary)
    if chance < 0.7:
        return numbers.getrandbits(bits)
    if chance < 0.8:
        return numbers.getrandbits(bits) << numbers.randrange(bits) & (1 << bits) - 1
    unit = numbers.choice(_ROUND_UNITS)
    return numbers.randrange(min(1 << bits, 10_000 * unit) // unit + 1) * unit & (1 << bits) - 1
