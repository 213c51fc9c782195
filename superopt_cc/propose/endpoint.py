"""A model behind a URL: any server that speaks OpenAI's chat protocol.

The key comes from the environment and goes into requests only: it is no part of any value that is
kept, logged or shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import queue
import random
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from superopt_cc.propose.answers import Answer, Request
from superopt_cc.propose.conversation import ModelError
from superopt_cc.settings import url_problem

if TYPE_CHECKING:
    import openai

KEYS = ("SUPEROPT_API_KEY", "OPENAI_API_KEY")

_AT_ONCE = 4  # requests under way, where a server makes one answer a request
_TRIES = 6
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0
_CONNECT = 10.0  # seconds
_LARGEST = 4 << 20  # bytes of one reply
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# What a server may refuse by name, and what it is asked without it.
_OPTIONAL = ("n", "seed", "temperature", "max_tokens")

_Tell = Callable[[Answer | ModelError], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """`base` is the address up to `/v1`, `name` the model's name there ("": the first one)."""

    base: str
    name: str = ""
    room: int = 32768

    @staticmethod
    def of(url: str) -> Endpoint:
        """From the setting `model`: `https://host/v1#name`.  Raises ValueError."""
        problem = url_problem(url)
        if problem:
            raise ValueError(problem)
        address, _, name = url.partition("#")
        path = urllib.parse.urlsplit(address).path.rstrip("/")
        return Endpoint(address.rstrip("/") + ("" if path else "/v1"), urllib.parse.unquote(name))

    @property
    def where(self) -> str:
        return f"{self.base}#{self.name}" if self.name else self.base

    @property
    def stamp(self) -> str:
        return self.where

    def ask(self, request: Request, deadline: float) -> Generator[Answer, None, None]:
        """See `answers.Source`."""

        async def work(client: openai.AsyncOpenAI, tell: _Tell) -> None:
            await _Asking(self, client, request, deadline, tell).run()

        yield from _answers(self, work, deadline)

    def check(self, deadline: float) -> str:
        """ "" when the server has the model, else one line."""

        async def work(client: openai.AsyncOpenAI, tell: _Tell) -> None:
            asking = _Asking(self, client, Request("", "", (), 1, 1), deadline, tell)
            await asking.find_name()

        try:
            for _ in _answers(self, work, deadline):
                pass
        except ModelError as error:
            return str(error)
        return ""


def key_for(base: str, environ: Mapping[str, str]) -> str:
    """The key to send to an address, "" for none.

    OpenAI's own key goes only where it belongs or where the user's own machine answers: the
    address may come from a file in somebody else's source tree.
    """
    if environ.get(KEYS[0]):
        return environ[KEYS[0]]
    host = urllib.parse.urlsplit(base).hostname or ""
    usual = urllib.parse.urlsplit(environ.get("OPENAI_BASE_URL", "")).hostname
    own = host in _LOOPBACK or host == usual or host == "openai.com" or host.endswith(".openai.com")
    return environ.get(KEYS[1], "") if own else ""


def _answers(
    endpoint: Endpoint,
    work: Callable[[openai.AsyncOpenAI, _Tell], Any],
    deadline: float,
) -> Generator[Answer, None, None]:
    """Run `work` beside us; what it tells comes out here, and its last error at the end.

    A thread of its own, because answers arrive while earlier ones are being verified.
    """
    try:
        import openai
    except ImportError as error:
        raise ModelError("import", f"openai: {error}") from error
    told: queue.SimpleQueue[Answer | ModelError | None] = queue.SimpleQueue()
    loop = asyncio.new_event_loop()

    async def whole() -> None:
        host = urllib.parse.urlsplit(endpoint.base).hostname
        async with openai.AsyncOpenAI(
            base_url=endpoint.base,
            api_key=key_for(endpoint.base, os.environ) or "none",
            max_retries=0,
            # No proxy stands before the own machine.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=host not in _LOOPBACK),
        ) as client:
            await work(client, told.put)

    def run() -> None:
        try:
            loop.run_until_complete(task)
        except ModelError as error:
            told.put(error)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # a foreign library
            told.put(ModelError("server", _one_line(error)))
        finally:
            told.put(None)
            loop.close()

    task = loop.create_task(whole())
    thread = threading.Thread(target=run, name="superopt-endpoint", daemon=True)
    thread.start()
    failure: ModelError | None = None
    try:
        while True:
            try:
                event = told.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise ModelError("timeout", "the model's budget is spent") from None
            if event is None:
                break
            if isinstance(event, ModelError):
                failure = failure or event
            else:
                yield event
    finally:
        with contextlib.suppress(RuntimeError):  # closed already
            loop.call_soon_threadsafe(task.cancel)
        thread.join(2.0)
    if failure is not None:
        raise failure


