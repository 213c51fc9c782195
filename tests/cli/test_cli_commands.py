from __future__ import annotations

import json
import subprocess

import pytest
from cli_tool import Tool

RIGHT = "times9:\n\tmovl %edi, %eax\n\tsall $3, %eax\n\taddl %edi, %eax\n\tret\n"
WRONG = (
    "times9:\n\tleal (%rdi,%rdi,8), %eax\n\tcmpl $0x80000000, %edi\n\tjne 1f\n"
    "\txorl %eax, %eax\n1:\n\tret\n"
)
VERIFY = ("verify", "f.c", "-f", "times9", "--rewrite", "r.s")


def test_a_right_rewrite_is_accepted_with_its_evidence(tool: Tool) -> None:
    tool.write("r.s", RIGHT)
    verdict = tool.json(*VERIFY, status=0)
    assert (verdict["verdict"], verdict["level"], verdict["reason"]) == ("accepted", "tested", None)
    assert set(verdict) == {
        "verdict", "level", "reason", "detail", "counterexample", "evidence",
    }  # fmt: skip
    assert verdict["evidence"]["inputs"] > 100
    assert tool.run(*VERIFY, status=0).stdout.startswith("accepted: level tested\n")


def test_a_wrong_rewrite_is_rejected_and_its_counterexample_replays(tool: Tool) -> None:
    tool.write("r.s", WRONG)
    verdict = tool.json(*VERIFY, "-o", "wrong.json", status=1)
    assert (verdict["verdict"], verdict["reason"]) == ("rejected", "result")
    assert "-2147483648" in verdict["counterexample"]["text"]
    again = tool.json("replay", "wrong.json", status=0)
    assert again["reproduced"] is True
    assert again["again"]["reason"] == "result"
    # The file stands for itself: nothing of the source is needed.
    (tool.folder / "f.c").unlink()
    assert "shows again" in tool.run("replay", "wrong.json", status=0).stdout


def test_a_counterexample_of_a_repaired_rewrite_no_longer_shows(tool: Tool) -> None:
    tool.write("r.s", WRONG)
    tool.run(*VERIFY, "-o", "wrong.json", status=1)
    value = json.loads((tool.folder / "wrong.json").read_text())
    tool.write("wrong.json", json.dumps({**value, "rewrite": RIGHT}))
    assert tool.json("replay", "wrong.json", status=1)["reproduced"] is False


def test_options_after_the_dashes_are_gccs_and_come_after_o3(tool: Tool) -> None:
    tool.write("r.s", RIGHT)
    assert "opt-level" in tool.run(*VERIFY, "--", "-O1", status=2).stdout
    tool.write("f.c", "#ifdef NINE\nint times9(int x) { return x * 9; }\n#endif\n")
    assert "no function times9" in tool.refused(*VERIFY)
    tool.run(*VERIFY, "--", "-DNINE", status=0)


def test_an_ineligible_function_has_no_verdict(tool: Tool) -> None:
    tool.write("r.s", "wide:\n\tret\n")
    verdict = tool.json("verify", "f.c", "-f", "wide", "--rewrite", "r.s", status=2)
    assert (verdict["verdict"], verdict["reason"]) == ("undecided", "ineligible")
    assert "float128" in verdict["detail"]


@pytest.mark.parametrize(
    ("source", "name", "rewrite", "words"),
    [
        ("f.c", "nothing", "r.s", "no function nothing"),
        ("none.c", "f", "r.s", "none.c: no such file"),
        ("bad.c", "f", "r.s", "bad.c"),
        ("f.c", "times9", "none.s", "none.s: cannot be read"),
        ("r.s", "times9", "r.s", "C or C++"),
        ("f.c", "times9", ".", "cannot be read"),
    ],
)
def test_bad_input_is_one_clear_line(
    tool: Tool, source: str, name: str, rewrite: str, words: str
) -> None:
    tool.write("r.s", RIGHT)
    tool.write("bad.c", "int f(void) { return }\n")
    assert words in tool.refused("verify", source, "-f", name, "--rewrite", rewrite)


def test_a_rewrite_that_does_not_assemble_is_rejected(tool: Tool) -> None:
    tool.write("r.s", "times9:\n\tfrobnicate %eax\n\tret\n")
    assert tool.json(*VERIFY, status=1)["reason"] == "assembler"


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json", '{"format": "other"}'])
def test_files_that_are_no_counterexamples_are_one_clear_line(tool: Tool, text: str) -> None:
    tool.write("x.json", text)
    assert "not a counterexample file" in tool.refused("replay", "x.json")


