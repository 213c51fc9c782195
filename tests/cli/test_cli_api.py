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


def test_the_function_and_the_folder_of_one_name_do_not_hide_each_other(tmp_path: Path) -> None:
    code = (
        "import superopt_cc; assert callable(superopt_cc.verify)\n"
        "import superopt_cc.verify.version as version; assert version.VERSION\n"
        "assert callable(superopt_cc.verify)\n"
        "from superopt_cc import verify; assert callable(verify)\n"
        "from superopt_cc.errors import UsageError\n"
        "try: verify('none.c', 'f', 'none.s')\n"
        "except UsageError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("none.s: cannot be read: No such file or directory\n", "")


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
