"""What a proposer is, what it is told, and what the proposers of one translation unit share."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from superopt_cc.assembly.unit import Unit
from superopt_cc.errors import ToolchainError
from superopt_cc.settings import Settings
from superopt_cc.toolchain.command import CompileCommand, compile_text
from superopt_cc.types import Attempt, Rewrite
from superopt_cc.verify.job import Job

# Callers in the rewrite's own unit are gcc's of the build; what the variant's callers could have
# assumed or what it assumes of its callees must not matter (design 5.4).
NO_IPA = ("-fno-ipa-ra", "-fno-ipa-stack-alignment")

_MOST_KEPT = 64 * 2**20  # characters of assembly text that one unit's compilations may keep
# Where so many compilations were ended by a deadline, one that has not this many times their
# seconds is not begun: a large unit must not cost every function its whole budget.
_ENDED, _HOPE = 2, 1.25


@dataclasses.dataclass(frozen=True, slots=True)
class Compiled:
    """Assembly text, or one line on why there is none; `late` where only time was missing."""

    text: str = ""
    error: str = ""
    late: bool = False


def compile_unit(
    command: CompileCommand, preprocessed: bytes, options: Sequence[str], deadline: float
) -> Compiled:
    """Compile `preprocessed` by the user's command plus `options`, until `deadline` at most."""
    left = deadline - time.monotonic()
    if left <= 0:
        return Compiled(error="out of time", late=True)
    try:
        words = (*options, *NO_IPA)
        return Compiled(compile_text(command, preprocessed, words, timeout=left))
    except ToolchainError as error:
        return Compiled(error=str(error), late=time.monotonic() >= deadline)


class Compilations:
    """The unit compiled under other optimisation settings: each setting once for all functions.

    One object serves all functions of a unit; it keeps at most about 64 MB of text and compiles
    again what did not fit.
    """

    def __init__(self, command: CompileCommand, preprocessed: bytes) -> None:
        self._command = command
        self._preprocessed = preprocessed
        self._made: dict[tuple[str, ...], Compiled] = {}
        self._kept = 0
        self._ended: list[float] = []  # how long each one ran that was ended by a deadline

    def under(self, options: Sequence[str], deadline: float) -> Compiled:
        """The unit under the user's flags plus `options`; `deadline` is on `time.monotonic()`."""
        key = tuple(options)
        known = self._made.get(key)
        if known is not None:
            return known
        room = deadline - time.monotonic()
        if sum(room < _HOPE * seconds for seconds in self._ended) >= _ENDED:
            return Compiled(error="out of time", late=True)
        made = compile_unit(self._command, self._preprocessed, key, deadline)
        if made.late:  # says nothing about a function with more time
            self._ended.append(room)
        elif self._kept + len(made.text) <= _MOST_KEPT:
            self._made[key] = made
            self._kept += len(made.text)
        return made


@dataclasses.dataclass(frozen=True)
class Context:
    """What a proposer may know and use.

    `unit` is `job.unit_text` parsed.  `deadline` is a `time.monotonic()` value at which the
    proposer must have stopped.  `note` records what never became a rewrite (C that does not
    compile, a model that died), `history` gives all attempts on this function so far.
    """

    job: Job
    unit: Unit
    settings: Settings
    deadline: float
    compilations: Compilations
    note: Callable[[Attempt], None]
    history: Callable[[], Sequence[Attempt]]

    def expired(self) -> bool:
        return time.monotonic() >= self.deadline


class Proposer(Protocol):
    """Yields candidates, best first, until it knows no more or the context's time is over.

    A proposer never raises for what it cannot do: it notes it and ends.  Closing the iterator
    must end every process that it started.  `uses_model` says which budget it spends.
    """

    @property
    def name(self) -> str: ...

    @property
    def uses_model(self) -> bool: ...

    def propose(self, context: Context) -> Iterator[Rewrite]: ...
