"""The builds log behind `superopt status`: one JSON line for each compiled unit.

Lines are appended in one write each, so that parallel builds do not mix them; the file is
renamed when it grows too long, so that one generation of older lines is kept.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` itself costs milliseconds in every compile
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_LIMIT = 2_000_000  # bytes of one generation
_COUNTS = ("seen", "selected", "eligible", "replaced", "kept")


def append(folder: str, *, time: float, build: str, cwd: str, file: str, summary: str) -> None:
    """Add one unit's line.  `summary` is a JSON object: "functions" and "reasons".

    `build` names the build that the unit belongs to.  Raises OSError.
    """
    path = os.path.join(folder, "builds.jsonl")
    os.makedirs(folder, exist_ok=True)
    words = f'"build": {_quoted(build)}, "cwd": {_quoted(cwd)}, "file": {_quoted(file)}'
    line = f'{{"time": {time:.3f}, {words}, "summary": {summary}}}\n'.encode()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(handle, line)
        full = os.fstat(handle).st_size > _LIMIT
    finally:
        os.close(handle)
    if full:
        os.replace(path, os.path.join(folder, "builds.1.jsonl"))


def read(folder: str) -> list[dict[str, Any]]:
    """All builds in the log, oldest first, in the shape of design 11.3.

    Lines that cannot be read (a torn write, a full disk) are left out.  Raises OSError other
    than for a log that does not exist.
    """
    import json

    builds: dict[tuple[str, str], dict[str, Any]] = {}
    for name in ("builds.1.jsonl", "builds.jsonl"):
        for line in _lines(os.path.join(folder, name)):
            try:
                record = json.loads(line)
                _add(builds, record)
            except (AttributeError, KeyError, TypeError, ValueError):
                continue
    return sorted(builds.values(), key=lambda build: float(build["time"]))


def new_build(time: float, cwd: str) -> dict[str, Any]:
    """A build of which nothing is known but when and where."""
    counts = dict.fromkeys(_COUNTS, 0)
    return {"time": time, "cwd": cwd, "files": 0, "functions": counts, "reasons": {}}


def _quoted(text: str) -> str:
    """A JSON string; the json module is loaded only for unusual names (design 12)."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    import json

    return json.dumps(text)


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readlines()
    except FileNotFoundError:
        return []


def _add(builds: dict[tuple[str, str], dict[str, Any]], record: Mapping[str, Any]) -> None:
    summary = record["summary"]
    counts = {name: int(summary["functions"][name]) for name in _COUNTS}
    reasons = {str(name): int(count) for name, count in summary["reasons"].items()}
    fresh = new_build(float(record["time"]), str(record["cwd"]))
    build = builds.setdefault((str(record["build"]), fresh["cwd"]), fresh)
    build["files"] += 1
    for name, count in counts.items():
        build["functions"][name] += count
    for name, count in reasons.items():
        build["reasons"][name] = build["reasons"].get(name, 0) + count
