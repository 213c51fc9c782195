"""The language model in a process of its own: a native library may crash, hang or be killed.

    llm_child.py                       one request from stdin
    llm_child.py serve SOCKET SECONDS  requests from a socket, until idle for so long

A request is one JSON object on one line, JSON lines answer it:

    in   {"model": PATH, "system": TEXT, "prompt": TEXT, "seeds": [N...], "max_tokens": N,
          "context": N, "temperature": X, "threads": N}
         and where wanted "opening": what an answer begins with if the model has no chat form;
         "lead": N, for so many tokens the first answer is made alone;
         "stop": [TEXT...], which end an answer before them; "one_block": true, its first closed
         fence does; "target": TEXT, an answer that repeats it ends; "grammar": GBNF that
         confines answers; "deadline": N, on the system's monotonic clock
    out  {"event": "ready", "sha256": HEX, "pid": N}
         {"event": "answer", "index": N, "seed": N, "text": TEXT, "tokens": N,
          "finish": "stop" | "length" | "copy"}        each when it ends
         {"event": "done"}  or  {"event": "error", "message": TEXT,
                                 "kind": "import" | "model" | "context" | "timeout"}

Whatever the library prints goes to stderr.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import hashlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from superopt_cc.propose.engine import Engine

_PR_SET_PDEATHSIG = 1

Say = Callable[[Mapping[str, Any]], None]


class _Hash(threading.Thread):
    """The model file's sha256, made while the library loads the same pages."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.hex = ""

    def run(self) -> None:
        with open(self.path, "rb") as file:
            self.hex = hashlib.file_digest(file, "sha256").hexdigest()


class Loaded:
    """A model, or the error event that tells why there is none."""

    def __init__(self, path: str) -> None:
        self.failure: Mapping[str, Any] | None = None
        self._engine: Engine | None = None
        self._digest = _Hash(path)
        try:
            from superopt_cc.propose.engine import Engine
        except Exception as error:  # a broken native library raises anything
            self.failure = _failure("import", error)
            return
        try:
            self._digest.start()
            self._engine = Engine(path)
        except Exception as error:  # so does a bad file
            self.failure = _failure("model", error)
        finally:
            self._digest.join()

    def answer(self, request: Mapping[str, Any], say: Say, cancelled: Callable[[], bool]) -> None:
        """Answer one request to its end."""
        if self._engine is None:
            assert self.failure is not None
            say(self.failure)
            return
        from superopt_cc.propose.engine import Question

        say({"event": "ready", "sha256": self._digest.hex, "pid": os.getpid()})
        try:
            answers = self._engine.answers(Question.of(request), cancelled)
            with contextlib.closing(answers):
                for ended in answers:
                    say({"event": "answer", **dataclasses.asdict(ended)})
        except OSError:
            raise  # nobody listens any more
        except Exception as error:
            say(_failure("model", error))
            return
        say({"event": "done"})


def _failure(kind: str, error: BaseException) -> Mapping[str, Any]:
    line = " ".join(str(error).split())[:300] or type(error).__name__
    return {"event": "error", "kind": getattr(error, "kind", kind), "message": line}


def _one_request() -> None:
    # A killed parent must not leave a model computing behind.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(event: Mapping[str, Any]) -> None:
        out.write(json.dumps(event) + "\n")
        out.flush()

    request = json.loads(sys.stdin.read())
    Loaded(request["model"]).answer(request, say, bool)


def main(words: list[str]) -> int:
    """The exit status is 0 when a request was answered or its error told."""
    if not words:
        _one_request()
        return 0
    from superopt_cc.propose.model_server import serve

    return serve(words[1], float(words[2]), Loaded)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
