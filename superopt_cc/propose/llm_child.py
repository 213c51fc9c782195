"""The language model in a process of its own: a native library may crash, hang or be killed.

One JSON object on stdin says what to do, JSON lines on the original stdout answer:

    in   {"model": PATH, "system": TEXT, "prompt": TEXT, "seeds": [N...], "max_tokens": N,
          "context": N, "temperature": X, "threads": N}
    out  {"event": "ready", "sha256": HEX}
         {"event": "answer", "index": N, "seed": N, "text": TEXT, "finish": "stop" | "length"}
         {"event": "done"}  or  {"event": "error", "kind": "import" | "model", "message": TEXT}

Whatever the library prints goes to stderr.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any, TextIO

_PR_SET_PDEATHSIG = 1


class _Hash(threading.Thread):
    """The model file's sha256, made while the library loads the same pages."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.hex = ""

    def run(self) -> None:
        with open(self.path, "rb") as file:
            self.hex = hashlib.file_digest(file, "sha256").hexdigest()


def _say(out: TextIO, **event: Any) -> None:
    out.write(json.dumps(event) + "\n")
    out.flush()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _generate(job: Mapping[str, Any], out: TextIO) -> None:
    """Load the model and answer once for each seed."""
    try:
        import llama_cpp
    except Exception as error:  # a broken native library raises anything
        _say(out, event="error", kind="import", message=_one_line(error))
        return

    digest = _Hash(job["model"])
    digest.start()
    model = llama_cpp.Llama(
        model_path=job["model"],
        n_ctx=job["context"],
        n_threads=job["threads"],
        n_threads_batch=job["threads"],
        verbose=False,
    )
    digest.join()
    _say(out, event="ready", sha256=digest.hex)
    for index, seed in enumerate(job["seeds"]):
        text, finish = _answer(model, job, seed)
        _say(out, event="answer", index=index, seed=seed, text=text, finish=finish)
    _say(out, event="done")


def _answer(model: Any, job: Mapping[str, Any], seed: int) -> tuple[str, str]:
    """(text, why it ended); the model's own chat form where its file has one."""
    wanted = {"max_tokens": job["max_tokens"], "temperature": job["temperature"], "seed": seed}
    if "tokenizer.chat_template" in model.metadata:
        messages = [
            {"role": "system", "content": job["system"]},
            {"role": "user", "content": job["prompt"]},
        ]
        choice = model.create_chat_completion(messages=messages, **wanted)["choices"][0]
        return choice["message"]["content"] or "", choice["finish_reason"]
    prompt = f"{job['system']}\n\n{job['prompt']}\n\n```c\n"
    choice = model.create_completion(prompt=prompt, stop=["```"], **wanted)["choices"][0]
    return choice["text"], choice["finish_reason"]


def main() -> int:
    """Run one job; the exit status is 0 when it was answered or its error told."""
    # A killed parent must not leave a model computing behind.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    job = json.loads(sys.stdin.read())
    try:
        _generate(job, out)
    except Exception as error:  # so does a bad file, or a prompt too long
        _say(out, event="error", kind="model", message=_one_line(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
