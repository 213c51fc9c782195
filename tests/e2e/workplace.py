"""A folder where programs are built by gcc and by the installed superopt-cc, side by side."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.prefix) / "bin"

COUNT_LOOP = "unsigned n = 0; while (x) { n += x & 1; x >>= 1; }"


def program(name: str) -> str:
    """An installed program of ours."""
    path = BIN / name
    if not path.exists():
        pytest.skip(f"{name} is not installed")
    return str(path)


@dataclasses.dataclass(frozen=True)
class Installation:
    """A prefix with our programs, whose native helpers a test may damage."""

    prefix: Path

    @property
    def cc(self) -> str:
        return str(self.prefix / "bin" / "superopt-cc")

    @property
    def superopt(self) -> tuple[str, ...]:
        return str(self.prefix / "bin" / "python"), "-m", "superopt_cc.cli.main"

    def helper(self, name: str) -> Path:
        return self.prefix / "libexec" / "superopt-cc" / name


@dataclasses.dataclass(frozen=True)
class Workplace:
    """`environ` selects everything and takes every verified rewrite, within `cache`."""

    folder: Path
    cache: Path
    environ: dict[str, str]

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(
        self, *args: str, timeout: float = 300, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            args,
            cwd=self.folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def well(self, *args: str, timeout: float = 300, **environ: str) -> str:
        """The output of a command that must succeed and not complain."""
        done = self.run(*args, timeout=timeout, **environ)
        assert (done.returncode, done.stderr) == (0, ""), (args, done.stdout, done.stderr)
        return done.stdout

    def cc(self, *args: str, **environ: str) -> None:
        """Compile with superopt-cc, which must be as silent as gcc."""
        assert self.well(program("superopt-cc"), *args, **environ) == ""

    def cxx(self, *args: str, **environ: str) -> None:
        assert self.well(program("superopt-c++"), *args, **environ) == ""

    def gcc(self, *args: str) -> None:
        self.well("gcc", *args)

    def ask(self, *args: str) -> Any:
        """A command's JSON."""
        return json.loads(self.well(program("superopt"), *args, "--json"))

    def refused(self, *args: str, **environ: str) -> str:
        """The one line of a `superopt` command that could not do its work."""
        done = self.run(program("superopt"), *args, **environ)
        assert (done.returncode, done.stdout) == (2, ""), (done.stdout, done.stderr)
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    def replaced(self, name: str) -> set[str]:
        """Names of the functions of a binary that are ours."""
        found = self.ask("inspect", name)["functions"]
        return {function["name"] for function in found}

    def last_build(self) -> Any:
        return self.ask("status")["builds"][-1]

    def bytes(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def gccs_object(self, name: str, *args: str) -> bool:
        """Is `name` byte for byte the object that gcc makes of `args`?"""
        ours = self.bytes(name)
        self.gcc(*args, "-c", "-o", name)
        return self.bytes(name) == ours


def environment(cache: Path, **settings: str) -> dict[str, str]:
    """The environment of the tests with these settings of ours and no others."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SUPEROPT_")}
    chosen = {"cache_dir": str(cache), **settings}
    return kept | {f"SUPEROPT_{name.upper()}": value for name, value in chosen.items()}
