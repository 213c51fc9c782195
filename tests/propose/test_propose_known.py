"""That nothing was found counts only for what could be found then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from superopt_cc.driver.decide import need_of
from superopt_cc.propose import known
from superopt_cc.settings import Settings


def effort() -> str:
    return need_of(Settings(), "cpu").effort


def test_new_and_changed_knowledge_is_asked_where_nothing_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "knowledge_folder", lambda: str(tmp_path))
    none = effort()
    (tmp_path / "parity").mkdir()
    text = tmp_path / "parity" / "entry.toml"
    text.write_text("")
    one = effort()
    os.utime(text, ns=(1, text.stat().st_mtime_ns + 1))
    assert len({none, one, effort()}) == 3
    assert effort() == effort()
    monkeypatch.setattr(known, "PROPOSERS", "another")
    assert effort() not in {none, one}


def test_without_a_folder_of_knowledge_there_is_still_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "knowledge_folder", lambda: str(tmp_path / "none"))
    assert known.found_by()


def test_a_clang_that_came_or_changed_finds_other_rewrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    without = effort()
    clang = tmp_path / "clang"
    clang.write_text("")
    found = effort()
    os.utime(clang, ns=(1, clang.stat().st_mtime_ns + 1))
    assert len({without, found, effort()}) == 3
