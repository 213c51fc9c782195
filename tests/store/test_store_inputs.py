"""Inputs that outlive a check: bounded, newest first, and never in the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from superopt_cc.cases import Answer, Blob, Case, Ref
from superopt_cc.cases import Store as Stored
from superopt_cc.store.local import Store, clear

KEY = "cd" * 32
CASE = Case(
    ints=(Ref(0, 4), 7),
    floats=(bytes(range(16)),),
    objects=(Blob(b"abcdefgh", 4, True, ((0, Ref("table", 2)),), b"x", b"y"),),
    globals={"g": b"1234"},
    answers=(Answer(5, stores=(Stored(0, 1, b"q"), Stored("g", 0, bytes(8), Ref(0, 0)))),),
)


def numbered(number: int, size: int = 8) -> Case:
    return Case(ints=(number,), objects=(Blob(bytes(size)),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "cache", 10**8) as opened:
        yield opened


def test_inputs_come_back_as_they_were(store: Store) -> None:
    assert store.inputs(KEY) == ()
    store.keep_inputs(KEY, (CASE,))
    assert store.inputs(KEY) == (CASE,)
    assert store.inputs("ef" * 32) == ()


def test_new_inputs_come_before_old_ones_and_each_is_there_once(store: Store) -> None:
    store.keep_inputs(KEY, (numbered(1), numbered(2)))
    store.keep_inputs(KEY, (numbered(3), numbered(2)))
    assert store.inputs(KEY) == (numbered(3), numbered(2), numbered(1))


def test_what_does_not_fit_is_left_out(store: Store) -> None:
    large = numbered(0, 1 << 17)
    store.keep_inputs(KEY, (large, *(numbered(n, 1 << 10) for n in range(100))))
    kept = store.inputs(KEY)
    assert large not in kept
    assert 20 < len(kept) < 40
    assert kept == tuple(numbered(n, 1 << 10) for n in range(len(kept)))


def test_damaged_inputs_are_no_inputs(store: Store, tmp_path: Path) -> None:
    store.keep_inputs(KEY, (CASE,))
    with sqlite3.connect(tmp_path / "cache" / "store" / "cache.db") as database:
        changed = database.execute("UPDATE Cache SET value = replace(value, '1234', '1235')")
        database.execute("UPDATE Cache SET value = replace(value, '31323334', '31323335')")
        assert changed.rowcount
    assert store.inputs(KEY) == ()
    store.keep_inputs(KEY, (numbered(1),))
    assert store.inputs(KEY) == (numbered(1),)


def test_inputs_are_no_entries_and_go_with_the_rest(store: Store, tmp_path: Path) -> None:
    store.keep_inputs(KEY, (CASE,))
    assert (list(store.entries()), store.stats().entries) == ([], 0)
    store.close()
    clear(tmp_path / "cache")
    with Store(tmp_path / "cache", 10**8) as again:
        assert again.inputs(KEY) == ()
