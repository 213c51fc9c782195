"""Were the tests good enough to decide anything (design 5.7)?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from superopt_cc.types import Covered
from superopt_cc.verify.gathering.gather import Gathered
from superopt_cc.verify.judging.access import Walk
from superopt_cc.verify.judging.adequacy import SHARE, Score
from superopt_cc.verify.running.trace import Flow


@dataclasses.dataclass(frozen=True, slots=True)
class Tests:
    """What is known of the tests of one target and of one rewrite, which passed them.

    `target` and `rewrite` give the scores by mutants; they are asked for last, for they cost most.
    Without a rewrite `walk` and `rewrite` are None.
    """

    gathered: Gathered
    flow: Flow
    target: Callable[[], Score]
    walk: Walk | None = None
    rewrite: Callable[[], Score] | None = None

    @property
    def edges(self) -> Covered:
        """Edges of both codes."""
        walked = Covered(0, 0) if self.walk is None else self.walk.edges
        return Covered(
            len(self.gathered.covered & self.flow.edges) + walked.covered,
            len(self.flow.edges) + walked.total,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Weighed:
    """One rule: what the tests lack, in words, or "" where they lack nothing."""

    check: Callable[[Tests], str]

    @property
    def name(self) -> str:
        return self.check.__name__


def every_input_was_tried(tests: Tests) -> str:
    late = "the time limit was reached before all inputs were tried"
    return "" if tests.gathered.complete else late


def all_of_gccs_code_was_executed(tests: Tests) -> str:
    missed = len(tests.flow.addresses - tests.gathered.reached)
    one_way = len(tests.flow.edges - tests.gathered.covered)
    return _unseen(missed, one_way, "gcc's code")


def every_trace_was_seen_whole(tests: Tests) -> str:
    cut = tests.walk is not None and tests.walk.cut
    return "a trace was too long to be seen whole" if cut else ""


def all_of_the_rewrite_was_executed(tests: Tests) -> str:
    if tests.walk is None:
        return ""
    edges = tests.walk.edges
    return _unseen(tests.walk.unreached, edges.total - edges.covered, "the rewrite")


def mutants_of_gccs_code_fall(tests: Tests) -> str:
    # Variants of what no caller ever executes cannot be told apart.
    return tests.target().gap("gcc's code", 0.0 if tests.gathered.outside else SHARE)


def mutants_of_the_rewrite_fall(tests: Tests) -> str:
    return "" if tests.rewrite is None else tests.rewrite().gap("the rewrite")


def _unseen(missed: int, one_way: int, what: str) -> str:
    if missed:
        return f"{missed} instructions of {what} were never executed"
    return f"{one_way} branches of {what} never went one way" if one_way else ""


COVERAGE: tuple[Weighed, ...] = (
    Weighed(every_input_was_tried),
    Weighed(all_of_gccs_code_was_executed),
)
WEIGHED: tuple[Weighed, ...] = (
    *COVERAGE,
    Weighed(every_trace_was_seen_whole),
    Weighed(all_of_the_rewrite_was_executed),
    Weighed(mutants_of_gccs_code_fall),
    Weighed(mutants_of_the_rewrite_fall),
)


def lacking(tests: Tests, rules: Sequence[Weighed] = WEIGHED) -> str:
    """What the tests lack by the first rule that says so; "" if nothing."""
    return next((said for rule in rules if (said := rule.check(tests))), "")
