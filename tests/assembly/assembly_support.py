"""Real gcc, as and readelf for the assembly tests."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from superopt_cc.assembly.fragment import Fragment, own_fragment
from superopt_cc.assembly.marks import Mark
from superopt_cc.assembly.splice import splice
from superopt_cc.assembly.unit import Unit, parse_unit

MARK = Mark("0123abcd", "mixed", "tested")


def run(*argv: str | Path, text: str | None = None) -> str:
    """Standard output of a command that must succeed; what it said on stderr otherwise."""
    done = subprocess.run(
        [str(a) for a in argv], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def compile_text(source: str, *options: str, language: str = "c") -> str:
    """gcc's assembler text of a source."""
    return run("gcc", "-O3", *options, "-x", language, "-S", "-w", "-o", "-", "-", text=source)


def compile_unit(source: str, *options: str, language: str = "c") -> Unit:
    return parse_unit(compile_text(source, *options, language=language))


def assemble(text: str, out: Path) -> Path:
    run("as", "--fatal-warnings", "-o", out, "-", text=text)
    return out


def offsets(obj: Path) -> dict[str, int]:
    """Function symbols of an object and their values."""
    found = {}
    for line in run("readelf", "-sW", obj).splitlines():
        parts = line.split()
        if len(parts) == 8 and parts[3] == "FUNC":
            found[parts[7]] = int(parts[1], 16)
    return found


def spliced(unit: Unit, chosen: Mapping[str, Fragment], folder: Path) -> str:
    """The unit with `chosen` spliced in, offsets taken from gcc's own object."""
    original = assemble(unit.text, folder / "original.o")
    return splice(unit, chosen, dict.fromkeys(chosen, MARK), offsets(original))


def own(unit: Unit, *names: str) -> dict[str, Fragment]:
    return {n: own_fragment(unit.function(n)) for n in names}
