"""The proposer: what short expressions and a walk among sequences make of a leaf function."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Sequence

from superopt_cc.assembly.decode import Instruction
from superopt_cc.errors import SuperoptError
from superopt_cc.propose.base import Context
from superopt_cc.propose.mutate import costs, operations
from superopt_cc.propose.mutate.inputs import make_tests
from superopt_cc.propose.mutate.operations import Pass
from superopt_cc.propose.mutate.scope import OutOfScope, Scope, assembled, scope_of
from superopt_cc.propose.mutate.shortest import Found, shortest
from superopt_cc.propose.mutate.walk import walk
from superopt_cc.propose.mutate.wire import Inputs
from superopt_cc.types import Attempt, Origin, Rewrite

# Of the time that is left a search takes this share, up to so many seconds.
_SHARE, _MOST_SECONDS = 0.5, 15.0
# One enumeration's bounds; what is found does not depend on the clock while these hold first.
_EXPRESSIONS, _ONE_SECONDS = 200_000_000, 4.0
_SHALLOW, _DEEPEST, _NARROW_DEEPEST = 3, 5, 6
_PROPOSALS = 4_000_000
# Yielded of each search, cheapest first.
_BEST = 3
# A loop's or a branch's price cannot be had by adding up.
_UNKNOWN_COST = 1 << 20
# Code of fewer instructions is done with once all its expressions were looked at.
_WALKABLE = 5

Depths = tuple[int, int]


class Mutate:
    """Enumeration, then random moves; both give up early where they do not apply."""

    name = "mutate"
    uses_model = False

    def __init__(self, expressions: int = _EXPRESSIONS, proposals: int = _PROPOSALS) -> None:
        """How many expressions one enumeration, and proposals a walk, may look at."""
        self._expressions, self._proposals = expressions, proposals

    def propose(self, context: Context) -> Iterator[Rewrite]:
        """Yield what was right on all test inputs and costs less by the table."""
        try:
            yield from self._propose(context)
        except OutOfScope:
            return
        except SuperoptError as error:
            context.note(Attempt(self.name, "", "failed", str(error)))

    def _propose(self, context: Context) -> Iterator[Rewrite]:
        job = context.job
        scope = scope_of(job, context.unit)
        now = time.monotonic()
        end = now + min(_MOST_SECONDS, (context.deadline - now) * _SHARE)
        tests = make_tests(scope, job.seed)
        price = costs.together(scope.body) if scope.straight else _UNKNOWN_COST
        for found in self._enumerated(scope, tests, end):
            rewrites = self._rewrites(context, found, price)
            yield from (rewrite for _, rewrite in rewrites)
            if rewrites:  # what is longer does not cost less
                return
        left = end - time.monotonic()
        if left > 0 and len(scope.body) >= _WALKABLE:
            walked = walk(scope, tests, self._proposals, left, job.seed)
            yield from (rewrite for _, rewrite in self._rewrites(context, walked, price))

    def _enumerated(self, scope: Scope, tests: Inputs, end: float) -> Iterator[list[Found]]:
        """What the searches of one depth found, then those of the next."""
        if len(scope.outs) != 1:
            return
        for round_ in schedule(scope):
            found: list[Found] = []
            for search, depths in round_:
                left = min(end - time.monotonic(), _ONE_SECONDS)
                if left > 0:
                    found += shortest(scope, tests, search, depths, self._expressions, left)
            yield found

    def _rewrites(
        self, context: Context, found: Iterable[Found], most: int
    ) -> list[tuple[int, Rewrite]]:
        """The cheapest few that cost less than `most`, with their prices."""
        items = list({each.lines: each for each in found}.values())
        if not items:
            return []
        bodies = [body_text(f"superopt.m{i}", each.lines) for i, each in enumerate(items)]
        names = [f"superopt.m{i}" for i in range(len(items))]
        codes = assembled(bodies, names, context.job.as_options)
        priced = [(costs.together(code), i) for i, code in enumerate(codes)]
        best = sorted((cost, i) for cost, i in priced if cost < most)[:_BEST]
        return [(cost, self._rewrite(context, items[i], codes[i])) for cost, i in best]

    def _rewrite(self, context: Context, found: Found, code: Sequence[Instruction]) -> Rewrite:
        statements = context.unit.function(context.job.name).code.statements
        before = sum(s.startswith("\t") and s[1] != "." for s in statements)
        how = f"mutate: {before} instructions to {len(code)}, {found.how}"
        text = function_text(context, found.lines)
        return Rewrite(text, self.name, Origin.MIXED, how, {"seed": str(context.job.seed)})


def schedule(scope: Scope) -> list[list[tuple[Pass, Depths]]]:
    """Searches in rounds: all shallow ones, narrow ones that go deep, all deep ones.

    No expression has more operations than gcc's code, or than that takes cycles.
    """
    moves = sum(item.name.startswith("mov") for item in scope.body)
    most = len(scope.body) - moves
    if not scope.straight:
        most = _DEEPEST
    cycles = costs.together(scope.body) // 2
    deepest = min(_DEEPEST, max(most, min(cycles, _SHALLOW)))
    passes = operations.passes(scope)
    shallow = min(_SHALLOW, deepest)
    rounds = [[(search, (1, shallow)) for search in passes]]
    if most > _SHALLOW:
        narrow = dataclasses.replace(passes[0], narrow=True)
        rounds.append([(narrow, (_SHALLOW + 1, min(most - 1, _NARROW_DEEPEST)))])
    if deepest > _SHALLOW:
        rounds.append([(search, (_SHALLOW + 1, deepest)) for search in passes])
    return rounds


def body_text(name: str, lines: Sequence[str]) -> str:
    """A labelled body that returns."""
    return "\n".join([f"{name}:", *(f"\t{line}" for line in lines), "\tret"])


def function_text(context: Context, lines: Sequence[str]) -> str:
    """The function under its own name; its landing mark for indirect calls stays."""
    name = context.job.name
    marks = ["endbr64"] if context.job.facts.cet else []
    body = body_text(name, [*marks, *lines])
    scope = [f"\t.globl\t{name}"] if context.unit.function(name).linkage == "global" else []
    head = ["\t.text", *scope, f"\t.type\t{name}, @function"]
    return "\n".join([*head, body, f"\t.size\t{name}, .-{name}", ""])
