"""What was found here is used elsewhere, after it was verified there."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_tool import Tool

ONES = "int ones(unsigned x) { int n = 0; while (x) { n += x & 1; x >>= 1; } return n; }\n"
BITS = (
    "unsigned bits(int v) { unsigned k = 0; for (unsigned u = v; u; u &= u - 1) k++; return k; }\n"
)
WRONG = "\tmovl\t%edi, %eax\n\tret\n"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `ones.c`, the object that a build made of it, and the exported cache."""
    return tmp_path_factory.mktemp("shipped")


@pytest.fixture
def tool(tool: Tool, shipped: Path) -> Tool:
    """A command in an empty cache, beside what another machine has sent."""
    tool.environ.update({"SUPEROPT_SELECT": "all", "SUPEROPT_PROPOSERS": "recall"})
    if not (shipped / "cache.jsonl").exists():
        tool.write("ones.c", ONES)
        compiled(tool, "ones.c")
        told = tool.json("cache", "export", "cache.jsonl")
        assert told == {"file": "cache.jsonl", "outcomes": 1, "learned": 1, "left_out": 0}
        for name in ("ones.c", "ones.o", "cache.jsonl"):
            shutil.copy(tool.folder / name, shipped)
        tool.run("cache", "clear", status=0)
        shutil.rmtree(tool.environ["SUPEROPT_CACHE_DIR"])
    for name in ("ones.c", "cache.jsonl"):
        shutil.copy(shipped / name, tool.folder)
    return tool


def compiled(tool: Tool, name: str, **environ: str) -> bytes:
    """The object of a source."""
    door = Path(sys.prefix) / "bin" / "superopt-cc"
    if not door.exists():
        pytest.skip("superopt-cc is not installed")
    done = subprocess.run(
        [door, "-O3", "-c", name], cwd=tool.folder, env={**tool.environ, **environ},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return (tool.folder / name).with_suffix(".o").read_bytes()


def gccs(tool: Tool, name: str) -> bytes:
    return compiled(tool, name, SUPEROPT_MODE="off")


def changed(tool: Tool, change: Callable[[dict[str, Any]], None]) -> None:
    """The file with `change` made to each line, and sealed again."""
    path = tool.folder / "cache.jsonl"
    head, *lines, _ = path.read_bytes().splitlines(keepends=True)
    values = [json.loads(line) for line in lines]
    for value in values:
        change(value)
    body = head + b"".join(json.dumps(value).encode() + b"\n" for value in values)
    seal = {"lines": len(values), "sha256": hashlib.sha256(body).hexdigest()}
    dumped = json.dumps(seal, sort_keys=True, separators=(",", ":"))
    path.write_bytes(body + dumped.encode() + b"\n")


def test_an_import_gives_the_same_objects_without_a_search(tool: Tool, shipped: Path) -> None:
    assert tool.json("cache", "import", "cache.jsonl") == {
        "file": "cache.jsonl", "outcomes": 1, "learned": 1, "known": 0,
    }  # fmt: skip
    assert compiled(tool, "ones.c", SUPEROPT_MODE="use") == (shipped / "ones.o").read_bytes()
    assert tool.json("inspect", "ones.o")["functions"][0]["name"] == "ones"
    said = tool.run("cache", "import", "cache.jsonl", status=0).stdout
    assert said == "cache.jsonl: 0 replacements, 0 learned rewrites are new; 2 were known\n"
    tool.run("cache", "export", "again.jsonl", status=0)
    again, sent = (tool.folder / name for name in ("again.jsonl", "cache.jsonl"))
    assert again.read_bytes() == sent.read_bytes()


def test_a_finished_build_takes_up_what_is_learned_later(tool: Tool) -> None:
    tool.environ["SUPEROPT_PROPOSERS"] = "learned"
    tool.write("bits.c", BITS)
    plain = gccs(tool, "bits.c")
    assert compiled(tool, "bits.c") == plain
    tool.run("cache", "import", "cache.jsonl", status=0)
    assert compiled(tool, "bits.c") != plain
    story = tool.run("explain", "bits", status=0).stdout
    assert "learned from ones's rewrite by recall: number of ones" in story
    assert "origin mixed" in story


def test_a_forged_rewrite_reaches_no_object(tool: Tool) -> None:
    def forge(line: dict[str, Any]) -> None:
        if "outcome" in line:
            rewrite = line["outcome"]["outcome"]["rewrite"]
            rewrite["text"] = f"\t.text\n\t.globl\tones\n\t.type\tones, @function\nones:\n{WRONG}"
            rewrite["origin"] = "compiled"
            line["outcome"]["verifier"] = line["outcome"]["cpu"]
        else:
            line["learned"]["text"] = f"superopt.learned:\n{WRONG}"

    changed(tool, forge)
    tool.run("cache", "import", "cache.jsonl", status=0)
    plain = gccs(tool, "ones.c")
    assert compiled(tool, "ones.c", SUPEROPT_MODE="use") == plain
    assert compiled(tool, "ones.c", SUPEROPT_PROPOSERS="learned") == plain
    attempts = tool.json("explain", "ones")["outcome"]["attempts"]
    assert [a["result"] for a in attempts] == ["result"]


def test_nobody_elses_word_makes_code_a_compilers(tool: Tool) -> None:
    def claim(line: dict[str, Any]) -> None:
        if "outcome" in line:
            line["outcome"]["outcome"]["rewrite"]["origin"] = "compiled"

    changed(tool, claim)
    tool.run("cache", "import", "cache.jsonl", status=0)
    (entry,) = tool.json("cache", "show")["entries"]
    assert entry["outcome"]["rewrite"]["origin"] == "mixed"


def test_files_that_cannot_be_used_are_one_line_each_and_change_nothing(tool: Tool) -> None:
    tool.write("other.c", ONES)
    for name, words in (
        ("other.c", "no file of `superopt cache export`"),
        ("none.jsonl", "cannot be read"),
        (".", "cannot be read"),
        ("/dev/null", "no plain file"),
    ):
        assert words in tool.refused("cache", "import", name)
    assert "cannot be written" in tool.refused("cache", "export", "none/cache.jsonl")
    assert "cannot be written" in tool.refused("cache", "export", ".")
    stats = tool.json("cache", "stats")
    assert (stats["entries"], stats["learned"]) == (0, 0)
    assert not list(tool.folder.glob(".*.tmp"))


def test_an_export_goes_through_a_pipe(tool: Tool, shipped: Path) -> None:
    tool.run("cache", "import", "cache.jsonl", status=0)
    said = tool.run("cache", "export", "/dev/stdout", status=0).stdout
    assert said.startswith((shipped / "cache.jsonl").read_text())
