"""The verifier of one target: inputs gathered once, rewrites checked against gcc's own code.

`Verifier(job)` decides whether the function can be tested at all (Ineligible otherwise) and
gathers inputs; `check` runs one rewrite through screening, comparison, access and side-channel
checks, and says what the evidence is (design 5).
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from types import TracebackType

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.unit import Unit
from superopt_cc.cases import Case
from superopt_cc.errors import Ineligible, RunnerError, ToolchainError
from superopt_cc.types import Covered, Evidence, Killed, Level, Reason, Rejection, Rewrite, Verdict
from superopt_cc.verify import plans
from superopt_cc.verify.access import AccessRule, Walk
from superopt_cc.verify.bench import Bench, body_label, constants_of, start_runner
from superopt_cc.verify.compare import Difference, first_difference
from superopt_cc.verify.examples import counterexample
from superopt_cc.verify.gather import DEFAULT_LIMITS, Gatherer, Limits
from superopt_cc.verify.image import Image
from superopt_cc.verify.job import Job
from superopt_cc.verify.plans import Plan
from superopt_cc.verify.probe import Probed
from superopt_cc.verify.runner import Run, Runner
from superopt_cc.verify.shape import Shape
from superopt_cc.verify.trace import Decoder
from superopt_cc.verify.values import dictionary
from superopt_cc.verify.version import VERSION
from superopt_cc.verify.workload import make_workload


class _Late(Exception):
    """The time for verifying was over."""


_AIMED_LIMITS = Limits(seconds=4.0, least=0, most=240, directed=160)


class Verifier:
    """Checks rewrites of one target.  Use as a context manager: it owns a scratch folder.

    Raises Ineligible (with the counted reason) when the function cannot be tested,
    ToolchainError or RunnerError when our own tools fail.
    """

    def __init__(self, job: Job, limits: Limits = DEFAULT_LIMITS, unit: Unit | None = None) -> None:
        self.job = job
        self._bench = Bench(job, unit)
        self._workload: tuple[Case, ...] | None = None
        self._deadline = math.inf
        try:
            self._prepare(limits)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Verifier:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the scratch folder; safe to call twice."""
        self._bench.close()

    def fragment(self, rewrite: Rewrite) -> Fragment | Rejection:
        """The rewrite as a fragment that passed the static rules, or why it did not."""
        return self._bench.fragment(rewrite)

    # The target

    def _prepare(self, limits: Limits) -> None:
        bench, name = self._bench, self.job.name
        image, around = bench.image, bench.around
        self._flow = bench.decoder.flow(name)
        with start_runner(image) as runner:
            gatherer = self._gatherer(around.shape, runner, image, bench.decoder, limits)
            self.gathered = gatherer.gather()
            self._check_gathered()
            cases = tuple(p.case for p in self.gathered.probes)
            extra = plans.bulk(around.shape, self.job.seed)
            lengthy = plans.long(around.shape, self.job.seed)
            made = plans.make(cases, extra, around, image.arena, self.job.seed, lengthy)
            self.plans = plans.settle(made, runner, image, name, around.masks)
        self._arena = image.arena
        self._access = AccessRule(self.gathered, self._flow, self.job.contract.timing_ok)

    def _gatherer(
        self, shape: Shape, runner: Runner, image: Image, decoder: Decoder, limits: Limits,
        *, focus: bool = False,
    ) -> Gatherer:  # fmt: skip
        masks, seed = self._bench.around.masks, self.job.seed + 7 * focus
        return Gatherer(
            shape, runner, image.arena, self.job.name, decoder, masks, limits, seed, focus=focus
        )

    def _check_gathered(self) -> None:
        gathered = self.gathered
        if gathered.frame_pointer:
            raise Ineligible("frame-escape", "a call out is passed a pointer into the frame")
        if not gathered.probes:
            raise Ineligible("no-inputs", "gcc's own code fails on every input that was made up")

    # Rewrites

    def check(self, rewrite: Rewrite) -> Verdict:
        """Decide one rewrite.  Raises ToolchainError or RunnerError when our own tools fail."""
        return self.check_many((rewrite,))[0]

    def check_many(
        self, rewrites: Sequence[Rewrite], deadline: float = math.inf
    ) -> list[Verdict]:  # fmt: skip
        """Decide several rewrites over one link; as `check` for each.

        Past `deadline` (of `time.monotonic()`) what is not decided yet stays `undecided` without
        a reason.
        """
        self._deadline = deadline
        verdicts: dict[int, Verdict] = {}
        alive: list[tuple[int, Fragment]] = []
        for number, rewrite in enumerate(rewrites):
            answer = self.fragment(rewrite)
            if isinstance(answer, Rejection):
                verdicts[number] = _rejected(answer)
            else:
                alive.append((number, answer))
        if alive:
            verdicts.update(self._run_all(alive))
        return [verdicts[i] for i in range(len(rewrites))]

    def _run_all(self, alive: Sequence[tuple[int, Fragment]]) -> dict[int, Verdict]:
        try:
            image = self._bench.link([fragment for _, fragment in alive])
        except ToolchainError as error:
            if len(alive) == 1:
                return {alive[0][0]: _rejected(Rejection(Reason.LINK, str(error)))}
            return {k: v for one in alive for k, v in self._run_all((one,)).items()}
        verdicts: dict[int, Verdict] = {}
        with start_runner(image) as runner:
            ready = plans.relocate(self.plans, image.arena, self._arena)
            name, masks = self.job.name, self._bench.around.masks
            expected = [plans.run(p, runner, image, name, masks, stop=False) for p in ready]
            if not all(plans.all_end(run) for run in expected):
                raise RunnerError(f"{name}: gcc's code ended before and does not end now")
            decoder = Decoder(image)
            for position, (number, _) in enumerate(alive):
                try:
                    verdicts[number] = self._run_one(
                        runner, image, decoder, body_label(position), ready, expected
                    )
                except _Late:
                    verdicts[number] = Verdict("undecided", None, None, "the time was over")
        return verdicts

    def _run_one(
        self, runner: Runner, image: Image, decoder: Decoder, label: str,
        ready: Sequence[Plan], expected: Sequence[Run],
    ) -> Verdict:  # fmt: skip
        masks = self._bench.around.masks
        for plan, wanted in zip(ready, expected, strict=True):
            self._in_time()
            got = plans.run(plan, runner, image, label, masks, stop=True)
            found = first_difference(wanted, got, image.arena, image.text)
            if found is not None:
                return self._refuted(plan, found)
        try:
            aimed = self._aimed(runner, image, decoder, label)
        except Ineligible as error:
            return Verdict("undecided", None, Reason.INADEQUATE, str(error))
        for plan in aimed:
            self._in_time()
            wanted = plans.run(plan, runner, image, self.job.name, masks, stop=False)
            if not plans.all_end(wanted):
                raise RunnerError(f"{self.job.name}: gcc's code ended before and does not end now")
            found = first_difference(
                wanted,
                plans.run(plan, runner, image, label, masks, stop=True),
                image.arena,
                image.text,
            )
            if found is not None:
                return self._refuted(plan, found)
        self._in_time()
        every = (*ready, *aimed)
        walk = self._access.walk(
            runner, image, decoder, self.job.name, label, every, aimed[:1], masks
        )
        if walk.rejection is not None:
            return self._refuted(walk.plan or ready[0], walk.rejection)
        return self._weigh(walk, every)

    def _aimed(
        self, runner: Runner, image: Image, decoder: Decoder, label: str
    ) -> tuple[Plan, ...]:
        """Inputs aimed at what only the rewrite knows or compares (design 5.6)."""
        own = constants_of(image, decoder.functions[label])
        known = self._bench.around.shape.dictionary
        fresh = [c for c in own.base if c not in set(known.integers)]
        shape = dataclasses.replace(
            self._bench.around.shape, dictionary=dictionary([*fresh, *known.base], own.floats)
        )
        limits = dataclasses.replace(
            _AIMED_LIMITS, seconds=min(_AIMED_LIMITS.seconds, self._deadline - time.monotonic())
        )
        gatherer = self._gatherer(shape, runner, image, decoder, limits, focus=True)
        found: list[Probed] = []
        if fresh:
            gathered = gatherer.gather()
            self._in_time()
            if not gathered.complete:
                raise Ineligible("slow-inputs", "the time for inputs aimed at the rewrite ran out")
            found += gathered.probes
        found += gatherer.aimed_at(label, self._access.typical())
        cases = [p.case for p in found]
        if not cases:
            return ()
        made = plans.make(cases, (), self._bench.around, image.arena, self.job.seed + 7)[:2]
        return plans.settle(made, runner, image, self.job.name, self._bench.around.masks)

    def _in_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise _Late

    def _weigh(self, walk: Walk, every: Sequence[Plan]) -> Verdict:
        """design 5.7: nothing untested in gcc's code or in the rewrite, or there is no verdict."""
        evidence = Evidence(
            inputs=sum(len(p.batch.cases) for p in every),
            edges=Covered(
                len(self.gathered.covered) + walk.edges.covered,
                len(self._flow.edges) + walk.edges.total,
            ),
            mutants=Killed(0, 0),
            discarded=self.gathered.discarded,
            largest_length=max(p.case.size for p in self.gathered.probes),
            verifier=VERSION,
        )
        gap = walk.gap() or self.gap
        if gap:
            return Verdict("undecided", None, Reason.INADEQUATE, gap, None, evidence)
        return Verdict("accepted", Level.TESTED, None, "", None, evidence)

    @property
    def gap(self) -> str:
        """What of gcc's code stayed untested, so that no rewrite can be accepted; else ""."""
        if not self.gathered.complete:
            return "the time limit was reached before all inputs were tried"
        missed = len(self._flow.addresses - self.gathered.reached)
        if missed:
            return f"{missed} instructions of gcc's code were never executed"
        one_way = len(self._flow.edges - self.gathered.covered)
        return f"{one_way} branches of gcc's code never went one way" if one_way else ""

    def _refuted(self, plan: Plan, found: Difference) -> Verdict:
        example = counterexample(self.job, self._bench.locations, plan, found)
        detail = f"{found.detail}: {example.text}"
        return Verdict("rejected", None, found.reason, detail, example, None)

    def workload(self, seconds: float = 4.0) -> tuple[Case, ...]:
        """Inputs for timing, as `make_workload`; made once."""
        if self._workload is None:
            self._workload = make_workload(self._bench, self.gathered.least, seconds=seconds)
        return self._workload


def _rejected(rejection: Rejection) -> Verdict:
    return Verdict("rejected", None, rejection.reason, rejection.detail)
