"""Inputs on which C leaves the function's behaviour undefined (design 5.6).

Only few kinds of undefined behaviour excuse a difference: a shift by as many bits as there are or
more, a division by zero that the processor does not see, a _Bool or enumeration that is none, a
place that the author called unreachable.  Which inputs lead there is asked of the compiler: the
same unit is compiled once more so that it stops at each of them.
"""

from __future__ import annotations

import dataclasses
import functools
import signal
from collections.abc import Sequence

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.errors import Ineligible, ToolchainError
from superopt_cc.toolchain.command import CompileCommand, compile_text
from superopt_cc.types import Origin, Rejection, Rewrite
from superopt_cc.verify import plans
from superopt_cc.verify.bench import Bench, body_label
from superopt_cc.verify.compare import Fields
from superopt_cc.verify.layout import Arena, encode_batch
from superopt_cc.verify.plans import Plan
from superopt_cc.verify.runner import Status
from superopt_cc.verify.stand import Stand

_STOPPING = (
    "-fsanitize=shift-exponent,integer-divide-by-zero,bool,enum,unreachable",
    "-fsanitize-undefined-trap-on-error", "-fno-reorder-blocks-and-partition",
    "-fno-ipa-ra", "-fno-ipa-stack-alignment",
)  # fmt: skip
_LONGEST = 20.0  # seconds for compiling the unit once more
_TRAPS = (signal.SIGFPE, signal.SIGILL)


@functools.lru_cache(maxsize=2)
def _stopping_unit(command: CompileCommand, preprocessed: bytes) -> str:
    """The unit's text; "" where there is none, or where it would stop nowhere."""
    try:
        return compile_text(command, preprocessed, _STOPPING, timeout=_LONGEST)
    except ToolchainError:
        return ""


class Undefined:
    """Tells the inputs of one target on which its behaviour is undefined."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    @functools.cached_property
    def _body(self) -> Fragment | None:
        """The function, made to stop; None where that is not to be had or would not happen."""
        job = self._bench.job
        text = _stopping_unit(job.command, job.preprocessed) if job.preprocessed else ""
        if "ud2" not in text:
            return None
        made = self._bench.parse(Rewrite(text, "", Origin.COMPILED))
        if isinstance(made, Rejection) or not any("ud2" in s for s in made.instructions):
            return None
        return made

    def split(self, made: Sequence[Plan], arena: Arena) -> tuple[tuple[Plan, ...], int]:
        """The plans, which were settled with `arena`, without such inputs; these follow in plans
        of their own, marked `lenient`.  And how many there are."""
        body = self._body
        if body is None:
            return tuple(made), 0
        try:
            with Stand(self._bench, [body], made, arena) as stand:
                found = [self._stops(stand, plan) for plan in stand.plans]
        except (ToolchainError, Ineligible):
            return tuple(made), 0
        kept: list[Plan] = []
        lenient: list[Plan] = []
        for plan, stopped in zip(made, found, strict=True):
            kept += _part(
                plan, [i for i in range(len(plan.batch.cases)) if i not in stopped], arena
            )
            lenient += [
                dataclasses.replace(part, lenient=True)
                for part in _part(plan, sorted(stopped), arena)
            ]
        if not kept:
            raise Ineligible("no-inputs", "C defines the result for none of the inputs")
        return (*kept, *lenient), sum(map(len, found))

    def _stops(self, stand: Stand, plan: Plan) -> frozenset[int]:
        """Where the function stops although gcc's code does not trap."""
        wanted = stand.wanted(plan)
        got = plans.run(plan, stand.runner, stand.image, body_label(0), stand.masks, stop=False)
        stopped = []
        for i in range(got.done):
            fields, own = Fields.of(got.result(i)), Fields.of(wanted.result(i))
            ours = own.status == Status.SIGNAL and own.signal in _TRAPS
            if fields.status == Status.SIGNAL and fields.signal == signal.SIGILL and not ours:
                stopped.append(i)
        return frozenset(stopped)


def _part(plan: Plan, indices: Sequence[int], arena: Arena) -> list[Plan]:
    """A plan of some of the cases, each in the style that it had; none for no cases."""
    if not indices:
        return []
    if len(indices) == len(plan.batch.cases):
        return [plan]
    count = len(plan.styles)
    parts = []
    for number in range(count):
        cases = [plan.batch.cases[i] for i in indices if i % count == number]
        styles = (plan.styles[number],)
        if cases:
            batch = encode_batch(cases, arena, styles, plan.seed)
            parts.append(dataclasses.replace(plan, batch=batch, styles=styles))
    return parts
