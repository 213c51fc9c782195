"""A web server on loopback that holds one file, and can be told to fail; also a small hub."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "a" * 40
MODEL = "someone/model"


class Files:
    """Serves `data` under every path that ends in .gguf.

    `cuts` connections end after half of what they should send; `status` is the answer instead of
    the file; without `ranges` Range is ignored; `tag` is the ETag.  `asked` are the requests: path
    and Range.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.cuts = 0
        self.status = 200
        self.ranges = True
        self.tag = '"one"'
        self.asked: list[tuple[str, str]] = []
        self.told_digest = hashlib.sha256(data).hexdigest()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.get(self)

            def do_HEAD(self) -> None:
                outer.get(self, body=False)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.paths_info(self)

            def log_message(self, *args: object) -> None:
                """Tests are silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def get(self, handler: BaseHTTPRequestHandler, *, body: bool = True) -> None:
        self.asked.append((handler.path, handler.headers.get("Range", "")))
        if re.search(r"\.gguf($|\?)", handler.path):
            self._file(handler, body=body)
        elif handler.path.startswith(f"/api/models/{MODEL}"):
            counts = {"private": False, "downloads": 0, "likes": 0, "tags": [], "siblings": []}
            _reply(handler, 200, {"id": MODEL, "modelId": MODEL, "sha": COMMIT, **counts})
        else:
            _reply(handler, 404, {})

    def paths_info(self, handler: BaseHTTPRequestHandler) -> None:
        entry = {
            "type": "file", "path": "tiny.gguf", "size": len(self.data), "oid": "b" * 40,
            "lfs": {"oid": self.told_digest, "size": len(self.data), "pointerSize": 1},
        }  # fmt: skip
        _reply(handler, 200, [entry])

    def _file(self, handler: BaseHTTPRequestHandler, *, body: bool) -> None:
        if self.status != 200:
            _reply(handler, self.status, {})
            return
        start = self._start(handler)
        if start >= len(self.data):
            _reply(handler, 416, {})
            return
        rest = self.data[start:]
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(rest)))
        if start:
            whole = len(self.data)
            handler.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        if self.tag:
            handler.send_header("ETag", self.tag)
        handler.send_header("X-Repo-Commit", COMMIT)
        handler.end_headers()
        if not body:
            return
        if self.cuts:
            self.cuts -= 1
            handler.close_connection = True
            rest = rest[: len(rest) // 2]
        handler.wfile.write(rest)

    def _start(self, handler: BaseHTTPRequestHandler) -> int:
        wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        same = handler.headers.get("If-Range", self.tag) == self.tag
        return int(wanted[1]) if wanted and same and self.ranges else 0


def _reply(handler: BaseHTTPRequestHandler, status: int, value: object) -> None:
    data = json.dumps(value).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


@contextlib.contextmanager
def serving(data: bytes) -> Iterator[Files]:
    files = Files(data)
    try:
        yield files
    finally:
        files.server.shutdown()
        files.server.server_close()
