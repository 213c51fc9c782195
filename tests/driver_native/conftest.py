"""A private installation of the native programs, with a Python side that a test chooses."""

from __future__ import annotations

import dataclasses
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Installation:
    """A prefix with bin/superopt-cc, bin/superopt-c++ and libexec/superopt-cc."""

    prefix: Path

    @property
    def cc(self) -> Path:
        return self.prefix / "bin" / "superopt-cc"

    @property
    def cxx(self) -> Path:
        return self.prefix / "bin" / "superopt-c++"

    @property
    def helpers(self) -> Path:
        return self.prefix / "libexec" / "superopt-cc"

    def python_side(self, program: str) -> None:
        """Let the shim start `program` (Python source) instead of the package's module."""
        side = self.prefix / "bin" / "side"
        start = f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        side.write_text(start + program)
        side.chmod(0o755)
        (self.prefix / "bin" / "superopt").write_text(f"#!{side}\n")


@pytest.fixture(scope="session")
def _built() -> Path:
    subprocess.run([sys.executable, "hatch_build.py"], cwd=ROOT, check=True)
    return ROOT / "build"


@pytest.fixture
def installation(_built: Path, tmp_path: Path) -> Installation:
    """Natives as a wheel would install them, without any Python side."""
    made = Installation(tmp_path / "prefix")
    made.cc.parent.mkdir(parents=True)
    for name in ("superopt-cc", "superopt-c++"):
        shutil.copy2(_built / name, made.cc.parent / name)
    for folder in ("shim", "pragma"):
        shutil.copytree(_built / folder, made.helpers / folder)
    return made


@dataclasses.dataclass(frozen=True)
class Ran:
    """What a command left: status, output, and every file below the folder by relative path."""

    status: int
    stdout: bytes
    stderr: str
    files: Mapping[str, bytes]


Run = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the compilers run; always the same path, because objects with -g hold it."""
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Run:
    """Run `command` in a fresh folder that holds `files`."""

    def run(
        command: list[str | Path],
        files: Mapping[str, str],
        stdin: bytes | Path = b"",
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        shutil.rmtree(folder)
        folder.mkdir()
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C", **(env or {})}
        source = stdin.open("rb") if isinstance(stdin, Path) else None
        done = subprocess.run(
            [str(word) for word in command],
            cwd=folder,
            env=environ,
            capture_output=True,
            check=False,
            timeout=60,
            **({"stdin": source} if source else {"input": stdin}),
        )
        made = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if stat.S_ISREG(path.lstat().st_mode)
        }
        return Ran(done.returncode, done.stdout, done.stderr.decode(errors="replace"), made)

    return run
