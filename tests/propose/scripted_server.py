"""A real HTTP server on loopback that speaks OpenAI's chat protocol; its answers come from files.

The files of a folder are used in the order of their names, one for each request, and the last one
again and again.  NAME.md is the text of an answer.  NAME.json says what else to do:

    {"choices": [TEXT...]}      several answers at once        {"finish": "length"} cut off
    {"status": N, "headers": {...}, "body": TEXT}              any other reply
    {"seconds": N}              wait first                     {"model": NAME} for /v1/models
    {"when": TEXT, "text": T, "else": U}                       T if the question holds TEXT, else U
    {"text": TEXT, "breaks": true}                             half of it, if it is streamed

With `many` it takes `n`: each of the n choices is the next file.  Streams bring one choice after
the other; a file's seconds pass before its own.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MODEL = "scripted"


class Server:
    """What it was asked is in `asked` (bodies) and `keys` (Authorization headers)."""

    def __init__(
        self, folder: Path, many: str = "refused", streams: str = "taken", port: int = 0
    ) -> None:
        self.folder = folder
        self.many = many
        self.streams = streams
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.listed = 0
        self._turn = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.listed += 1
                outer.keys.append(self.headers.get("Authorization"))
                body = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
                self._reply(200, {}, json.dumps(body))

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                asked = json.loads(self.rfile.read(length))
                with outer._lock:
                    outer.asked.append(asked)
                    outer.keys.append(self.headers.get("Authorization"))
                with contextlib.suppress(ConnectionError):
                    answer = outer._answer(asked)
                    if isinstance(answer, tuple):
                        self._reply(*answer)
                    else:
                        self._stream(answer)

            def _reply(self, status: int, headers: dict[str, str], body: str) -> None:
                data = body.encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _stream(self, events: Iterator[str | None]) -> None:
                """As chunks, the last of which is empty; None breaks off."""
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for event in events:
                    if event is None:
                        self.close_connection = True
                        return
                    data = f"data: {event}\n\n".encode()
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *args: object) -> None:
                """Tests are silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _next(self) -> dict[str, Any]:
        files = sorted(p for p in self.folder.iterdir() if p.suffix in (".md", ".json"))
        with self._lock:
            path = files[min(self._turn, len(files) - 1)]
            self._turn += 1
        text = path.read_text()
        found: dict[str, Any] = json.loads(text) if path.suffix == ".json" else {"text": text}
        return found

    def _answer(
        self, asked: dict[str, Any]
    ) -> tuple[int, dict[str, str], str] | Iterator[str | None]:
        count = asked.get("n", 1)
        if asked.get("stream") and self.streams == "refused":
            return 400, {}, json.dumps({"error": {"message": "streaming is not supported"}})
        if count > 1 and self.many == "refused":
            error = {"error": {"message": "Only one completion choice is allowed", "code": 400}}
            return 400, {}, json.dumps(error)
        steps = [self._next() for _ in range(count if self.many == "taken" else 1)]
        first = steps[0]
        question = asked["messages"][-1]["content"]
        if asked.get("stream") and self.streams == "taken" and not {"status", "body"} & {*first}:
            return self._events(steps, question)
        self._ended.wait(first.get("seconds", 0))
        if "status" in first or "body" in first:
            return first.get("status", 200), first.get("headers", {}), first.get("body", "{}")
        choices = [choice for step in steps for choice in _choices(step, question)]
        for index, choice in enumerate(choices):
            choice["index"] = index
        reply = {"id": "1", "object": "chat.completion", "created": int(time.time()),
                 "model": asked["model"], "choices": choices}  # fmt: skip
        return 200, {}, json.dumps(reply)

    def _events(self, steps: Sequence[dict[str, Any]], question: str) -> Iterator[str | None]:
        number = 0
        for step in steps:
            self._ended.wait(step.get("seconds", 0))
            for choice in _choices(step, question):
                text = choice["message"]["content"] or ""
                half = len(text) // 2
                for part in (text[:half], text[half:]):
                    yield _event(number, {"content": part}, None)
                    if step.get("breaks"):
                        yield None
                yield _event(number, {}, choice["finish_reason"])
                number += 1
        yield "[DONE]"


def _event(number: int, delta: dict[str, Any], finish: str | None) -> str:
    choices = [{"index": number, "delta": delta, "finish_reason": finish}]
    return json.dumps({"object": "chat.completion.chunk", "choices": choices})


def _choices(step: dict[str, Any], question: str) -> list[dict[str, Any]]:
    texts: Sequence[str | None] = step.get("choices", [step.get("text")])
    if "when" in step and step["when"] not in question:
        texts = [step["else"]]
    finish = step.get("finish", "stop")
    return [{"message": {"role": "assistant", "content": t}, "finish_reason": finish}
            for t in texts]  # fmt: skip


@contextlib.contextmanager
def serving(
    folder: Path, *steps: Any, many: str = "refused", streams: str = "taken", port: int = 0
) -> Iterator[Server]:
    """A server over `steps` (text, or what a .json file holds), written to files in `folder`.

    `many` is what it does about `n`, `streams` about `stream`: "refused", "ignored" or "taken".
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, step in enumerate(steps):
        name = f"{number:03}.md" if isinstance(step, str) else f"{number:03}.json"
        (folder / name).write_text(step if isinstance(step, str) else json.dumps(step))
    server = Server(folder, many, streams, port)
    try:
        yield server
    finally:
        server.close()
