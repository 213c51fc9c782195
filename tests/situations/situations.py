"""A situation: a shell script run with gcc and with superopt-cc in two equal folders.

The scripts stand in tables/*.txt, `= name` before each, and run in a copy of sources/.  Behind
`== name` Python looks at every unit too.  The scripts see:

CC, CXX   gcc and g++, or superopt-cc and superopt-c++
MASQ      a folder to put first in PATH: empty, or with our masquerade
LAUNCH    what to write before a compiler: `env`, or superopt-cc
V, M      gcc's version and machine, as they stand in names of compilers
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
WRAPPERS = HERE.parents[1] / "wrappers"
OURS = Path(sys.prefix) / "bin"

_SECONDS = "240"


@dataclasses.dataclass(frozen=True)
class Left:
    """What a script left behind; `files` by relative path: kind, mode, and contents or target."""

    status: int
    stdout: bytes
    stderr: bytes
    files: Mapping[str, tuple[str, str, bytes]]


@dataclasses.dataclass(frozen=True)
class Place:
    """Folders of one test: both sides work in `folder`, since objects may hold its name."""

    folder: Path
    home: Path
    scratch: Path
    masquerade: Path
    nothing: Path

    @classmethod
    def make(cls, root: Path, masquerade: Path) -> Place:
        names = ("work", "home", "tmp", "nothing")
        work, home, scratch, nothing = (root / name for name in names)
        for path in (home, scratch, nothing):
            path.mkdir()
        return cls(work, home, scratch, masquerade, nothing)

    def gcc(self, script: str) -> Left:
        gcc, gxx = shutil.which("gcc"), shutil.which("g++")
        assert gcc
        assert gxx
        tools = {"CC": gcc, "CXX": gxx, "MASQ": str(self.nothing), "LAUNCH": "env"}
        return self._run(script, tools)

    def ours(self, script: str, **settings: str) -> Left:
        tools = {
            "CC": str(OURS / "superopt-cc"),
            "CXX": str(OURS / "superopt-c++"),
            "MASQ": str(self.masquerade),
            "LAUNCH": str(OURS / "superopt-cc"),
        }
        chosen = {f"SUPEROPT_{name.upper()}": value for name, value in settings.items()}
        return self._run(script, {**tools, **chosen})

    def _run(self, script: str, environ: Mapping[str, str]) -> Left:
        if self.folder.exists():
            _remove(self.folder)
        shutil.copytree(HERE / "sources", self.folder)
        done = subprocess.run(
            ["timeout", "-k", "5", _SECONDS, "sh", "-c", script],  # ends what it started, too
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "PWD": str(self.folder),
                "HOME": str(self.home),
                "TMPDIR": str(self.scratch),
                "LC_ALL": "C",
                **_gccs_names(),
                **environ,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        left = [path.name for path in self.scratch.iterdir()]
        assert left == [], f"left in TMPDIR: {left}"
        out, err = self._plain(done.stdout), self._plain(done.stderr)
        return Left(done.returncode, out, err, self._files())

    def _plain(self, text: bytes) -> bytes:
        """Temporary names are random."""
        scratch = re.escape(os.fsencode(self.scratch))
        return re.sub(rb"(" + scratch + rb"/cc)\w{6}", rb"\1XXXXXX", text)

    def _files(self) -> dict[str, tuple[str, str, bytes]]:
        found: dict[str, tuple[str, str, bytes]] = {}
        for top, folders, names in os.walk(os.fsencode(self.folder)):
            for name in (*folders, *names):
                path = Path(os.fsdecode(os.path.join(top, name)))
                found[str(path.relative_to(self.folder))] = self._file(path)
        return found

    @staticmethod
    def _compiler(text: bytes) -> bytes:
        """What a script says about the compiler that it calls."""
        for ours, gccs in (("superopt-cc", "gcc"), ("superopt-c++", "g++")):
            path = shutil.which(gccs) or ""
            text = text.replace(os.fsencode(OURS / ours), os.fsencode(path))
        return text

    def _file(self, path: Path) -> tuple[str, str, bytes]:
        mode = path.lstat().st_mode
        rights = oct(stat.S_IMODE(mode))
        if stat.S_ISLNK(mode):
            return "link", rights, self._compiler(os.fsencode(os.readlink(path)))
        if stat.S_ISREG(mode):
            data = self._plain(path.read_bytes())
            return "file", rights, self._compiler(data) if data[:2] == b"#!" else data
        return ("folder" if stat.S_ISDIR(mode) else "special"), rights, b""


@functools.cache
def _gccs_names() -> Mapping[str, str]:
    asked = {"V": "-dumpversion", "M": "-dumpmachine"}
    return {
        name: subprocess.run(["gcc", word], stdout=subprocess.PIPE, text=True).stdout.strip()
        for name, word in asked.items()
    }


def _remove(folder: Path) -> None:
    for top, _, _ in os.walk(folder):
        os.chmod(top, 0o755)
    shutil.rmtree(folder)


@dataclasses.dataclass(frozen=True)
class Situation:
    """One script; `looked_at`: Python is to see what it compiles."""

    script: str
    looked_at: bool

    def require(self) -> None:
        """Skip the test where a program is not installed."""
        if "ccache" in self.script and not shutil.which("ccache"):
            pytest.skip("ccache is not installed")


def table(name: str) -> dict[str, Situation]:
    """The situations of one table by name."""
    text = (HERE / "tables" / f"{name}.txt").read_text()
    found: dict[str, Situation] = {}
    for sign, title, script in re.findall(r"^(==?) (.+)\n((?:(?!==? ).*\n)+)", text, re.MULTILINE):
        assert title not in found, title
        found[title] = Situation(script.strip(), sign == "==")
    return found


def last_builds(cache: Path) -> Any:
    """What `superopt status` tells of the builds with this store."""
    told = subprocess.run(
        [OURS / "superopt", "status", "--json"],
        env={**os.environ, "SUPEROPT_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(told.stdout)["builds"]


def differences(expected: Left, got: Left) -> list[str]:
    """One line for each thing that is not the same."""
    found = [
        f"{name}: {getattr(expected, name)!r} became {getattr(got, name)!r}"
        for name in ("status", "stdout", "stderr")
        if getattr(expected, name) != getattr(got, name)
    ]
    for path in sorted({*expected.files, *got.files}):
        there, here = expected.files.get(path), got.files.get(path)
        if there != here:
            found.append(f"{path!r}: {_brief(there)} became {_brief(here)}")
    return found


def _brief(file: tuple[str, str, bytes] | None) -> str:
    if file is None:
        return "no file"
    kind, mode, data = file
    return f"{kind} {mode} of {len(data)} bytes {data[:200]!r}"
