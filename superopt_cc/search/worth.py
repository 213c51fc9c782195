"""What each proposer has been worth on this machine: who is asked next.

Proposers compete for the seconds of a search.  The next ones go to whoever is expected to gain most
a second: what it has gained in a search, over the seconds that it takes for that and those that it
has had in this one.  Who has had many without an end falls behind the next.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path

from superopt_cc.propose.base import Proposer
from superopt_cc.store.lines import Record, append_line, read_lines
from superopt_cc.types import Rewrite

FILE = "worth.jsonl"


@dataclasses.dataclass(frozen=True, slots=True)
class Worth:
    """Sums over searches: seconds, and logarithms of the speed-ups that were taken."""

    searches: float
    seconds: float
    gain: float

    def plus(self, other: Worth) -> Worth:
        return Worth(
            self.searches + other.searches, self.seconds + other.seconds, self.gain + other.gain
        )

    def rate(self, spent: float) -> float:
        """Expected gain a second of one that has had `spent` seconds in this search."""
        return self.gain / (self.seconds + spent * self.searches)


# Before this machine has seen any: the certain and quick ones first, those that go on for as long
# as one lets them after the others.  The second of a name is the one that is listed later.
_PRIOR: Mapping[str, Worth] = {
    "recall": Worth(8, 4.0, 3.0),
    "learned": Worth(8, 4.0, 2.4),
    "transform": Worth(8, 12.0, 1.0),
    "compilers": Worth(8, 32.0, 1.6),
    "transform 2": Worth(8, 24.0, 0.4),
    "mutate": Worth(8, 24.0, 0.3),
}
_UNKNOWN = Worth(8, 8.0, 0.2)


@dataclasses.dataclass(slots=True)
class Offering:
    """A proposer at work on one function; `waiting` are rewrites that nobody has judged yet."""

    proposer: Proposer
    key: str
    rewrites: Generator[Rewrite, None, None]
    deadline: float
    waiting: list[Rewrite]
    spent: float = 0.0


class Worths:
    """What is known in a cache folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._known = _sums(read_lines(self._path))

    def of(self, key: str) -> Worth:
        prior = _PRIOR.get(key, _UNKNOWN)
        return prior.plus(self._known[key]) if key in self._known else prior

    def next(self, among: Iterable[Offering]) -> Offering:
        """Who is expected to gain most; of equals the first."""
        return max(among, key=lambda offering: self.of(offering.key).rate(offering.spent))

    def add(self, key: str, seconds: float, gain: float) -> None:
        """Remember a search."""
        record = {"proposer": key, **dataclasses.asdict(Worth(1, seconds, gain))}
        append_line(self._path, record, _compacted)


def keys(proposers: Iterable[Proposer]) -> Iterator[str]:
    """A name for each; the second of a name is told from the first."""
    seen: dict[str, int] = {}
    for proposer in proposers:
        seen[proposer.name] = number = seen.get(proposer.name, 0) + 1
        yield proposer.name if number == 1 else f"{proposer.name} {number}"


def _sums(records: Iterable[Record]) -> dict[str, Worth]:
    found: dict[str, Worth] = {}
    for record in records:
        with contextlib.suppress(KeyError, TypeError, ValueError):
            worth = Worth(*(float(record[f.name]) for f in dataclasses.fields(Worth)))
            if worth.searches >= 1 and worth.seconds >= 0 and 0 <= worth.gain < float("inf"):
                key = str(record["proposer"])
                found[key] = found[key].plus(worth) if key in found else worth
    return found


def _compacted(records: Iterable[Record]) -> Iterator[Record]:
    for key, worth in _sums(records).items():
        yield {"proposer": key, **dataclasses.asdict(worth)}
