"""One process for all parallel compiles that ask the same model (`llm_child serve`).

Requests are answered one after the other, in the order in which they came; who closes his end is
forgotten at once.  `shared_model` is the other side.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

HELLO = b'{"event": "hello"}\n'

_LARGEST = 16 << 20  # bytes of one request
_PATIENCE = struct.pack("ll", 30, 0)  # a struct timeval: for a client that does not read
_BACKLOG = 128
_REQUEST_SECONDS = 10.0
_AFTER_FAILURE = 1.0  # seconds: what could not be loaded may be there the next time


class Model(Protocol):
    """What answers."""

    failure: Mapping[str, Any] | None

    def answer(
        self,
        request: Mapping[str, Any],
        say: Callable[[Mapping[str, Any]], None],
        cancelled: Callable[[], bool],
    ) -> None: ...


class _Client:
    """A connection, served by its own thread until the other side closes it."""

    def __init__(self, connection: socket.socket) -> None:
        self.request: Mapping[str, Any] = {}
        self._connection = connection
        self._gone = threading.Event()
        self._finished = threading.Event()

    @property
    def gone(self) -> bool:
        return self._gone.is_set()

    def say(self, event: Mapping[str, Any]) -> None:
        """Raises OSError when nobody listens."""
        self._connection.sendall(json.dumps(event).encode() + b"\n")

    def finish(self) -> None:
        """Nothing more will be said."""
        with contextlib.suppress(OSError):  # the other side was faster
            self._connection.shutdown(socket.SHUT_RDWR)
        self._finished.set()

    def attend(self, ready: Callable[[_Client], None]) -> None:
        """Read the request, hand it over, and watch for the end of the connection."""
        with self._connection as connection:
            try:
                connection.settimeout(_REQUEST_SECONDS)
                connection.sendall(HELLO)
                if not self._read():
                    return
                connection.settimeout(None)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _PATIENCE)
                ready(self)
                while connection.recv(4096):
                    pass
            except OSError:
                if not self.request:
                    return
            self._gone.set()
            self._finished.wait()

    def _read(self) -> bool:
        data = b""
        while b"\n" not in data:
            more = self._connection.recv(65536)
            if not more or len(data) > _LARGEST:
                return False
            data += more
        try:
            request = json.loads(data)
        except ValueError:
            return False
        if isinstance(request, dict):
            self.request = request
        return bool(self.request)


class _Server:
    def __init__(self, listener: socket.socket, idle: float, load: Callable[[str], Model]) -> None:
        self._listener = listener
        self._idle = idle
        self._load = load
        self._model: Model | None = None
        self._asking: queue.SimpleQueue[_Client] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._clients = 0
        self._closed = False

    def run(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()
        while not self._closed:
            try:
                client = self._asking.get(timeout=self._idle)
            except queue.Empty:
                with self._lock:
                    self._closed = self._clients == 0
                continue
            try:
                if not client.gone:
                    self._answer(client)
            except OSError:
                pass  # gone meanwhile
            finally:
                client.finish()

    def _answer(self, client: _Client) -> None:
        if self._model is None:
            self._model = self._load(str(client.request.get("model")))
            if self._model.failure is not None:
                self._idle = min(self._idle, _AFTER_FAILURE)
        self._model.answer(client.request, client.say, lambda: client.gone)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                self._closed = True  # no file handles left
                return
            with self._lock:
                # Without a greeting the client knows that it came too late.
                if self._closed:
                    connection.close()
                    continue
                self._clients += 1
            threading.Thread(target=self._attend, args=(_Client(connection),), daemon=True).start()

    def _attend(self, client: _Client) -> None:
        try:
            client.attend(self._asking.put)
        finally:
            with self._lock:
                self._clients -= 1


def serve(path: str, idle: float, load: Callable[[str], Model]) -> int:
    """Return 0 when the socket listens: who connects now is served by a process of its own."""
    listener = socket.socket(socket.AF_UNIX)
    os.umask(0o177)
    try:
        listener.bind(path)
        listener.listen(_BACKLOG)
    except OSError:
        return 1
    mine = os.stat(path).st_ino
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    _Server(listener, idle, load).run()
    try:
        if os.stat(path).st_ino == mine:
            os.unlink(path)
    except OSError:
        pass  # somebody removed it
    os._exit(0)  # without waiting for threads and native code
