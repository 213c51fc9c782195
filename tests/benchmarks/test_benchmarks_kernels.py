"""The kernels of benchmarks/kernels are sound programs, and the script measures what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import kernels_table  # noqa: E402
from kernels import (  # noqa: E402
    KERNELS,
    QUICK,
    SUITES,
    Bench,
    Kernel,
    KernelError,
    configs,
    kernels,
    renamed,
    timed,
)

STRICT = ("-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", f"-I{KERNELS}")
FAST = ("-O3",)
CHECKED = ("-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
BATCHES = 6
TITLES = {kernel.title: kernel for kernel in kernels(SUITES)}


def checksum(kernel: Kernel, options: tuple[str, ...], folder: Path) -> str:
    """What the program prints after two rounds; the compiler must have nothing to say."""
    program = folder / "program"
    words = ["gcc", *options, *STRICT, str(kernel.path), "-o", str(program)]
    built = subprocess.run(words, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    done = subprocess.run([program, "2"], capture_output=True, text=True)
    assert done.returncode == 0, f"{kernel.title}: {done.stderr[-2000:]}"
    nanoseconds, printed = done.stdout.split()
    assert float(nanoseconds) > 0
    return printed


def test_a_third_is_frozen_and_all_common_ones_are_written_twice() -> None:
    frozen, common, restyled = (kernels([suite]) for suite in SUITES)
    assert len(frozen) + len(common) >= 60
    assert 3 * len(frozen) >= len(frozen) + len(common)
    assert [kernel.name for kernel in common] == [kernel.name for kernel in restyled]


@pytest.mark.parametrize("suite", SUITES)
def test_every_kernel_selects_one_function_and_no_name_is_used_twice(suite: str) -> None:
    functions = [kernel.function for kernel in kernels([suite])]
    assert len(set(functions)) == len(functions)


def test_restyled_kernels_share_neither_text_nor_name() -> None:
    for kernel in kernels(["restyled"]):
        first = TITLES[f"common/{kernel.name}"]
        assert kernel.function != first.function, kernel.title


def test_the_twelve_of_make_bench_are_there() -> None:
    assert len(set(QUICK)) == 12
    assert set(QUICK) <= set(TITLES)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_kernels_give_the_same_checksum_fast_and_under_sanitizers(
    tmp_path: Path, batch: int
) -> None:
    common = kernels(["common"])[batch::BATCHES]
    for kernel in [*kernels(["frozen"])[batch::BATCHES], *common]:
        fast = checksum(kernel, FAST, tmp_path)
        assert checksum(kernel, CHECKED, tmp_path) == fast, kernel.title
        if kernel in common:
            again = TITLES[f"restyled/{kernel.name}"]
            assert checksum(again, FAST, tmp_path) == fast, again.title
            assert checksum(again, CHECKED, tmp_path) == fast, again.title


def bench_of(out: Path, tool: str) -> Bench:
    return Bench(out, budget=0, runs=2, tool=tool)


KERNEL = TITLES["frozen/visible_bounds"]
WANTED = configs(["compilers"], ["match"])


@pytest.mark.parametrize("title", QUICK)
def test_a_renamed_copy_has_other_names_and_the_same_checksum(tmp_path: Path, title: str) -> None:
    kernel = TITLES[title]
    copy = renamed(kernel, tmp_path / "renamed")
    assert copy.function == "another"
    assert len(re.findall(r"\bother\d+\b", copy.path.read_text())) >= 2
    assert checksum(copy, FAST, tmp_path) == checksum(kernel, FAST, tmp_path)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of one kernel by compilers alone, with no time for a search."""
    out = tmp_path_factory.mktemp("results")
    bench_of(out, "one").run(KERNEL, WANTED)
    return out


def lines_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_a_line_for_each_configuration_tells_time_outcome_and_checksum(measured: Path) -> None:
    lines = lines_of(measured)
    assert [line["config"] for line in lines] == ["gcc", "clang", "compilers"]
    assert len({line["checksum"] for line in lines}) == 1
    assert all(line["ns"] > 0 and line["seconds"] > 0 for line in lines)
    assert lines[-1]["outcome"] == "kept"


def test_code_that_stayed_gccs_is_as_fast_as_gccs(measured: Path) -> None:
    (line,) = [line for line in lines_of(measured) if line["config"] == "compilers"]
    assert line["ns"] == line["gcc_ns"]


