"""A model that did not answer: what was decided without it, and when it is asked again.

That nothing was found holds only for what was really asked, so the store says of an outcome why
the model took no part in it (`Entry.missed`).  A later build searches again once the model may
answer.  Within one build not every function waits for a model that nobody reaches.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from superopt_cc.settings import Settings
from superopt_cc.types import Attempt, Rewrite

if TYPE_CHECKING:
    from superopt_cc.propose.base import Context, Proposer

_NAME = "llm"
# What may be over the next time.  A model that is too slow, or that cannot be loaded, was asked.
_PASSING = frozenset(
    {
        "unavailable", "import", "crash", "down", "unauthorized", "busy", "server", "refused",
        "malformed",
    }
)  # fmt: skip
_KNOCK_SECONDS = 3.0
# Commands that a user types into one shell look like one build.
_LASTS = 300.0


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """Why there was no answer; `slow` where it takes long to find that out again."""

    kind: str
    detail: str
    slow: bool = False


class Absent:
    """What a build knows of its model's absence; `build` "" is this process alone."""

    def __init__(self, settings: Settings, build: str = "") -> None:
        self._settings = settings
        self._build = "" if build == "unknown" else build
        self._path = settings.cache_dir / "absent"
        self._failure = self._read()
        self._knocked = False

    def learn(self, attempts: Sequence[Attempt]) -> str:
        """Why the model took no (or not all its) part in a search that is over, "" if it did."""
        model = self._settings.model or ""
        for attempt in attempts:
            if (attempt.proposer, attempt.how) != (_NAME, "model"):
                continue
            # A file that is put in place later is another model: its size and time say so.
            file = attempt.result == "unavailable" and "://" not in model
            if attempt.result in _PASSING and not file:
                if not self._slow:
                    self._remember(Failure(attempt.result, attempt.detail))
                return attempt.result
        return ""

    def may_answer(self) -> bool:
        """Is a search that missed the model worth making again in this build?"""
        if self._failure is not None:
            return self._failure.kind == "down" and self._away() is None
        return self._knocked or self._knock() is None

    def proposers(self) -> tuple[Proposer, ...]:
        """The settings' own, where nobody stands in for a model that cannot be reached."""
        from superopt_cc.propose.registry import chosen

        found = chosen(self._settings)
        if self._settings.model is None or self._settings.require == "compiled":
            return found
        failure = self._away() if any(p.uses_model for p in found) else None
        if failure is None:
            return found
        return tuple(_Away(failure) if p.uses_model else p for p in found)

    @property
    def _slow(self) -> bool:
        return self._failure is not None and self._failure.slow

    def _away(self) -> Failure | None:
        """Why it still cannot be reached, if it could not be before."""
        if self._failure is None or self._failure.kind != "down":
            return None
        return self._failure if self._failure.slow else self._knock()

    def _knock(self) -> Failure | None:
        """Is anybody there?  Asks nothing of a model."""
        from superopt_cc.propose.llm import absence

        error = absence(self._settings, _KNOCK_SECONDS)
        self._knocked = error is None
        if error is None:
            self._failure = None
            return None
        slow = error.kind == "timeout"
        return self._remember(Failure("down" if slow else error.kind, str(error), slow))

    def _remember(self, failure: Failure) -> Failure:
        self._failure = failure
        if self._build:
            told = {"build": self._build, "model": self._settings.model, "time": time.time()}
            temporary = f"{self._path}.{os.getpid()}.tmp"
            with contextlib.suppress(OSError):
                with open(temporary, "w", encoding="utf-8") as file:
                    json.dump({**told, **dataclasses.asdict(failure)}, file)
                os.replace(temporary, self._path)
        return failure

    def _read(self) -> Failure | None:
        """What another process of this build found out."""
        if not self._build:
            return None
        try:
            told = json.loads(self._path.read_text("utf-8"))
            same = (told["build"], told["model"]) == (self._build, self._settings.model)
            if same and 0 <= time.time() - float(told["time"]) < _LASTS:
                return Failure(str(told["kind"]), str(told["detail"]), bool(told["slow"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None


@dataclasses.dataclass(frozen=True)
class _Away:
    """Stands in for a model that nobody reaches in this build."""

    failure: Failure
    name: str = _NAME
    uses_model: bool = True

    def propose(self, context: Context) -> Iterator[Rewrite]:
        context.note(Attempt(_NAME, "model", self.failure.kind, self.failure.detail))
        return iter(())
