"""One request to a server while it is under way: streamed, repeated, in a form that is taken."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from superopt_cc.propose.answers import Answer, Request
from superopt_cc.propose.conversation import ModelError
from superopt_cc.propose.keys import KEYS, without_keys
from superopt_cc.propose.replies import TOO_LONG, Lost, read_choices, read_json

if TYPE_CHECKING:
    import openai

Tell = Callable[[Answer | ModelError], None]

_AT_ONCE = 4  # requests under way, where a server makes one answer a request
_TRIES = 6
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0
_CONNECT = 10.0  # seconds
_NOBODY = "cannot be reached (no answer in time)"
_STREAM = "text/event-stream"
# What a server may refuse by name, and what it is asked without it.
_OPTIONAL = ("stream", "n", "seed", "temperature", "max_tokens", "grammar")

_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """`base` is the address up to `/v1`, `name` the model's name there ("": the first one).

    A `foreign` one was named by a source tree, not by the user.
    """

    base: str
    name: str
    foreign: bool


class Asking:
    """Answers are told when they end.

    Streams are asked for, because a server then notices at once that nobody listens any more;
    one that cannot stream, or make several answers of one request, is asked without.
    """

    def __init__(
        self, address: Address, client: openai.AsyncOpenAI, request: Request, deadline: float,
        tell: Tell,
    ) -> None:  # fmt: skip
        self._address = address
        self._client = client
        self._request = request
        self._deadline = deadline
        self._tell = tell
        self._name = address.name
        self._without: set[str] = set()
        self._answered: set[int] = set()
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """All answers in one reply if the server makes them, else a request for each."""
        await self.find_name()
        everything = range(len(self._request.seeds))
        await self._ask(everything)
        left = [index for index in everything if index not in self._answered]
        results = await asyncio.gather(*(self._ask([i]) for i in left), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def find_name(self) -> None:
        """The first model that the server lists, where the user names none."""
        if self._name:
            return
        body = await self._patiently(self._list)
        try:
            self._name = str(body["data"][0]["id"])
        except (KeyError, IndexError, TypeError) as error:
            raise ModelError("malformed", f"{self._where} lists no model") from error

    async def knock(self) -> None:
        """Raise ModelError unless somebody is there who may answer; "timeout" is nobody in time."""
        import openai

        try:
            await self._list()
        except openai.APIStatusError as error:
            if error.status_code in (401, 403) or error.status_code >= 500:
                raise _refusal(error, self._address) from error
        except openai.APITimeoutError as error:
            raise ModelError("timeout", f"{self._where}: {_NOBODY}") from error
        except (openai.APIConnectionError, Lost) as error:
            raise ModelError("down", f"{self._where}: {_cause(error)}") from error
        except ModelError as error:
            if error.kind == "timeout":
                raise

    @property
    def _where(self) -> str:
        return self._address.base

    async def _list(self) -> Any:
        listing = self._client.models.with_streaming_response
        async with listing.list(timeout=self._timeout()) as reply:
            return await self._read(read_json(reply.iter_bytes(), self._where))

    async def _ask(self, indices: Sequence[int]) -> None:
        """Tell answers to these indices, some or all."""
        async with self._gate:
            await self._patiently(lambda: self._exchange(indices))

    async def _exchange(self, indices: Sequence[int]) -> None:
        """One request; what a lost connection brought is not asked for again."""
        wanted = [index for index in indices if index not in self._answered]
        seed, model = self._request.seeds[wanted[0]], f"{self._where}#{self._name}"

        def take(number: int, text: str, finish: str) -> None:
            index = wanted[number]
            self._answered.add(index)
            self._tell(Answer(index, seed, text, finish, model))

        completions = self._client.chat.completions.with_streaming_response
        async with completions.create(**self._words(seed, len(wanted))) as reply:
            streamed = reply.headers.get("content-type", "").lower().startswith(_STREAM)
            choices = read_choices(
                reply.iter_bytes(), streamed=streamed, where=self._where, take=take,
                most=len(wanted),
            )  # fmt: skip
            if not await self._read(choices):
                raise ModelError("empty", f"{self._where} answered with no choices")

    async def _read(self, reading: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(max(0.05, self._deadline - time.monotonic())):
                return await reading
        except TimeoutError as error:
            raise ModelError("timeout", f"{self._where}: no answer in time") from error
        except (ModelError, Lost):
            raise
        except Exception as error:  # of either httpx: in the middle of a reply they come bare
            if type(error).__name__.endswith("Timeout"):
                raise ModelError("timeout", f"{self._where}: no answer in time") from error
            raise Lost(_one_line(error)) from error

    def _words(self, seed: int, count: int) -> dict[str, Any]:
        request = self._request
        optional: dict[str, Any] = {
            "stream": True,
            "n": count,
            "seed": seed,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
        }
        words = {k: v for k, v in optional.items() if k not in self._without}
        if "max_tokens" in self._without:
            words["max_completion_tokens"] = request.max_tokens
        if count == 1:
            words.pop("n", None)
        if request.grammar and "grammar" not in self._without:
            words["extra_body"] = {"grammar": request.grammar}  # llama-server's own
        messages = [
            {"role": "system", "content": request.system},
            {"role": "user", "content": request.question},
        ]
        return {"model": self._name, "messages": messages, "timeout": self._timeout(), **words}

    def _timeout(self) -> Any:
        import openai

        left = max(0.05, self._deadline - time.monotonic())
        return openai.Timeout(left, connect=min(left / 2, _CONNECT))

    async def _patiently(self, send: Callable[[], Awaitable[_T]]) -> _T:
        """What `send` brings; a busy or failing server is asked again within the deadline."""
        import openai

        wait = _FIRST_WAIT
        for left in reversed(range(_TRIES)):
            try:
                return await send()
            except openai.APITimeoutError as error:
                raise self._late(error) from error
            except (openai.APIConnectionError, Lost) as error:
                problem, pause = ModelError("down", f"{self._where}: {_cause(error)}"), wait
                nobody = type(error.__cause__).__name__ == "ConnectError"  # of either httpx
                if nobody or wait > _FIRST_WAIT:
                    left = 0  # a connection that was lost is tried once more
            except openai.APIStatusError as error:
                problem = _refusal(error, self._address)
                pause = _wished(error, wait)
                able = error.status_code in (400, 422) and problem.kind != "context"
                if able and self._do_without(error):
                    continue
                if error.status_code not in (408, 409, 429) and error.status_code < 500:
                    raise problem from error
            if not left or time.monotonic() + pause >= self._deadline:
                raise problem
            await asyncio.sleep(pause * random.uniform(1.0, 1.2))
            wait = min(2 * wait, _LONGEST_WAIT)
        raise ModelError("server", f"{self._where}: refuses every form of the request")

    def _late(self, error: openai.APITimeoutError) -> ModelError:
        if type(error.__cause__).__name__ == "ConnectTimeout":
            return ModelError("down", f"{self._where}: {_NOBODY}")
        return ModelError("timeout", f"{self._where}: no answer in time")

    def _do_without(self, error: openai.APIStatusError) -> bool:
        """Does the server name an option that it does not know?  It is left out from now on."""
        said = _said(error).lower()
        named = [o for o in _OPTIONAL if o not in self._without and _mentions(said, o)]
        if not named:  # whatever it says: one whole answer at a time is what everybody can do
            many = len(self._request.seeds) > 1
            named = [o for o in ("n", "stream") if o not in self._without and (many or o != "n")]
        self._without.update(named[:1])
        return bool(named)


def _refusal(error: openai.APIStatusError, address: Address) -> ModelError:
    status, where = error.status_code, address.base
    if status in (401, 403):
        what = f"set {KEYS[0]} in the environment"
        if address.foreign:
            what = "no key goes where only superopt.toml points; set SUPEROPT_MODEL to send yours"
        return ModelError("unauthorized", f"{where}: {status}, no access; {what}")
    if status == 429:
        return ModelError("busy", f"{where}: 429, too many requests")
    if status == 404:
        return ModelError("refused", f"{where}: 404, no such address or model")
    if status >= 500:
        return ModelError("server", f"{where}: the server failed with status {status}")
    if status in (400, 413, 422) and TOO_LONG.search(_said(error).lower()):
        return ModelError("context", f"{where}: {_said(error)}")
    return ModelError("refused", f"{where}: {status}: {_said(error)}")


def _said(error: openai.APIStatusError) -> str:
    return without_keys(_one_line(error))


def _mentions(said: str, option: str) -> bool:
    return re.search(rf"(?<!\w){option}(ing|ed)?(?!\w)", said) is not None


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
