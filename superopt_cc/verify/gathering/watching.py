"""Target and rewrite in an image of their own, where each reports what it compares."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from superopt_cc.assembly.closure import Body
from superopt_cc.assembly.watch import REPORT_WORDS
from superopt_cc.cases import Case
from superopt_cc.closing import Closing
from superopt_cc.verify.gathering.bench import Bench, start_runner
from superopt_cc.verify.gathering.compared import FAR, Gaps, Relation, Words
from superopt_cc.verify.running.layout import Batch, Style, encode_batch
from superopt_cc.verify.running.probe import ROOM
from superopt_cc.verify.running.runner import STEP_WORDS, Mode, Run, Status
from superopt_cc.verify.running.strip import Strip

_TICKS = 4
_LABEL = "superopt.watching"
_ENDED = (Status.RETURNED, Status.NORETURN)
Owners = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """The gaps of one relation in one run, visit by visit, lane by lane; `owner`: whose case."""

    gap: Gaps
    owner: Owners
    count: int

    def first(self) -> tuple[Owners, Owners]:
        """Where each case's gaps begin and end."""
        numbers = np.arange(self.count)
        return (
            np.searchsorted(self.owner, numbers, side="left"),
            np.searchsorted(self.owner, numbers, side="right"),
        )

    def at(self, place: int) -> Gaps:
        """Each case's gap at a visit, from the end if negative; FAR where there is none."""
        first, last = self.first()
        where = first + place if place >= 0 else last + place
        inside = (where >= first) & (where < last)
        if not len(self.gap):
            return np.full(self.count, FAR)
        return np.where(inside, self.gap[np.where(inside, where, 0)], FAR)


class Watching(Closing):
    """One body that reports its comparisons, ready to run.  A context manager.

    Raises Ineligible or ToolchainError as `Bench.link`.
    """

    def __init__(
        self, bench: Bench, body: Body, relations: Sequence[Relation], unused: tuple[int, ...]
    ) -> None:  # fmt: skip
        self._masks = bench.around.masks
        watches = tuple({r.watch.number: r.watch for r in relations}.values())
        self.image = bench.link_bodies((dataclasses.replace(body, label=_LABEL, watched=watches),))
        self._entry = self.image.symbols[_LABEL]
        self._style = Style(at_end=False, room=ROOM, unused=unused, calls=0)
        self._runner = start_runner(self.image)

    def close(self) -> None:
        """End the runner; safe to call twice."""
        self._runner.close()

    def encoded(self, cases: Sequence[Case], seed: int) -> Batch:
        return encode_batch(cases, self.image.arena, (self._style,), seed)

    def strip(self, case: Case, seed: int) -> Strip:
        return Strip(case, self.image.arena, self._style, seed)

    def run(self, batch: Batch, most: int) -> Reports:
        """What is compared on each case, at most so many times."""
        mode = Mode(steps=most, ticks=_TICKS, watch=True, stop_loop=True)
        return Reports(self._runner.run(batch, self._entry, mode, self._masks))


class Reports:
    """The reports of a run, by relation."""

    def __init__(self, run: Run) -> None:
        self.count = run.done
        ended = np.isin(run.fields(0), _ENDED)
        steps = run.diags[: run.done, 4].astype(np.int64)
        words = STEP_WORDS * steps
        starts = np.cumsum(words) - words
        # Reports stand one behind another from where the steps of a case begin.
        self.most = int(words.max(initial=0)) // REPORT_WORDS
        self.counts: Owners = words // REPORT_WORDS
        most = np.where(ended, self.counts, 0)
        owner = np.repeat(np.arange(run.done), most)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(most) - most, most)
        flat = np.append(run.trace.ravel(), np.zeros(REPORT_WORDS, dtype=np.uint64))
        at = np.repeat(starts, most) + REPORT_WORDS * within
        keep = flat[at] > 0
        at, self._owner = at[keep], owner[keep]
        self._number = flat[at].astype(np.int64) - 1
        self._reports: Words = np.stack([flat[at + n] for n in range(REPORT_WORDS)], axis=1)

    def of(self, relation: Relation) -> Seen:
        mine = np.nonzero(self._number == relation.watch.number)[0]
        gap = relation.gaps(self._reports[mine])
        lanes = max(len(gap) // max(len(mine), 1), 1)
        return Seen(gap, np.repeat(self._owner[mine], lanes), self.count)
