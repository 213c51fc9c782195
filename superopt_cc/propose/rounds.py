"""What a model is told about its earlier answers, and whether asking again is worth it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from superopt_cc.propose.extract import OWN_CODE
from superopt_cc.types import Attempt

_MOST_SHOWN = 3
_LONGEST_CODE = 3000
_PAYS = 1.01  # a version must be so much better than the best one to count as progress
_CORRECT = frozenset(("verified", "faster", "slower", "not-faster"))
_WORDS = {
    "compile": "It does not compile: {}",
    "refused": "It was not taken: {}",
    "assembler": "It does not assemble: {}",
    "link": "It does not link: {}",
    "isa": "It uses instructions that are not allowed: {}",
    "instruction": "It uses what is not allowed: {}",
    "symbol": "It refers to what does not exist: {}",
    "clobber": "It changes registers that it must keep: {}",
    "abi": "It breaks the calling convention: {}",
    "frame": "Its stack frame is not allowed: {}",
    "timing": "Its branches or addresses depend on data where those of gcc's code do not: {}",
    "timeout": "It does not end: {}",
    "crash": "It crashes: {}",
    "absent": "The function is missing from the answer: {}",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Try:
    """One answer's code and what became of it."""

    code: str
    attempt: Attempt

    @property
    def correct(self) -> bool:
        return self.attempt.result in _CORRECT

    @property
    def speedup(self) -> float:
        """1 where it is correct and was not timed."""
        return 1.0 if self.attempt.speedup is None else self.attempt.speedup

    @property
    def told(self) -> str:
        """What the model is told."""
        attempt = self.attempt
        if self.correct:
            if attempt.speedup is None:
                return "It is correct."
            pace = "slower than" if attempt.speedup <= 1.0 else "faster than"
            return f"It is correct, {attempt.speedup:.2f}x: {pace} gcc's code."
        if attempt.counterexample:
            return f"It is wrong: {attempt.counterexample}."
        words = _WORDS.get(attempt.result, f"It was rejected ({attempt.result}): {{}}")
        return words.replace("{}", attempt.detail or "no more is known")


class Rounds:
    """The tries so far, by rounds."""

    def __init__(self) -> None:
        self._done: list[Try] = []
        self._last: list[Try] = []
        self._pays = True

    @property
    def pays(self) -> bool:
        """Did the last round bring anything that asking again could build on?"""
        return self._pays

    def finish(self, tries: Sequence[Try]) -> None:
        """One round is over."""
        best = max((t.speedup for t in self._done if t.correct), default=0.0)
        seen = {t.told for t in self._done}
        better = any(t.correct and t.speedup > best * _PAYS for t in tries)
        # Without a version worth keeping, every new mistake is a lesson.
        lesson = any(not _is_copy(t) and not t.correct and t.told not in seen for t in tries)
        self._pays = better or (best <= 1.0 and lesson)
        self._done += tries
        self._last = list(tries)

    def feedback(self) -> Mapping[str, Any]:
        """The fields of a prompt that tell of earlier rounds."""
        # What is slower than gcc's code is no place to start from.
        correct = [t for t in self._done if t.correct and t.speedup >= 1.0]
        best = max(correct, key=lambda t: t.speedup, default=None)
        shown = [t for t in self._last if t is not best and not _is_copy(t) and t.code.strip()]
        unique = {t.told: t for t in sorted(shown, key=_rank)}
        return {
            "best": None if best is None else {
                "code": _cut(best.code),
                "speedup": "" if best.attempt.speedup is None else f"{best.speedup:.2f}",
            },
            "failures": [
                {"code": _cut(t.code), "told": t.told}
                for t in sorted(unique.values(), key=_rank)[:_MOST_SHOWN]
            ],
            "copies": sum(_is_copy(t) and OWN_CODE in t.attempt.detail for t in self._last),
        }  # fmt: skip


def _is_copy(one: Try) -> bool:
    return one.attempt.result == "copy"


def _rank(one: Try) -> int:
    """What says most comes first: wrong results, then slow versions, then the rest."""
    if one.attempt.counterexample:
        return 0
    return 1 if one.correct else 2


def _cut(code: str) -> str:
    text = code.strip()
    return text if len(text) <= _LONGEST_CODE else text[:_LONGEST_CODE] + "\n..."
