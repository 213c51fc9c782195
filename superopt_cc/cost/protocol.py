"""Honest timing of rewrites against their target (design 6).

`Timer.compare` ranks candidates on the *choosing* placements; `Timer.confirm` measures one on the
*reporting* placements: another image, other processes, nothing in common with the choice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from superopt_cc.assembly.fragment import Fragment, own_fragment
from superopt_cc.assembly.unit import Unit
from superopt_cc.cases import Case
from superopt_cc.cost.callers import Result
from superopt_cc.cost.image import table_bytes
from superopt_cc.cost.lock import timing_lock
from superopt_cc.cost.session import COPY, FIRST, TARGET, CandidateFailed, Session
from superopt_cc.cost.statistics import rough_interval
from superopt_cc.cost.verdict import Growth, judge, overall
from superopt_cc.cost.workload import make_workload
from superopt_cc.errors import SuperoptError
from superopt_cc.types import Measurement

CHOOSING_FIRST, CHOOSING_MORE = 4, 12
# Reporting needs 32 placements; a few more, since a busy machine may cost some.
REPORT_PROCESSES, REPORT_EACH = 4, 9
# Fewer than 32 are never significant, but they are told.
LEAST_REPORTED = 2
CLEARLY_SLOWER = 0.98
TOGETHER = 12
_AGAIN_SECONDS = 0.2


@dataclasses.dataclass(frozen=True, slots=True)
class Ranking:
    """One candidate on the choosing half.

    `index` is its place in the sequence given to `compare`; `speedup` is target time / its time,
    with an interval.  `failure` is "", "crash" or "timeout" (speedup 0 then).  `stopped` means
    clearly slower after a few placements, or that the budget ended before it was through.
    """

    index: int
    speedup: float
    interval: tuple[float, float]
    failure: str = ""
    stopped: bool = False


class Timer:
    """Times rewrites of one target over one workload.

    Deterministic given `seed`, except for time itself.  `result` tells where the function's
    result shows up (for the latency chain); `patience` is how many seconds to wait for the
    machine-wide lock, which does not count against budgets.  Raises SuperoptError when no case
    can be timed.
    """

    def __init__(
        self,
        unit: Unit,
        target_name: str,
        workload: Sequence[Case],
        *,
        seed: int,
        result: Result,
        as_options: Sequence[str] = (),
        patience: float = 60.0,
    ) -> None:
        self._unit = unit
        self._name = target_name
        self._workload = make_workload(workload, target_name)
        self._seed = seed
        self._result = result
        self._as_options = tuple(as_options)
        self._patience = patience

    def compare(self, fragments: Sequence[Fragment], budget: float) -> list[Ranking]:
        """Rank candidates on the choosing placements, best first, in about `budget` seconds.

        Raises SuperoptError when timing is not possible (the lock, the helper, the target
        itself), ToolchainError when a fragment does not assemble or link.
        """
        rankings: list[Ranking] = []
        groups = [fragments[i : i + TOGETHER] for i in range(0, len(fragments), TOGETHER)]
        for number, group in enumerate(groups):
            for found in self._compare_group(group, budget / len(groups), number):
                index = found.index + number * TOGETHER
                rankings.append(dataclasses.replace(found, index=index))
        return sorted(rankings, key=lambda r: (-r.speedup, r.index))

    def _compare_group(
        self, fragments: Sequence[Fragment], budget: float, number: int
    ) -> list[Ranking]:
        began = time.monotonic()
        count = CHOOSING_FIRST + CHOOSING_MORE
        with _workplace() as folder:
            session = self._session(fragments, count, folder, (self._seed, 1, number))
            budget -= time.monotonic() - began
            with timing_lock(self._patience):
                until = time.monotonic() + budget
                columns = list(range(FIRST, FIRST + len(fragments)))
                done: dict[int, Ranking] = {}
                stages = ((range(CHOOSING_FIRST), 0.4), (range(CHOOSING_FIRST, count), 1.0))
                for placements, share in stages:
                    share_ends = until - (1.0 - share) * (until - time.monotonic())
                    self._time(session, placements, columns, share_ends, done)
                    columns = [c for c in columns if c not in done]
                for column in columns:
                    done[column] = _rank(session, column)
        return [done[column] for column in sorted(done)]

    def _time(
        self,
        session: Session,
        placements: Sequence[int],
        columns: Sequence[int],
        until: float,
        done: dict[int, Ranking],
    ) -> None:
        """Time `columns`; those that fail or are clearly slower get their final ranking."""
        left = list(columns)
        while left:
            try:
                session.run(placements, [TARGET, *left], until)
                break
            except CandidateFailed as failed:
                left.remove(failed.column)
                nothing = (0.0, 0.0)
                done[failed.column] = Ranking(failed.column - FIRST, 0.0, nothing, failed.failure)
        for column in left:
            if _clearly_slower(session, column):
                done[column] = dataclasses.replace(_rank(session, column), stopped=True)

    def confirm(self, fragment: Fragment, budget: float, *, quick: bool = False) -> Measurement:
        """Measure one rewrite on the reporting placements in about `budget` seconds.

        With `quick` a clearly slower rewrite stops after the first process.  Raises
        CandidateFailed when the rewrite crashes or hangs, SuperoptError when timing is not
        possible or the machine was too busy for an answer.
        """
        began = time.monotonic()
        count = REPORT_PROCESSES * REPORT_EACH
        with _workplace() as folder:
            session = self._session([fragment], count, folder, (self._seed, 2))
            budget -= time.monotonic() - began
            with timing_lock(self._patience):
                until = time.monotonic() + budget
                for process in range(REPORT_PROCESSES):
                    now = time.monotonic()
                    share_ends = now + (until - now) / (REPORT_PROCESSES - process)
                    placements = range(process * REPORT_EACH, (process + 1) * REPORT_EACH)
                    session.run(placements, [TARGET, COPY, FIRST], share_ends)
                    if quick and _clearly_slower(session, FIRST):
                        return self._judge(session, fragment)
                # What was thrown away for noise is timed again, in another process, if time allows.
                left = session.unfinished(range(count), FIRST)
                while left and time.monotonic() + _AGAIN_SECONDS < until:
                    session.run(left, [TARGET, COPY, FIRST], until)
                    left = session.unfinished(left, FIRST)
        return self._judge(session, fragment)

    def _judge(self, session: Session, fragment: Fragment) -> Measurement:
        rewrite, calibration = session.gained(FIRST), session.gained(COPY)
        if min(len(rewrite.gains), len(calibration.gains)) < LEAST_REPORTED:
            raise SuperoptError(
                f"{self._name}: only {len(rewrite.gains)} placements could be timed; "
                "give more time or a calmer machine"
            )
        target, _, code = session.image.placements[0]
        own = own_fragment(self._unit.function(self._name))
        growth = Growth(target.size, code.size, table_bytes(own), table_bytes(fragment))
        return judge(rewrite, calibration, growth, session.conditions())

    def _session(
        self, fragments: Sequence[Fragment], placements: int, folder: Path, seeds: Sequence[int]
    ) -> Session:
        return Session(
            self._unit, self._name, fragments, self._workload, result=self._result,
            placements=placements, as_options=self._as_options, folder=folder, seeds=seeds,
        )  # fmt: skip


@contextlib.contextmanager
def _workplace() -> Iterator[Path]:
    """A temporary folder for objects and the image.  Raises SuperoptError without one."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="superopt-timing-", ignore_cleanup_errors=True)
    except OSError as error:
        raise SuperoptError(f"timing needs a temporary folder: {error}") from error
    with folder as name:
        yield Path(name)


def _clearly_slower(session: Session, column: int) -> bool:
    """Slower in every placement so far: more of them would not change the answer (design 6)."""
    ratios = rough_interval(session.rough_gains(column))
    return ratios is not None and ratios.high < CLEARLY_SLOWER


def _rank(session: Session, column: int) -> Ranking:
    gained = session.gained(column)
    if len(gained.gains) >= CHOOSING_FIRST:
        found, stopped = overall(gained), False
    else:
        rough = rough_interval(session.rough_gains(column))
        if rough is None:
            return Ranking(column - FIRST, 0.0, (0.0, 0.0), stopped=True)
        found, stopped = rough, True
    return Ranking(column - FIRST, found.middle, (found.low, found.high), stopped=stopped)


def measure(
    unit: Unit,
    target_name: str,
    fragment: Fragment,
    workload: Sequence[Case],
    *,
    seed: int,
    result: Result,
    budget: float,
    as_options: Sequence[str] = (),
    quick: bool = False,
) -> Measurement:
    """`Timer.confirm` for one rewrite."""
    timer = Timer(unit, target_name, workload, seed=seed, result=result, as_options=as_options)
    return timer.confirm(fragment, budget, quick=quick)
