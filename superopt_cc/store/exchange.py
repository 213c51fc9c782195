"""What a store holds as one file, and back: JSON lines between a head and a seal (design 9).

A file from elsewhere is somebody's word.  Everything in it is checked before anything is taken;
rewrites of outcomes are verified again before use, learned ones are candidates like any others.
That nothing was found stays at home: it is no evidence elsewhere.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from superopt_cc.errors import UsageError
from superopt_cc.store.conforming import conforms
from superopt_cc.store.learned import (
    Learned,
    is_digest,
    is_line,
    is_text,
    learned_from_json,
    one_line,
)
from superopt_cc.store.local import Entry, Store, entry_from_json
from superopt_cc.types import Origin, Outcome, to_json

# The version under which imported evidence stands until it was made again.
IMPORTED = "imported"

_FORMAT, _VERSION = "superopt-cc cache", 1
_MOST_BYTES, _LONGEST_LINE = 256 << 20, 2 << 20
_PROVENANCE = frozenset(
    {"entry", "options", "seed", "surface", "learned", "from", "proposer", "how", "key"}
)
# Folders; and names of files, as `__FILE__` leaves them in constants.
_FOLDER = re.compile(r"(?<![\w.])/(?:[\w.+-]+/)+[\w.+-]+")
_FILE = re.compile(r"[\w+-]\.(?:c|cc|cpp|cxx|c\+\+|h|hh|hpp|i|ii|inc)\b")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_BAD = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


@dataclasses.dataclass(frozen=True, slots=True)
class Exported:
    """How many of each were written; `left_out` would have told where sources lie."""

    file: str
    outcomes: int
    learned: int
    left_out: int


@dataclasses.dataclass(frozen=True, slots=True)
class Imported:
    """How many of each were new here; `known` were not."""

    file: str
    outcomes: int
    learned: int
    known: int


def export(store: Store, path: Path) -> Exported:
    """Write what others can use: the same bytes for the same content.

    Raises UsageError when the file cannot be written.
    """
    replaced = [entry for _, entry in store.entries() if entry.outcome.outcome == "replaced"]
    learned = list(store.all_learned())
    outcomes = sorted(line for line in map(_outcome_line, replaced) if line)
    rewrites = sorted(line for line in map(_learned_line, learned) if line)
    lines = (_dumped({"format": _FORMAT, "version": _VERSION}), *outcomes, *rewrites)
    body = "".join(f"{line}\n" for line in lines).encode()
    data = body + _seal(body, len(lines) - 1) + b"\n"
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{path}: the store is too large for one file ({len(data)} bytes)")
    _write(path, data)
    left_out = len(replaced) + len(learned) - len(outcomes) - len(rewrites)
    return Exported(str(path), len(outcomes), len(rewrites), left_out)


def import_(store: Store, path: Path, limit: int) -> Imported:
    """Take over a file's content; what cannot be used changes nothing.

    `limit` is what the store may hold.  Raises UsageError for a file that is not as `export`
    writes it, StoreError when the store cannot be written.
    """
    outcomes: list[tuple[str, Entry]] = []
    learned: list[Learned] = []
    for number, line in enumerate(_lines(path, min(limit // 2, _MOST_BYTES)), start=2):
        try:
            kind, value = _parsed(line)
            if kind == "outcome":
                outcomes.append(_outcome(value))
            elif kind == "learned":
                learned.append(_elsewhere(learned_from_json(value)))
            else:
                raise ValueError("neither an outcome nor a learned rewrite")
        except _BAD as error:
            said = one_line(str(error)[:200])
            raise UsageError(f"{path}: line {number} cannot be used: {said}") from error
    taken = store.merge(outcomes, learned)
    return Imported(str(path), *taken, len(outcomes) + len(learned) - sum(taken))


def _outcome_line(entry: Entry) -> str:
    """One line; "" for what tells of paths, or what no import would take."""
    value = _portable(entry)
    try:
        _outcome(value)
    except _BAD:
        return ""
    return "" if any(map(_tells_paths, _strings(value))) else _dumped({"outcome": value})


def _learned_line(entry: Learned) -> str:
    value = to_json(_elsewhere(entry))
    return "" if any(map(_tells_paths, _strings(value))) else _dumped({"learned": value})


def _elsewhere(entry: Learned) -> Learned:
    """An entry as another machine's, which ranks behind what was measured on the own one."""
    return dataclasses.replace(entry, cpu="")


