"""Which cases are timed, and the form of the calls that they need."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence

from superopt_cc.cases import Case, Ref
from superopt_cc.cost.arena import LARGEST_CASE, case_bytes
from superopt_cc.cost.callers import Words
from superopt_cc.cost.strata import Stratum, stratify
from superopt_cc.errors import SuperoptError

_MXCSR = 0x1F80


@dataclasses.dataclass(frozen=True, slots=True)
class Workload:
    """Cases that can be timed, by size class.

    `chained` is the integer argument that carries the latency chain: the first pointer if there
    is one.  `data_sizes` are the largest sizes of globals in bytes; `answers` says whether
    callees answer.
    """

    strata: tuple[Stratum, ...]
    words: Words
    chained: int
    data_sizes: dict[str, int]
    answers: bool


def make_workload(cases: Sequence[Case], target: str) -> Workload:
    """Keep the distinct cases that can be timed, in their order.

    Left out: repetitions, other rounding modes than the usual one, calls that never return (their
    stack could not be taken down), inputs larger than the arena holds.  Raises SuperoptError when
    nothing is left.
    """
    usual = [c for c in cases if c.mxcsr == _MXCSR and all(a.returns for a in c.answers)]
    if not usual:
        raise SuperoptError(f"{target}: no input that can be timed; gcc's code stays")
    first = usual[0]
    words = Words(
        max(len(c.ints) for c in usual),
        max(len(c.floats) for c in usual),
        max(len(c.stack) for c in usual),
        max((len(f) for c in usual for f in c.floats), default=16),
    )
    kept = list({_key(c): c for c in usual if case_bytes(c, words) <= LARGEST_CASE}.values())
    if not kept:
        raise SuperoptError(f"{target}: all inputs are too large to be timed; gcc's code stays")
    pointers = [n for n, word in enumerate(first.ints) if isinstance(word, Ref)]
    sizes: dict[str, int] = {}
    for case in kept:
        for name, data in case.globals.items():
            sizes[name] = max(sizes.get(name, 0), len(data))
    answers = any(case.answers for case in kept)
    return Workload(stratify(kept), words, pointers[0] if pointers else 0, sizes, answers)


def _key(case: Case) -> Hashable:
    """What makes a case distinct."""
    settings = (tuple(sorted(case.globals.items())), case.global_pointers)
    return (case.ints, case.floats, case.stack, case.objects, settings, case.answers)
