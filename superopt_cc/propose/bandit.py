"""Which surface to ask for: by what has worked for this model on this machine (UCB1).

A file of lines in the cache folder: whole searches append one line each, so that builds side by
side lose nothing.  The choice is a function of the file alone: nothing here is random.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_FILE = "surfaces.jsonl"
_LARGEST = 1 << 20
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
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size > _LARGEST:
                self._compact()
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")

    def _sum(self, records: Sequence[Mapping[str, Any]], model: object, surface: str) -> Tally:
        total = Tally()
        for record in records:
            if record["model"] == model and record["surface"] == surface:
                total = total.plus(Tally(*(record[name] for name in _COUNTS)))
        return total

    def _records(self) -> list[dict[str, Any]]:
        """Lines that are whole and ours."""
        found: list[dict[str, Any]] = []
        with contextlib.suppress(OSError):
            for line in self._path.read_bytes().decode(errors="replace").splitlines():
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    record = json.loads(line)
                    if all(float(record[name]) >= 0 for name in _COUNTS) and record["stamp"]:
                        found.append({**record, "model": record["model"]})
        return found

    def _compact(self) -> None:
        """One line for each model, stamp and surface."""
        sums: dict[tuple[str, str, str], Tally] = {}
        for record in self._records():
            key = (str(record["model"]), str(record["stamp"]), str(record.get("surface")))
            sums[key] = sums.get(key, Tally()).plus(Tally(*(record[n] for n in _COUNTS)))
        lines = [
            json.dumps({"model": m, "stamp": t, "surface": s, **dataclasses.asdict(tally)})
            for (m, t, s), tally in sums.items()
        ]
        new = self._path.with_name(f"{_FILE}.{os.getpid()}")
        new.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        new.replace(self._path)
