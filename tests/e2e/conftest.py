"""End-to-end tests: the installed programs, real builds, a cache of its own for each test."""

from __future__ import annotations

import shutil
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from workplace import ROOT, Installation, Workplace, environment, program


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    folder, cache = tmp_path / "work", tmp_path / "cache"
    folder.mkdir()
    environ = environment(cache, select="all", accept="verified", budget="60")
    return Workplace(folder, cache, environ)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Our programs once more under a prefix of their own, to damage: the package is shared."""
    prefix = tmp_path / "prefix"
    venv.create(prefix, symlinks=True, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(prefix)}))
    shared = [str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    lines = [f"import site; site.addsitedir({path!r})\n" for path in dict.fromkeys(shared)]
    (packages / "shared.pth").write_text("".join(lines))
    for name in ("superopt-cc", "superopt-c++"):
        shutil.copy2(program(name), prefix / "bin" / name)
    helpers = Path("libexec", "superopt-cc")
    shutil.copytree(Path(sys.prefix) / helpers, prefix / helpers, symlinks=True)
    return Installation(prefix)
