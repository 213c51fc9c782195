"""Every entry of the knowledge base by itself: it can be read, and its implementations do what
its reference does, without touching a page that they may not."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from superopt_cc.propose.recall.entries import Entry, all_entries, folder

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent


@pytest.mark.parametrize("entry", all_entries(), ids=lambda entry: entry.name)
def test_implementations_do_what_the_reference_does(entry: Entry, tmp_path: Path) -> None:
    words = [sys.executable, str(HERE / "check_entry.py"), entry.name, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_an_implementation_that_is_wrong_on_some_lengths_is_noticed(tmp_path: Path) -> None:
    words = [sys.executable, str(HERE / "check_entry.py"), "count-equal", str(tmp_path), "broken"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "AssertionError" in done.stderr


def test_no_entry_calls_what_a_target_may_not_call() -> None:
    for entry in all_entries():
        for implementation in entry.implementations:
            for word in ("memcpy(", "memset(", "asm", "extern", "#include"):
                text = implementation.text.replace("__builtin_memcpy(", "")
                assert word not in text, f"{entry.name}/{implementation.name}: {word}"


def test_a_wheel_holds_all_entries_and_finds_them(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "installed")
    program = (
        "from superopt_cc.propose.recall.entries import all_entries, folder;"
        "print(folder(), *(entry.name for entry in all_entries()))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=True, text=True,
        capture_output=True, env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
    ).stdout.split()  # fmt: skip
    assert found[0].startswith(str(tmp_path))
    assert found[1:] == [entry.name for entry in all_entries()]
    assert folder() == ROOT / "cache" / "knowledge"
