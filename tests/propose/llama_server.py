"""llama.cpp's own HTTP server on loopback, in a process of its own (the package `xllamacpp`).

As a program, `llama_server.py MODEL SLOTS KEY`, it prints its address and serves until its input
ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class LlamaServer:
    """A running server; `kill` is `kill -9`."""

    url: str
    process: subprocess.Popen[str]

    def busy(self) -> int:
        """How many answers it is writing."""
        with urllib.request.urlopen(f"{self.url}/slots", timeout=10) as reply:
            return sum(slot["is_processing"] for slot in json.load(reply))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def llama_server(model: Path, slots: int = 4, key: str = "") -> Iterator[LlamaServer]:
    """A server that answers from `model`, at most `slots` requests at a time."""
    words = [sys.executable, __file__, str(model), str(slots), key]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), url
            yield LlamaServer(url, process)
        finally:
            process.kill()


def main(model: str, slots: int, key: str) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {Path(model).stem}
    params.port = 0  # a free one
    params.n_parallel = slots
    params.n_ctx = slots * 4096
    params.cpuparams.n_threads = 1
    params.api_keys = [key] if key else []
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
