"""Outcomes kept on this machine: a size-limited diskcache in the cache folder (design 9).

Every value carries a checksum, because a flipped byte in a rewrite's text would otherwise pass
as a different, unverified rewrite.  Writes are transactions: `kill -9` and `make -j` are safe.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import diskcache

from superopt_cc.cases import Case, case_from_json, case_to_json
from superopt_cc.errors import StoreError
from superopt_cc.store import units
from superopt_cc.store.codec import outcome_from_json
from superopt_cc.store.learned import Learned, better, learned_from_json
from superopt_cc.types import Level, Outcome, to_json

_FAILURES = (OSError, sqlite3.Error, diskcache.Timeout)
_INPUT_BYTES = 64 << 10
_MOST_LEARNED = 12  # rewrites for one behaviour
_WAIT = 10.0  # seconds for another process's transaction


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """What a search found for one key, and under which conditions.

    `outcome` is of any kind ("ineligible" if only the verifier could tell); `accept` the setting
    it was decided under; `effort` what the search was told to do (canonical text);
    `seconds_allowed` its budgets; `verifier` the version that verified it; `cpu` the processor
    that timed it.  `binding` says what the rewrite's names meant where it was found; who uses it
    elsewhere must find the same.  `missed` is why a model that `effort` names took no part, ""
    if it did: then the search was a lesser one.  `behaviour` are the fingerprints of a function for
    which nothing was found, `learned` is the state of what was known for them then.
    """

    outcome: Outcome
    accept: str
    effort: str
    seconds_allowed: float
    verifier: str
    cpu: str
    binding: str = ""
    missed: str = ""
    behaviour: tuple[str, ...] = ()
    learned: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Need:
    """What a build asks of an entry: its own conditions."""

    accept: str
    effort: str
    seconds_allowed: float
    verifier: str
    cpu: str


@dataclasses.dataclass(frozen=True, slots=True)
class Stats:
    """Numbers for `superopt cache stats`; sizes in bytes."""

    folder: str
    entries: int
    replaced: int
    kept: int
    manifests: int
    learned: int
    size: int
    limit: int


class Store:
    """The store in `folder`.  A context manager.

    Every method raises StoreError (one line) when the cache cannot be read or written.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._cache = diskcache.Cache(
                str(folder / "store"),
                timeout=_WAIT,
                size_limit=limit,
                eviction_policy="least-recently-stored",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the database back; errors while doing so hurt nobody."""
        with contextlib.suppress(*_FAILURES):
            self._cache.close()

    def lookup(self, key: str, need: Need) -> Entry | None:
        """The entry that answers `need` without a search, or None.

        A timed rewrite also serves who takes any verified one, not the other way; one timed on
        another CPU counts as untimed there.  That nothing was found counts only for a search
        that may do no more than the one that was done.
        """
        slots = ("faster",) if need.accept == "faster" else ("faster", "verified")
        for slot in slots:
            entry = self._entry(f"result:{slot}:{key}")
            if entry is None or entry.verifier != need.verifier:
                continue
            if entry.outcome.outcome == "replaced":
                if need.accept == "verified" or entry.cpu == need.cpu:
                    return entry
            elif entry.outcome.outcome == "ineligible" or exhausted(entry, need):
                return entry
        return None

    def stale(self, key: str) -> tuple[Entry, ...]:
        """Every replacement known for `key`, whoever verified or timed it: to be done again."""
        found = (self._entry(f"result:{slot}:{key}") for slot in ("faster", "verified"))
        return tuple(e for e in found if e is not None and e.outcome.outcome == "replaced")

    def keep(self, key: str, entry: Entry) -> None:
        """Store what a search found, unless what is known for the same conditions is better."""
        name = f"result:{entry.accept}:{key}"
        known = self._entry(name)
        if known is not None and _better(known, entry):
            return
        self._write(name, to_json(entry))
        with _explained(self._folder):
            units.set_stamp(str(self._folder), key)

    def merge(
        self, outcomes: Iterable[tuple[str, Entry]], learned: Iterable[Learned]
    ) -> tuple[int, int]:
        """Take over what another store holds, all or nothing; how many of each were new.

        The outcomes are replacements whose evidence is to be made again.  What is known here stays,
        but that nothing was found does not when something was.
        """
        taken = [0, 0]
        with _explained(self._folder), self._cache.transact():
            for key, entry in outcomes:
                name = f"result:{entry.accept}:{key}"
                known = self._entry(name)
                if known is None or _yields(known, entry):
                    self._write(name, to_json(entry))
                    units.set_stamp(str(self._folder), key)
                    taken[0] += 1
            for one in learned:
                taken[1] += self.keep_learned(one)
        return taken[0], taken[1]

    def keep_story(self, name: str, story: Mapping[str, Any]) -> None:
        """Keep the last outcome of the function called `name`, for `superopt explain`."""
        self._write(f"story:{name}", story)

    def story(self, name: str) -> Mapping[str, Any] | None:
        """What `keep_story` kept last for `name`."""
        value = self._read(f"story:{name}")
        return value if isinstance(value, dict) else None

    def stories(self) -> tuple[str, ...]:
        """Names of all functions that have a story."""
        return tuple(name.partition(":")[2] for name in self._names("story:"))

    def keep_inputs(self, key: str, cases: Sequence[Case]) -> None:
        """Keep inputs that are worth trying first on the function of `key`, the best first.

        What was kept before stays behind them, as long as `_INPUT_BYTES` last.
        """
        name, room = f"inputs:{key}", _INPUT_BYTES
        known = self._read(name)
        before = known if isinstance(known, list) else []
        chosen: dict[str, Any] = {}
        for value in (*map(case_to_json, cases), *before):
            text = json.dumps(value, separators=(",", ":"), sort_keys=True)
            if text not in chosen and len(text) < room:
                chosen[text] = value
                room -= len(text) + 1
        if list(chosen.values()) != before:
            self._write(name, list(chosen.values()))

    def inputs(self, key: str) -> tuple[Case, ...]:
        """What `keep_inputs` kept for `key`; whatever cannot be read is left out."""
        value = self._read(f"inputs:{key}")
        found: list[Case] = []
        for one in value if isinstance(value, list) else []:
            # Another version of this program may have written it.
            with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
                found.append(case_from_json(one))
        return tuple(found)

    def keep_manifest(self, name: str, value: Any) -> None:
        """Keep what `store.manifest` encodes."""
        self._write(f"manifest:{name}", value)

    def manifest(self, name: str) -> Any:
        """What `keep_manifest` kept for `name`, or None."""
        return self._read(f"manifest:{name}")

    def keep_learned(self, new: Learned) -> bool:
        """Keep a rewrite for what behaves alike, the best few of them; was anything new in it?"""
        name = f"learned:{new.digest}"
        with _explained(self._folder), self._cache.transact():
            known = self._learned(new.digest)
            entry = new if known is None else better(known, new)
            if entry == known:
                return False
            self._write(name, to_json(entry))
            for way in entry.behaviour:
                before = self._read(f"behaviour:{way}")
                others = [d for d in before or () if d != entry.digest]
                found = [entry, *filter(None, map(self._learned, others))]
                found.sort(key=lambda one: one.rank)
                self._write(f"behaviour:{way}", [one.digest for one in found[:_MOST_LEARNED]])
            for way in entry.behaviour:
                units.set_stamp(str(self._folder), way)
        return True

    def learned(self, behaviour: Sequence[str]) -> tuple[Learned, ...]:
        """What is known for any of these fingerprints, the most promising first."""
        lists = [self._read(f"behaviour:{way}") for way in behaviour]
        digests = dict.fromkeys(str(d) for known in lists for d in known or ())
        return tuple(sorted(filter(None, map(self._learned, digests)), key=lambda one: one.rank))

    def all_learned(self) -> Iterator[Learned]:
        """Every rewrite that was learned, in no order that means anything."""
        names = self._names("learned:")
        yield from filter(None, (self._learned(name.partition(":")[2]) for name in names))

    def _learned(self, digest: str) -> Learned | None:
        try:
            found = learned_from_json(self._read(f"learned:{digest}"))
        except ValueError:
            return None  # written by another version of this program
        return found if found.digest == digest else None

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """All (key, entry) pairs, oldest first."""
        for name in self._names("result:"):
            entry = self._entry(name)
            if entry is not None:
                yield name.rpartition(":")[2], entry

    def stats(self) -> Stats:
        """Count what is there."""
        entries = [entry for _, entry in self.entries()]
        replaced = sum(entry.outcome.outcome == "replaced" for entry in entries)
        with _explained(self._folder):
            size = int(self._cache.volume())
        return Stats(
            folder=str(self._folder),
            entries=len(entries),
            replaced=replaced,
            kept=len(entries) - replaced,
            manifests=len(self._names("manifest:")),
            learned=len(self._names("learned:")),
            size=size,
            limit=self._limit,
        )

    def _names(self, prefix: str) -> list[str]:
        with _explained(self._folder):
            return [name for name in self._cache if str(name).startswith(prefix)]

    def _entry(self, name: str) -> Entry | None:
        value = self._read(name)
        try:
            return None if value is None else entry_from_json(value)
        except (KeyError, TypeError, ValueError):
            return None  # written by another version of this program

    def _read(self, name: str) -> Any:
        with _explained(self._folder):
            text = self._cache.get(name)
        if not isinstance(text, str):
            return None
        digest, _, body = text.partition("\n")
        if digest != _digest(name, body):
            return None  # design 1: a damaged entry is no entry
        return json.loads(body)

    def _write(self, name: str, value: Any) -> None:
        body = json.dumps(value, separators=(",", ":"))
        with _explained(self._folder):
            self._cache.set(name, f"{_digest(name, body)}\n{body}")


def clear(folder: Path) -> None:
    """Remove everything that is ours from the cache folder, damaged or not.

    Raises StoreError.
    """
    with _explained(folder):
        for part in ("store", "units", "transcripts", "recall"):
            if (folder / part).is_dir():
                shutil.rmtree(folder / part)
        for pattern in ("builds*.jsonl", "surfaces.jsonl", "worth.jsonl", "absent*", "warned"):
            for file in folder.glob(pattern):
                file.unlink(missing_ok=True)


def exhausted(entry: Entry, need: Need) -> bool:
    """Would a search under `need` do no more than the one that made `entry`?"""
    if entry.accept != need.accept or entry.cpu != need.cpu:
        return False
    return entry.effort == need.effort and need.seconds_allowed <= entry.seconds_allowed


def _better(known: Entry, new: Entry) -> bool:
    """Is a usable rewrite known that a new result (none, or a slower one) must not displace?"""
    if known.outcome.outcome != "replaced" or new.outcome.outcome == "ineligible":
        return False
    if (known.verifier, known.cpu) != (new.verifier, new.cpu):
        return False
    return _speedup(known) > _speedup(new)


def _yields(known: Entry, imported: Entry) -> bool:
    """Was nothing found here where another store has a replacement that counts here?"""
    if known.outcome.outcome != "kept":
        return False
    return imported.accept == "verified" or known.cpu == imported.cpu


def _speedup(entry: Entry) -> float:
    if entry.outcome.outcome != "replaced":
        return 0.0
    measurement = entry.outcome.measurement
    return measurement.speedup if measurement else 1.0


def entry_from_json(value: Mapping[str, Any]) -> Entry:
    """Decode an entry.  Raises KeyError, TypeError or ValueError on anything else."""
    outcome = outcome_from_json(value["outcome"])
    if outcome.outcome == "replaced":
        if outcome.rewrite is None or outcome.verdict is None or not outcome.verdict.accepted:
            raise ValueError("a replacement without a verified rewrite")
        if outcome.verdict.level not in tuple(Level):
            raise ValueError("a replacement without a level")
    return Entry(
        outcome=outcome,
        accept=str(value["accept"]),
        effort=str(value["effort"]),
        seconds_allowed=float(value["seconds_allowed"]),
        verifier=str(value["verifier"]),
        cpu=str(value["cpu"]),
        binding=str(value["binding"]),
        missed=str(value.get("missed", "")),
        behaviour=tuple(str(each) for each in value.get("behaviour", ())),
        learned=str(value.get("learned", "")),
    )


def _digest(name: str, body: str) -> str:
    return hashlib.sha256(f"{name}\n{body}".encode("utf-8", "surrogateescape")).hexdigest()


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn whatever the database or the disk raises into one line that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise StoreError(f"cache {folder} cannot be used: {error}") from error
        raise StoreError(
            f"cache {folder} is damaged ({error}); `superopt cache clear` starts anew"
        ) from error
    except diskcache.Timeout as error:
        raise StoreError(f"cache {folder} is locked by another process") from error
    except OSError as error:
        raise StoreError(f"cache {folder} cannot be used: {error.strerror or error}") from error
