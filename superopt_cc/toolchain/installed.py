"""The C compilers that this machine has beside the one that a job was compiled by."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from superopt_cc.errors import ToolchainError
from superopt_cc.toolchain.tools import find_compiler, run

_NAME = re.compile(r"(?:gcc|clang)(?:-\d+(?:\.\d+)*)?")
_VERSION = re.compile(r"^(?:.*\b)?(gcc|clang) version (\d+(?:\.\d+)*).*$", re.MULTILINE)
_TARGET = re.compile(r"^Target: x86_64-", re.MULTILINE)
_PATIENCE = 10.0  # seconds for a question


@dataclasses.dataclass(frozen=True, slots=True)
class Installed:
    """A compiler; `banner` is its own line on its version."""

    path: Path
    family: str
    version: tuple[int, ...]
    banner: str

    @property
    def is_clang(self) -> bool:
        return self.family == "clang"


def others_than(compiler: Path, most: int = 2) -> tuple[Installed, ...]:
    """The newest clang, then at most `most` other versions of gcc, newest first."""
    return _others(compiler, os.environ.get("PATH", ""), most)


def clang() -> Installed | None:
    """The newest clang on PATH."""
    found = [c for c in _all(os.environ.get("PATH", "")) if c.is_clang]
    return found[0] if found else None


@functools.lru_cache(maxsize=8)
def _others(compiler: Path, path: str, most: int) -> tuple[Installed, ...]:
    own = _asked(compiler)
    found = [c for c in _all(path) if own is None or c.banner != own.banner]
    clangs = [c for c in found if c.is_clang]
    return (*clangs[:1], *[c for c in found if not c.is_clang][:most])


@functools.lru_cache(maxsize=8)
def _all(path: str) -> tuple[Installed, ...]:
    """Every version once, the newest first."""
    found: dict[str, Installed] = {}
    for program in _programs(path.split(os.pathsep)):
        asked = _asked(program)
        if asked is not None:
            found.setdefault(asked.banner, asked)
    return tuple(sorted(found.values(), key=lambda c: c.version, reverse=True))


def _programs(folders: Sequence[str]) -> Iterator[Path]:
    """Each file once that goes by a compiler's name; never ours, a cache's or a distributor's."""
    seen: set[Path] = set()
    for folder in folders:
        try:
            names = sorted(filter(_NAME.fullmatch, os.listdir(folder or os.curdir)))
        except OSError:
            continue
        for name in names:
            path = Path(os.path.abspath(os.path.join(folder, name)))
            real = path.resolve()
            if real in seen or not re.search("gcc|clang", real.name):
                continue
            seen.add(real)
            try:
                yield find_compiler(str(path), "c")
            except ToolchainError:
                continue


@functools.lru_cache(maxsize=32)
def _asked(program: Path) -> Installed | None:
    """What a compiler says of itself; None where it makes no code for this machine."""
    try:
        said = run([program, "-v"], timeout=_PATIENCE).stderr
    except ToolchainError:
        return None
    version = _VERSION.search(said)
    if version is None or not _TARGET.search(said):
        return None
    numbers = tuple(int(n) for n in version.group(2).split("."))
    return Installed(program, version.group(1), numbers, version.group().strip())
