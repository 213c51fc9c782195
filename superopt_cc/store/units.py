"""Finished translation units: the spliced text under everything that it was decided from.

This is the path of a rebuild where everything is known, so it imports next to nothing (design
12).  A result is used only if the unit's text, the command, the settings, every source and
header, and every store entry that it was decided from are what they were (design 9: the exact
text was screened and checked in place by the verifier version that is part of the key).
"""

from __future__ import annotations

import hashlib
import os
import zlib

TYPE_CHECKING = False  # `typing` itself costs milliseconds in every compile
if TYPE_CHECKING:
    from collections.abc import Sequence

_MAGIC = b"superopt-unit 1 "
_SHARDS = 16
_STAMPS_PER_SHARD = 256
_NO_STAMP = "-"

# Variables that change what gcc compiles without standing in its arguments.
GCC_VARIABLES = (
    "CPATH",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "COMPILER_PATH",
    "GCC_EXEC_PREFIX",
    "SOURCE_DATE_EPOCH",
)


class UnitResult:
    """What became of one unit.

    `sources` are (path, sha256) of every file that was compiled or may hold settings, sha256 ""
    where there is none; `stamps` (key, stamp) of every store key that was looked up; `summary` a
    JSON object for the builds log; `text` the new assembly text, empty where gcc's own is used;
    `large` (path, `state`) of files that are too large to be read every time.
    """

    __slots__ = ("large", "sources", "stamps", "summary", "text")

    def __init__(
        self,
        sources: list[tuple[str, str]],
        stamps: list[tuple[str, str]],
        summary: str,
        text: bytes,
        large: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.large = large
        self.sources = sources
        self.stamps = stamps
        self.summary = summary
        self.text = text


def digest(*parts: bytes) -> str:
    """sha256 over the parts and where each one ends, in hexadecimal."""
    state = hashlib.sha256()
    for part in parts:
        state.update(b"%d:" % len(part))
        state.update(part)
    return state.hexdigest()


def file_digest(path: str) -> str:
    """sha256 of a file's bytes; "" when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""


def state(path: str) -> str:
    """A file's size and time; "-" when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return _NO_STAMP
    return f"{status.st_size}.{status.st_mtime_ns}"


def load(folder: str, key: str) -> UnitResult | None:
    """The result kept under `key` if all that it was decided from still holds, else None."""
    try:
        with open(_unit_path(folder, key), "rb") as file:
            result = _decode(file.read())
    except (OSError, ValueError, zlib.error):
        return None
    if any(stamp(folder, name) != seen for name, seen in result.stamps):
        return None
    if any(state(path) != seen for path, seen in result.large):
        return None
    if any(file_digest(path) != seen for path, seen in result.sources):
        return None
    return result


def keep(folder: str, key: str, result: UnitResult, limit: int) -> None:
    """Keep a result; all of them together stay near `limit` bytes.  Raises OSError.

    A result that cannot be written down (a newline in a path) is not kept.
    """
    if any("\n" in path for path, _ in (*result.sources, *result.large)):
        return
    path = _unit_path(folder, key)
    _prune(os.path.dirname(path), limit // _SHARDS)
    _replace(path, _encode(result))


def stamp(folder: str, key: str) -> str:
    """What changes with every write to the store under `key`; "-" before the first."""
    try:
        with open(_stamp_path(folder, key), encoding="ascii") as file:
            return file.read()
    except (OSError, ValueError):
        return _NO_STAMP


def set_stamp(folder: str, key: str) -> None:
    """Say that the store's entry for `key` was written.  Raises OSError."""
    path = _stamp_path(folder, key)
    shard = os.path.dirname(path)
    if os.path.isdir(shard) and len(os.listdir(shard)) > _STAMPS_PER_SHARD:
        _remove_oldest(shard, _STAMPS_PER_SHARD // 2)
    _replace(path, os.urandom(16).hex().encode())


def _encode(result: UnitResult) -> bytes:
    lines = [f"F {seen} {path}" for path, seen in result.sources]
    lines += [f"L {seen} {path}" for path, seen in result.large]
    lines += [f"K {key} {seen}" for key, seen in result.stamps]
    lines += [f"S {result.summary}", ""]
    body = "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n"
    body += zlib.compress(result.text, 1)
    return _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _decode(data: bytes) -> UnitResult:
    header, _, body = data.partition(b"\n")
    if header != _MAGIC + hashlib.sha256(body).hexdigest().encode():
        raise ValueError("damaged")
    head, _, packed = body.partition(b"\n\n")
    sources: list[tuple[str, str]] = []
    stamps: list[tuple[str, str]] = []
    large: list[tuple[str, str]] = []
    summary = "{}"
    for line in head.decode("utf-8", "surrogateescape").split("\n"):
        kind, _, rest = line.partition(" ")
        if kind == "S":
            summary = rest
            continue
        first, _, second = rest.partition(" ")
        if kind == "F":
            sources.append((second, first))
        elif kind == "L":
            large.append((second, first))
        elif kind == "K":
            stamps.append((first, second))
        else:
            raise ValueError("unknown line")
    return UnitResult(sources, stamps, summary, zlib.decompress(packed), large)


def _unit_path(folder: str, key: str) -> str:
    return os.path.join(folder, "units", f"{int(key[:2], 16) % _SHARDS:x}", key)


def _stamp_path(folder: str, key: str) -> str:
    return os.path.join(folder, "units", "stamps", key[:2], key)


def _replace(path: str, data: bytes) -> None:
    """Write a whole file or nothing, whoever else writes it at the same time."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        _unlink(temporary)
        raise


def _unlink(path: str) -> None:
    """Remove a file that may be gone already.  (contextlib is slow to import.)"""
    try:
        os.unlink(path)
    except OSError:
        return


def _prune(shard: str, limit: int) -> None:
    try:
        total = sum(entry.stat().st_size for entry in os.scandir(shard))
        count = len(os.listdir(shard))
    except OSError:
        return
    if total > limit:
        _remove_oldest(shard, (count + 1) // 2)


def _remove_oldest(shard: str, count: int) -> None:
    try:
        entries = sorted(os.scandir(shard), key=lambda entry: entry.stat().st_mtime_ns)
    except OSError:
        return
    for entry in entries[:count]:
        _unlink(entry.path)
