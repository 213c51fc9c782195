"""Files of JSON lines that builds side by side append to and lose nothing.

They hold what was learned by the way: one that cannot be used costs only the knowledge.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_LARGEST = 1 << 20

Record = Mapping[str, Any]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines that are whole and hold an object."""
    found: list[dict[str, Any]] = []
    with contextlib.suppress(OSError):
        for line in path.read_bytes().decode(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if isinstance(record, dict):
                    found.append(record)
    return found


def append_line(
    path: Path, record: Record, compact: Callable[[Sequence[Record]], Iterable[Record]]
) -> None:
    """Add a line; a file that has grown large is first replaced by what `compact` makes of it."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LARGEST:
            new = path.with_name(f"{path.name}.{os.getpid()}")
            lines = (json.dumps(each) for each in compact(read_lines(path)))
            new.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            new.replace(path)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
