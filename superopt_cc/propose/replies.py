"""What a server sends: whole replies and streams of OpenAI's chat protocol, read piece by piece."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

from superopt_cc.propose.conversation import ModelError
from superopt_cc.propose.keys import without_keys

_LARGEST = 4 << 20  # characters of one reply's answers; bytes of one line

# llama-server, vLLM and OpenAI about a prompt that is too long.
TOO_LONG = re.compile(r"context (size|length|window)|context_length|exceed_context")

# A choice's number in its reply, its text, and why it ended.
Take = Callable[[int, str, str], None]


class Lost(Exception):
    """The connection ended within a reply."""


async def read_choices(
    data: AsyncIterator[bytes], *, streamed: bool, where: str, take: Take, most: int
) -> int:
    """Hand on each of the first `most` choices when it ends; how many choices there were.

    Raises ModelError for what is no reply, Lost for a part of one.
    """
    if streamed:
        stream = _Stream(where, take, most)
        async for line in _lines(data, where):
            stream.line(line)
        return stream.close()
    whole = await read_json(data, where)
    choices = whole.get("choices") if isinstance(whole, dict) else None
    if not isinstance(choices, list):
        raise ModelError("malformed", f"{where} answered without `choices`")
    for number, choice in enumerate(choices[:most]):
        take(number, *_content(choice, where))
    return len(choices)


async def read_json(data: AsyncIterator[bytes], where: str) -> Any:
    """A whole reply."""
    whole = b""
    try:
        async for part in data:
            whole += part
            if len(whole) > _LARGEST:
                raise ValueError("too long")
        return json.loads(whole)
    except ValueError as error:
        raise ModelError("malformed", f"{where} answered with something that is no JSON") from error


class _Stream:
    """Choices that grow side by side."""

    def __init__(self, where: str, take: Take, most: int) -> None:
        self._where = where
        self._take = take
        self._most = most
        self._texts: dict[int, list[str]] = {}
        self._ended: set[int] = set()
        self._size = 0
        self._done = False

    def line(self, line: bytes) -> None:
        """One line of the stream; whatever is no data is none of ours."""
        field, _, rest = line.partition(b":")
        if field not in (b"data", b"error") or self._done:
            return
        if rest.strip() == b"[DONE]":
            self._done = True
            return
        try:
            event = json.loads(rest)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            raise ModelError("malformed", f"{self._where} streams something that is no JSON")
        if field == b"error" or event.get("error"):
            said = _told(event)
            kind = "context" if TOO_LONG.search(said.lower()) else "server"
            raise ModelError(kind, f"{self._where}: {said}")
        for choice in event.get("choices") or ():
            self._grow(choice)

    def close(self) -> int:
        """The stream is over."""
        missing = self._texts.keys() - self._ended
        if missing and not self._done:
            raise Lost("the connection ended within an answer")
        for number in sorted(missing):
            self._end(number, "stop")
        return len(self._ended)

    def _grow(self, choice: Any) -> None:
        delta = choice.get("delta") if isinstance(choice, dict) else None
        number = choice.get("index", 0) if isinstance(choice, dict) else None
        if not isinstance(delta, dict) or not isinstance(number, int):
            raise ModelError("malformed", f"{self._where} streams a choice that holds no message")
        text = _text(delta.get("content"))
        self._size += len(text)
        if self._size > _LARGEST:
            raise ModelError("malformed", f"{self._where} answers without end")
        if number not in self._ended:
            self._texts.setdefault(number, []).append(text)
            if choice.get("finish_reason"):
                self._end(number, _finish(choice))

    def _end(self, number: int, finish: str) -> None:
        self._ended.add(number)
        if 0 <= number < self._most:
            self._take(number, "".join(self._texts[number]), finish)


def _content(choice: Any, where: str) -> tuple[str, str]:
    """(text, why it ended) of one choice."""
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise ModelError("malformed", f"{where} answered with a choice that holds no message")
    return _text(message.get("content")), _finish(choice)


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(p.get("text", "")) for p in content if isinstance(p, dict))
    return str(content or "")


def _finish(choice: Any) -> str:
    return "length" if choice.get("finish_reason") == "length" else "stop"


def _told(event: dict[str, Any]) -> str:
    error = event.get("error", event)
    said = error.get("message", error) if isinstance(error, dict) else error
    return without_keys(" ".join(str(said).split())[:200])


async def _lines(data: AsyncIterator[bytes], where: str) -> AsyncIterator[bytes]:
    pending = b""
    async for part in data:
        *whole, pending = (pending + part).split(b"\n")
        if len(pending) > _LARGEST:
            raise ModelError("malformed", f"{where} streams a line without end")
        for line in whole:
            yield line
    if pending:
        yield pending
