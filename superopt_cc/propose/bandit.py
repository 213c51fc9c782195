"""Which surface to ask for: by what has worked for this model on this machine (UCB1).

A file of lines in the cache folder: whole searches append one line each, so that builds side by
side lose nothing.  The choice is a function of the file alone: nothing here is random.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from superopt_cc.store.lines import Record, append_line, read_lines

_FILE = "surfaces.jsonl"
_COUNTS = ("answers", "verified", "faster")


@dataclasses.dataclass(frozen=True, slots=True)
class Tally:
    """Answers of one model on one surface: how many, verified, and faster beyond noise."""

    answers: float = 0
    verified: float = 0
    faster: float = 0

    def plus(self, other: Tally) -> Tally:
        return Tally(
            self.answers + other.answers, self.verified + other.verified,
            self.faster + other.faster,
        )  # fmt: skip

    @property
    def reward(self) -> float:
        """A faster rewrite counts as ten right ones that are not."""
        return (self.verified + 9 * self.faster) / 10


# What small models did before this machine has seen any: assembly copies, C explores.
_PRIOR: Mapping[str, Tally] = {"c": Tally(16, 4, 1), "asm": Tally(16, 2, 0)}
_EXPLORE = 0.1


class Surfaces:
    """What is known in a cache folder.  Files that cannot be used cost only the knowledge."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def choose(self, stamp: str, among: Sequence[str]) -> str:
        """The surface to ask next; `stamp` says which model it seems to be (`Source.stamp`)."""
        records = self._records()
        model = next((r["model"] for r in reversed(records) if r["stamp"] == stamp), None)
        known = {s: self._sum(records, model, s).plus(_PRIOR[s]) for s in among}
        total = sum(tally.answers for tally in known.values())

        def value(surface: str) -> float:
            tally = known[surface]
            doubt = math.sqrt(math.log(total) / tally.answers)
            return tally.reward / tally.answers + _EXPLORE * doubt

        return max(among, key=value)

    def tally(self, model: str, surface: str) -> Tally:
        """What is known of a model (`Answer.model`) on a surface."""
        return self._sum(self._records(), model, surface)

    def add(self, model: str, stamp: str, surface: str, tally: Tally) -> None:
        """Remember what one search saw."""
        record = {"model": model, "stamp": stamp, "surface": surface, **dataclasses.asdict(tally)}
        append_line(self._path, record, _compacted)

    def _sum(self, records: Sequence[Record], model: object, surface: str) -> Tally:
        total = Tally()
        for record in records:
            if record["model"] == model and record["surface"] == surface:
                total = total.plus(Tally(*(record[name] for name in _COUNTS)))
        return total

    def _records(self) -> list[Record]:
        return list(_ours(read_lines(self._path)))


def _ours(records: Iterable[Record]) -> Iterator[Record]:
    """Those that say what a record says."""
    for record in records:
        with contextlib.suppress(ValueError, TypeError, KeyError):
            if all(float(record[name]) >= 0 for name in _COUNTS) and record["stamp"]:
                yield {**record, "model": record["model"]}


def _compacted(records: Iterable[Record]) -> Iterator[Record]:
    """One for each model, stamp and surface."""
    sums: dict[tuple[str, str, str], Tally] = {}
    for record in _ours(records):
        key = (str(record["model"]), str(record["stamp"]), str(record.get("surface")))
        sums[key] = sums.get(key, Tally()).plus(Tally(*(record[n] for n in _COUNTS)))
    for (model, stamp, surface), tally in sums.items():
        yield {"model": model, "stamp": stamp, "surface": surface, **dataclasses.asdict(tally)}
