"""Whole programs built with superopt-cc: the same program, whatever the way of building it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from workplace import COUNT_LOOP, Workplace, program

SOURCES = {
    "bits.h": "unsigned ones(unsigned x);\nunsigned mirrored(unsigned x);\n"
    "unsigned hash(const unsigned char *text, unsigned length);\nextern unsigned calls;\n",
    "ones.c": f'#include "bits.h"\nunsigned calls;\n'
    f"unsigned ones(unsigned x) {{ calls++; {COUNT_LOOP} return n; }}\n",
    "mirror.c": '#include "bits.h"\n'
    "static const unsigned char low[16] = {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15};\n"
    "unsigned mirrored(unsigned x)\n"
    "{ unsigned r = 0; for (int i = 0; i < 8; i++) { r = r << 4 | low[x & 15]; x >>= 4; }\n"
    "  return r; }\n",
    "hash.c": '#include "bits.h"\n'
    "unsigned hash(const unsigned char *text, unsigned length)\n"
    "{ unsigned h = 2166136261u;\n"
    "  for (unsigned i = 0; i < length; i++) h = (h ^ text[i]) * 16777619u;\n"
    "  return h; }\n",
    "main.c": '#include <stdio.h>\n#include <string.h>\n#include "bits.h"\n'
    "int main(void)\n"
    '{ const char *words[] = {"", "a", "superopt", "a longer line of text, to be sure"};\n'
    "  for (unsigned i = 0; i < 4; i++) {\n"
    "    unsigned h = hash((const unsigned char *)words[i], strlen(words[i]));\n"
    '    printf("%u %u %u %u\\n", h, ones(h), mirrored(h), calls); }\n'
    "  return 0; }\n",
    "Makefile": "CFLAGS = -O3 -Wall -Werror\n"
    "program: ones.o mirror.o hash.o main.o\n\t$(CC) $(LDFLAGS) -o $@ $^\n"
    "*.o: bits.h\n",
}
OBJECTS = ("ones.o", "mirror.o", "hash.o", "main.o")


@pytest.fixture
def sources(place: Workplace) -> Workplace:
    for name, text in SOURCES.items():
        place.write(name, text)
    return place


@pytest.fixture
def ones(place: Workplace) -> Workplace:
    place.environ["SUPEROPT_SELECT"] = "ones"
    place.write("ones.c", f"unsigned ones(unsigned x) {{ {COUNT_LOOP} return n; }}\n")
    place.write(
        "main.c",
        "#include <stdio.h>\nunsigned ones(unsigned);\nint main(void)\n{ for (unsigned i = 0; "
        'i < 50; i++) printf("%u\\n", ones(i * 2654435761u)); return 0; }\n',
    )
    place.gcc("-O3", "ones.c", "main.c", "-o", "gccs")
    return place


def test_a_program_of_several_files_prints_the_same_and_is_the_same_when_built_again(
    sources: Workplace,
) -> None:
    sources.well("make", "CC=gcc")
    printed = sources.well("./program")
    sources.well("make", "-B", f"CC={program('superopt-cc')}")
    assert sources.well("./program") == printed
    assert {"ones", "mirrored"} <= sources.replaced("program")
    first = {name: sources.bytes(name) for name in OBJECTS}
    build = sources.last_build()
    assert build["files"] == len(OBJECTS)
    functions = build["functions"]
    assert functions["seen"] == functions["selected"] == 4
    assert functions["eligible"] == functions["replaced"] + functions["kept"]

    # From finished units, and from the store alone, nothing is searched and nothing differs.
    for forget in (False, True):
        if forget:
            for path in (sources.cache / "units").rglob("*"):
                if path.is_file() and "stamps" not in path.parts:
                    path.unlink()
        sources.well("make", "-B", f"CC={program('superopt-cc')}", SUPEROPT_MODE="use")
        assert {name: sources.bytes(name) for name in OBJECTS} == first
        assert sources.last_build()["functions"] == functions


def test_two_parallel_builds_share_a_store(sources: Workplace) -> None:
    for number in range(4):
        text = SOURCES["hash.c"].replace("hash(", f"hash{number // 2}_{number}(")
        text = text.replace("16777619u", f"{16777619 + number // 2}u").partition("\n")[2]
        sources.write(f"more{number}.c", text)
    rule = f"more: {' '.join(f'more{n}.o' for n in range(4))}\n"
    sources.write("Makefile", SOURCES["Makefile"] + rule)
    make = ("make", "-j8", f"CC={program('superopt-cc')}", "program", "more")
    sources.well(*make)
    printed = sources.well("./program")
    first = {path.name: path.read_bytes() for path in sources.folder.glob("*.o")}
    assert len(first) == 8
    replaced = sources.replaced("program")
    assert {"ones", "mirrored"} <= replaced
    sources.well(*make, "-B", SUPEROPT_MODE="use")
    assert {path.name: path.read_bytes() for path in sources.folder.glob("*.o")} == first
    sources.well("make", "-B", "CC=gcc", "program")
    assert sources.well("./program") == printed


@pytest.mark.parametrize(
    "options",
    [
        ("-pipe",),
        ("-fno-pie", "-no-pie"),
        ("-fPIE", "-pie"),
        ("-g",),
        ("-g3", "-gsplit-dwarf"),
        ("-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"),
        ("-fcf-protection=full",),
        ("-std=c99", "-fwrapv", "-fno-strict-aliasing"),
        ("-static",),
    ],
    ids=" ".join,
)
def test_a_function_is_replaced_under_ordinary_options(
    ones: Workplace, options: tuple[str, ...]
) -> None:
    ones.cc("-O3", *options, "ones.c", "main.c", "-o", "ours")
    assert ones.replaced("ours") == {"ones"}
    assert ones.well("./ours") == ones.well("./gccs")


def test_a_function_is_replaced_at_o2(ones: Workplace) -> None:
    ones.cc("-O2", "ones.c", "main.c", "-o", "ours")
    assert ones.replaced("ours") == {"ones"}
    assert ones.well("./ours") == ones.well("./gccs")


def test_a_shared_library_with_replaced_functions_works(ones: Workplace) -> None:
    ones.cc("-O3", "-fPIC", "-shared", "-Wl,-z,text", "ones.c", "-o", "libones.so")
    assert ones.replaced("libones.so") == {"ones"}
    ones.gcc("main.c", "-o", "ours", "./libones.so")
    assert ones.well("./ours") == ones.well("./gccs")


def test_stripped_programs_still_work(ones: Workplace) -> None:
    ones.cc("-O3", "ones.c", "main.c", "-s", "-o", "ours")
    assert ones.well("./ours") == ones.well("./gccs")


def test_a_killed_shim_leaves_a_build_that_can_be_repeated(ones: Workplace) -> None:
    child = subprocess.Popen(
        [program("superopt-cc"), "-O3", "-c", "ones.c", "-o", "ones.o"],
        cwd=ones.folder,
        env={**ones.environ, "SUPEROPT_ACCEPT": "faster"},
        stderr=subprocess.PIPE,
    )
    shim, searchers = _shim_and_searchers(child.pid)
    os.kill(shim, signal.SIGKILL)
    _, said = child.communicate(timeout=60)
    assert child.returncode != 0  # as gcc says it of any killed assembler
    assert b"Killed" in said
    assert not (ones.folder / "ones.o").exists()
    deadline = time.monotonic() + 20
    while any(_alive(process) for process in searchers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(process) for process in searchers)
    ones.cc("-O3", "-c", "ones.c", "-o", "ones.o")
    assert ones.replaced("ones.o") == {"ones"}
    assert ones.ask("cache", "stats")["replaced"] == 1


def _shim_and_searchers(compiler: int) -> tuple[int, list[int]]:
    """The `as` shim below a running compiler and all that it started, once a search is on."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        below = _below(compiler)
        python = [p for p in below if b"superopt_cc.driver.assemble" in _words(p)]
        started = {p for one in python for p in _below(one)}
        if python and any(b"superopt-runner" in _words(p) for p in started):
            return _parents()[python[0]], [*python, *started]
        time.sleep(0.02)
    raise AssertionError("no search began")


def _parents() -> dict[int, int]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[int(entry.name)] = int(stat[1])
    return found


def _below(root: int) -> list[int]:
    parents = _parents()
    found = [root]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


def _words(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def _alive(process: int) -> bool:
    """Running, and not only waiting to be reaped."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
