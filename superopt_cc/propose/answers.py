"""Who answers a prompt: one protocol for a model on this machine and for a server."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Protocol

from superopt_cc.propose.conversation import ModelError, converse
from superopt_cc.propose.effort import model_stamp


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """One prompt, to be answered once for each seed.

    `context` is the room in tokens for prompt and answer, `opening` what an answer would begin
    with if the model has no chat form of its own.  An answer that repeats `target` may be ended.
    A `grammar` (GBNF) confines the answers of those who know of grammars.  The first answer may run
    ahead of the others for `lead` tokens: it comes much sooner, all of them a little later.
    """

    system: str
    question: str
    seeds: tuple[int, ...]
    max_tokens: int
    context: int
    temperature: float = 0.7
    opening: str = "```c\n"
    target: str = ""
    grammar: str = ""
    lead: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """One sample.

    `seed` is what was sent; `finish` "length" means that it was cut off, "copy" that it was ended
    because it repeated the target; `model` says which model it was: a file's sha256, or a server's
    URL and the model's name there.  `text` can be written as UTF-8, whatever was sent.
    """

    index: int
    seed: int
    text: str
    finish: str
    model: str

    def __post_init__(self) -> None:
        text = self.text.encode("utf-8", "replace").decode()
        object.__setattr__(self, "text", text.replace("\0", "\ufffd"))


class Source(Protocol):
    """Answers requests.

    `ask` yields answers as they come, by any order of their indices, and then raises ModelError
    if some failed.  `deadline` is on `time.monotonic()`.  Closing the iterator ends all that was
    begun.  `where` names the model for people, without secrets; `stamp` changes when another model
    may answer (what it really is, its answers say); `room` is how many tokens of prompt and answer
    are worth trying.
    """

    @property
    def where(self) -> str: ...

    @property
    def stamp(self) -> str: ...

    @property
    def room(self) -> int: ...

    def ask(self, request: Request, deadline: float) -> Generator[Answer, None, None]: ...


@dataclasses.dataclass(frozen=True, slots=True)
class LocalModel:
    """A GGUF file, evaluated by the child process `child`.

    `threads` 0 means one for each processor, at most four.
    """

    path: str
    child: Sequence[str]
    room: int = 8192
    threads: int = 0

    @property
    def where(self) -> str:
        return os.path.basename(self.path)

    @property
    def stamp(self) -> str:
        return model_stamp(self.path)

    def ask(self, request: Request, deadline: float) -> Generator[Answer, None, None]:
        """See `Source`."""
        message = {
            "model": self.path,
            "system": request.system,
            "prompt": request.question,
            "seeds": list(request.seeds),
            "max_tokens": request.max_tokens,
            "context": request.context,
            "temperature": request.temperature,
            "threads": self.threads or max(1, min(4, len(os.sched_getaffinity(0)))),
            "opening": request.opening,
            "target": request.target,
            "grammar": request.grammar,
            "lead": request.lead,
            "one_block": True,
        }
        digest = ""
        with contextlib.closing(converse(self.child, message, deadline)) as events:
            for event in events:
                if event["event"] == "ready":
                    digest = str(event.get("sha256"))
                elif event["event"] == "answer":
                    yield _answer(event, digest)


def _answer(event: Mapping[str, Any], model: str) -> Answer:
    try:
        return Answer(
            int(event["index"]), int(event["seed"]), str(event["text"]), str(event["finish"]), model
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError("model", "the model's process wrote nonsense") from error
