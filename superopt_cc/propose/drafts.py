"""Guesses at how answers go on, read off the prompt and the answers beside them.

Rewritten code repeats much of what it is made from.  Some guessed tokens are evaluated together
with the one that is known; only what would have been sampled anyway is kept.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence

_SHORTEST, _LONGEST = 2, 8  # tokens that two places must have in common
_PLACES = 8  # of one pair of tokens that are looked at, the latest ones
_MOST = 15  # tokens of one guess
_ROWS = 64  # evaluated at once, guesses included
# A guess is worth its row where it is right so often, and rows come cheaper by fours.
_WORTH = 0.55
_WHOLE = 4
_HOPE, _LEARNING = 0.7, 0.1


@dataclasses.dataclass(slots=True)
class _Guess:
    """How a text may go on; `common` is how many tokens it shares with the place it is read off."""

    tokens: Sequence[int]
    common: int
    used: int = 0


class Drafts:
    """Text 0 is the prompt, the answers come behind it."""

    def __init__(self, prompt: Sequence[int], answers: int) -> None:
        self._texts: list[list[int]] = [[], *(list(prompt[-_LONGEST:]) for _ in range(answers))]
        self._places: dict[tuple[int, int], collections.deque[tuple[int, int]]] = {}
        self._right = [_HOPE] * (_LONGEST + 1)
        self._guesses: dict[int, _Guess] = {}
        for token in prompt:
            self.grow(0, token)

    def grow(self, text: int, token: int) -> None:
        """A text has one more token."""
        tokens = self._texts[text]
        tokens.append(token)
        if len(tokens) > _SHORTEST:  # what ends here has something behind it only now
            pair = tokens[-3], tokens[-2]
            places = self._places.setdefault(pair, collections.deque(maxlen=_PLACES))
            places.append((text, len(tokens) - 1))

    def plan(self, rooms: dict[int, int]) -> dict[int, Sequence[int]]:
        """What to evaluate beyond the last token of each text; `rooms` are the most for each."""
        guesses = {text: self._guess(text, room) for text, room in rooms.items()}
        worth = sorted(
            ((self._right[g.common] ** number, text)
             for text, g in guesses.items() for number in range(1, len(g.tokens) + 1)),
            reverse=True,
        )  # fmt: skip
        rows = len(rooms)
        for right, text in worth:
            whole = rows % _WHOLE == 0 or rows == 1
            if rows >= _ROWS or (whole and right < _WORTH):
                break
            guesses[text].used += 1
            rows += 1
        self._guesses = guesses
        return {text: guess.tokens[: guess.used] for text, guess in guesses.items()}

    def learn(self, text: int, right: int) -> None:
        """So many tokens of a text's last guess were right."""
        guess = self._guesses[text]
        for number in range(min(right + 1, guess.used)):
            old = self._right[guess.common]
            self._right[guess.common] = old + _LEARNING * ((number < right) - old)

    def _guess(self, text: int, room: int) -> _Guess:
        """Read off the latest of the places that have most in common with the text's end."""
        tokens = self._texts[text]
        best = _Guess((), 0)
        if len(tokens) < _SHORTEST:
            return best
        for other, end in reversed(self._places.get((tokens[-2], tokens[-1]), ())):
            source = self._texts[other]
            common = _common(tokens, source[max(0, end - _LONGEST) : end])
            if common > best.common:
                best = _Guess(source[end : end + min(room, _MOST)], common)
        return best


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both end in alike, at most `_LONGEST`."""
    count = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b or count == _LONGEST:
            break
        count += 1
    return count
