"""Inputs on which C leaves the function's behaviour undefined (design 5.6).

Only few kinds of undefined behaviour excuse a difference: a shift by as many bits as there are or
more, a division by zero that the processor does not see, a _Bool or enumeration that is none, a
place that the author called unreachable.  Which inputs lead there is asked of the compiler: the
same unit is compiled once more so that it stops at each of them.  And what all of gcc's code agrees
on counts even there, for programs rely on it (rotations by 0): a plain build must differ, too.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import signal
import time
from collections.abc import Callable, Sequence

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.errors import Ineligible, ToolchainError
from superopt_cc.toolchain.command import CompileCommand, compile_text
from superopt_cc.types import Origin, Rejection, Rewrite
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.gathering.bench import Bench, body_label
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.judging.compare import Fields
from superopt_cc.verify.judging.stand import Stand
from superopt_cc.verify.running.layout import Arena, encode_batch
from superopt_cc.verify.running.runner import Status

_SAFE = ("-fno-reorder-blocks-and-partition", "-fno-ipa-ra", "-fno-ipa-stack-alignment")
_PLAIN = ("-O1", *_SAFE)
_STOPPING = (
    "-fsanitize=shift-exponent,integer-divide-by-zero,bool,enum,unreachable",
    "-fsanitize-undefined-trap-on-error", *_SAFE,
)  # fmt: skip
_LEAST, _LONGEST = 0.1, 20.0  # seconds for compiling the unit once more
_TRAPS = (signal.SIGFPE, signal.SIGILL)
# A shift by anything but a number below 32, which fits every type; a division by anything but a
# number; a type that has fewer values than its bytes; a place that is called so.
_SUSPECTS = re.compile(
    rb"(?:<<|>>)=?(?!=|\s*(?:\d|[12]\d|3[01])[uUlL]*\s*[^\s\w+\-*/%.(\[])"
    rb"|[/%]=?(?!=|\s*[1-9])|\b(?:_Bool|bool|enum)\b|unreachable"
)
_MARKER = re.compile(rb'^# \d+ "[^\n]*"([ \d]*)$', re.MULTILINE)
_SYSTEM = b"3"  # what a marker says of system headers


# The last unit's texts: its functions come one after the other.
_made: dict[tuple[CompileCommand, bytes, tuple[str, ...]], str] = {}


def _unit(
    command: CompileCommand, preprocessed: bytes, options: tuple[str, ...], end: float
) -> str:
    """The unit compiled with further options; "" where that cannot be had before `end`."""
    key = command, preprocessed, options
    if key not in _made:
        try:
            left = max(end - time.monotonic(), _LEAST)
            text = compile_text(command, preprocessed, options, timeout=left)
        except ToolchainError:
            if time.monotonic() >= end:
                return ""  # another time there may be more
            text = ""
        for old in [k for k in _made if k[:2] != key[:2]]:
            del _made[old]
        _made[key] = text
    return _made[key]


def may_stop(preprocessed: bytes) -> bool:
    """Does what the author wrote of a unit look as if it could be undefined in such a way?  Most
    does not, and compiling it once more takes longer than running a rewrite."""
    start, system = 0, False
    for marker in (*_MARKER.finditer(preprocessed), None):
        end = len(preprocessed) if marker is None else marker.start()
        if not system and _SUSPECTS.search(preprocessed, start, end):
            return True
        if marker is not None:
            start, system = marker.end(), _SYSTEM in marker[1].split()
    return False


class Undefined:
    """Tells the inputs of one target on which its behaviour is undefined.

    `left` says how many seconds there are for finding out; without them no input is such.
    """

    def __init__(self, bench: Bench, left: Callable[[], float]) -> None:
        self._bench, self._left = bench, left

    @functools.cached_property
    def _bodies(self) -> tuple[Fragment, ...]:
        """The function made to stop, and made plainly; nothing where they are not to be had or it
        would not stop."""
        job = self._bench.job
        seconds = min(_LONGEST, self._left() / 2)
        if seconds < _LEAST or not may_stop(job.preprocessed):
            return ()
        end = time.monotonic() + seconds
        stopping = self._body(_STOPPING, end)
        if stopping is None or not any("ud2" in s for s in stopping.instructions):
            return ()
        plain = self._body(_PLAIN, end)
        return () if plain is None else (stopping, plain)

    def _body(self, options: tuple[str, ...], end: float) -> Fragment | None:
        job = self._bench.job
        text = _unit(job.command, job.preprocessed, options, end)
        made = self._bench.parse(Rewrite(text, "", Origin.COMPILED))
        return None if isinstance(made, Rejection) else made

    def split(self, made: Sequence[Plan], arena: Arena) -> tuple[tuple[Plan, ...], int]:
        """The plans, which were settled with `arena`, without such inputs; these follow in plans
        of their own, marked `lenient`.  And how many there are."""
        if not self._bodies:
            return tuple(made), 0
        try:
            with Stand(self._bench, self._bodies, made, arena) as stand:
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
        """Where the function stops although gcc's code does not trap, and plain code differs."""
        wanted = stand.target(plan)
        got, plain = (
            plans.run(plan, stand.runner, stand.image, body_label(i), stand.masks, stop=False)
            for i in (0, 1)
        )
        stopped = []
        for i in range(min(got.done, plain.done, wanted.done)):
            fields, own = Fields.of(got.result(i)), Fields.of(wanted.result(i))
            ours = own.status == Status.SIGNAL and own.signal in _TRAPS
            stops = fields.status == Status.SIGNAL and fields.signal == signal.SIGILL
            if stops and not ours and plain.result(i) != wanted.result(i):
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
