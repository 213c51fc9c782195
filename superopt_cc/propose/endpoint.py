"""A model behind a URL: any server that speaks OpenAI's chat protocol."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import queue
import threading
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any

from superopt_cc.propose.answers import Answer, Request
from superopt_cc.propose.asking import Address, Asking, Tell
from superopt_cc.propose.conversation import ModelError
from superopt_cc.propose.keys import LOOPBACK, key_for
from superopt_cc.settings import url_problem

if TYPE_CHECKING:
    import openai


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """`base` is the address up to `/v1`, `name` the model's name there ("": the first one).

    A `foreign` one was named by a source tree, not by the user: it gets none of his keys.
    """

    base: str
    name: str = ""
    room: int = 32768
    foreign: bool = False

    @property
    def key(self) -> str:
        """What is sent, "" for nothing."""
        return "" if self.foreign else key_for(self.base, os.environ)

    @staticmethod
    def of(url: str, *, foreign: bool = False) -> Endpoint:
        """From the setting `model`: `https://host/v1#name`.  Raises ValueError."""
        problem = url_problem(url)
        if problem:
            raise ValueError(problem)
        address, _, name = url.partition("#")
        path = urllib.parse.urlsplit(address).path.rstrip("/")
        base = address.rstrip("/") + ("" if path else "/v1")
        return Endpoint(base, urllib.parse.unquote(name), foreign=foreign)

    @property
    def where(self) -> str:
        return f"{self.base}#{self.name}" if self.name else self.base

    @property
    def stamp(self) -> str:
        return self.where

    def ask(self, request: Request, deadline: float) -> Generator[Answer, None, None]:
        """See `answers.Source`."""

        async def work(client: openai.AsyncOpenAI, tell: Tell) -> None:
            await Asking(self._address, client, request, deadline, tell).run()

        yield from _answers(self, work, deadline)

    def check(self, deadline: float) -> str:
        """ "" when the server has the model, else one line."""
        error = self._failure(deadline, Asking.find_name)
        return "" if error is None else str(error)

    def absence(self, seconds: float) -> ModelError | None:
        """Why nobody there can answer, "timeout" if nothing came in time; no model is asked."""
        with contextlib.suppress(ImportError):
            import openai  # noqa: F401  # that takes a while of its own
        return self._failure(time.monotonic() + seconds, Asking.knock)

    @property
    def _address(self) -> Address:
        return Address(self.base, self.name, self.foreign)

    def _failure(
        self, deadline: float, ask: Callable[[Asking], Awaitable[None]]
    ) -> ModelError | None:
        async def work(client: openai.AsyncOpenAI, tell: Tell) -> None:
            nothing = Request("", "", (), 1, 1)
            await ask(Asking(self._address, client, nothing, deadline, tell))

        try:
            for _ in _answers(self, work, deadline):
                pass
        except ModelError as error:
            return error
        return None


def _answers(
    endpoint: Endpoint,
    work: Callable[[openai.AsyncOpenAI, Tell], Any],
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
            api_key=endpoint.key or "none",
            max_retries=0,
            # No proxy stands before the own machine.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=host not in LOOPBACK),
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
            told.put(ModelError("server", " ".join(str(error).split())[:200]))
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
