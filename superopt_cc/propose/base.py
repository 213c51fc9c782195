"""What a proposer is, what it is told, and what the proposers of one translation unit share."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from superopt_cc.assembly.unit import Unit
from superopt_cc.cases import Case
from superopt_cc.closing import Closing
from superopt_cc.errors import ToolchainError
from superopt_cc.settings import Settings
from superopt_cc.toolchain.background import Background
from superopt_cc.toolchain.command import (
    CompileCommand,
    compile_text,
    compile_words,
    compiled_text,
)
from superopt_cc.types import Attempt, Rewrite
from superopt_cc.verify.job import Job
from superopt_cc.verify.running.observed import NEVER, Observed

# Callers in the rewrite's own unit are gcc's of the build; what the variant's callers could have
# assumed or what it assumes of its callees must not matter (design 5.4).
NO_IPA = ("-fno-ipa-ra", "-fno-ipa-stack-alignment")

_MOST_KEPT = 64 * 2**20  # characters of assembly text that one unit's compilations may keep
_LONGEST = 300.0  # seconds that one compilation may take


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


class Compilations(Closing):
    """The unit compiled under other optimisation settings: each setting once for all functions.

    One object serves all functions of a unit; it keeps at most about 64 MB of text and compiles
    again what did not fit.  A compilation that a function has no time left to wait for runs on
    for those that come after it.  Use as a context manager: it owns processes.
    """

    def __init__(self, command: CompileCommand, preprocessed: bytes) -> None:
        self._command = command
        self._preprocessed = preprocessed
        self._made: dict[tuple[str, ...], Compiled] = {}
        self._kept = 0
        self._running: dict[tuple[str, ...], Background] = {}

    def close(self) -> None:
        """End what still runs; safe to call twice."""
        for running in self._running.values():
            running.close()
        self._running.clear()

    def under(self, options: Sequence[str], deadline: float) -> Compiled:
        """The unit under the user's flags plus `options`; `deadline` is on `time.monotonic()`."""
        return self.by(compile_words(self._command, (*options, *NO_IPA)), deadline)

    def by(self, argv: tuple[str, ...], deadline: float, text: bytes | None = None) -> Compiled:
        """What a compiler makes of the unit, which it reads from its standard input.

        `text` is the unit in the words of that compiler, always the same one.
        """
        known = self._made.get(argv)
        if known is not None:
            return known
        late = Compiled(error="out of time", late=True)
        if time.monotonic() >= deadline:
            return late
        for other in [k for k in self._running if k != argv]:  # one at a time
            if self._finish(other, deadline) is None:
                return late
        if argv not in self._running:
            try:
                source = self._preprocessed if text is None else text
                started = Background(argv, source, self._command.cwd, _LONGEST)
            except ToolchainError as error:
                return Compiled(error=str(error))
            self._running[argv] = started
        return self._finish(argv, deadline) or late

    def _finish(self, key: tuple[str, ...], deadline: float) -> Compiled | None:
        """What became of a compilation that was begun; None as long as it runs."""
        try:
            done = self._running[key].result(deadline)
            if done is None:
                return None
            made = Compiled(compiled_text(self._command, done))
        except ToolchainError as error:
            made = Compiled(error=str(error))
        self._running.pop(key).close()
        if self._kept + len(made.text) <= _MOST_KEPT:
            self._made[key] = made
            self._kept += len(made.text)
        return made

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing of ours runs meanwhile: for timing."""
        for running in self._running.values():
            running.pause()
        try:
            yield
        finally:
            for running in self._running.values():
                running.resume()


Attempts = Sequence[Attempt]


def _untimed() -> None:
    """Nothing is timed before the end."""


def _never(tell: Callable[[Attempts], None]) -> None:
    """Nobody says when a search is over."""


def _unseen(cases: Sequence[Case]) -> Sequence[Observed]:
    """Nothing can be run here."""
    return [NEVER] * len(cases)


@dataclasses.dataclass(frozen=True)
class Context:
    """What a proposer may know and use.

    `unit` is `job.unit_text` parsed.  `deadline` is a `time.monotonic()` value at which the
    proposer must have stopped.  `note` records what never became a rewrite (C that does not
    compile, a model that died), `history` gives all attempts on this function so far.  `rank`
    times what was verified and not timed yet, roughly: the attempts have their `speedup` then.
    `when_done` keeps a function that is told all attempts when the search is over.  `run_target`
    runs gcc's code on chosen inputs, sealed off; `constants` are those of its instructions and
    tables.  `behaviour` are its fingerprints (`learned/behaviour`).
    """

    job: Job
    unit: Unit
    settings: Settings
    deadline: float
    compilations: Compilations
    note: Callable[[Attempt], None]
    history: Callable[[], Attempts]
    rank: Callable[[], None] = _untimed
    when_done: Callable[[Callable[[Attempts], None]], None] = _never
    run_target: Callable[[Sequence[Case]], Sequence[Observed]] = _unseen
    constants: tuple[int, ...] = ()
    behaviour: tuple[str, ...] = ()

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