def _portable(entry: Entry) -> Mapping[str, Any]:
    """An entry less what is nobody else's business, or means nothing elsewhere."""
    old = entry.outcome
    rewrite = old.rewrite
    if rewrite is not None:
        told = {k: v for k, v in rewrite.provenance.items() if k in _PROVENANCE}
        rewrite = dataclasses.replace(rewrite, provenance=told)
    outcome = dataclasses.replace(old, rewrite=rewrite, attempts=())
    value: Mapping[str, Any] = to_json(dataclasses.replace(_unsearched(entry), outcome=outcome))
    return value


def _unsearched(entry: Entry) -> Entry:
    return dataclasses.replace(
        entry, effort="", seconds_allowed=0.0, verifier=IMPORTED, missed="", behaviour=(),
        learned="",
    )  # fmt: skip


def _outcome(value: Mapping[str, Any]) -> tuple[str, Entry]:
    """A checked outcome with its key.  Raises one of `_BAD`."""
    entry = _unsearched(entry_from_json(value))
    outcome, rewrite = entry.outcome, entry.outcome.rewrite
    counterexample = outcome.verdict is None or outcome.verdict.counterexample is not None
    if outcome.outcome != "replaced" or rewrite is None or counterexample or outcome.attempts:
        raise ValueError("not a replacement")
    if not conforms(outcome, Outcome):
        raise ValueError("values of other types")
    lines = [text for text in _strings(to_json(entry)) if text is not rewrite.text]
    if not is_text(rewrite.text) or not all(map(is_line, lines)) or not outcome.name:
        raise ValueError("text that is none")
    if not (is_digest(outcome.key) and is_digest(entry.binding)):
        raise ValueError("no key")
    measured = outcome.measurement
    timed = measured is not None and measured.significant and measured.speedup > 1.0
    if entry.accept not in ("faster", "verified") or (entry.accept == "faster" and not timed):
        raise ValueError("not measured to be faster")
    # design 5.7: that a compiler made it cannot be verified.
    mixed = dataclasses.replace(rewrite, origin=Origin.MIXED)
    outcome = dataclasses.replace(outcome, rewrite=mixed)
    return outcome.key, dataclasses.replace(entry, outcome=outcome)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from (key, *_strings(one))
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def _dumped(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _parsed(line: bytes) -> tuple[str, Any]:
    """The kind and value of a line.  Raises one of `_BAD`."""
    value = json.loads(line.decode("ascii"), parse_constant=_refuse)
    ((kind, content),) = value.items()
    return str(kind), content


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _tells_paths(text: str) -> bool:
    """Does a text say where a source file lies, or in code a constant of it?"""
    if "\n" not in text:
        return _FOLDER.search(text) is not None
    words = " ".join(_QUOTED.findall(text))
    return bool(_FOLDER.search(words) or _FILE.search(words))


def _seal(body: bytes, lines: int) -> bytes:
    return _dumped({"lines": lines, "sha256": hashlib.sha256(body).hexdigest()}).encode()


def _write(path: Path, data: bytes) -> None:
    """Write the whole file or nothing; what is no plain file (a pipe) just takes the bytes."""
    real = Path(os.path.realpath(path))
    temporary = real.parent / f".{real.name}.{os.getpid()}.tmp"
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        try:
            temporary.write_bytes(data)
            temporary.replace(real)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def _lines(path: Path, most: int) -> list[bytes]:
    """The lines between head and seal of a file that is whole.  Raises UsageError."""
    data = _read(path, most)
    head, _, rest = data.partition(b"\n")
    try:
        told = json.loads(head[:200].decode("ascii"))
        known = told["format"] == _FORMAT
    except _BAD:
        known = False
    if not known:
        raise UsageError(f"{path}: no file of `superopt cache export`")
    if told.get("version") != _VERSION:
        raise UsageError(
            f"{path}: of version {told.get('version')!r:.20}; this superopt-cc reads {_VERSION}"
        )
    *lines, seal, last = rest.split(b"\n") if rest.count(b"\n") else [b"", b"-"]
    body = data[: len(data) - len(seal) - 1]
    if last or seal != _seal(body, len(lines)):
        raise UsageError(f"{path}: is damaged or cut off; export it again")
    if any(len(line) > _LONGEST_LINE for line in lines):
        raise UsageError(f"{path}: a line is too long")
    return lines


def _read(path: Path, most: int) -> bytes:
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise UsageError(f"{path}: is no plain file")
            data = file.read(most + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > most:
        raise UsageError(f"{path}: is too large (more than {most} bytes); see `cache_size`")
    return data


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
