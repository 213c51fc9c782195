"""Finding and running tools: never ourselves, nothing left behind, clear errors."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from superopt_cc.errors import ToolchainError
from superopt_cc.toolchain import tools

TEXT = """
    .text
    .globl f
f:  movl table(%rip), %eax
    movl %eax, state(%rip)
    ret
    .section .rodata
table: .long 5
    .data
state: .long 6
    .bss
room: .zero 64
"""


def test_compilers_are_found_by_absolute_path() -> None:
    for language in ("c", "c++"):
        found = tools.find_compiler(None, language)
        assert found.is_absolute()
        assert (
            b"(GCC)" in tools.run([found, "--version"]).stdout
            or tools.run([found, "-dumpversion"]).status == 0
        )


def test_a_masquerade_link_on_path_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = tmp_path / "bin" / "superopt-cc"
    door.parent.mkdir()
    door.write_text("#!/bin/sh\nexit 9\n")
    door.chmod(0o755)
    masquerade = tmp_path / "masquerade"
    masquerade.mkdir()
    (masquerade / "gcc").symlink_to(door)
    real = tools.find_compiler(None, "c")
    monkeypatch.setenv("PATH", f"{masquerade}:{os.environ['PATH']}")
    assert tools.find_compiler(None, "c") == real
    assert tools.find_compiler("gcc", "c") == real
    with pytest.raises(ToolchainError, match="is superopt-cc itself"):
        tools.find_compiler(str(masquerade / "gcc"), "c")


def test_a_compiler_cache_called_gcc_is_passed_over_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "ccache"
    cache.write_text("#!/bin/sh\nexit 9\n")
    cache.chmod(0o755)
    (tmp_path / "gcc").symlink_to(cache)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert tools.find_compiler(None, "c").parent != tmp_path
    assert tools.find_compiler(str(tmp_path / "gcc"), "c") == tmp_path / "gcc"


def test_a_missing_compiler_is_one_clear_line() -> None:
    with pytest.raises(ToolchainError, match="not an executable compiler"):
        tools.find_compiler("/nonexistent/gcc", "c")
    with pytest.raises(ToolchainError, match="not found on PATH"):
        tools.find_compiler("no-such-gcc", "c")
    with pytest.raises(ToolchainError, match="not built"):
        tools.native("no-such-helper")


def test_children_do_not_see_what_the_front_door_set(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = tools.helper_folders()[-1] / "shim"
    monkeypatch.setenv("COMPILER_PATH", f"{ours}:/opt/gcc")
    monkeypatch.setenv("LD_PRELOAD", f"{ours / 'superopt-hide.so'}")
    monkeypatch.setenv("_SUPEROPT_DEPTH", "1")
    monkeypatch.setenv("DEPENDENCIES_OUTPUT", "deps.d")
    lines = tools.run(["env"]).stdout.decode().splitlines()
    seen = dict(line.split("=", 1) for line in lines if "=" in line)
    assert seen["COMPILER_PATH"] == "/opt/gcc"
    assert not {"LD_PRELOAD", "_SUPEROPT_DEPTH", "DEPENDENCIES_OUTPUT"} & set(seen)


def test_a_failing_status_is_an_answer_and_a_missing_program_an_error() -> None:
    done = tools.run(["sh", "-c", "cat; echo oops >&2; exit 3"], stdin=b"in")
    assert (done.status, done.stdout, done.stderr) == (3, b"in", "oops\n")
    with pytest.raises(ToolchainError, match="cannot be started"):
        tools.run(["/nonexistent/program"])


def test_a_program_that_does_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(ToolchainError, match="no result after"):
        tools.run(["sh", "-c", f"sleep 60 & echo $! > {note}; wait"], timeout=0.3)
    child = int(note.read_text())
    for _ in range(100):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True)
        if not state.stdout.strip() or state.stdout.startswith(b"Z"):
            return
        time.sleep(0.05)
    pytest.fail("the child of the child still runs")


def test_an_image_has_its_segments_apart_and_keeps_its_symbols(tmp_path: Path) -> None:
    tools.assemble(TEXT, tmp_path / "a.o")
    base = 0x10000000
    tools.link_image([tmp_path / "a.o"], tmp_path / "image", base)
    with (tmp_path / "image").open("rb") as file:
        elf = ELFFile(file)
        loads = [s.header for s in elf.iter_segments() if s.header.p_type == "PT_LOAD"]
        symbols = {s.name: s["st_value"] for s in elf.get_section_by_name(".symtab").iter_symbols()}
    flags = {}
    pages: list[int] = []
    for name in ("f", "table", "state", "room"):
        load = next(x for x in loads if x.p_vaddr <= symbols[name] < x.p_vaddr + x.p_memsz)
        flags[name] = load.p_flags
    for load in loads:
        pages += range(load.p_vaddr >> 12, (load.p_vaddr + load.p_memsz + 4095) >> 12)
    assert flags == {"f": 5, "table": 4, "state": 6, "room": 6}
    assert len(pages) == len(set(pages))
    assert min(load.p_vaddr for load in loads) == base


def test_refused_text_leaves_no_object(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError) as caught:
        tools.assemble("no such thing\n", tmp_path / "a.o")
    assert "no such instruction" in caught.value.stderr
    assert list(tmp_path.iterdir()) == []


def test_options_that_make_the_assembler_write_files_are_dropped(tmp_path: Path) -> None:
    options = ["--64", f"-a={tmp_path}/l", "--MD", f"{tmp_path}/d", "-o", f"{tmp_path}/x", "in.s"]
    tools.assemble(TEXT, tmp_path / "a.o", options, cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.o"]
    assert tools.code_as_options(["-march=generic64", *options]) == ("-march=generic64", "--64")


def test_text_that_cannot_be_linked_as_pie_is_told_apart(tmp_path: Path) -> None:
    tools.assemble(
        ".globl f\nf: movl t(,%rax,4), %eax\n ret\n.section .rodata\nt: .long 5\n", tmp_path / "a.o"
    )
    tools.link_check([tmp_path / "a.o"], tmp_path / "a", "")
    for kind in ("pie", "pic"):
        with pytest.raises(ToolchainError) as caught:
            tools.link_check([tmp_path / "a.o"], tmp_path / "b", kind)
        assert "R_X86_64_32S" in caught.value.stderr


def test_an_undefined_symbol_fails_the_image(tmp_path: Path) -> None:
    tools.assemble(".globl f\nf: jmp elsewhere\n", tmp_path / "a.o")
    with pytest.raises(ToolchainError) as caught:
        tools.link_image([tmp_path / "a.o"], tmp_path / "image", 0x400000)
    assert "undefined reference to `elsewhere'" in caught.value.stderr
    assert not (tmp_path / "image").exists()
