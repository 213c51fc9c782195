"""Inputs that differ in one scalar argument only: may the target's trace tell its values apart?

design 5.10 holds a rewrite to constant time for everything that the target's trace does not
depend on.  A function that loops over a length may still treat a mask or an index as a secret, so
each scalar is judged by itself.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from typing import TypeVar

from superopt_cc.cases import Case, Ref, Word
from superopt_cc.verify.running.probe import Probed
from superopt_cc.verify.running.trace import Edge

# Inputs with more work are not varied; values tried for each that is.
_MOST_WORK, _VALUES, _LEAST_BASES, _MOST_BASES = 2_500, 6, 6, 32

# Where a scalar is passed ("ints", "stack" or "floats") and as which of them.
Scalar = tuple[str, int]
_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """Positions of inputs that differ in one `kind` of data, on all of which the target's trace
    is the same."""

    kind: str
    members: tuple[int, ...]


def scalars(cases: Sequence[Case]) -> list[Scalar]:
    """The arguments that are no pointer in any of the cases."""
    if not cases:
        return []
    first = cases[0]
    words = [("ints", i) for i in range(len(first.ints))]
    words += [("stack", i) for i in range(len(first.stack))]
    plain = [
        (where, i) for where, i in words
        if not any(isinstance(_words(case, where)[i], Ref) for case in cases)
    ]  # fmt: skip
    return plain + [("floats", i) for i in range(len(first.floats))]


def bases(probes: Sequence[Probed]) -> list[int]:
    """Few inputs that together take every edge which short ones take, those with most work first.

    A branch on a scalar shows at an input that takes it, so that every branch needs one.
    """
    short = [i for i, probe in enumerate(probes) if probe.steps <= _MOST_WORK]
    covered: set[Edge] = set()
    chosen: list[int] = []
    for i in sorted(short, key=lambda i: -probes[i].steps):
        if not chosen or not probes[i].edges <= covered:
            covered |= probes[i].edges
            chosen.append(i)
    rest = [i for i in short if i not in set(chosen)]
    spread = rest[:: max(len(rest) // _LEAST_BASES, 1)]
    chosen += spread[: max(_LEAST_BASES - len(chosen), 0)]
    return chosen[:_MOST_BASES]


def variants(
    base: Case, scalar: Scalar, cases: Sequence[Case], numbers: random.Random
) -> list[Case]:
    """`base` with other values of one scalar, taken from the other cases."""
    where, i = scalar
    if where == "floats":
        patterns = {case.floats[i] for case in cases} - {base.floats[i]}
        chosen = numbers.sample(sorted(patterns), min(len(patterns), _VALUES))
        return [dataclasses.replace(base, floats=_put(base.floats, i, p)) for p in chosen]
    pool = {_words(case, where)[i] for case in cases} - {_words(base, where)[i]}
    values = sorted(word for word in pool if isinstance(word, int))
    # 0 and the largest are what code asks for most; a table's index shows among the small ones.
    picked = {v for v in (*values[:1], *values[-1:]) if v in (0, values[-1])}
    for part in ([v for v in values if v < 64], values):
        rest = [v for v in part if v not in picked]
        picked |= {*numbers.sample(rest, min(len(rest), _VALUES // 2))}
    fresh = [_put(_words(base, where), i, value) for value in sorted(picked)]
    if where == "ints":
        return [dataclasses.replace(base, ints=words) for words in fresh]
    return [dataclasses.replace(base, stack=words) for words in fresh]


def _words(case: Case, where: str) -> tuple[Word, ...]:
    return case.ints if where == "ints" else case.stack


def _put(items: tuple[_T, ...], at: int, item: _T) -> tuple[_T, ...]:
    return (*items[:at], item, *items[at + 1 :])
