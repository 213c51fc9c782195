"""superopt-cc against gcc: same status, output, files and objects, whatever the command line."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest

FILES = {
    "a.c": "#include <string.h>\n#include <h.h>\nstatic int table[N] = {1, 2};\n"
    "int twice(int x) { return x * 2; }\n"
    "unsigned sum(const unsigned *p, int n)\n{\n    unsigned s = 0;\n"
    "    for (int i = 0; i < n; i++) s += p[i] + (unsigned)table[i % N];\n    return s;\n}\n"
    "int main(int argc, char **argv) { return twice(argc) + (int)strlen(argv[0]) > 99; }\n",
    "b.c": "int helper(int x) { return x / 3; }\n",
    "include/h.h": "#define N 8\n",
    "warn.c": "int f(int x) { int unused; return x; }\nstatic int g(void) { return 1; }\n",
    "bad.c": "int f(int x) { return y; }\nint g( { }\n",
    "asm.s": "\t.text\n\t.globl k\n\t.type k, @function\nk:\tret\n\t.size k, .-k\n",
    "badasm.c": 'int f(int x) { __asm__("nonsense %0" : "+r"(x)); return x; }\n',
    "x.cc": "#include <vector>\nint f(const std::vector<int> &v)\n"
    "{ int s = 0; for (int x : v) s += x; return s; }\nint main() { return f({1, 2}) - 3; }\n",
    "throw.cc": "struct E {}; int f(int x) { if (x) throw E(); return 1; }\n"
    "int main() { try { f(1); } catch (E) { return 0; } return 1; }\n",
    "words.rsp": "-O2 '-DX=\"a b\"' -c\na.c -Iinclude",
    "macro.c": "const char *s = X; int f(int x) { return x + 1; }\n",
    "list.txt": "not a source\n",
}

COMMANDS = """
-O3 -Iinclude -c a.c
-O3 -Iinclude -c a.c -o out.o
-O2 -Iinclude a.c b.c -o prog
-O3 -Iinclude a.c b.c
-O3 -c a.c b.c -Iinclude
-O3 -Iinclude -pipe -c a.c -o a.o
-O3 -Iinclude -save-temps -c a.c -o a.o
-O3 -Iinclude -save-temps=obj -c a.c -o a.o
-O3 -Iinclude -save-temps -pipe -g a.c b.c -o prog
-O3 -Iinclude -g -c a.c -o a.o
-O3 -Iinclude -g3 -gsplit-dwarf -c a.c -o a.o
-O2 -Iinclude -g -c a.c -o a.o -Wa,-alh=a.lst
-O3 -Iinclude -MD -c a.c
-O3 -Iinclude -MMD -MP -MF deps.d -MT target -c a.c -o a.o
-O3 -Iinclude -Wp,-MD,wp.d -c a.c
-M -Iinclude a.c
-MM -Iinclude -MF only.d a.c
-O2 -Iinclude --coverage -frandom-seed=1 -c a.c -o a.o
-O2 -Iinclude -fstack-usage -fcallgraph-info -fdump-tree-optimized -c a.c -o a.o
-O3 -Iinclude -flto -frandom-seed=1 -c a.c -o a.o
-O3 -Iinclude -flto -ffat-lto-objects -frandom-seed=1 -c a.c -o a.o
-O2 -Iinclude -flto -frandom-seed=1 a.c b.c -o prog
-O2 -Iinclude -flto -fno-lto -c a.c
-O3 -Iinclude -frecord-gcc-switches -c a.c -o a.o
-O3 -Iinclude -fverbose-asm -S a.c
-O3 -Iinclude -S a.c -o -
-O3 -Iinclude -E a.c
-O3 -Iinclude -E -dM a.c -o macros
-O0 -Iinclude -c a.c
-Og -Iinclude -g -c a.c
-Os -Iinclude -c a.c
-O3 -fsyntax-only -Iinclude a.c
-O3 -Wall -Wextra -c warn.c
-O3 -Wall -Werror -c warn.c
-O3 -Wall -fdiagnostics-color=always -c warn.c
-O3 -Wall -fdiagnostics-format=json -c warn.c
-O3 -c bad.c -o bad.o
-O3 -c bad.c a.c -Iinclude
-O3 -c badasm.c -o badasm.o
-O3 -pipe -c badasm.c -o badasm.o
-O3 -c missing.c
-O3 -Iinclude -c a.c -o no/such/folder/a.o
-O3 -Iinclude -c a.c b.c -o one.o
-O3 --no-such-option -c a.c
-O3 -fno-such-option -c a.c
-O3 -Xassembler --no-such-option -c b.c
-O3 -c asm.s -o asm.o
-O3 -Iinclude a.c asm.s -o prog
-O3 -c list.txt
-O3 -x c list.txt -c
-O3 b.c -o prog
@words.rsp
@words.rsp -o rsp.o
@missing.rsp -c b.c
-O2 -DX="a" -c macro.c
-O2 -B. -Iinclude -c a.c
-O2 -m32 -Iinclude -c b.c
-O2 -x c++ -c b.c -o b.o
-O3 -fPIC -shared b.c -o libb.so
-O2 -fno-such -Wno-such -c b.c

