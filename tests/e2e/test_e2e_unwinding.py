"""Debuggers and exceptions pass through replaced functions as through gcc's (design 4.3)."""

from __future__ import annotations

import re
import shutil

import pytest
from workplace import COUNT_LOOP, Workplace

WALK = f"unsigned visit(unsigned n);\nunsigned walk(unsigned x) {{ {COUNT_LOOP}\n" + (
    "    return visit(n) * 3 + n;\n}\n"
)
CALLER = (
    "unsigned walk(unsigned);\n"
    "unsigned visit(unsigned n) { return n * 5; }\n"
    "static unsigned enter(unsigned base) { unsigned kept = base * 7; return walk(base) + kept; }\n"
    "int main(void) { return enter(1000) != 7096; }\n"
)
THROWER = (
    '#include <cstdio>\nextern "C" unsigned walk(unsigned);\n'
    "struct Kept { unsigned &count; ~Kept() { count++; } };\n"
    'extern "C" unsigned visit(unsigned n) { if (n > 3) throw n; return n; }\n'
    "static unsigned destroyed = 0;\n"
    "static unsigned tried(unsigned x)\n"
    "{ volatile unsigned kept = x * 7; Kept guard{destroyed};\n"
    "  try { return walk(x) + kept; } catch (unsigned n) { return 1000 * n + kept; } }\n"
    'int main() { for (unsigned x = 0; x < 40; x++) std::printf("%u\\n", tried(x));\n'
    '  std::printf("%u\\n", destroyed); }\n'
)


@pytest.mark.parametrize("options", [(), ("-g",), ("-fno-omit-frame-pointer",)])
def test_gdb_sees_the_frames_that_it_sees_with_gcc(
    place: Workplace, options: tuple[str, ...]
) -> None:
    if not shutil.which("gdb"):
        pytest.skip("gdb is not installed")
    place.write("walk.c", WALK)
    place.write("main.c", CALLER)
    place.gcc("-g", "-O0", "-c", "main.c", "-o", "main.o")
    place.gcc("-O3", *options, "-c", "walk.c", "-o", "gccs.o")
    place.cc("-O3", *options, "-c", "walk.c", "-o", "ours.o")
    frames = {}
    for name in ("gccs", "ours"):
        place.gcc("main.o", f"{name}.o", "-o", name)
        place.well(f"./{name}")
        frames[name] = backtrace(place, f"./{name}")
    assert place.replaced("ours") == {"walk"}
    assert place.replaced("gccs") == set()
    assert [frame.split()[0] for frame in frames["ours"]] == ["visit", "walk", "enter", "main"]
    assert frames["ours"] == frames["gccs"]


def backtrace(place: Workplace, program: str) -> list[str]:
    """The frames at the entry of visit: names, arguments and, outside walk, lines and locals."""
    commands = ["break visit", "run", "backtrace full", "kill"]
    words = [word for command in commands for word in ("-ex", command)]
    done = place.run("gdb", "-nx", "-batch", *words, program)
    shown = re.findall(r"^#\d+ .*?(?=^#|\Z)", done.stdout, re.MULTILINE | re.DOTALL)
    assert shown, (done.stdout, done.stderr)
    frames = []
    for frame in shown:
        text = re.sub(r"^#\d+ +(0x[0-9a-f]+ in )?", "", frame).partition("[Inferior")[0]
        # Inside a replaced function only the entry has a line of its own.
        frames.append(text.split(" (")[0] if text.startswith("walk") else text.strip())
    return frames


@pytest.mark.parametrize("optimised", ["-O2", "-O3"])
def test_an_exception_passes_through_a_replaced_c_function(
    place: Workplace, optimised: str
) -> None:
    place.write("walk.c", WALK)
    place.write("main.cpp", THROWER)
    place.cc(optimised, "-fexceptions", "-c", "walk.c", "-o", "ours.o")
    place.gcc(optimised, "-fexceptions", "-c", "walk.c", "-o", "gccs.o")
    same_output(place, "walk")


def test_an_exception_passes_through_a_replaced_cpp_function(place: Workplace) -> None:
    place.write("walk.cpp", f'extern "C" unsigned visit(unsigned n);\nextern "C" {{\n{WALK}}}\n')
    place.write("main.cpp", THROWER)
    place.cxx("-O3", "-c", "walk.cpp", "-o", "ours.o")
    place.well("g++", "-O3", "-c", "walk.cpp", "-o", "gccs.o")
    same_output(place, "walk")


def same_output(place: Workplace, name: str) -> None:
    for kind in ("gccs", "ours"):
        place.well("g++", "-O2", "main.cpp", f"{kind}.o", "-o", kind)
    assert place.replaced("ours") == {name}
    printed = place.well("./ours")
    assert "4105\n" in printed  # x = 15: four ones are thrown
    assert printed == place.well("./gccs")


def test_an_exception_restores_the_registers_that_a_replaced_function_saved(
    place: Workplace,
) -> None:
    # Several pushes in the body, and values of the catcher that live in saved registers.
    place.write(
        "walk.c",
        "unsigned visit(unsigned n);\n"
        "unsigned walk(unsigned x, unsigned a, unsigned b, unsigned c)\n"
        f"{{ {COUNT_LOOP}\n"
        "  unsigned first = visit(n ^ a);\n"
        "  return first * a + visit(b) * c + n; }\n",
    )
    place.write(
        "main.cpp",
        '#include <cstdio>\nextern "C" unsigned walk(unsigned, unsigned, unsigned, unsigned);\n'
        'extern "C" unsigned visit(unsigned n) { if (n % 4 == 0) throw n; return n * 3; }\n'
        "int main(int count, char **)\n"
        "{ unsigned a = count, b = a * 3, c = a * 5, d = a * 7, caught = 0;\n"
        "  for (unsigned x = 0; x < 30; x++) {\n"
        "    try { a += walk(x, b, c & 15, d); } catch (unsigned n) { b ^= n + c; caught++; }\n"
        "    c += d ^ a; d += b;\n"
        '    std::printf("%u %u %u %u\\n", a, b, c, d); }\n'
        '  std::printf("caught %u\\n", caught); }\n',
    )
    place.cc("-O3", "-fexceptions", "-c", "walk.c", "-o", "ours.o")
    place.gcc("-O3", "-fexceptions", "-c", "walk.c", "-o", "gccs.o")
    for kind in ("gccs", "ours"):
        place.well("g++", "-O3", "main.cpp", f"{kind}.o", "-o", kind)
    assert place.replaced("ours") == {"walk"}
    printed = place.well("./ours")
    assert printed == place.well("./gccs")
    assert int(printed.split()[-1]) > 3
