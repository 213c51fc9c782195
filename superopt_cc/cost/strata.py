"""Cases sorted by size: a rewrite must be slower in no size class (design 6)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from superopt_cc.cases import Case

_CLASSES = (("0-3", 3), ("4-15", 15), ("16-63", 63), ("64-1023", 1023))
_ABOVE = "1024+"


@dataclasses.dataclass(frozen=True, slots=True)
class Stratum:
    """Cases of one size class; `weight` is its share of all cases (the classes' sum is 1)."""

    name: str
    cases: tuple[Case, ...]
    weight: float


def size_class(size: int) -> str:
    """The name of the class that `size` (bytes touched in the largest object) falls into."""
    for name, largest in _CLASSES:
        if size <= largest:
            return name
    return _ABOVE


def stratify(cases: Sequence[Case]) -> tuple[Stratum, ...]:
    """The size classes that occur, smallest first, each with its cases in their given order."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(size_class(case.size), []).append(case)
    names = [name for name, _ in _CLASSES] + [_ABOVE]
    return tuple(
        Stratum(name, tuple(found[name]), len(found[name]) / len(cases))
        for name in names
        if name in found
    )