def test_optimize_stores_what_it_finds_and_explain_tells_it(tool: Tool) -> None:
    found = tool.json("optimize", "f.c", "-f", "popcount")
    (function,) = found["functions"]
    assert (function["name"], function["outcome"]) == ("popcount", "replaced")
    assert (function["proposer"], function["origin"]) == ("recall", "mixed")
    assert function["level"] == "tested"
    assert function["candidates"] >= 1
    assert set(function["evidence"]) >= {"inputs", "edges", "mutants", "discarded"}
    assert "__SSE2__" in found["isa"]
    assert "gcc" in found["compiler"]

    story = tool.run("explain", "popcount", status=0).stdout
    assert "popcount (f.c): replaced" in story
    assert "recall" in story
    assert "evidence" in story
    assert tool.json("explain", "popcount")["outcome"]["key"] == function["key"]

    stats = tool.json("cache", "stats")
    assert (stats["entries"], stats["replaced"]) == (1, 1)
    (entry,) = tool.json("cache", "show")["entries"]
    assert entry["key"] == function["key"]
    assert "popcount" in tool.run("cache", "show", status=0).stdout
    tool.run("cache", "clear", status=0)
    assert tool.json("cache", "stats")["entries"] == 0
    assert "nothing is known about popcount" in tool.refused("explain", "popcount")


def test_optimize_of_a_file_reports_every_function(tool: Tool) -> None:
    tool.environ["SUPEROPT_PROPOSERS"] = "none"
    found = {f["name"]: f for f in tool.json("optimize", "f.c")["functions"]}
    assert set(found) == {"times9", "popcount", "wide"}
    assert (found["times9"]["outcome"], found["times9"]["reason"]) == ("kept", "no-rewrite")
    assert (found["wide"]["outcome"], found["wide"]["reason"]) == ("ineligible", "float128")
    assert found["times9"]["speedup"] is None


def test_a_cache_that_cannot_be_used_is_one_clear_line(tool: Tool) -> None:
    tool.environ["SUPEROPT_CACHE_DIR"] = "/proc/nothing"
    assert "/proc/nothing" in tool.refused("optimize", "f.c", "-f", "times9")
    assert "/proc/nothing" in tool.refused("cache", "stats")


def test_measure_tells_a_copy_of_the_targets_own_code_from_faster_code(tool: Tool) -> None:
    tool.environ["SUPEROPT_BUDGET"] = "6"
    text = subprocess.run(
        ["gcc", "-O3", "-S", "f.c", "-o", "-"], cwd=tool.folder, capture_output=True, text=True
    ).stdout
    tool.write("copy.s", text)
    measured = tool.json("measure", "f.c", "-f", "popcount", "--rewrite", "copy.s", status=1)
    assert measured["significant"] is False
    assert set(measured) >= {
        "speedup", "interval", "noise", "significant", "latency", "throughput",
    }  # fmt: skip


def test_measure_refuses_a_wrong_rewrite(tool: Tool) -> None:
    tool.write("r.s", WRONG)
    verdict = tool.json("measure", *VERIFY[1:], status=1)
    assert verdict["verdict"] == "rejected"


def test_inspect_of_something_else_is_one_clear_line(tool: Tool) -> None:
    assert "no ELF file" in tool.refused("inspect", "f.c")
    assert "cannot be read" in tool.refused("inspect", "none")
    subprocess.run(["gcc", "-c", "f.c", "-o", "f.o"], cwd=tool.folder, check=True)
    assert tool.json("inspect", "f.o")["functions"] == []
    assert "no function was replaced" in tool.run("inspect", "f.o", status=0).stdout


def test_doctor_finds_a_healthy_installation_and_names_what_is_wrong(tool: Tool) -> None:
    healthy = tool.json("doctor", status=0)
    names = {finding["name"] for finding in healthy["findings"] if finding["ok"]}
    assert {"gcc", "as", "ld", "settings", "cache", "seccomp", "superopt-runner"} <= names
    tool.environ["SUPEROPT_MODE"] = "sometimes"
    tool.environ["SUPEROPT_MODDE"] = "off"
    tool.environ["SUPEROPT_PROPOSERS"] = "compilers,magic"
    tool.environ["SUPEROPT_CACHE_DIR"] = "/proc/nothing"
    lines = tool.run("doctor", status=1).stdout.splitlines()
    missing = [line for line in lines if line.startswith("MISSING")]
    assert [line.split()[1] for line in missing] == ["settings", "settings", "settings", "cache"]


def test_bad_settings_are_one_warning_line_elsewhere(tool: Tool) -> None:
    tool.environ["SUPEROPT_MODE"] = "sometimes"
    done = tool.run("status", status=0)
    assert done.stderr.count("\n") == 1
    assert "SUPEROPT_MODE" in done.stderr


def test_status_before_any_build_is_empty(tool: Tool) -> None:
    assert tool.json("status") == {"builds": []}
    assert tool.run("status", status=0).stdout == "no build is known yet\n"


def test_unknown_commands_and_missing_options_are_usage_errors(tool: Tool) -> None:
    assert "No such command" in tool.run("fly", status=2).stderr
    assert "--rewrite" in tool.run("verify", "f.c", "-f", "times9", status=2).stderr


def test_tracebacks_are_shown_with_debug_only(tool: Tool) -> None:
    assert "Traceback" not in tool.refused("inspect", "none")
    assert "Traceback" in tool.run("--debug", "inspect", "none").stderr
