"""Which other compilers are found, and what another version of gcc is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from propose_context import MakeContext

from superopt_cc.driver.doctor import examine
from superopt_cc.propose.compilers import Compilers
from superopt_cc.propose.others import other_makers
from superopt_cc.settings import Settings
from superopt_cc.toolchain.installed import clang, others_than
from superopt_cc.toolchain.tools import find_compiler
from superopt_cc.types import Origin

GCC = find_compiler(None, "c")


def _pretend(folder: Path, name: str, version: str, does: str = 'exec "$REAL" "$@"') -> Path:
    """A compiler of another version, which the machine's own does the work for."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    family = name.partition("-")[0]
    path.write_text(
        f"""#!/bin/sh
REAL={GCC}
if [ "$*" = -v ]; then
  echo "Target: x86_64-linux-gnu" >&2; echo "{family} version {version} (pretended)" >&2; exit 0
fi
{does}
"""
    )
    path.chmod(0o755)
    return path


def _path(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join((*map(str, folders), os.environ["PATH"])))


def test_other_versions_are_found_newest_first_and_the_job_s_own_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("7.5.0", "9.4.0", "8.1.0"):
        _pretend(tmp_path / "bin", f"gcc-{version[0]}", version)
    _path(monkeypatch, tmp_path / "bin")
    found = [c for c in others_than(GCC) if not c.is_clang]
    assert [c.version for c in found] == [(9, 4, 0), (8, 1, 0)]


def test_links_caches_and_ourselves_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    ccache = _pretend(folder, "ccache", "1.0")
    (folder / "gcc-5").symlink_to(ccache)
    (folder / "gcc-6").symlink_to(GCC)
    (folder / "gcc-4").write_text("not a program")
    _pretend(folder, "gcc-3", "3.3", "exit 1").write_text("#!/bin/sh\nexit 1\n")
    _path(monkeypatch, folder, tmp_path / "no such folder")
    found = [c.version[0] for c in others_than(GCC, most=9) if not c.is_clang]
    assert not {3, 4, 5, 6} & set(found)


def test_the_newest_clang_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(tmp_path / "bin", "clang-99", "99.1.0")
    _path(monkeypatch, tmp_path / "bin")
    found = clang()
    assert found is not None
    assert found.version == (99, 1, 0)
    assert [c.version for c in others_than(GCC) if c.is_clang] == [(99, 1, 0)]


def test_without_other_compilers_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert clang() is None
    assert others_than(GCC) == ()


def test_code_of_another_gcc_is_mixed_and_made_under_the_user_s_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_context: MakeContext
) -> None:
    # What it makes of plain -O3 is what the job's own makes of -O1 with a rotated loop.
    _pretend(tmp_path / "bin", "gcc-9", "9.4.0", 'exec "$REAL" "$@" -fno-tree-ch -fno-ivopts')
    _path(monkeypatch, tmp_path / "bin")
    source = """
    int f(const int *a, int n)
    { int s = 0; for (int i = 0; i < n; i += 3) s ^= a[i]; return s; }
    """
    context = make_context(source, "f", "-O2", "-fwrapv")
    makers = [m for m in other_makers(context.job, ())[0] if not m.clang]
    assert [m.label for m in makers] == ["gcc-9"]
    words = makers[0].argv(("-O1",))
    assert words.index("-fwrapv") < words.index("-O1") < words.index("-fno-ipa-ra")
    found = [r for r in Compilers().propose(context) if r.how.startswith("gcc-9")]
    assert found
    assert {r.origin for r in found} == {Origin.MIXED}


def test_a_version_that_does_not_know_a_held_option_goes_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_context: MakeContext
) -> None:
    _pretend(
        tmp_path / "bin", "gcc-9", "9.4.0",
        'case "$*" in *--help=*) "$REAL" "$@" | grep -v finite-loops; exit;; esac; "$REAL" "$@"',
    )  # fmt: skip
    _path(monkeypatch, tmp_path / "bin")
    context = make_context("int f(int a) { return a * 7; }", "f")
    held = ("-ffinite-loops", "-fno-wrapv")
    (maker,) = (m for m in other_makers(context.job, held)[0] if not m.clang)
    assert "-ffinite-loops" not in maker.words
    assert "-fno-wrapv" in maker.words


def test_doctor_says_that_clang_would_help_and_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(cache_dir=tmp_path / "cache")
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = (f for f in examine(settings, (), tmp_path) if f.name == "clang")
    assert (found.ok, found.needed) == (False, False)
    _pretend(tmp_path, "clang-99", "99.1.0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    (found,) = (f for f in examine(settings, (), tmp_path) if f.name == "clang")
    assert found.ok
    assert "99.1.0" in found.detail
