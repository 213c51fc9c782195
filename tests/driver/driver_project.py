"""A folder with sources that are built through the installed front door."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

POPCOUNT = "int popcount(unsigned x) { int n = 0; while (x) { n += x & 1; x >>= 1; } return n; }\n"
MAIN = (
    "#include <stdio.h>\nint popcount(unsigned);\n"
    'int main(void) { for (unsigned i = 0; i < 99; i++) printf("%d\\n", popcount(i * 2654435761u));'
    " return 0; }\n"
)


@dataclasses.dataclass(frozen=True)
class Project:
    """A folder with sources, and an environment for compiling and asking in it."""

    folder: Path
    cache: Path
    environ: dict[str, str]

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def compile(self, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run superopt-cc; it must succeed and say nothing."""
        done = self.run(front_door(), *args, **environ)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return done

    def gcc(self, *args: str) -> None:
        done = self.run("gcc", *args)
        assert done.returncode == 0, done.stderr

    def superopt(self, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "superopt_cc.cli.main", *args, **environ)

    def ask(self, *args: str) -> Any:
        """A command's JSON."""
        done = self.superopt(*args)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def run(self, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            args,
            cwd=self.folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=300,
        )

    def replaced(self, name: str) -> list[str]:
        """Names of the functions of an object that are ours."""
        found = self.ask("inspect", name, "--json")["functions"]
        return [function["name"] for function in found]

    def reasons(self) -> dict[str, int]:
        """The reasons counted in the last build."""
        found: dict[str, int] = self.ask("status", "--json")["builds"][-1]["reasons"]
        return found

    def same_as_gcc(self, *args: str) -> bool:
        """Is `x.o` byte for byte what gcc makes of these arguments?"""
        ours = (self.folder / "x.o").read_bytes()
        self.gcc(*args, "-c", "-o", "x.o")
        return (self.folder / "x.o").read_bytes() == ours


def front_door() -> str:
    path = Path(sys.prefix) / "bin" / "superopt-cc"
    if not path.exists():
        pytest.skip("superopt-cc is not installed")
    return str(path)
