"""Thousands of variants of a few inputs: what a rewrite returns for rare values of single words.

The inputs of the plans are hundreds, each with all that it reaches compared.  These are many times
as many, encoded at once, and only what is returned is looked at; where that differs, the input
becomes an ordinary one, by which the verdict is found (design 5.6).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from superopt_cc.cases import Case, weight
from superopt_cc.verify.gathering.strewing import changed, changes
from superopt_cc.verify.gathering.words import Loads
from superopt_cc.verify.making.admit import admits
from superopt_cc.verify.making.nans import NaNs
from superopt_cc.verify.making.shape import Shape
from superopt_cc.verify.making.values import Numbers
from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.layout import RESULT, Style
from superopt_cc.verify.running.probe import Probed
from superopt_cc.verify.running.runner import Masks, Mode, Run, Runner, Status
from superopt_cc.verify.running.strip import Change, Strip

_BASES, _EACH = 8, 1500
_LIGHT = 1 << 12  # bytes of a base
_STEPS = 2_000_000  # of one base's variants together
_BYTES = 16 << 20
_TICKS = 1
_SLOW = 3  # variants that may run for long
_TOLD = 6  # variants that differ and are looked at
_ENDED = (Status.RETURNED, Status.NORETURN)


@dataclasses.dataclass(frozen=True, slots=True)
class _Strewn:
    """A case, changes of it on which gcc's code ends."""

    case: Case
    changes: Sequence[Sequence[Change]]


class Variants:
    """The variants for one target, made in one image and run in any."""

    def __init__(
        self, shape: Shape, style: Style, masks: Masks, name: str, seed: int
    ) -> None:  # fmt: skip
        self._shape, self._style, self._masks = shape, style, masks
        self._name, self._seed = name, seed
        self._all: list[_Strewn] = []

    def make(self, probes: Sequence[Probed], loads: Loads, runner: Runner, image: Image) -> None:
        """Choose inputs that take different ways, and keep the variants that gcc's code ends on.

        There are none where gcc's code computes with floats: two NaNs could meet.
        """
        if self._shape.nans is not NaNs.MOVED:
            return
        numbers = Numbers(self._seed + 23)
        ways: dict[frozenset[tuple[int, int]], Probed] = {}
        for probe in sorted(probes, key=lambda p: p.steps):
            if weight(probe.case) <= _LIGHT and not probe.case.strange:
                ways.setdefault(probe.edges, probe)
        chosen = numbers.sample(list(ways.values()), min(len(ways), _BASES))
        for probe in chosen:
            case = probe.whole if weight(probe.whole) <= _LIGHT else probe.case
            count = min(_EACH, _STEPS // max(probe.steps, 1))
            every = changes(case, loads, numbers, self._shape.dictionary, count)
            if self._shape.promises:
                every = [e for e in every if admits(changed(case, e), self._shape)]
            mine = _Strewn(case, every)
            good = self._ending(mine, runner, image)
            if good:
                self._all.append(dataclasses.replace(mine, changes=good))

    def _ending(self, strewn: _Strewn, runner: Runner, image: Image) -> list[Sequence[Change]]:
        good: list[Sequence[Change]] = []
        left = strewn.changes
        for _ in range(_SLOW):
            if not left:
                break
            run = self._run(dataclasses.replace(strewn, changes=left), runner, image, self._name)
            good += [left[i] for i in range(run.done) if run.status(i) in _ENDED]
            left = left[run.done + 1 :]
        return good

    def _run(self, strewn: _Strewn, runner: Runner, image: Image, entry: str) -> Run:
        strip = Strip(strewn.case, image.arena, self._style, self._seed)
        batch = strip.batch(strewn.changes[: max(_BYTES // strip.weight, 1)])
        mode = Mode(noise=self._seed + 1, ticks=_TICKS, stop_loop=True)
        return runner.run(batch, image.symbols[entry], mode, self._masks)

    def differing(
        self, runner: Runner, image: Image, label: str, in_time: Callable[[], None]
    ) -> list[Case]:
        """Some inputs for which the function `label` does not return what gcc's code returns."""
        found: list[Case] = []
        for strewn in self._all:
            in_time()
            wanted, got = (self._run(strewn, runner, image, entry) for entry in (self._name, label))
            for i in _unequal(wanted, got)[:_TOLD]:
                found.append(changed(strewn.case, strewn.changes[i]))
        return found


def _unequal(wanted: Run, got: Run) -> list[int]:
    """The cases that did not come out alike, or that the second did not come to."""
    both = min(wanted.done, got.done)
    rows = [
        np.frombuffer(run.results, dtype=np.uint64).reshape(-1, RESULT.size // 8)[:both]
        for run in (wanted, got)
    ]
    ended = np.isin(rows[0][:, 0], _ENDED)
    unequal = np.flatnonzero((rows[0] != rows[1]).any(axis=1) & ended).tolist()
    return [*unequal, *range(both, min(wanted.done, both + 1))]
