"""One timing at a time on a machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from superopt_cc.cost.lock import timing_lock
from superopt_cc.errors import SuperoptError

HOLDER = """
import pathlib, sys
from superopt_cc.cost.lock import timing_lock
with timing_lock(5.0, pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_waits_its_patience_and_then_gives_up(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(SuperoptError, match="another timing"), timing_lock(0.1, tmp_path):
            pytest.fail("two holders at once")
    finally:
        holder.communicate(b"")
    with timing_lock(5.0, tmp_path):
        pass


def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.communicate()
    with timing_lock(5.0, tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SuperoptError, match="timing lock"), timing_lock(0.1, blocked / "below"):
        pass


def test_a_link_in_place_of_the_lock_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    os.symlink(victim, tmp_path / "timing.lock")
    with pytest.raises(SuperoptError), timing_lock(0.1, tmp_path):
        pass
    assert victim.read_text() == "mine"
