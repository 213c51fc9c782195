"""A folder with a small program that `make CC=superopt-cc` builds, settings in its environment."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COUNT = """\
%s
int count(unsigned x)
{
    int n = 0;
    while (x) { n += x & 1; x >>= 1; }
    return n;
}
"""
MAIN = """\
#include <stdio.h>
int count(unsigned);
int main(void)
{
    for (unsigned i = 0; i < 99; i++) printf("%d\\n", count(i * 2654435761u));
    return 0;
}
"""
MAKEFILE = "program: count.o main.o\n\t$(CC) -o $@ $^\n"
PRINTED = [str((i * 2654435761 % 2**32).bit_count()) for i in range(99)]


@dataclasses.dataclass(frozen=True)
class Place:
    """`environ` holds no model."""

    folder: Path
    environ: dict[str, str]

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=self.folder, env={**self.environ, **environ}, capture_output=True,
            text=True, timeout=300,
        )  # fmt: skip

    def superopt(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "superopt_cc.cli.main", *words, **environ)

    def ask(self, *words: str, **environ: str) -> Any:
        done = self.superopt(*words, "--json", **environ)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def make(self, model: str | Path, **environ: str) -> None:
        """Build without a word on stderr."""
        done = self.run("make", SUPEROPT_MODEL=str(model), **environ)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr

    def reasons(self) -> dict[str, int]:
        """Those that `superopt status` counted in the last build."""
        found: dict[str, int] = self.ask("status")["builds"][-1]["reasons"]
        return found


def make_place(tmp_path: Path, sockets: Path) -> Place:
    """`sockets` has a short name, as the system demands, and is not there yet."""
    door = Path(sys.prefix) / "bin" / "superopt-cc"
    if not door.exists():
        pytest.skip("superopt-cc is not installed")
    folder = tmp_path / "work"
    folder.mkdir()
    for name, text in (("count.c", COUNT % "#pragma superopt"), ("main.c", MAIN),
                       ("Makefile", MAKEFILE)):  # fmt: skip
        (folder / name).write_text(text)
    environ = {
        **{name: text for name, text in os.environ.items() if not name.startswith("SUPEROPT_")},
        "XDG_RUNTIME_DIR": str(sockets),
        "CC": str(door),
        "CFLAGS": "-O3 -Wall -Werror",
        "SUPEROPT_CACHE_DIR": str(tmp_path / "cache"),
        "SUPEROPT_ACCEPT": "verified",
        "SUPEROPT_PROPOSERS": "llm",
        "SUPEROPT_SURFACE": "c",
        "SUPEROPT_BUDGET": "60",
        "SUPEROPT_MODEL_BUDGET": "60",
        "SUPEROPT_API_KEY": "sk-secret",
    }
    return Place(folder, environ)
