"""Where the front door takes its few settings from, and which compiler it becomes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from superopt_cc.settings import load_settings

SOURCE = {"f.c": "int f(int x) { return x + 1; }\n"}


@pytest.fixture
def asked(installation, run, tmp_path):
    """Whether Python was asked to look at a file without pragmas."""
    note = tmp_path / "asked"
    installation.python_side(f"open({str(note)!r}, 'w')")

    def asked(*words: str, files: dict[str, str] | None = None, env: dict[str, str] | None = None):
        note.unlink(missing_ok=True)
        path = "f.c" if "f.c" in {**SOURCE, **(files or {})} else "src/f.c"
        ran = run(
            [installation.cc, "-O3", *words, "-c", path], {**SOURCE, **(files or {})}, env=env
        )
        assert ran.status == 0, ran.stderr
        return note.exists(), ran.stderr

    return asked


def test_precedence_is_option_environment_tree_user_default(asked, tmp_path) -> None:
    user = tmp_path / ".config" / "superopt-cc" / "config.toml"
    user.parent.mkdir(parents=True)
    assert asked() == (False, "")
    user.write_text('# mine\nmode = "use"\nselect = "all"\n')
    assert asked() == (True, "")
    tree = {"superopt.toml": "select = 'pragma'\n"}
    assert asked(files=tree) == (False, "")
    assert asked(files=tree, env={"SUPEROPT_SELECT": "all"}) == (True, "")
    assert asked("--superopt-mode=off", files=tree, env={"SUPEROPT_SELECT": "all"}) == (False, "")


def test_xdg_config_home_is_honoured(asked, tmp_path) -> None:
    (tmp_path / "xdg" / "superopt-cc").mkdir(parents=True)
    (tmp_path / "xdg" / "superopt-cc" / "config.toml").write_text('select = "all"')
    assert asked(env={"XDG_CONFIG_HOME": str(tmp_path / "xdg")}) == (True, "")


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('select = ["g", "f"]', True),
        ('select = [ # which\n  "g",\n  "h",\n]\nmode = "use"', False),
        ('budget = 3.5\nproposers = ["compilers"]\nselect="all" # every one', True),
        ('select = "\\u0061ll"', True),
        ('model = "/m.gguf"\nselect = "all"\nmode = "off"', False),
        ("this is not TOML", False),
        ('[table]\nselect = "all"', False),
        ("", False),
    ],
)
def test_settings_file_is_read_as_toml(toml, expected, asked) -> None:
    assert asked(files={"superopt.toml": toml}) == (expected, "")


def test_settings_file_counts_up_to_the_root_of_the_repository(installation, run, tmp_path) -> None:
    note = tmp_path / "asked"
    installation.python_side(f"open({str(note)!r}, 'w')")
    files = {"superopt.toml": 'select = "all"', "deep/er/f.c": SOURCE["f.c"]}
    run([installation.cc, "-O3", "-c", "deep/er/f.c"], files)
    assert not note.exists(), "no repository: only the source's own folder counts"
    run([installation.cc, "-O3", "-c", "deep/er/f.c"], {**files, ".git/HEAD": ""})
    assert note.exists()


@pytest.mark.parametrize(
    ("env", "words", "message"),
    [
        ({"SUPEROPT_MODE": "sometimes"}, (), "SUPEROPT_MODE = 'sometimes'"),
        ({"SUPEROPT_COLOUR": "red"}, (), "unknown setting SUPEROPT_COLOUR"),
        ({}, ("--superopt-colour=red",), "unknown setting --superopt-colour"),
        ({}, ("--superopt-mode",), "--superopt-mode needs a value"),
        ({"SUPEROPT_CC": "/no/such/gcc"}, (), "'/no/such/gcc' is no compiler"),
        ({"SUPEROPT_BUDGET": "soon"}, (), "SUPEROPT_BUDGET = 'soon': must be seconds"),
        ({"SUPEROPT_BUDGET": "-1"}, (), "SUPEROPT_BUDGET = '-1': must be seconds"),
        ({}, ("--superopt-model-budget=nan",), "must be seconds"),
        ({"SUPEROPT_SAMPLES": "0"}, (), "between 1 and 64"),
        ({"SUPEROPT_ROUNDS": "2.5"}, (), "between 0 and 16"),
        ({"SUPEROPT_CACHE_SIZE": "12"}, (), "at least 1 MB"),
        ({"SUPEROPT_CACHE_SIZE": "1XB"}, (), "at least 1 MB"),
        ({"SUPEROPT_SELECT": "profile:perf.txt"}, (), "profiles cannot be read"),
    ],
)
def test_bad_setting_is_one_warning_line_and_no_obstacle(env, words, message, asked) -> None:
    looked, stderr = asked(*words, env=env)
    assert not looked
    assert message in stderr
    assert stderr.startswith("superopt-cc: warning: ")
    assert stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUDGET", "0.5"), ("BUDGET", "86400"), ("SAMPLES", "64"), ("ROUNDS", "0"),
        ("CACHE_SIZE", "1000000"), ("CACHE_SIZE", "500MB"), ("CACHE_SIZE", "1.5 GiB"),
        ("CACHE_SIZE", "2g"),
    ],
)  # fmt: skip
def test_good_setting_is_no_warning_and_python_takes_it_too(name, value, asked) -> None:
    assert asked(env={f"SUPEROPT_{name}": value}) == (False, "")
    _, problems = load_settings(Path("/"), (), {f"SUPEROPT_{name}": value})
    assert problems == ()


def _version(command: list[str | Path], env: dict[str, str]) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=20)
    return f"{done.returncode} {done.stdout}{done.stderr}"


def _script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_setting_cc_names_the_real_compiler(installation, tmp_path) -> None:
    mine = _script(tmp_path / "tools" / "my-gcc", 'echo "mine $*"')
    other = _script(tmp_path / "tools" / "my-g++", 'echo "other $*"')
    path = f"{mine.parent}:{os.environ['PATH']}"
    for value in (str(mine), "my-gcc"):
        env = {"PATH": path, "SUPEROPT_CC": value}
        assert _version([installation.cc, "--version"], env) == "0 mine --version\n"
        assert _version([installation.cxx, "--version"], env) == "0 other --version\n"
    other.unlink()
    assert _version([installation.cxx, "--version"], env) == "0 mine --version\n"


def test_masquerading_links_find_the_compiler_behind_them(installation, tmp_path) -> None:
    links = tmp_path / "links"
    env = {"PATH": f"{installation.cc.parent}:{os.environ['PATH']}"}
    recipe = Path(__file__).resolve().parents[2] / "wrappers" / "masquerade.sh"
    subprocess.run([recipe, links], env=env, check=True)
    env = {"PATH": f"{links}:{os.environ['PATH']}"}
    for name in ("gcc", "g++", "cc", "c++"):
        expected = _version([shutil.which(name), "--version"], {"PATH": os.environ["PATH"]})
        assert _version([links / name, "--version"], env) == expected
    (links / "copy").mkdir()
    shutil.copy2(installation.cc, links / "copy" / "gcc")
    env = {"PATH": f"{links}/copy:{links}:{os.environ['PATH']}"}
    assert "Free Software Foundation" in _version([links / "copy" / "gcc", "--version"], env)


def test_compiler_caches_under_the_name_gcc_are_passed_over(installation, tmp_path) -> None:
    _script(tmp_path / "bin" / "ccache", "echo cached")
    (tmp_path / "bin" / "gcc").symlink_to("ccache")
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    assert "Free Software Foundation" in _version([installation.cc, "--version"], env)


def test_compiler_that_leads_back_to_us_is_an_error_not_a_loop(installation, tmp_path) -> None:
    script = _script(tmp_path / "bin" / "gcc", f'exec {installation.cc} "$@"')
    env = {"PATH": f"{script.parent}:{os.environ['PATH']}"}
    assert "leads back to superopt-cc" in _version([installation.cc, "--version"], env)
    env["SUPEROPT_CC"] = str(installation.cc)
    assert "is no compiler" in _version([installation.cc, "--version"], env)


def test_missing_compiler_is_one_line(installation, tmp_path) -> None:
    done = _version([installation.cc, "-c", "f.c"], {"PATH": str(tmp_path)})
    assert done == (
        "127 superopt-cc: error: gcc: not found on PATH; set cc to the path of the real compiler\n"
    )
