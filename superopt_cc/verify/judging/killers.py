"""Inputs that refuted rewrites, kept for the next one: wrong rewrites tend to fail alike.

A pool is in memory, one for each target; `worth_keeping` says which inputs should outlive it, so
that the next check of the same function starts from them (design 5.6).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from superopt_cc.cases import Case, Ref, Word
from superopt_cc.verify.gathering.gather import Gathered
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.judging.compare import Difference
from superopt_cc.verify.making.shape import MAX_OBJECT
from superopt_cc.verify.running.layout import SLOTS, Arena, Style, encode_batch
from superopt_cc.verify.running.runner import Mode
from superopt_cc.verify.running.trace import Edge

_MOST, _BYTES = 64, 1 << 17
# An edge is rare when no more than one input in so many takes it.
_RARE, _RARE_CASES = 40, 48
_TICKS = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Killer:
    """An input with the layout that it ran in, how many rewrites it refuted, and when last."""

    case: Case
    style: Style
    kills: int
    last: int


class Killers:
    """The inputs that refuted rewrites of one target: the most successful first, then the newest.

    Bounded in number and bytes; whoever refuted least, longest ago, goes first.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: dict[tuple[int, Style], Killer] = {}
        self._clock = 0

    def add(self, plan: Plan, found: Difference) -> None:
        """Remember what refuted a rewrite, but no pair of inputs that must leave one trace, nor an
        input for which C defines no result or noise sets flags."""
        if (
            plan.lenient
            or not plan.mode.flags
            or found.other is not None
            or found.index >= len(plan.batch.cases)
        ):
            return
        case = plan.batch.cases[found.index]
        key = id(case), plan.styles[found.index % len(plan.styles)]
        kills = self._known[key].kills if key in self._known else 0
        self._clock += 1
        self._known[key] = Killer(case, key[1], kills + 1, self._clock)
        while len(self._known) > self._most or self._bytes() > _BYTES:
            del self._known[min(self._known, key=lambda k: self._rank(self._known[k]))]

    @property
    def best(self) -> tuple[Killer, ...]:
        """The most successful first, the newest first among equals."""
        return tuple(sorted(self._known.values(), key=self._rank, reverse=True))

    @property
    def cases(self) -> tuple[Case, ...]:
        """The inputs alone, each once."""
        return tuple({id(killer.case): killer.case for killer in self.best}.values())

    def plan(self, arena: Arena, seed: int = 1) -> Plan | None:
        """All of them as one batch to run before anything else; None while there are none.

        They come from plans that were settled, in the layout that they had there, so that gcc's
        code ends on them and does not look at noise.
        """
        best = self.best
        if not best:
            return None
        styles = tuple(killer.style for killer in best)
        batch = encode_batch([killer.case for killer in best], arena, styles, seed)
        return Plan(batch, styles, seed, Mode(noise=seed, ticks=_TICKS))

    def _bytes(self) -> int:
        return sum(sum(len(o.data) for o in k.case.objects) for k in self._known.values())

    @staticmethod
    def _rank(killer: Killer) -> tuple[int, int]:
        return killer.kills, killer.last


def worth_keeping(killers: Killers, gathered: Gathered) -> tuple[Case, ...]:
    """Inputs for the next check of the same function: what refuted rewrites, then the shortest
    inputs for edges of gcc's code that few inputs take."""
    takers: dict[Edge, list[int]] = {}
    for number, probe in enumerate(gathered.probes):
        for edge in probe.edges:
            takers.setdefault(edge, []).append(number)
    rare = {
        min(numbers, key=lambda n: gathered.probes[n].steps)
        for numbers in takers.values()
        if len(numbers) * _RARE <= len(gathered.probes)
    }
    shortest = sorted(rare, key=lambda n: gathered.probes[n].steps)[:_RARE_CASES]
    return (*killers.cases, *(gathered.probes[n].case for n in shortest))


def fitting(cases: Sequence[Case], model: Case, symbols: Mapping[str, int]) -> tuple[Case, ...]:
    """Those of kept inputs that can be laid out for this target: `model` is any of its own.

    A key stands for the same code and types, but names differ from unit to unit.
    """
    return tuple(case for case in cases if _fits(case, model, symbols))


def _fits(case: Case, model: Case, symbols: Mapping[str, int]) -> bool:
    shapes = [(len(c.ints), [len(f) for f in c.floats], len(c.stack)) for c in (case, model)]
    if shapes[0] != shapes[1]:
        return False
    sizes = {name: len(data) for name, data in model.globals.items()}
    if {name: len(data) for name, data in case.globals.items()} != sizes:
        return False
    if len(case.objects) > SLOTS or any(len(o.data) > MAX_OBJECT for o in case.objects):
        return False
    if any(o.align < 1 or o.align & o.align - 1 or o.align > 64 for o in case.objects):
        return False
    inside = all(
        at >= 0 and at + 8 <= len(o.data) for o in case.objects for at, _ in o.pointers
    ) and all(0 <= at <= sizes.get(name, 0) - 8 for name, at, _ in case.global_pointers)
    return (
        inside and _stores_fit(case, sizes) and all(_names(w, case, symbols) for w in _refs(case))
    )


def _stores_fit(case: Case, sizes: Mapping[str, int]) -> bool:
    for answer in case.answers:
        if len(answer.xmm0) != 16 or len(answer.xmm1) != 16:
            return False
        for store in answer.stores:
            if isinstance(store.where, str):
                room = sizes.get(store.where, 0)
            else:
                known = 0 <= store.where < len(case.objects)
                room = len(case.objects[store.where].data) if known else 0
            if store.offset < 0 or store.offset + len(store.data) > room:
                return False
    return True


def _refs(case: Case) -> list[Ref]:
    words: list[Word | None] = [*case.ints, *case.stack]
    words += [ref for o in case.objects for _, ref in o.pointers]
    words += [ref for _, _, ref in case.global_pointers]
    words += [a.rax for a in case.answers] + [s.pointer for a in case.answers for s in a.stores]
    return [word for word in words if isinstance(word, Ref)]


def _names(ref: Ref, case: Case, symbols: Mapping[str, int]) -> bool:
    if isinstance(ref.object, str):
        return ref.object in symbols
    return 0 <= ref.object < len(case.objects)
