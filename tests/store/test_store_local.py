from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from superopt_cc.errors import StoreError
from superopt_cc.store.local import Entry, Need, Store, clear
from superopt_cc.types import (
    Attempt,
    Covered,
    Evidence,
    Killed,
    Level,
    Measurement,
    Origin,
    Outcome,
    Rewrite,
    Verdict,
)

KEY = "ab" * 32
LIMIT = 10**8
MEASURED = Measurement(
    1.5, (1.4, 1.6), 0.02, True, 1.5, 1.5, {"0-3": (1.5, 1.4, 1.6)}, (), {"cpu": "x"}
)
REPLACED = Outcome(
    name="f",
    outcome="replaced",
    reason="",
    rewrite=Rewrite("f:\n\tret\n", "compilers", Origin.COMPILED, "gcc -O2", {"seed": "1"}),
    verdict=Verdict(
        "accepted", Level.TESTED, None, "", None, Evidence(9, Covered(2, 2), Killed(3, 3), 0)
    ),
    measurement=MEASURED,
    attempts=(Attempt("compilers", "gcc -O2", "accepted", ""),),
    key=KEY,
)
KEPT = Outcome(name="f", outcome="kept", reason="no-rewrite", key=KEY)
NEED = Need("faster", "effort", 30.0, "v1", "cpu1")


def entry(outcome: Outcome = REPLACED, **changes: object) -> Entry:
    base = Entry(outcome, "faster", "effort", 30.0, "v1", "cpu1")
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def need(**changes: object) -> Need:
    return dataclasses.replace(NEED, **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache", LIMIT)


def test_what_was_kept_comes_back_equal_in_another_process(tmp_path: Path, store: Store) -> None:
    store.keep(KEY, entry())
    store.close()
    with Store(tmp_path / "cache", LIMIT) as again:
        assert again.lookup(KEY, NEED) == entry()
        assert again.lookup("cd" * 32, NEED) is None


def test_evidence_of_another_verifier_version_does_not_count_but_is_remembered(
    store: Store,
) -> None:
    store.keep(KEY, entry())
    assert store.lookup(KEY, need(verifier="v2")) is None
    assert store.stale(KEY) == (entry(),)


def test_a_timing_of_another_cpu_counts_only_where_timing_is_not_asked(store: Store) -> None:
    store.keep(KEY, entry())
    assert store.lookup(KEY, need(cpu="cpu2")) is None
    assert store.lookup(KEY, need(cpu="cpu2", accept="verified")) == entry()


def test_an_untimed_rewrite_does_not_serve_who_asks_for_faster_ones(store: Store) -> None:
    untimed = entry(dataclasses.replace(REPLACED, measurement=None), accept="verified")
    store.keep(KEY, untimed)
    assert store.lookup(KEY, NEED) is None
    assert store.lookup(KEY, need(accept="verified")) == untimed


def test_a_failed_search_counts_only_for_no_more_effort(store: Store) -> None:
    store.keep(KEY, entry(KEPT))
    assert store.lookup(KEY, NEED) == entry(KEPT)
    assert store.lookup(KEY, need(seconds_allowed=10.0)) == entry(KEPT)
    assert store.lookup(KEY, need(seconds_allowed=31.0)) is None
    assert store.lookup(KEY, need(effort="more proposers")) is None
    assert store.lookup(KEY, need(accept="verified")) is None


def test_a_failed_search_does_not_displace_a_rewrite(store: Store) -> None:
    store.keep(KEY, entry())
    store.keep(KEY, entry(KEPT))
    assert store.lookup(KEY, NEED) == entry()


def test_a_flipped_byte_makes_an_entry_unknown_never_different(
    tmp_path: Path, store: Store
) -> None:
    store.keep(KEY, entry())
    store.close()
    with sqlite3.connect(tmp_path / "cache" / "store" / "cache.db") as database:
        changed = database.execute("UPDATE Cache SET value = replace(value, 'ret', 'rex')")
        assert changed.rowcount == 1
    with Store(tmp_path / "cache", LIMIT) as again:
        assert again.lookup(KEY, NEED) is None


def test_an_entry_under_a_foreign_key_is_unknown(tmp_path: Path, store: Store) -> None:
    store.keep(KEY, entry())
    store.close()
    with sqlite3.connect(tmp_path / "cache" / "store" / "cache.db") as database:
        database.execute("UPDATE Cache SET key = ?", (f"result:faster:{'cd' * 32}",))
    with Store(tmp_path / "cache", LIMIT) as again:
        assert again.lookup("cd" * 32, NEED) is None


def test_a_damaged_database_is_one_clear_line_and_clear_starts_anew(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    (folder / "store").mkdir(parents=True)
    (folder / "store" / "cache.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="superopt cache clear") as caught:
        Store(folder, LIMIT)
    assert "\n" not in str(caught.value)
    clear(folder)
    with Store(folder, LIMIT) as store:
        store.keep(KEY, entry())


def test_clear_leaves_the_models_and_what_is_not_ours(tmp_path: Path) -> None:
    for name in ("store", "units", "transcripts", "recall", "models"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("")
    for name in ("builds.jsonl", "surfaces.jsonl", "absent", "absent.7.tmp", "warned", "mine"):
        (tmp_path / name).write_text("")
    clear(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"models", "mine"}


def test_a_cache_that_is_no_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "file", LIMIT)


def test_stats_count_what_is_there(store: Store) -> None:
    store.keep(KEY, entry())
    store.keep("cd" * 32, entry(KEPT))
    store.keep_manifest("m", {})
    stats = store.stats()
    assert (stats.entries, stats.replaced, stats.kept, stats.manifests) == (2, 1, 1, 1)
    assert 0 < stats.size <= stats.limit
    assert [key for key, _ in store.entries()] == [KEY, "cd" * 32]


def test_the_last_story_of_a_name_is_told(store: Store) -> None:
    store.keep_story("f", {"n": 1})
    store.keep_story("f", {"n": 2})
    assert store.story("f") == {"n": 2}
    assert store.story("g") is None
    assert store.stories() == ("f",)


def _write_many(folder: Path, start: int) -> None:
    with Store(folder, LIMIT) as store:
        for number in range(start, start + 20):
            store.keep(f"{number:064x}", entry())


def test_eight_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_write_many, args=(tmp_path, n * 20), daemon=True) for n in range(8)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
        assert writer.exitcode == 0
    with Store(tmp_path, LIMIT) as store:
        assert all(store.lookup(f"{n:064x}", NEED) for n in range(160))


def _write_for_ever(folder: Path) -> None:
    with Store(folder, LIMIT) as store:
        number = 0
        while True:
            store.keep(f"{number:064x}", entry())
            number += 1


def test_a_killed_writer_leaves_a_store_that_works(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=_write_for_ever, args=(tmp_path,), daemon=True)
    writer.start()
    deadline = time.monotonic() + 60
    while not (tmp_path / "store" / "cache.db").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join(10)
    with Store(tmp_path, LIMIT) as store:
        assert all(found == entry() for _, found in store.entries())
        store.keep(KEY, entry())
        assert store.lookup(KEY, NEED) == entry()
