"""A search over compiler settings: from the best so far, a few changed at a time.

Rounds of successive halving: each round starts from the fastest settings of all before it, from
half as many and with half as many new ones as the last.  What is drawn depends on the job's seed
alone, what is kept on rough timings.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator, Mapping, Sequence

from superopt_cc.errors import ToolchainError
from superopt_cc.propose.base import Context
from superopt_cc.propose.bodies import Bodies
from superopt_cc.propose.others import Maker
from superopt_cc.propose.tunables import (
    CHOICES,
    CLANG_CHOICES,
    LIKELY,
    PARAMETERS,
    SWITCHES,
    known_parameters,
)
from superopt_cc.toolchain.command import effective_options
from superopt_cc.types import Rewrite

# Of the time that the list of settings leaves, the search takes this share.
_SHARE = 0.5
# How many are kept to start from, and how many new bodies are drawn from them, a round.
_ROUNDS = ((4, 12), (2, 8), (1, 6))
# Where the list made fewer different bodies, settings hardly matter.
_LEAST_BODIES = 4
# So many draws in a row without a new body end a round.
_DULL = 12
# Behind this a setting is as good as gcc's own, not better.
_FASTER = 1.02
_MOST_CHANGES = 3
_CROSSED = 0.3  # share of draws that combine two settings


@dataclasses.dataclass(frozen=True)
class Point:
    """Settings of one compiler: what is chosen on each of its dimensions."""

    maker: Maker
    chosen: Mapping[str, str]

    @property
    def options(self) -> tuple[str, ...]:
        """As words, a level first: it resets what others say."""
        rows = sorted(self.chosen.items(), key=lambda item: (item[0] != "0", item[0]))
        return tuple(word for _, text in rows for word in text.split())

    @property
    def how(self) -> str:
        return self.maker.how(self.options)


class Dimensions:
    """What may be varied for one compiler."""

    def __init__(self, maker: Maker) -> None:
        self._choices = CLANG_CHOICES if maker.clang else CHOICES
        if maker.job.command.option("-O") == "-Ofast" and not maker.clang:
            self._choices = ((), *CHOICES[1:])  # the level carries part of the meaning
        self._level = "-O3" if maker.clang else ""
        self._states: Mapping[str, bool] = {}
        self._parameters: tuple[str, ...] = ()
        if not maker.clang:
            command = dataclasses.replace(maker.job.command, compiler=maker.compiler)
            try:
                self._states = effective_options(command)
            except ToolchainError:
                self._states = {}
            known = known_parameters(maker.compiler)
            self._parameters = tuple(name for name in PARAMETERS if name in known)
        self._switches = tuple(sorted(name for name in SWITCHES if name in self._states))
        self._likely = tuple(name for name in LIKELY if name in self._states)

    def placed(self, options: Sequence[str]) -> dict[str, str] | None:
        """The dimensions on which `options` lie; None where one is on none."""
        found: dict[str, str] = {}
        for word in _joined(options):
            name = word.lstrip("-").replace("no-", "", 1) if word.startswith("-fno-") else word[1:]
            row = next((i for i, row in enumerate(self._choices) if word in row), None)
            if word == self._level:
                continue
            if row is not None:
                found[str(row)] = word
            elif word.startswith("--param="):
                found[word.partition("=")[2].partition("=")[0]] = word
            elif name in SWITCHES:
                found[name] = word
            else:
                return None
        return found

    def completed(self, chosen: Mapping[str, str]) -> dict[str, str]:
        """With a level, where the compiler needs one said."""
        return {"0": self._level, **chosen} if self._level else dict(chosen)

    def changed(self, chosen: Mapping[str, str], draw: random.Random) -> dict[str, str]:
        """One dimension changed: set anew, or back to what the level says."""
        result = dict(chosen)
        name, word = self._drawn(result, draw)
        if result.get(name) == word:
            del result[name]
        else:
            result[name] = word
        return result

    def _drawn(self, chosen: Mapping[str, str], draw: random.Random) -> tuple[str, str]:
        rows = [i for i, row in enumerate(self._choices) if row]
        kind = draw.random()
        if not self._switches or kind < 0.2:
            number = draw.choice(rows)
            return str(number), draw.choice(self._choices[number])
        if self._parameters and kind < 0.45:
            name = draw.choice(self._parameters)
            return name, f"--param={name}={draw.choice(PARAMETERS[name])}"
        name = draw.choice(self._likely if kind < 0.8 and self._likely else self._switches)
        on = chosen.get(name, "-fno-" if not self._states[name] else "").startswith("-fno-")
        return name, f"-{name}" if on else f"-fno-{name[1:]}"


def _joined(options: Sequence[str]) -> Iterator[str]:
    """Words, what stands behind `-mllvm` with it."""
    words = iter(options)
    for word in words:
        yield f"{word} {next(words, '')}" if word == "-mllvm" else word


class Tuning:
    """The search for one function, behind the list of settings that the same bodies came from."""

    def __init__(
        self, context: Context, bodies: Bodies, tried: Sequence[tuple[Maker, tuple[str, ...]]],
        proposer: str,
    ) -> None:  # fmt: skip
        self._context = context
        self._bodies = bodies
        self._proposer = proposer
        self._draw = random.Random(context.job.seed)
        self._dimensions: dict[str, Dimensions] = {}
        self._points: dict[str, Point] = {}
        for maker, options in tried:
            placed = self._of(maker).placed(options)
            if placed is not None:
                self._points[maker.how(options)] = Point(maker, placed)

    def _of(self, maker: Maker) -> Dimensions:
        if maker.label not in self._dimensions:
            self._dimensions[maker.label] = Dimensions(maker)
        return self._dimensions[maker.label]

    def rewrites(self) -> Iterator[Rewrite]:
        """Bodies under settings that nobody listed, until nothing better comes any more."""
        if self._bodies.different < _LEAST_BODIES:
            return
        now = time.monotonic()
        until = now + _SHARE * max(0.0, self._context.deadline - now)
        best = 0.0
        for kept, fresh in _ROUNDS:
            self._context.rank()
            ranked = self._ranked()
            if not ranked or ranked[0][0] <= max(best, _FASTER):
                return
            best = ranked[0][0]
            bases = [point for speedup, point in ranked[:kept] if speedup > 1.0]
            yield from self._round(bases, fresh, until)

    def _ranked(self) -> list[tuple[float, Point]]:
        """What was timed, the fastest first."""
        found = [
            (attempt.speedup, self._points[attempt.how])
            for attempt in self._context.history()
            if attempt.proposer == self._proposer
            and attempt.speedup is not None
            and attempt.how in self._points
        ]
        return sorted(found, key=lambda item: -item[0])

    def _round(self, bases: Sequence[Point], fresh: int, until: float) -> Iterator[Rewrite]:
        dull = 0
        while fresh and dull < _DULL and time.monotonic() < until:
            point = self._drawn(bases)
            if point.how in self._points:
                dull += 1
                continue
            self._points[point.how] = point
            rewrite = self._bodies.made(point.maker, point.options)
            if rewrite is None:
                dull += 1
                continue
            dull = 0
            fresh -= 1
            yield rewrite

    def _drawn(self, bases: Sequence[Point]) -> Point:
        """A neighbour of one of the best, or of two of them together."""
        base = self._draw.choice(list(bases))
        dimensions = self._of(base.maker)
        chosen = dict(base.chosen)
        mates = [p for p in bases if p.maker.label == base.maker.label and p is not base]
        if mates and self._draw.random() < _CROSSED:
            mate = self._draw.choice(mates)
            rows = sorted({*chosen, *mate.chosen})
            parents = {row: self._draw.choice((base, mate)).chosen.get(row) for row in rows}
            chosen = {row: text for row, text in parents.items() if text is not None}
        for _ in range(self._draw.randint(1, _MOST_CHANGES)):
            chosen = dimensions.changed(chosen, self._draw)
        return Point(base.maker, dimensions.completed(chosen))
