"""One image and the processes that time it: jobs out, cycle counts in."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.unit import Unit
from superopt_cc.cost.arena import lay_out
from superopt_cc.cost.callers import THROUGHPUT, Result
from superopt_cc.cost.image import build_image
from superopt_cc.cost.plan import Plan, Yield, combinations, make_plan
from superopt_cc.cost.timer import TIMER_VERSION, calmest_core, cpu_model, run_timer
from superopt_cc.cost.verdict import Gained
from superopt_cc.cost.wire import Ending, Limits, Memory, Run, encode_job
from superopt_cc.cost.workload import Workload
from superopt_cc.errors import SuperoptError

TARGET, COPY, FIRST = 0, 1, 2
PASSES = 4
_STACK_BYTES = 1 << 20
_VISIT_MS = 1000
_LEAST_SECONDS = 0.2
# A visit ends with the round that reaches its time, so it takes somewhat longer.
_VISIT_SHARE = 0.35


class CandidateFailed(SuperoptError):
    """A rewrite crashed or did not end while it was timed; `failure` is "crash" or "timeout".

    `column` is its place among its placement's functions.
    """

    def __init__(self, message: str, column: int, failure: str) -> None:
        super().__init__(message)
        self.column = column
        self.failure = failure


class Session:
    """Timing processes over one image; `collected` grows with each of them.

    Columns of a placement: TARGET, COPY (the target placed as a rewrite), then the fragments
    from FIRST on.
    """

    def __init__(
        self,
        unit: Unit,
        target: str,
        fragments: Sequence[Fragment],
        workload: Workload,
        *,
        result: Result,
        placements: int,
        as_options: Sequence[str],
        folder: Path,
        seeds: Sequence[int],
    ) -> None:
        self._numbers = np.random.default_rng(list(seeds))
        self._target = target
        self._workload = workload
        self.image = build_image(
            unit, target, fragments, folder, words=workload.words, result=result,
            chained=workload.chained, placements=placements, data_sizes=workload.data_sizes,
            answers=workload.answers, as_options=as_options, seed=self._seed(),
        )  # fmt: skip
        self.collected: Yield | None = None
        self.inputs = 0
        self.processes = 0
        self.cores: set[int] = set()

    def _seed(self) -> int:
        return int(self._numbers.integers(1, 2**31))

    def run(self, placements: Sequence[int], columns: Sequence[int], until: float) -> None:
        """Time `columns` (TARGET first) at `placements` in one new process, until about `until`.

        `until` is a reading of `time.monotonic()`.

        Raises CandidateFailed for a rewrite that dies or hangs, SuperoptError when the target
        itself does or timing is not possible.
        """
        # Each process has its own data layout at its own address (design 5.8).
        arena = lay_out(
            self._workload.strata, self._workload.words, self.image.symbols,
            base=int(self._numbers.integers(0x1000, 0x5000)) << 32, seed=self._seed(),
            answers=self.image.stubs,
        )  # fmt: skip
        plan = make_plan(self.image, arena, placements, columns, passes=PASSES, seed=self._seed())
        core = calmest_core()
        seconds = max(until - time.monotonic(), _LEAST_SECONDS)
        visit_us = int(seconds * 1e6 * PASSES * _VISIT_SHARE / len(plan.visits))
        memory = Memory(
            arena.base, arena.data, arena.calls, arena.blocks, arena.settings, self.image.colds
        )
        job = encode_job(
            memory, plan.functions, plan.visits, Limits(int(seconds * 1000), _VISIT_MS, visit_us),
            core=core, seed=self._seed(), stack_bytes=_STACK_BYTES,
            probe_loop=self.image.symbols[THROUGHPUT],
        )  # fmt: skip
        run = run_timer(self.image.path, job, seconds)
        self._check(run, plan, columns)
        if self.collected is None:
            self.collected = Yield(combinations(arena.series))
        self.collected.add(plan, columns, run.records)
        self.inputs = max(self.inputs, arena.inputs)
        self.processes += 1
        self.cores.add(core)

    def _check(self, run: Run, plan: Plan, columns: Sequence[int]) -> None:
        if run.ending is Ending.ENDED:
            return
        failure = "timeout" if run.ending is Ending.TIMED_OUT else "crash"
        what = "does not end" if failure == "timeout" else f"dies of signal {run.signal}"
        column = plan.column(run.running)
        if column < 0 or columns[column] < FIRST:
            raise SuperoptError(f"{self._target}: the target itself {what} while it is timed")
        raise CandidateFailed(
            f"{self._target}: a rewrite {what} while it is timed", columns[column], failure
        )

    def gained(self, column: int) -> Gained:
        """The gains of a column so far.  Raises SuperoptError before the first process."""
        if self.collected is None:
            raise SuperoptError(f"{self._target}: nothing has been timed")
        weights = {s.name: s.weight for s in self._workload.strata}
        return Gained(self.collected.table, weights, self.collected.gains(column), seed=1)

    def unfinished(self, placements: Sequence[int], column: int) -> list[int]:
        """Those of `placements` in which some combination of `column` is still missing."""
        done = self.collected.complete(column) if self.collected else frozenset()
        return [p for p in placements if p not in done]

    def rough_gains(self, column: int) -> Sequence[float]:
        """One gain a placement from whatever was reached so far."""
        return [] if self.collected is None else self.collected.rough_gains(column)

    def conditions(self) -> Mapping[str, str]:
        """What a reader needs to judge the numbers."""
        collected = self.collected
        return {
            "cpu": cpu_model(),
            "cores": " ".join(map(str, sorted(self.cores))),
            "processes": str(self.processes),
            "inputs": str(self.inputs),
            "rounds": str(collected.rounds if collected else 0),
            "discarded rounds": str(collected.discarded if collected else 0),
            "interrupted runs": str(collected.interrupted if collected else 0),
            "load": f"{os.getloadavg()[0]:.2f}",
            "timer": TIMER_VERSION,
        }
