"""One compile command understood and run again without touching the user's tree."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from superopt_cc.errors import ToolchainError, UsageError
from superopt_cc.toolchain import tools
from superopt_cc.toolchain.command import (
    CompileCommand,
    compile_facts,
    compile_text,
    effective_options,
    isa_macros,
    parse_command,
    preprocess,
)

GCC = tools.find_compiler(None, "c")
GXX = tools.find_compiler(None, "c++")


def command(folder: Path, *argv: str, source: str | None = None) -> CompileCommand:
    return parse_command(argv, folder, GCC, source)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project: src/f.c includes inc/h.h and forced.h, and needs -DNAME."""
    for name in ("src", "inc", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "inc" / "h.h").write_text("static inline int twice(int x) { return 2 * x; }\n")
    (tmp_path / "forced.h").write_text("#define OFFSET 7\n")
    (tmp_path / "src" / "f.c").write_text(
        '#include "h.h"\nint NAME(int x) { return twice(x) + OFFSET; }\n'
    )
    return tmp_path


def snapshot(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


BUILD = ("-O2", "-Iinc", "-DNAME=f", "-include", "forced.h", "-c", "src/f.c", "-o", "out/f.o")


def test_includes_definitions_and_forced_headers_are_the_users(tree: Path) -> None:
    cmd = command(tree, *BUILD)
    assert cmd.source == Path("src/f.c")
    assert b"return twice(x) + 7" in preprocess(cmd)
    assert "\nf:\n" in compile_text(cmd, preprocess(cmd))


def test_response_files_are_read(tree: Path) -> None:
    (tree / "inner.rsp").write_text("-Iinc '-DNAME=g'")
    (tree / "outer.rsp").write_text("-O2 @inner.rsp\n-include forced.h\n")
    cmd = command(tree, "@outer.rsp", "-c", "src/f.c")
    assert "-DNAME=g" in cmd.argv
    assert "\ng:\n" in compile_text(cmd, preprocess(cmd))


def test_nothing_is_written_into_the_users_tree(tree: Path) -> None:
    cmd = command(
        tree,
        *BUILD,
        "-MD",
        "-MP",
        "-MF",
        "out/f.d",
        "-MT",
        "x",
        "-Wp,-MMD,out/g.d",
        "-Xpreprocessor",
        "-MD",
        "-Xpreprocessor",
        "out/h.d",
        "-save-temps",
        "-fstack-usage",
        "-gsplit-dwarf",
        "-fdump-tree-all",
        "-fdump-rtl-final",
        "-fcallgraph-info",
        "-fsave-optimization-record",
        "--coverage",
        "-ftest-coverage",
        "-fprofile-generate",
        "-pipe",
        "-flto",
        "-aux-info",
        "out/aux",
    )
    before = snapshot(tree)
    text = preprocess(cmd)
    compile_text(cmd, text)
    work = tree.parent / f"{tree.name}-facts"
    work.mkdir()
    files = compile_facts(cmd, text, work)
    assert snapshot(tree) == before
    assert "funcdef_no" in files.tree
    assert "funcdef_no" in files.rtl
    assert {path.name for path in work.iterdir()} == {"facts.tree", "facts.rtl", "facts.o"}


def test_text_is_what_the_users_own_command_gives(tree: Path) -> None:
    cmd = command(tree, *BUILD, "-g", "-Wall", "-fwrapv")
    own = tools.run([GCC, *BUILD[:-4], "-fwrapv", "-S", "src/f.c", "-o", "-"], cwd=tree)
    assert compile_text(cmd, preprocess(cmd)) == own.stdout.decode()


def test_code_options_leave_out_all_that_does_not_change_code(tree: Path) -> None:
    cmd = command(
        tree,
        "-O3",
        "-Wall",
        "-g3",
        "-Iinc",
        "-DX",
        "-MD",
        "-std=gnu11",
        "-x",
        "c",
        "-fPIC",
        "-march=haswell",
        "--param",
        "max-unroll-times=4",
        "-fexec-charset=latin1",
        "-flto",
        "src/f.c",
        "-lm",
        "-o",
        "f",
    )
    assert cmd.code_options() == (
        "-O3",
        "-std=gnu11",
        "-fPIC",
        "-march=haswell",
        "--param",
        "max-unroll-times=4",
        "-fexec-charset=latin1",
    )


def test_refused_options_are_named(tree: Path) -> None:
    cmd = command(tree, *BUILD, "-pg", "-ffixed-rbx", "-fno-such-thing", "-Wp,-ftrapv", "-O3")
    assert set(cmd.refused_options()) == {"-pg", "-ffixed-rbx", "-fno-such-thing", "-ftrapv"}
    assert command(tree, *BUILD, "-Wp,-D_FORTIFY_SOURCE=2").refused_options() == ()


def test_the_last_of_several_options_counts(tree: Path) -> None:
    cmd = command(tree, "-O2", "-fwrapv", "-march=haswell", "-O3", "-fno-wrapv", "-c", "src/f.c")
    assert cmd.option("-O") == "-O3"
    assert cmd.option("-fwrapv", "-fno-wrapv") == "-fno-wrapv"
    assert cmd.option("-march=") == "-march=haswell"
    assert cmd.option("-fPIC") is None


def test_of_several_sources_the_caller_names_one(tree: Path) -> None:
    argv = ("-O2", "a.o", "src/f.c", "src/g.c", "-o", "prog")
    with pytest.raises(UsageError, match="2 C or C"):
        command(tree, *argv)
    assert command(tree, *argv, source=str(tree / "src/f.c")).source == Path("src/f.c")
    with pytest.raises(UsageError, match="no C or C"):
        command(tree, *argv, source="a.o")
    with pytest.raises(UsageError, match="0 C or C"):
        command(tree, "-o", "prog", "a.o")


def test_languages_follow_suffix_driver_and_x(tree: Path) -> None:
    assert command(tree, "-c", "a.cc").language == "c++"
    assert command(tree, "-c", "-x", "c++", "a.c").language == "c++"
    assert command(tree, "-c", "-x", "c", "odd.txt", "-x", "none").language == "c"
    assert command(tree, "-c", "a.i").language == "c"
    assert parse_command(("-c", "a.c"), tree, GXX).language == "c++"


def test_preprocessed_input_is_taken_as_it_is(tree: Path) -> None:
    (tree / "p.i").write_text('# 1 "p.c"\nint p(int x) { return x; }\n')
    cmd = command(tree, "-O2", "-c", "p.i")
    assert preprocess(cmd) == (tree / "p.i").read_bytes()
    assert '.file\t"p.c"' in compile_text(cmd, preprocess(cmd))


def test_a_source_from_stdin_cannot_be_read_again(tree: Path) -> None:
    cmd = command(tree, "-O2", "-c", "-x", "c", "-")
    assert cmd.source is None
    with pytest.raises(UsageError, match="standard input"):
        preprocess(cmd)


def test_c_that_does_not_compile_is_one_clear_line(tree: Path) -> None:
    (tree / "bad.c").write_text("int f(int x) { return y; }\n")
    cmd = command(tree, "-c", "bad.c")
    with pytest.raises(ToolchainError, match=r"bad\.c: does not compile: .*error: .*undeclared"):
        compile_text(cmd, preprocess(cmd))
    with pytest.raises(ToolchainError, match="cannot preprocess"):
        preprocess(command(tree, "-c", "missing.c"))


def test_the_isa_is_what_the_flags_permit(tree: Path) -> None:
    plain = isa_macros(command(tree, "-O2", "-c", "src/f.c"))
    assert "__SSE2__" in plain
    assert not {"__AVX2__", "__POPCNT__"} & plain
    haswell = isa_macros(command(tree, "-O2", "-march=haswell", "-c", "src/f.c"))
    assert {"__AVX2__", "__BMI2__", "__FMA__", "__POPCNT__"} <= haswell
    assert "__AVX2__" in isa_macros(command(tree, "-c", "src/f.c"), ("-mavx2",))


def test_effective_options_include_the_compilers_defaults(tree: Path) -> None:
    plain = effective_options(command(tree, "-O2", "-c", "src/f.c"))
    assert plain["ftrapping-math"]
    assert plain["mred-zone"]
    assert not plain["fwrapv"]
    other = effective_options(
        command(tree, "-O2", "-ffast-math", "-mno-red-zone", "-fwrapv", "-c", "src/f.c")
    )
    assert not other["ftrapping-math"]
    assert not other["mred-zone"]
    assert other["fwrapv"]
