"""The verifier of one target: inputs gathered once, rewrites checked against gcc's own code.

`Verifier(job)` decides whether the function can be tested at all (Ineligible otherwise) and
gathers inputs; `check` runs one rewrite through screening, comparison, access and side-channel
checks, and says what the evidence is (design 5).
"""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections.abc import Sequence

from superopt_cc.assembly.closure import Body
from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.unit import Unit
from superopt_cc.cases import Case
from superopt_cc.closing import Closing
from superopt_cc.errors import Ineligible, Late, ToolchainError
from superopt_cc.types import Evidence, Killed, Level, Reason, Rejection, Rewrite, Verdict
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.gathering.bench import Bench, body_label, constants_of, start_runner
from superopt_cc.verify.gathering.gather import DEFAULT_LIMITS, Gatherer, Limits, unused_bits
from superopt_cc.verify.gathering.meet import meet
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.gathering.runs import chains, runs
from superopt_cc.verify.gathering.words import Loads
from superopt_cc.verify.gathering.workload import make_workload
from superopt_cc.verify.job import Job
from superopt_cc.verify.judging import far, lengthy, outrun
from superopt_cc.verify.judging.access import AccessRule, Walk
from superopt_cc.verify.judging.adequacy import NOTHING, Adequacy, Score
from superopt_cc.verify.judging.compare import Difference
from superopt_cc.verify.judging.killers import Killers, fitting, worth_keeping
from superopt_cc.verify.judging.stand import Stand
from superopt_cc.verify.judging.strewn import Variants
from superopt_cc.verify.judging.undefined import Undefined
from superopt_cc.verify.judging.weighing import COVERAGE, Tests, lacking
from superopt_cc.verify.making.promises import with_names
from superopt_cc.verify.making.shape import Shape
from superopt_cc.verify.making.values import dictionary
from superopt_cc.verify.rules import ALL, Rules
from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.layout import Style
from superopt_cc.verify.running.observed import Observed, observe
from superopt_cc.verify.running.probe import Probed
from superopt_cc.verify.running.runner import Runner
from superopt_cc.verify.running.trace import Decoder, Edge
from superopt_cc.verify.telling.examples import counterexample
from superopt_cc.verify.telling.shrink import shrink
from superopt_cc.verify.version import VERSION

# How often tests that let a wrong variant pass get further inputs.
_STRONGER = 2
# Differences that undefined behaviour excuses (design 5.6).
_EXCUSABLE = frozenset({Reason.RESULT, Reason.MEMORY, Reason.CALLS})


class _OtherInputs(Exception):
    """Some inputs turned out to be none, or too few: what follows is judged by others."""


_AIMED_LIMITS = Limits(seconds=4.0, least=0, most=240, directed=160)


