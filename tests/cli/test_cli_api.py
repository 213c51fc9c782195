from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import superopt_cc
from superopt_cc.errors import UsageError
from superopt_cc.settings import Settings

SOURCE = "int times9(int x) { return x * 9; }\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(accept="verified", proposers=("none",), cache_dir=tmp_path / "cache")


def test_the_library_verifies_like_the_command(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "f.c").write_text(SOURCE)
    (tmp_path / "r.s").write_text("times9:\n\timull $9, %edi, %eax\n\tret\n")
    verdict = superopt_cc.verify(tmp_path / "f.c", "times9", tmp_path / "r.s", settings=settings)
    assert verdict.accepted


def test_the_library_optimizes_like_the_command(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "f.c").write_text(SOURCE)
    (outcome,) = superopt_cc.optimize(tmp_path / "f.c", settings=settings)
    assert (outcome.name, outcome.outcome, outcome.reason) == ("times9", "kept", "no-rewrite")


def test_errors_say_what_is_wrong(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(UsageError, match="no such file"):
        superopt_cc.optimize(tmp_path / "none.c", settings=settings)


def test_importing_the_package_imports_next_to_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import superopt_cc.driver.quick;"
        "print(' '.join(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    heavy = {"dataclasses", "re", "json", "pathlib", "typing", "inspect", "diskcache", "click"}
    assert done.returncode == 0, done.stderr
    assert heavy.isdisjoint(done.stdout.split())
