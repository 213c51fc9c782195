from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from superopt_cc.store import builds, units
from superopt_cc.store.local import Store
from superopt_cc.store.manifest import Manifests, command_digest, decode, encode, sources_of
from superopt_cc.verify.job import CallUse, Facts, Parameter
from superopt_cc.verify.signature.ctype import Enum, Field, Function, Int, Pointer, Struct

KEY = "ab" * 32
SUMMARY = (
    '{"functions": {"seen": 3, "selected": 2, "eligible": 2, "replaced": 1, "kept": 1},'
    ' "reasons": {"not-faster": 1}}'
)
FACTS = Facts(
    name="f",
    types=(
        Int(4, True),
        Pointer(2, const=True),
        Struct("s", 8, 4, (Field("x", 0, 0, (3, 2)), Field("y", 4, 3))),
        Enum(4, False, (1, 2)),
        Function(0, (1,), False),
    ),
    parameters=(Parameter("a", 1),),
    returns=None,
    globals={"g": 2},
    callees={"h": 4},
    calls=(CallUse(None, (("rdi", 8),)),),
    isa=frozenset({"__SSE2__", "__SSE__"}),
    options=("-O3",),
)


def test_a_unit_comes_back_while_everything_is_as_it_was(tmp_path: Path) -> None:
    source = tmp_path / "a.c"
    source.write_text("int a;")
    folder = str(tmp_path / "cache")
    result = units.UnitResult(
        [(str(source), units.file_digest(str(source)))],
        [(KEY, units.stamp(folder, KEY))],
        SUMMARY,
        b"text\n",
    )
    units.keep(folder, "00" * 32, result, 10**6)
    found = units.load(folder, "00" * 32)
    assert found is not None
    assert (found.text, found.summary) == (b"text\n", SUMMARY)
    assert units.load(folder, "01" * 32) is None

    units.set_stamp(folder, KEY)
    assert units.load(folder, "00" * 32) is None


def test_a_changed_source_makes_a_unit_unknown(tmp_path: Path) -> None:
    source = tmp_path / "a.c"
    source.write_text("int a;")
    folder = str(tmp_path / "cache")
    seen = units.file_digest(str(source))
    units.keep(folder, KEY, units.UnitResult([(str(source), seen)], [], SUMMARY, b""), 10**6)
    assert units.load(folder, KEY) is not None
    source.write_text("int b;")
    assert units.load(folder, KEY) is None


def test_every_flipped_byte_makes_a_unit_unknown(tmp_path: Path) -> None:
    folder = str(tmp_path)
    units.keep(folder, KEY, units.UnitResult([], [(KEY, "-")], SUMMARY, b"text\n"), 10**6)
    (path,) = (p for p in (tmp_path / "units").rglob("*") if p.is_file())
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert units.load(folder, KEY) is None
    path.write_bytes(data[:-5])
    assert units.load(folder, KEY) is None


def test_units_stay_within_their_limit(tmp_path: Path) -> None:
    for number in range(400):
        result = units.UnitResult([], [], SUMMARY, os.urandom(1000))
        units.keep(str(tmp_path), f"{number:02x}" * 32, result, 100_000)
    total = sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file())
    assert total < 150_000


def test_an_unwritable_folder_raises_oserror(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        units.keep(str(tmp_path / "file"), KEY, units.UnitResult([], [], "{}", b""), 10**6)


def test_facts_survive_their_encoding() -> None:
    assert decode(json.loads(json.dumps(encode(FACTS)))) == FACTS


def test_facts_are_known_until_a_header_changes(tmp_path: Path) -> None:
    header, source = tmp_path / "a.h", tmp_path / "a.c"
    header.write_text("typedef int t;\n")
    source.write_text('#include "a.h"\n')
    preprocessed = b'# 0 "a.c"\n# 0 "<built-in>"\n# 1 "a.h" 1\ntypedef int t;\n# 2 "a.c" 2\n'
    sources = sources_of(preprocessed, tmp_path)
    assert [Path(path).name for path, _ in sources] == ["a.c", "a.h"]
    with Store(tmp_path / "cache", 10**8) as store:
        manifests = Manifests(store, "command")
        assert manifests.facts("text") is None
        manifests.keep("text", FACTS, sources)
        assert manifests.facts("text") == FACTS
        assert manifests.sources("text") == sources
        assert manifests.facts("other text") is None
        assert Manifests(store, "other command").facts("text") is None

        header.write_text("typedef long t;\n")
        assert Manifests(store, "command").facts("text") is None
        header.write_text("typedef int t;\n")
        assert Manifests(store, "command").facts("text") == FACTS


def test_a_unit_from_standard_input_is_not_remembered(tmp_path: Path) -> None:
    assert sources_of(b'# 0 "<stdin>"\nint a;\n', tmp_path) == ()


def test_names_in_line_markers_are_unescaped(tmp_path: Path) -> None:
    odd = tmp_path / 'a "b" \\c.c'
    odd.write_text("")
    marker = b'# 1 "a \\"b\\" \\\\c.c"\n'
    assert [path for path, _ in sources_of(marker, tmp_path)] == [str(odd)]


def test_the_command_is_named_by_compiler_arguments_folder_and_variables(tmp_path: Path) -> None:
    compiler = tmp_path / "gcc"
    compiler.write_text("1")
    base = command_digest(compiler, ("-O3",), tmp_path, {})
    others = {
        command_digest(compiler, ("-O2",), tmp_path, {}),
        command_digest(compiler, ("-O3",), tmp_path / "x", {}),
        command_digest(compiler, ("-O3",), tmp_path, {"CPATH": "/x"}),
    }
    compiler.write_text("22")
    others.add(command_digest(compiler, ("-O3",), tmp_path, {}))
    assert len(others - {base}) == 4


def test_the_builds_log_groups_units_by_build_and_folder(tmp_path: Path) -> None:
    folder = str(tmp_path)
    for number, (build, cwd) in enumerate([("1", "/a"), ("1", "/a"), ("2", '/b "q"\n')]):
        builds.append(folder, time=float(number), build=build, cwd=cwd, file="x.c", summary=SUMMARY)
    with open(tmp_path / "builds.jsonl", "a") as file:
        file.write('{"time": 3, "torn')
    one, two = builds.read(folder)
    assert one == {
        "time": 0.0,
        "cwd": "/a",
        "files": 2,
        "functions": {"seen": 6, "selected": 4, "eligible": 4, "replaced": 2, "kept": 2},
        "reasons": {"not-faster": 2},
    }
    assert (two["cwd"], two["files"]) == ('/b "q"\n', 1)


def test_no_log_means_no_builds(tmp_path: Path) -> None:
    assert builds.read(str(tmp_path)) == []
