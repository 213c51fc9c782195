"""Asking a tiny model through the way that the proposer takes."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from superopt_cc.propose.conversation import CHILD, converse


def request(model: Path, **fields: Any) -> dict[str, Any]:
    """A request with sensible fields."""
    usual = {
        "model": str(model), "system": "You write C.", "prompt": "int twice(int x);" * 5,
        "seeds": [1, 2], "max_tokens": 20, "context": 4096, "temperature": 0.7, "threads": 1,
    }  # fmt: skip
    return {**usual, **fields}


def ask(model: Path, *, seconds: float = 60.0, **fields: Any) -> list[Mapping[str, Any]]:
    """All events of one request."""
    return list(converse(CHILD, request(model, **fields), time.monotonic() + seconds))


def pid_of(model: Path) -> int:
    """The process that answers."""
    return int(ask(model, max_tokens=1)[0]["pid"])


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def ends(pid: int, seconds: float = 10.0) -> bool:
    """Does the process end by itself?"""
    until = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid)


def footprint(pid: int) -> tuple[int, int, int]:
    """(resident kilobytes, open handles, threads) of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return (
        int(fields["VmRSS"].split()[0]), len(os.listdir(f"/proc/{pid}/fd")), int(fields["Threads"])
    )  # fmt: skip