class _Asking:
    """One request, while it is under way."""

    def __init__(
        self, endpoint: Endpoint, client: openai.AsyncOpenAI, request: Request, deadline: float,
        tell: _Tell,
    ) -> None:  # fmt: skip
        self._endpoint = endpoint
        self._client = client
        self._request = request
        self._deadline = deadline
        self._tell = tell
        self._name = endpoint.name
        self._without: set[str] = set()
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """All answers in one reply if the server makes them, else a request for each."""
        await self.find_name()
        seeds = self._request.seeds
        made = await self._ask(0, len(seeds))
        results = await asyncio.gather(
            *(self._ask(index, 1) for index in range(made, len(seeds))), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def find_name(self) -> None:
        """The first model that the server lists, where the user names none."""
        if self._name:
            return
        body = await self._patiently(lambda: self._client.models.with_raw_response.list())
        try:
            self._name = str(body["data"][0]["id"])
        except (KeyError, IndexError, TypeError) as error:
            raise ModelError("malformed", f"{self._where} lists no model") from error

    @property
    def _where(self) -> str:
        return self._endpoint.base

    async def _ask(self, index: int, count: int) -> int:
        """Tell up to `count` answers from `index` on; the result is how many there were."""
        async with self._gate:
            body = await self._patiently(lambda: self._send(index, count))
        choices = body.get("choices") if isinstance(body, dict) else None
        if not isinstance(choices, list):
            raise ModelError("malformed", f"{self._where} answered without `choices`")
        if not choices:
            raise ModelError("empty", f"{self._where} answered with no choices")
        seed, model = self._request.seeds[index], f"{self._where}#{self._name}"
        for number, choice in enumerate(choices[:count]):
            text, finish = _content(choice, self._where)
            self._tell(Answer(index + number, seed, text, finish, model))
        return min(len(choices), count)

    def _send(self, index: int, count: int) -> Any:
        request = self._request
        optional: dict[str, Any] = {
            "n": count,
            "seed": request.seeds[index],
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
        }
        wanted = {k: v for k, v in optional.items() if k not in self._without}
        if "max_tokens" in self._without:
            wanted["max_completion_tokens"] = request.max_tokens
        if count == 1:
            wanted.pop("n", None)
        return self._client.chat.completions.with_raw_response.create(
            model=self._name,
            messages=[
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.question},
            ],
            timeout=self._timeout(),
            **wanted,
        )

    def _timeout(self) -> Any:
        import openai

        left = max(0.05, self._deadline - time.monotonic())
        return openai.Timeout(left, connect=min(left, _CONNECT))

    async def _patiently(self, send: Callable[[], Any]) -> Any:
        """The reply's JSON; a busy or failing server is asked again within the deadline."""
        import openai

        wait = _FIRST_WAIT
        for left in reversed(range(_TRIES)):
            try:
                return _json(await send(), self._where)
            except openai.APITimeoutError as error:
                raise ModelError("timeout", f"{self._where}: no answer in time") from error
            except openai.APIConnectionError as error:
                problem, pause = ModelError("down", f"{self._where}: {_cause(error)}"), wait
                left = min(left, _TRIES - 1 if wait == _FIRST_WAIT else 0)  # once more
            except openai.APIStatusError as error:
                problem = _refusal(error, self._where)
                pause = _wished(error, wait)
                if error.status_code in (400, 422) and self._do_without(error):
                    continue
                if error.status_code not in (408, 409, 429) and error.status_code < 500:
                    raise problem from error
            if not left or time.monotonic() + pause >= self._deadline:
                raise problem
            await asyncio.sleep(pause * random.uniform(1.0, 1.2))
            wait = min(2 * wait, _LONGEST_WAIT)
        raise ModelError("server", f"{self._where}: refuses every form of the request")

    def _do_without(self, error: openai.APIStatusError) -> bool:
        """Does the server name an option that it does not know?  It is left out from now on."""
        said = _said(error).lower()
        named = [o for o in _OPTIONAL if o not in self._without and _mentions(said, o)]
        many = len(self._request.seeds) > 1 and "n" not in self._without
        if not named and many:
            named = ["n"]  # whatever it says: one answer at a time is what everybody can do
        self._without.update(named[:1])
        return bool(named)


def _json(reply: Any, where: str) -> Any:
    data = reply.http_response.content
    try:
        if len(data) > _LARGEST:
            raise ValueError("too long")
        return json.loads(data)
    except ValueError as error:
        raise ModelError("malformed", f"{where} answered with something that is no JSON") from error


def _content(choice: Any, where: str) -> tuple[str, str]:
    """(text, why it ended) of one choice."""
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise ModelError("malformed", f"{where} answered with a choice that holds no message")
    content = message.get("content") or ""
    if isinstance(content, list):
        content = "".join(str(p.get("text", "")) for p in content if isinstance(p, dict))
    return str(content), "length" if choice.get("finish_reason") == "length" else "stop"


def _refusal(error: openai.APIStatusError, where: str) -> ModelError:
    status = error.status_code
    if status in (401, 403):
        return ModelError(
            "unauthorized", f"{where}: {status}, no access; set {KEYS[0]} in the environment"
        )
    if status == 429:
        return ModelError("busy", f"{where}: 429, too many requests")
    if status == 404:
        return ModelError("refused", f"{where}: 404, no such address or model")
    if status >= 500:
        return ModelError("server", f"{where}: the server failed with status {status}")
    return ModelError("refused", f"{where}: {status}: {_said(error)}")


def _said(error: openai.APIStatusError) -> str:
    """The server's own words, with no key in them."""
    line = _one_line(error)
    for name in KEYS:
        value = os.environ.get(name)
        line = line.replace(value, "***") if value else line
    return line


def _mentions(said: str, option: str) -> bool:
    return re.search(rf"(?<!\w){option}(?!\w)", said) is not None


def _wished(error: openai.APIStatusError, wait: float) -> float:
    """How long the server wants to be left alone."""
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return wait


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return f"cannot be reached ({_one_line(error)})"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
