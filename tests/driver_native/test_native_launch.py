"""Ways of being called: before a compiler, by its names, through links that lie elsewhere."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PLAIN = "int f(int x) { return x + 1; }\n"
ANSWER = (
    "from superopt_cc.driver.record import read_record\nrecord = read_record()\n"
    "record.answer(record.text().replace('leal\\t1(%rdi)', 'leal\\t2(%rdi)'))\n"
)
ALL = {"SUPEROPT_SELECT": "all"}


def _compiler(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "{says} $*"\n')
    path.chmod(0o755)
    return path


def _says(command: list[str | Path], folder: Path) -> str:
    env = {"PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=20)
    return f"{done.returncode} {done.stdout}{done.stderr}"


@pytest.fixture
def replaced(run) -> bytes:
    return run(["gcc", "-O3", "-c", "f.c"], {"f.c": PLAIN.replace("1", "2")}).files["f.o"]


@pytest.mark.parametrize("name", ["gcc-9", "g++-9.2", "pdp11-unix-gcc", "mine-c++-7", "clang-19"])
def test_a_launcher_runs_the_compiler_that_follows(name, installation, tmp_path) -> None:
    path = _compiler(tmp_path / "bin" / name, "mine")
    for word in (name, path):
        said = _says([installation.cc, "--superopt-mode=use", word, "-c", "f.c"], path.parent)
        assert said == "0 mine -c f.c\n"


@pytest.mark.parametrize("name", ["program", "gcc-ar-9", "gcc-plugin", "lib-gcc.so", "cc1"])
def test_other_programs_are_files_for_gcc(name, installation, tmp_path) -> None:
    path = _compiler(tmp_path / "bin" / name, "mine")
    for word in (name, path):
        assert "mine" not in _says([installation.cc, word, "--version"], path.parent)


def test_a_launcher_replaces(installation, run, replaced) -> None:
    installation.python_side(ANSWER)
    for words in (["gcc"], ["ccache", "gcc"], ["--superopt-mode=use", "gcc"]):
        env = {**ALL, "PATH": f"{installation.prefix}/extra:{os.environ['PATH']}"}
        _compiler(installation.prefix / "extra" / "ccache", "not passed over")
        ran = run([installation.cc, *words, "-O3", "-c", "f.c"], {"f.c": PLAIN}, env=env)
        assert (ran.status, ran.stdout, ran.stderr) == (0, b"", "")
        assert ran.files["f.o"] == replaced


def test_a_launcher_passes_over_ourselves(installation, tmp_path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / "gcc").symlink_to(installation.cc)
    for word in ("gcc", links / "gcc"):
        assert "Free Software Foundation" in _says([installation.cc, word, "--version"], links)


@pytest.mark.parametrize("name", ["superopt-gcc-9", "gcc-9", "superopt-pdp11-unix-g++-9"])
def test_a_link_runs_the_compiler_that_its_name_tells(name, installation, tmp_path) -> None:
    path = _compiler(tmp_path / "bin" / name.removeprefix("superopt-"), "mine")
    link = tmp_path / "links" / name
    link.parent.mkdir()
    link.symlink_to(installation.cc)
    assert _says([link, "-c", "f.c"], path.parent) == "0 mine -c f.c\n"


def test_a_hard_link_elsewhere_replaces(installation, run, replaced, tmp_path) -> None:
    installation.python_side(ANSWER)
    link = tmp_path / "elsewhere" / "gcc"
    link.parent.mkdir()
    os.link(installation.cc, link)
    env = {**ALL, "PATH": f"{link.parent}:{installation.cc.parent}:{os.environ['PATH']}"}
    ran = run(["gcc", "-O3", "-c", "f.c"], {"f.c": PLAIN}, env=env)
    assert (ran.status, ran.stderr, ran.files["f.o"]) == (0, "", replaced)


def test_looking_for_pragmas_does_not_disturb_a_pipe(installation, run) -> None:
    script = f"mkfifo p.c; cat f.c > p.c & {installation.cc} -O3 -c p.c -o f.o; wait"
    ran = run(["timeout", "20", "sh", "-c", script], {"f.c": PLAIN})
    assert (ran.status, "f.o" in ran.files) == (0, True)


def test_masquerade_offers_the_names_that_are_there(installation, tmp_path) -> None:
    for name in ("gcc-99", "g++-99", "gcc-ar-99", "other-machine-gcc"):
        _compiler(tmp_path / "bin" / name, "mine")
    links = tmp_path / "links"
    env = {"PATH": f"{tmp_path / 'bin'}:{installation.cc.parent}:{os.environ['PATH']}"}
    recipe = Path(__file__).resolve().parents[2] / "wrappers" / "masquerade.sh"
    subprocess.run([recipe, links], env=env, check=True)
    names = {path.name: path.readlink().name for path in links.iterdir()}
    assert {n: names[n] for n in ("gcc", "cc", "gcc-99", "g++", "c++", "g++-99")} == {
        "gcc": "superopt-cc", "cc": "superopt-cc", "gcc-99": "superopt-cc",
        "g++": "superopt-c++", "c++": "superopt-c++", "g++-99": "superopt-c++",
    }  # fmt: skip
    assert not {"gcc-ar-99", "other-machine-gcc"} & names.keys()