-v
--version
--help
-dumpversion
-dumpmachine
-dumpspecs
-print-prog-name=as
-print-prog-name=cc1
-print-search-dirs
-print-file-name=libc.so
-###  -O3 -c b.c
-v -O3 -c b.c -o b.o
""".splitlines()

CXX_COMMANDS = """
-O3 -c x.cc
-O2 -g x.cc -o prog
-O2 -pipe -std=c++20 -Wall -c x.cc -o x.o
-O2 throw.cc -o prog
-O2 -save-temps -c throw.cc
-O3 -c b.c
-O3 -fsyntax-only x.cc
--version
""".strip().splitlines()

SETTINGS = (
    {},
    {"SUPEROPT_MODE": "off"},
    {"SUPEROPT_MODE": "use", "SUPEROPT_SELECT": "all"},
)
BROKEN = "print('noise'); print('noise', file=sys.stderr); sys.exit(1)\n"


def _same_names(text: str) -> str:
    """Temporary names are random."""
    return re.sub(r"/tmp/cc\w{6}", "/tmp/ccXXXXXX", text)


@pytest.mark.parametrize("command", COMMANDS)
def test_c_command_line_does_what_gcc_does(command, installation, run) -> None:
    _compare("gcc", installation.cc, command, installation, run)


@pytest.mark.parametrize("command", CXX_COMMANDS)
def test_cxx_command_line_does_what_gxx_does(command, installation, run) -> None:
    _compare("g++", installation.cxx, command, installation, run)


def _compare(name: str, ours: Path, command: str, installation, run) -> None:
    installation.python_side(BROKEN)
    expected = run([shutil.which(name), *command.split()], FILES)
    for setting in SETTINGS:
        got = run([ours, *command.split()], FILES, env=setting)
        assert (got.status, got.stdout) == (expected.status, expected.stdout), setting
        assert _same_names(got.stderr) == _same_names(expected.stderr), setting
        assert got.files.keys() == expected.files.keys(), setting
        for path, data in expected.files.items():
            assert _clean(path, got.files[path]) == _clean(path, data), (path, setting)


def _clean(path: str, data: bytes) -> bytes:
    """Listings show temporary names."""
    return re.sub(rb"/tmp/cc\w{6}", b"/tmp/ccXXXXXX", data) if path.endswith(".lst") else data


@pytest.mark.parametrize("pipe", [[], ["-pipe"]])
@pytest.mark.parametrize("select", ["pragma", "all"])
def test_source_on_stdin_gives_gccs_object(pipe, select, installation, run, tmp_path) -> None:
    text = "#pragma superopt\nint f(int x) { return x + 1; }\n"
    source = tmp_path / "stdin.c"
    source.write_text(text)
    words = ["-O3", *pipe, "-Wall", "-Wno-unknown-pragmas", "-c", "-xc", "-", "-o", "f.o"]
    expected = run(["gcc", *words], {}, stdin=text.encode())
    for stdin in (text.encode(), source):
        got = run([installation.cc, *words], {}, stdin=stdin, env={"SUPEROPT_SELECT": select})
        assert dataclasses.astuple(got) == dataclasses.astuple(expected)


def test_users_assembler_in_a_prefix_folder_is_used(installation, run, tmp_path) -> None:
    """gcc itself prefers it; so the functions stay gcc's and are counted."""
    tools = tmp_path / "tools"
    tools.mkdir()
    marker = tmp_path / "used"
    (tools / "as").write_text(f'#!/bin/sh\necho "$0" >> {marker}\nexec {shutil.which("as")} "$@"\n')
    (tools / "as").chmod(0o755)
    env = {"SUPEROPT_SELECT": "all", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    files = {"f.c": "int f(int x) { return x + 1; }\n"}
    ran = run([installation.cc, "-O3", f"-B{tools}", "-c", "f.c"], files, env=env)
    assert (ran.status, ran.stderr) == (0, "")
    assert marker.read_text() == f"{tools}/as\n"
    log = (tmp_path / "cache" / "superopt-cc" / "untouched.log").read_text()
    assert log.split("\t")[1:3] == ["foreign-assembler", "1"]


def test_users_assembler_in_compiler_path_is_the_real_one(installation, run, tmp_path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    marker = tmp_path / "used"
    (tools / "as").write_text(f'#!/bin/sh\necho "$0" >> {marker}\nexec {shutil.which("as")} "$@"\n')
    (tools / "as").chmod(0o755)
    env = {"SUPEROPT_SELECT": "all", "COMPILER_PATH": str(tools)}
    files = {"f.c": "int f(int x) { return x + 1; }\n"}
    ran = run([installation.cc, "-O3", "-c", "f.c"], files, env=env)
    assert (ran.status, ran.stderr) == (0, "")
    assert marker.read_text() == f"{tools}/as\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [("-O1", "opt-level"), ("-Os", "opt-level"), ("", "opt-level"), ("-O3 -flto", "lto")],
)
def test_compilations_that_are_left_to_gcc_are_counted(words, reason, installation, run, tmp_path):
    from superopt_cc.driver.record import read_untouched

    files = {"f.c": "#pragma superopt\nint f(int x) { return x + 1; }\n", "g.c": "int g;\n"}
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    run([installation.cc, *words.split(), "-c", "f.c", "g.c"], files, env=env)
    run([installation.cc, *words.split(), "-c", "g.c"], files, env=env)
    (line,) = read_untouched(tmp_path / "cache" / "superopt-cc")
    assert (line.reason, line.files, line.cwd) == (reason, 2, str(tmp_path / "work"))


def test_unwritable_cache_is_no_obstacle(installation, run) -> None:
    env = {"SUPEROPT_SELECT": "all", "SUPEROPT_CACHE_DIR": "/proc/nowhere"}
    ran = run([installation.cc, "-c", "f.c"], {"f.c": "int f;\n"}, env=env)
    assert (ran.status, ran.stderr) == (0, "")
