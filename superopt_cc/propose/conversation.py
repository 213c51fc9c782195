"""Talking to the model's process (`llm_child`): events until a deadline, and then no process."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from superopt_cc.toolchain.tools import clean_environment

# -P: this folder's modules must not hide anybody else's.
CHILD = (sys.executable, "-P", str(Path(__file__).with_name("llm_child.py")))


class ModelError(Exception):
    """The model gave no (further) answer.

    `kind` is "import" (no library), "model" (it cannot be loaded or evaluated), "crash" or
    "timeout"; `str()` is one line.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def converse(
    argv: Sequence[str], request: Mapping[str, Any], deadline: float
) -> Generator[Mapping[str, Any], None, None]:
    """Yield the child's events up to "done"; `deadline` is on `time.monotonic()`.

    Raises ModelError.  However the iteration ends, the child has ended before.
    """
    child = _start(argv)
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(request).encode())
            child.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
        for line in _lines(child.stdout.fileno(), deadline):
            event = _event(line)
            if event["event"] == "error":
                raise ModelError(str(event.get("kind")), str(event.get("message")))
            if event["event"] == "done":
                return
            yield event
        raise ModelError("crash", _end_of(child))
    finally:
        _kill(child)


def _start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    # Spinning threads starve a build that runs beside them.
    environment = clean_environment({"OMP_WAIT_POLICY": "passive"})
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            process_group=0,
        )
    except OSError as error:
        raise ModelError("crash", f"{argv[0]}: cannot be started: {error.strerror}") from error


def _lines(descriptor: int, deadline: float) -> Iterator[bytes]:
    """Whole lines until end of file; ModelError("timeout") at the deadline."""
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise ModelError("timeout", "the model's budget is spent")
            data = os.read(descriptor, 65536)
            if not data:
                return
            *whole, pending = (pending + data).split(b"\n")
            yield from whole


def _event(line: bytes) -> Mapping[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict) or "event" not in event:
        raise ModelError("model", f"the model's process wrote nonsense: {line[:80]!r}")
    return event


def _end_of(child: subprocess.Popen[bytes]) -> str:
    try:
        status = child.wait(timeout=5.0)
    except subprocess.TimeoutExpired:
        return "the model's process stopped talking"
    if status < 0:
        return f"the model's process died of {signal.Signals(-status).name}"
    return f"the model's process ended with status {status}"


def _kill(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    child.wait()