def test_what_is_finished_is_not_done_again(measured: Path) -> None:
    before = (measured / "results.jsonl").read_bytes()
    bench_of(measured, "one").run(KERNEL, WANTED)
    assert (measured / "results.jsonl").read_bytes() == before


def test_another_state_of_the_tool_asks_for_its_own_lines_only(measured: Path) -> None:
    missing = bench_of(measured, "another").missing(KERNEL, WANTED)
    assert [config.name for config in missing] == ["compilers"]


def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, "one")
    for config in WANTED:
        reason = "failed" if config.proposers else ""
        bench.add({"key": bench.key(KERNEL, config), "reason": reason})
    assert [c.name for c in bench_of(tmp_path, "one").missing(KERNEL, WANTED)] == ["compilers"]


def test_known_results_are_printed_without_a_run(measured: Path) -> None:
    script = ROOT / "benchmarks" / "kernels.py"
    words = ["--table", "--proposers", "compilers", "--isa", "match", "--out", str(measured)]
    words += ["--only", KERNEL.title]
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True)
    assert f"| {KERNEL.title} |" in done.stdout
    assert not done.stderr


def printing(program: Path, text: str) -> Path:
    program.write_text(f"#!/bin/sh\necho {text}\n")
    program.chmod(0o755)
    return program


def test_programs_are_timed_in_turns_and_equal_ones_once(tmp_path: Path) -> None:
    gcc, clang, ours = configs(["compilers"], ["match"])
    log = tmp_path / "log"
    programs = {
        gcc: printing(tmp_path / "one", f"5 aa; echo one >> {log}"),
        clang: printing(tmp_path / "two", f"7 aa; echo two >> {log}"),
        ours: printing(tmp_path / "copy", f"5 aa; echo one >> {log}"),
    }
    times, expected = timed(programs, 2)
    assert expected == "aa"
    assert [times[path] for path in programs.values()] == [[5, 5], [7, 7], [5, 5]]
    assert log.read_text().split() == ["one", "two", "two", "one"]


def test_another_checksum_than_gccs_is_an_error(tmp_path: Path) -> None:
    gcc, _, ours = configs(["compilers"], ["match"])
    programs = {gcc: printing(tmp_path / "one", "5 aa"), ours: printing(tmp_path / "two", "4 ab")}
    with pytest.raises(KernelError, match="two: checksum ab, gcc's has aa"):
        timed(programs, 1)


def line_of(suite: str, kernel: str, config: str, speedup: float) -> dict[str, Any]:
    tool = "" if config in ("gcc", "clang") else "tool"
    shared = {"seconds": 2.0, "budget": 30.0, "machine": "a machine", "compilers": {}}
    times = {"gcc_ns": 1000.0, "ns": 1000.0 / speedup, "tool": tool}
    return {"suite": suite, "kernel": kernel, "config": config, **shared, **times}


def test_means_are_geometric_and_restyled_kernels_tell_what_they_keep() -> None:
    lines = [
        line_of("frozen", "a", "all", 1.0),
        line_of("common", "b", "clang", 2.0),
        line_of("common", "b", "all", 4.0),
        line_of("restyled", "b", "all", 2.5),
    ]
    table = kernels_table.report(lines)
    assert "| all | 2.00 | 1.00 | 4.00 | 2.50 | 50% | 1.60 | 1.41 | 2.0, 2.0 |" in table
    assert "Slower than 0.98x: none." in table


def test_renamed_copies_that_came_out_differently_are_named() -> None:
    first = line_of("frozen", "a", "all", 2.0) | {"outcome": "replaced", "proposer": "p"}
    copy = line_of("renamed", "frozen_a", "all", 2.0) | {"outcome": "replaced", "proposer": "p"}
    table = kernels_table.report([first | {"how": "this"}, copy | {"how": "this"}])
    assert "Of 1 renamed copies treated otherwise: none." in table
    table = kernels_table.report([first | {"how": "this"}, copy | {"how": "that"}])
    assert "treated otherwise: frozen/a all (p: this; renamed: p: that)." in table


def test_kernels_that_became_slower_are_named() -> None:
    table = kernels_table.report([line_of("frozen", "a", "all", 0.9)])
    assert "Slower than 0.98x: frozen/a all 0.90x" in table
