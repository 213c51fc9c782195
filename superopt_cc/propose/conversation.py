"""Talking to the model's process (`llm_child`): events until a deadline."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from superopt_cc.propose import shared_model
from superopt_cc.toolchain.tools import clean_environment

# -P: this folder's modules must not hide anybody else's.
CHILD = (sys.executable, "-P", str(Path(__file__).with_name("llm_child.py")))

# A process that we find may just be ending.
_TRIES = 3
_ENDING_SECONDS = 0.05


class ModelError(Exception):
    """The model gave no (further) answer.

    `kind` is "import" (no library), "model" (it cannot be loaded or evaluated), "context" (prompt
    and answer are too long for it), "crash" or "timeout"; `str()` is one line.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def converse(
    argv: Sequence[str], request: Mapping[str, Any], deadline: float
) -> Generator[Mapping[str, Any], None, None]:
    """Yield the model's events up to "done"; `deadline` is on `time.monotonic()`.

    Raises ModelError.  `CHILD` is one process that all who ask the same model share; anything
    else, and `CHILD` where there can be no socket, is a process of our own.  However the
    iteration ends, nobody works for it any more.
    """
    asked = {**request, "deadline": deadline}
    if tuple(argv) == CHILD:
        asked["model"] = os.path.abspath(request["model"])
        talk = _shared(argv, asked, deadline)
        if talk is not None:
            yield from _events(talk, deadline)
            return
    yield from _events(_Child(argv, asked), deadline)


class _Child:
    """A process of our own."""

    def __init__(self, argv: Sequence[str], request: Mapping[str, Any]) -> None:
        try:
            self._child = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=clean_environment(shared_model.ENVIRONMENT),
                process_group=0,
            )
        except OSError as error:
            message = f"{argv[0]}: cannot be started: {error.strerror}"
            raise ModelError("crash", message) from error
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self.descriptor = self._child.stdout.fileno()
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.write(json.dumps(request).encode() + b"\n")
            self._child.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()

    def how_it_ended(self) -> str:
        try:
            status = self._child.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            return "the model's process stopped talking"
        if status < 0:
            return f"the model's process died of {signal.Signals(-status).name}"
        return f"the model's process ended with status {status}"

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._child.wait()


class _Connection:
    """A connection to the shared process."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.descriptor = connection.fileno()

    def begin(self, request: Mapping[str, Any], deadline: float) -> bool:
        """Send the request once we were greeted; False if the process is just ending."""
        try:
            for line in _lines(self.descriptor, deadline):
                if _event(line)["event"] == "hello":
                    self._connection.sendall(json.dumps(request).encode() + b"\n")
                    return True
        except TimeoutError as error:
            raise _late() from error
        except OSError:
            pass
        return False

    def how_it_ended(self) -> str:
        return "the model's process died"

    def close(self) -> None:
        self._connection.close()


def _shared(argv: Sequence[str], request: Mapping[str, Any], deadline: float) -> _Connection | None:
    """A connection that has taken the request; None where there can be none."""
    for _ in range(_TRIES):
        try:
            connection = shared_model.connect(argv, request["model"], deadline)
        except TimeoutError as error:
            raise _late() from error
        if connection is None:
            return None
        talk = _Connection(connection)
        begun = False
        try:
            begun = talk.begin(request, deadline)
        finally:
            if not begun:
                talk.close()
        if begun:
            return talk
        time.sleep(_ENDING_SECONDS)
    return None


def _events(
    talk: _Child | _Connection, deadline: float
) -> Generator[Mapping[str, Any], None, None]:
    try:
        for line in _lines(talk.descriptor, deadline):
            event = _event(line)
            if event["event"] == "error":
                raise ModelError(str(event.get("kind")), str(event.get("message")))
            if event["event"] == "done":
                return
            yield event
        raise ModelError("crash", talk.how_it_ended())
    finally:
        talk.close()


def _lines(descriptor: int, deadline: float) -> Iterator[bytes]:
    """Whole lines until end of file; ModelError("timeout") at the deadline."""
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise _late()
            try:
                data = os.read(descriptor, 65536)
            except ConnectionResetError:
                return
            if not data:
                return
            *whole, pending = (pending + data).split(b"\n")
            yield from whole


def _late() -> ModelError:
    return ModelError("timeout", "the model's budget is spent")


def _event(line: bytes) -> Mapping[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict) or "event" not in event:
        raise ModelError("model", f"the model's process wrote nonsense: {line[:80]!r}")
    return event