class Verifier(Closing):
    """Checks rewrites of one target.  Use as a context manager: it owns a scratch folder.

    Raises Ineligible (with the counted reason) when the function cannot be tested,
    ToolchainError or RunnerError when our own tools fail.
    """

    def __init__(
        self, job: Job, limits: Limits = DEFAULT_LIMITS, unit: Unit | None = None, *,
        kept: Sequence[Case] = (), rules: Rules = ALL, deadline: float = math.inf,
    ) -> None:  # fmt: skip
        """`kept` are inputs that an earlier verifier of this function found worth keeping.

        Raises Late where the inputs are not ready at `deadline` (of `time.monotonic()`).
        """
        self.job = job
        # Are counterexamples to be made small?  That takes some tenths of a second for each.
        self.small = False
        self._rules, self._kept = rules, kept
        self._killers = Killers()
        self._bench = Bench(job, unit, rules.screened)
        self._workload: tuple[Case, ...] | None = None
        self._deadline = deadline
        self._outside: tuple[Case, ...] = ()  # inputs that the author's promises exclude
        try:
            self._prepare(limits)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the scratch folder; safe to call twice."""
        self._bench.close()

    def fragment(self, rewrite: Rewrite) -> Fragment | Rejection:
        """The rewrite as a fragment that passed the static rules, or why it did not."""
        return self._bench.fragment(rewrite)

    # The target

    def _prepare(self, limits: Limits) -> None:
        if not self._gathers(limits):  # callees see the frame: once more with what is there
            self._gathers(limits)
        self._in_time()
        bench, around = self._bench, self._bench.around
        self._arena = bench.image.arena
        self._count_covered()
        self._undefined = Undefined(bench, lambda: self._deadline - time.monotonic())
        self._narrowed, self._strengthened = False, 0
        # What `meet` found for gcc's code (None) and for the rewrite that was checked last.
        self._met: dict[Fragment | None, list[Case]] = {}
        self._variants: Variants | None = None
        self._adequacy = self._scores()
        self._access = AccessRule(
            self.gathered, self._flow, self.job.contract.timing_ok, self._rules.bounds,
            self._rules.leaks, promised=bool(around.shape.promises),
        )  # fmt: skip

    def _gathers(self, limits: Limits) -> bool:
        """Inputs and plans; False when the frame must be shown for that, which it is now."""
        bench, name = self._bench, self.job.name
        image, around = bench.image, bench.around
        with start_runner(image) as runner:
            gatherer = self._gatherer(around.shape, runner, image, bench.decoder, limits)
            self.gathered = gatherer.gather()
            if self.gathered.frame_pointer and bench.show_frames():
                return False
            self._flow = self.gathered.flow
            self._check_gathered()
            cases = tuple(p.case for p in self.gathered.probes)
            extra = plans.bulk(around.shape, self.job.seed)
            extra = (*fitting(self._kept, cases[0], image.symbols), *extra)
            lengthy = plans.long(around.shape, self.job.seed)
            if around.shape.has_memory:
                lengthy += runs(
                    around.shape, bench.decoder, runner, image.arena, name, around.masks,
                    self.job.seed,
                )  # fmt: skip
                lengthy += chains(around.shape, self.job.seed)
            made = plans.make(cases, extra, around, image.arena, self.job.seed, lengthy)
            self.plans = plans.settle(made, runner, image, name, around.masks, self._in_time)
            loads = Loads(around.shape, bench.decoder, runner, image.arena, name, around.masks)
            self.plans += far.find(
                around.shape, far.bases(cases), runner, image, name, around.masks, self.job.seed,
                loads,
            )  # fmt: skip
            self._outrun = outrun.find(
                around.shape, runner, image, name, around.masks, self.job.seed
            )  # fmt: skip
        return True

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
        self._bench.check_calls(gathered.called)
        if not gathered.probes and not gathered.complete and self._deadline < math.inf:
            raise Late(f"{self.job.name}: there was no time to make inputs")
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
            stand = Stand(self._bench, [f for _, f in alive], self.plans, self._arena)
        except ToolchainError as error:
            if len(alive) == 1:
                return {alive[0][0]: _rejected(Rejection(Reason.LINK, str(error)))}
            return {k: v for one in alive for k, v in self._run_all((one,)).items()}
        verdicts: dict[int, Verdict] = {}
        left: Sequence[tuple[int, Fragment]] = ()
        with stand:
            for position, (number, fragment) in enumerate(alive):
                try:
                    verdicts[number] = self._run_one(stand, body_label(position), fragment)
                except Late:
                    verdicts[number] = Verdict("undecided", None, None, "the time was over")
                except _OtherInputs:
                    left = alive[position:]
                    break
        return {**verdicts, **self._run_all(left)} if left else verdicts

    def _run_one(self, stand: Stand, label: str, fragment: Fragment) -> Verdict:
        """Everything that needs a run, the cheapest first (design 5.3 to 5.7)."""
        found = self._again(stand, label) or stand.first(label, self._in_time, self._rules.run)
        if found is not None:
            if found[1].reason in _EXCUSABLE and self._narrow():
                raise _OtherInputs
            return self._refuted(stand, label, *found)
        found = self._outrun.difference(stand, self.job.name, label)
        if found is not None:
            return self._refuted(stand, label, *found, again=False)
        found = self._among(stand, label, stand.moved(self._lengthy, self._arena))
        if found is not None:
            return self._refuted(stand, label, *found, again=False)
        self._in_time()
        contest = stand.contest(label)
        seen = self._access.begin(contest, stand.plans[0])
        if isinstance(seen, Walk):
            return self._walked(stand, label, stand.plans, fragment, seen)
        every, first = stand.plans, list[Plan]()
        for search in (self._aimed, self._meeting, self._strewn):
            try:
                made = search(stand, label, fragment)
                found = self._among(stand, label, made)
                if found is not None and found[1].reason in _EXCUSABLE:
                    made, undefined = self._undefined.split(made, stand.image.arena)
                    found = self._among(stand, label, made) if undefined else found
            except Ineligible as error:
                return Verdict("undecided", None, Reason.INADEQUATE, str(error))
            if found is not None:
                return self._refuted(stand, label, *found)
            every, first = (*every, *made), [*first, *made[:1]]
            self._in_time()
        for other in stand.elsewhere:
            found = other.first(label, self._in_time, self._rules.run)
            if found is not None:
                if found[1].reason in _EXCUSABLE and self._narrow():
                    raise _OtherInputs
                return self._refuted(other, label, *found)
        walk = self._access.finish(contest, seen, every, first, self._outside)
        return self._walked(stand, label, every, fragment, walk)

    def _walked(
        self, stand: Stand, label: str, every: Sequence[Plan], fragment: Fragment, walk: Walk
    ) -> Verdict:
        """What traces show: something wrong, or whether the tests were good enough."""
        if walk.rejection is not None:
            return self._refuted(stand, label, walk.plan or every[0], walk.rejection)
        return self._decided(walk, every, fragment, stand)

    def _again(self, stand: Stand, label: str) -> tuple[Plan, Difference] | None:
        """The inputs that refuted earlier rewrites: wrong ones tend to fail alike."""
        plan = self._killers.plan(stand.image.arena)
        return None if plan is None else self._among(stand, label, [plan])

    def _among(
        self, stand: Stand, label: str, made: Sequence[Plan]
    ) -> tuple[Plan, Difference] | None:
        for each in made:
            self._in_time()
            here = stand.lasting(each)
            if here is None:
                continue
            found = stand.difference(label, *here, self._rules.run)
            if found is not None:
                return here[0], found
        return None

    def _narrow(self) -> bool:
        """Find the inputs for which C defines no result, once; were there any?"""
        if self._narrowed:
            return False
        self._narrowed = True
        self.plans, undefined = self._undefined.split(self.plans, self._arena)
        if undefined:
            self._killers = Killers()  # some of them may be such
            self._adequacy = self._scores()
            self._count_covered()
            discarded = self.gathered.discarded + undefined
            self.gathered = dataclasses.replace(self.gathered, discarded=discarded)
        return undefined > 0

    def _count_covered(self) -> None:
        """Only inputs whose results are compared cover anything."""
        kept = {id(case) for plan in self.plans if not plan.lenient for case in plan.batch.cases}
        probes = [p for p in self.gathered.probes if id(p.case) in kept]
        covered = frozenset[Edge]().union(*(p.edges for p in probes))
        reached = frozenset[int]().union(*(p.reached for p in probes))
        self.gathered = dataclasses.replace(self.gathered, covered=covered, reached=reached)

    def _strengthen(self) -> bool:
        """Take the inputs that caught what the tests did not for tests, a few times."""
        more = self._adequacy.more
        if self._strengthened == _STRONGER or not more:
            return False
        self._strengthened += 1
        self.plans = (*self.plans, *more)
        self._adequacy = self._scores()
        return True

    def _scores(self) -> Adequacy:
        def defined(more: Sequence[Plan]) -> Sequence[Plan]:
            return self._undefined.split(more, self._arena)[0] if self._narrowed else more

        return Adequacy(self._bench, self.plans, self._arena, defined, self._strengthened)

    def _aimed(self, stand: Stand, label: str, _: Fragment) -> tuple[Plan, ...]:
        """Inputs aimed at what only the rewrite knows or compares (design 5.6)."""
        runner, image, decoder = stand.runner, stand.image, stand.decoder
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
        self._outside = (*self.gathered.outside, *gatherer.outside)
        return self._further(stand, found)

    def _meeting(self, stand: Stand, label: str, fragment: Fragment) -> tuple[Plan, ...]:
        """Inputs on which what either code compares becomes equal (design 5.6)."""
        bench, name, image, decoder = self._bench, self.job.name, stand.image, stand.decoder
        masks, shape = bench.around.masks, bench.around.shape
        loads = Loads(shape, decoder, stand.runner, image.arena, name, masks)
        cases = [p.whole for p in self.gathered.probes]
        own = self._met.get(None)
        if own is None:
            own = []
            if name in bench.image.traced:
                code = bench.decoder.body(name)
                own = meet(bench, Body(name), code, loads, cases, self.job.seed, self._in_time)
        theirs = self._met.get(fragment)
        if theirs is None:
            theirs = []
            if label in image.traced:
                body, code = Body(label, fragment, -1, wrap_local_calls=True), decoder.body(label)
                every, seed = [*own, *cases], self.job.seed + 1
                theirs = meet(bench, body, code, loads, every, seed, self._in_time)
        self._met = {None: own, fragment: theirs}
        gatherer = self._gatherer(shape, stand.runner, image, decoder, _AIMED_LIMITS)
        return self._further(stand, gatherer.tried([*own, *theirs]))

    def _strewn(self, stand: Stand, label: str, _: Fragment) -> tuple[Plan, ...]:
        """Inputs with rare values in them for which the rewrite returns something else."""
        around, name, image = self._bench.around, self.job.name, stand.image
        runner, decoder, shape = stand.runner, stand.decoder, around.shape
        if self._variants is None:
            style = Style(unused=unused_bits(shape), calls=16 * shape.has_calls)
            self._variants = Variants(shape, style, around.masks, name, self.job.seed)
            loads = Loads(shape, decoder, runner, image.arena, name, around.masks)
            self._variants.make(self.gathered.probes, loads, runner, image)
        differing = self._variants.differing(runner, image, label, self._in_time)
        gatherer = self._gatherer(shape, runner, image, decoder, _AIMED_LIMITS)
        try:
            return self._further(stand, gatherer.tried(differing)) if differing else ()
        except Ineligible:  # there gcc's own results depend on what nobody defines
            return ()

    def _further(self, stand: Stand, found: Sequence[Probed]) -> tuple[Plan, ...]:
        """Plans for more inputs."""
        bench, image, name = self._bench, stand.image, self.job.name
        cases = [p.case for p in found]
        if not cases:
            return ()
        made = plans.make(cases, (), bench.around, image.arena, self.job.seed + 7)[:2]
        return plans.settle(made, stand.runner, image, name, bench.around.masks)

    @functools.cached_property
    def _lengthy(self) -> Sequence[Plan]:
        """Only what passed everything that costs less is run on these."""
        bench = self._bench
        with start_runner(bench.image) as runner:
            return lengthy.find(
                self._outrun, bench.around.shape, runner, bench.image, self.job.name,
                bench.around.masks, self.job.seed,
            )  # fmt: skip

    def _in_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise Late(f"{self.job.name}: the time for verifying was over")

    def _decided(
        self, walk: Walk, every: Sequence[Plan], fragment: Fragment, stand: Stand
    ) -> Verdict:
        """design 5.7: tests that are not good enough decide nothing."""
        tests = dataclasses.replace(
            self._tests, walk=walk,
            rewrite=functools.cache(
                lambda: self._adequacy.rewrite(fragment, every, stand.image.arena, self._in_time)
            ),
        )  # fmt: skip
        gap = lacking(tests, self._rules.weighed)
        if gap and self._adequacy.late and self._strengthen():
            raise _OtherInputs
        scores = NOTHING if gap or tests.rewrite is None else tests.target() + tests.rewrite()
        evidence = Evidence(
            inputs=sum(len(p.batch.cases) for p in every),
            edges=tests.edges,
            mutants=Killed(scores.killed, scores.total),
            discarded=self.gathered.discarded,
            largest_length=max(p.case.size for p in self.gathered.probes),
            verifier=VERSION,
            survivors=scores.survivors,
            infeasible=self._flow.infeasible + walk.infeasible,
            assumed=with_names(
                self.job.contract.clauses, [p.name for p in self.job.facts.parameters]
            ),
        )
        if gap:
            return Verdict("undecided", None, Reason.INADEQUATE, gap, None, evidence)
        return Verdict("accepted", Level.TESTED, None, "", None, evidence)

    def score(self) -> Score:
        """How the tests of gcc's code do on mutants of it (design 5.7); made once."""
        return self._adequacy.target(self._in_time)

    @property
    def gap(self) -> str:
        """What of gcc's code stayed untested, so that no rewrite can be accepted; else ""."""
        return lacking(self._tests, COVERAGE)

    @property
    def _tests(self) -> Tests:
        return Tests(self.gathered, self._flow, self.score)

    def _refuted(
        self, stand: Stand, label: str, plan: Plan, found: Difference, *, again: bool = True
    ) -> Verdict:
        """The rejection; with `again` the input is tried first on what follows."""
        locations = self._bench.locations
        if again:
            self._killers.add(plan, found)
        if self.small:
            plan, found = shrink(stand.contest(label), self.job.facts, locations, plan, found)
        example = counterexample(self.job, locations, plan, found, stand.image)
        return Verdict("rejected", None, found.reason, example.text, example, None)

    def run_target(self, cases: Sequence[Case]) -> list[Observed]:
        """What gcc's code does on chosen inputs, as `observe`."""
        image, around = self._bench.image, self._bench.around
        style = Style(unused=unused_bits(around.shape))
        with start_runner(image) as runner:
            return observe(runner, image, self.job.name, around.masks, cases, style)

    @property
    def constants(self) -> tuple[int, ...]:
        """Constants of the target's own instructions and of the tables that it reads."""
        return self._bench.around.shape.dictionary.base

    def worth_keeping(self) -> tuple[Case, ...]:
        """Inputs for the next verifier of this function."""
        return worth_keeping(self._killers, self.gathered)

    def workload(self, seconds: float = 4.0) -> tuple[Case, ...]:
        """Inputs for timing, as `make_workload`; made once."""
        if self._workload is None:
            self._workload = make_workload(self._bench, self.gathered.least, seconds=seconds)
        return self._workload


def _rejected(rejection: Rejection) -> Verdict:
    return Verdict("rejected", None, rejection.reason, rejection.detail)
