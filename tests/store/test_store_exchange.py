"""Exported caches: whole, checked before anything is taken, silent about where sources lie."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from superopt_cc.errors import UsageError
from superopt_cc.store import exchange, units
from superopt_cc.store.learned import LABEL, Learned
from superopt_cc.store.local import Entry, Need, Store
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

LIMIT = 10**7
KEY, OTHER, WAY = "ab" * 32, "cd" * 32, "ef" * 32
MEASURED = Measurement(
    1.5, (1.4, 1.6), 0.02, True, 1.5, 1.5, {"0-3": (1.5, 1.4, 1.6)}, (), {"cpu": "x"}
)
REPLACED = Outcome(
    name="f",
    outcome="replaced",
    reason="",
    rewrite=Rewrite(
        "f:\n\tret\n", "llm", Origin.MIXED, "at -O2",
        {"seed": "1", "model": "/home/me/model.gguf", "code": "int f(void);"},
    ),
    verdict=Verdict(
        "accepted", Level.TESTED, None, "", None, Evidence(9, Covered(2, 2), Killed(3, 3), 0)
    ),
    measurement=MEASURED,
    attempts=(Attempt("llm", "c", "compile", "/home/me/f.c:3: error"),),
    key=KEY,
)  # fmt: skip
ENTRY = Entry(REPLACED, "faster", "/home/me/model.gguf", 30.0, "v1", "cpu1", OTHER)
KEPT = dataclasses.replace(
    ENTRY, outcome=Outcome(name="f", outcome="kept", reason="no-rewrite", key=KEY)
)
LEARNED = Learned(
    f"{LABEL}:\n\tret\n", (WAY,), (8,), (), (), "f", "llm", "at -O2", KEY, "tested", 1.5, "cpu1"
)
Value = dict[str, Any]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "here", LIMIT) as made:
        made.keep(KEY, ENTRY)
        made.keep_learned(LEARNED)
        yield made


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "there", LIMIT) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path, store: Store) -> Path:
    path = tmp_path / "cache.jsonl"
    assert exchange.export(store, path) == exchange.Exported(str(path), 1, 1, 0)
    return path


def sealed(path: Path, *lines: object, head: bytes | None = None) -> None:
    """A file with these lines, whole as far as anybody can tell."""
    own = path.read_bytes().splitlines(keepends=True)[0]
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    body = (head or own) + "".join(text + "\n" for text in texts).encode()
    seal = {"lines": len(lines), "sha256": hashlib.sha256(body).hexdigest()}
    dumped = json.dumps(seal, sort_keys=True, separators=(",", ":"))
    path.write_bytes(body + dumped.encode() + b"\n")


def contents(path: Path) -> tuple[Value, Value]:
    """The outcome's and the learned rewrite's line."""
    _, outcome, learned, _ = map(json.loads, path.read_text().splitlines())
    return outcome, learned


def nothing_taken(store: Store) -> bool:
    stats = store.stats()
    return stats.entries == stats.learned == 0


def test_what_is_imported_counts_as_verified_by_nobody(file: Path, empty: Store) -> None:
    assert exchange.import_(empty, file, LIMIT) == exchange.Imported(str(file), 1, 1, 0)
    assert empty.lookup(KEY, Need("faster", "effort", 30.0, "v1", "cpu1")) is None
    assert empty.lookup(KEY, Need("faster", "effort", 30.0, "6", "cpu1")) is None
    (entry,) = empty.stale(KEY)
    assert entry.outcome.rewrite is not None
    assert entry.outcome.rewrite.text == "f:\n\tret\n"
    assert empty.learned([WAY]) == (dataclasses.replace(LEARNED, cpu=""),)


def test_where_sources_and_models_lie_stays_here(file: Path, store: Store) -> None:
    assert "/home" not in file.read_text()
    assert "int f" not in file.read_text()
    text = '{}:\n\tleaq\t.LC0(%rip), %rax\n\tret\n.LC0:\n\t.string\t"{}"\n'
    for number, path in enumerate(("/home/me/f", "src/f.c")):
        told = dataclasses.replace(LEARNED, text=text.format(LABEL, path))
        assert store.keep_learned(told)
        assert exchange.export(store, file).left_out == number + 1
    assert store.keep_learned(dataclasses.replace(LEARNED, text=text.format(LABEL, "+/09az")))
    assert exchange.export(store, file) == exchange.Exported(str(file), 1, 2, 2)


def test_the_same_content_gives_the_same_bytes(tmp_path: Path, file: Path, empty: Store) -> None:
    other = dataclasses.replace(REPLACED, key=OTHER)
    empty.keep_learned(LEARNED)
    empty.keep(OTHER, dataclasses.replace(ENTRY, outcome=other))
    empty.keep(KEY, ENTRY)
    with Store(tmp_path / "third", LIMIT) as third:
        exchange.import_(third, file, LIMIT)
        third.keep(OTHER, dataclasses.replace(ENTRY, outcome=other))
        for store, name in ((empty, "a"), (third, "b")):
            assert exchange.export(store, tmp_path / name).outcomes == 2
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_is_known_here_is_better_than_what_is_told(file: Path, empty: Store) -> None:
    own = dataclasses.replace(ENTRY, effort="mine")
    empty.keep(KEY, own)
    better = dataclasses.replace(LEARNED, speedup=2.0)
    empty.keep_learned(better)
    assert exchange.import_(empty, file, LIMIT) == exchange.Imported(str(file), 0, 0, 2)
    assert empty.lookup(KEY, Need("faster", "mine", 30.0, "v1", "cpu1")) == own
    assert empty.learned([WAY]) == (better,)


def test_a_flood_of_promises_does_not_displace_what_was_learned_here(
    file: Path, empty: Store
) -> None:
    _, learned = contents(file)
    own = dataclasses.replace(LEARNED, text=f"{LABEL}:\n\tnop\n\tret\n", speedup=None)
    empty.keep_learned(own)
    texts = [f"{LABEL}:\n\tmovl\t${n}, %eax\n\tret\n" for n in range(40)]
    promised = [{**learned["learned"], "text": t, "speedup": 1e9, "cpu": "cpu1"} for t in texts]
    sealed(file, *({"learned": one} for one in promised))
    assert exchange.import_(empty, file, LIMIT).learned == 40
    known = empty.learned([WAY])
    assert known[0] == own
    assert len(known) < 20


@pytest.mark.parametrize(("cpu", "taken"), [("cpu1", 1), ("cpu2", 0)])
def test_that_nothing_was_found_yields_to_a_timing_that_counts_here(
    file: Path, empty: Store, cpu: str, taken: int
) -> None:
    empty.keep(KEY, dataclasses.replace(KEPT, cpu=cpu))
    assert exchange.import_(empty, file, LIMIT).outcomes == taken


def test_finished_units_see_what_is_imported(tmp_path: Path, file: Path, empty: Store) -> None:
    folder = str(tmp_path / "there")
    before = [units.stamp(folder, name) for name in (KEY, WAY)]
    exchange.import_(empty, file, LIMIT)
    assert all(units.stamp(folder, n) != b for n, b in zip((KEY, WAY), before, strict=True))


def test_that_nothing_was_found_is_not_exported(tmp_path: Path, empty: Store) -> None:
    empty.keep(KEY, KEPT)
    assert exchange.export(empty, tmp_path / "cache.jsonl").outcomes == 0


def _set(*path: str | int, to: object) -> Callable[[Value, Value], None]:
    def change(*lines: Value) -> None:
        at: Any = {**lines[0], **lines[1]}
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = to

    return change


RESULT = ("outcome", "outcome")


@pytest.mark.parametrize(
    "change",
    [
        _set(*RESULT, "key", to="../" * 22),
        _set(*RESULT, "key", to=KEY.upper()),
        _set(*RESULT, "name", to="f\x1b[31m"),
        _set(*RESULT, "outcome", to="kept"),
        _set(*RESULT, "rewrite", to=None),
        _set(*RESULT, "rewrite", "text", to="f:\n\x1b]0;x\x07\tret\n"),
        _set(*RESULT, "rewrite", "text", to="\ud800"),
        _set(*RESULT, "rewrite", "text", to="f" * 10**6),
        _set(*RESULT, "rewrite", "text", to=["f"]),
        _set(*RESULT, "rewrite", "provenance", to={"a": 1}),
        _set(*RESULT, "rewrite", "\x1b[31m", to=1),
        _set(*RESULT, "verdict", "verdict", to="rejected"),
        _set(*RESULT, "verdict", "evidence", "inputs", to="many"),
        _set("outcome", "accept", to="anything"),
        _set(*RESULT, "measurement", to=None),
        _set(*RESULT, "measurement", "speedup", to="fast"),
        _set(*RESULT, "measurement", "speedup", to=float("inf")),
        _set(*RESULT, "measurement", "speedup", to=0.5),
        _set(*RESULT, "measurement", "strata", to={"a": [1.0, 2.0]}),
        _set("outcome", "binding", to=""),
        _set("learned", "behaviour", to=["../../../etc/passwd"]),
        _set("learned", "behaviour", to=[]),
        _set("learned", "behaviour", to=[WAY] * 1000),
        _set("learned", "speedup", to=float("nan")),
        _set("learned", "speedup", to=True),
        _set("learned", "how", to="two\nlines"),
        _set("learned", "how", to="x" * 10**5),
        _set("learned", "widths", to=["8"]),
        _set("learned", "widths", to=[True]),
        _set("learned", "needs", to="__AVX2__"),
        _set("learned", "more", to=1),
        _set("learned", "text", to=""),
    ],
)
def test_a_line_that_is_not_as_it_should_be_spoils_the_file(
    file: Path, empty: Store, change: Callable[[Value, Value], None]
) -> None:
    outcome, learned = contents(file)
    change(outcome, learned)
    sealed(file, outcome, learned)
    with pytest.raises(UsageError, match=r"line [23] cannot be used: ") as caught:
        exchange.import_(empty, file, LIMIT)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    assert nothing_taken(empty)


@pytest.mark.parametrize(
    "line",
    ["[" * 100_000, "{}", "7", "null", '{"outcome":{},"learned":{}}', '{"other":{}}',
     '{"outcome":null}', '{"learned":[]}', "1" * 5000],
)  # fmt: skip
def test_lines_of_another_kind_spoil_the_file(file: Path, empty: Store, line: str) -> None:
    sealed(file, *contents(file), line)
    with pytest.raises(UsageError, match="line 4 cannot be used"):
        exchange.import_(empty, file, LIMIT)
    assert nothing_taken(empty)


def test_a_cut_file_is_no_file_wherever_it_is_cut(file: Path, empty: Store) -> None:
    whole = file.read_bytes()
    for length in (0, 1, 20, 43, 60, len(whole) // 2, len(whole) - 100, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(UsageError, match=r"cut off|no file of"):
            exchange.import_(empty, file, LIMIT)
    for other in (whole + b"\n", whole.replace(b"ret", b"re\xff")):
        file.write_bytes(other)
        with pytest.raises(UsageError, match="damaged or cut off"):
            exchange.import_(empty, file, LIMIT)
    assert nothing_taken(empty)


def test_a_file_of_another_version_says_so(file: Path, empty: Store) -> None:
    sealed(file, head=b'{"format":"superopt-cc cache","version":2}\n')
    with pytest.raises(UsageError, match="of version 2; this superopt-cc reads 1"):
        exchange.import_(empty, file, LIMIT)


def test_a_file_larger_than_the_store_is_not_read(file: Path, empty: Store) -> None:
    with file.open("r+b") as grown:
        grown.truncate(1 << 40)
    with pytest.raises(UsageError, match="too large"):
        exchange.import_(empty, file, LIMIT)
    assert nothing_taken(empty)


def test_what_never_ends_is_no_file(tmp_path: Path, empty: Store) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(UsageError, match="no plain file"):
            exchange.import_(empty, path, LIMIT)
