"""One random program built by gcc and by superopt-cc: the same words, output and exit status?"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from programs import Program, Skipped, include_folder, make

BIN = Path(sys.prefix) / "bin"
RUNNING_SECONDS = 3.0  # of gcc's build; a program that runs longer is skipped
_BUILDING_SECONDS = 1800.0
_SOURCE = "program.c"


class ToolError(Exception):
    """A `superopt` command failed where it had every reason to work."""


@dataclasses.dataclass(frozen=True)
class Ran:
    """What a process did; `status` is None, and `stderr` why, where it did not come to an end."""

    status: int | None
    stdout: str
    stderr: str


@dataclasses.dataclass(frozen=True)
class Result:
    """`difference` is empty where the builds do the same.

    `functions` and `reasons` are those of `superopt status`, `replaced` the keys of the functions
    that are ours by name, `executed` those of them that the program calls (by gcov).
    """

    program: Program
    difference: str
    functions: Mapping[str, int]
    reasons: Mapping[str, int]
    replaced: Mapping[str, str]
    executed: frozenset[str]


def environment(cache: Path, budget: float = 1) -> dict[str, str]:
    """Every function is selected and every verified rewrite taken; nobody's own settings."""
    kept = {k: v for k, v in os.environ.items() if "SUPEROPT_" not in k}
    chosen = {"SELECT": "all", "ACCEPT": "verified", "BUDGET": f"{budget:g}"}
    return kept | {f"SUPEROPT_{k}": v for k, v in chosen.items()} | {
        "SUPEROPT_CACHE_DIR": str(cache),
        "XDG_CONFIG_HOME": str(cache / "config"),
        "LC_ALL": "C",
    }  # fmt: skip


def compare(number: int, folder: Path, environ: Mapping[str, str]) -> Result:
    """Build and run program `number` both ways in `folder`.  Raises Skipped."""
    program = make(number, folder)
    (folder / _SOURCE).write_text(program.source)
    build = (*program.flags, "-isystem", str(include_folder()), _SOURCE, "-o")
    told = _run(("gcc", *build, "gccs"), folder, environ)
    if told.status != 0:
        raise Skipped("gcc fails")
    expected = _run(("./gccs", "1"), folder, environ, RUNNING_SECONDS)
    if expected.status is None or expected.status < 0:
        raise Skipped("gcc's build crashes" if expected.status else "gcc's build runs too long")
    says = _run((str(BIN / "superopt-cc"), *build, "ours"), folder, environ, _BUILDING_SECONDS)
    if says.status != 0:
        none: dict[str, Any] = {}
        return Result(program, _told("superopt-cc", told, says), none, none, none, frozenset())
    does = _run(("./ours", "1"), folder, environ, 10 * RUNNING_SECONDS)  # on a busy machine
    difference = _told("superopt-cc", told, says) or _told("the program", expected, does)
    replaced: dict[str, str] = {}
    counts: dict[str, Any] = {"functions": {}, "reasons": {}}
    try:
        marks = _ask(("inspect", "ours"), folder, environ)["functions"]
        replaced = {mark["name"]: mark["key"] for mark in marks}
        builds = _ask(("status",), folder, environ)["builds"]
        counts = [counts, *(build for build in builds if build["cwd"] == str(folder))][-1]
    except ToolError as error:
        difference = difference or str(error)
    executed = frozenset(_executed(folder, environ) & replaced.keys())
    return Result(program, difference, counts["functions"], counts["reasons"], replaced, executed)


def _run(args: Sequence[str], folder: Path, environ: Mapping[str, str], seconds: float = 60) -> Ran:
    try:
        done = subprocess.run(
            args, cwd=folder, env=environ, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return Ran(None, "", "does not end")
    except OSError:
        return Ran(None, "", "cannot be run")
    return Ran(done.returncode, done.stdout, done.stderr)


def _told(who: str, expected: Ran, ours: Ran) -> str:
    """The first difference between two runs, in one line."""
    if ours.status is None:
        return f"{who}: {ours.stderr}"
    if ours.status != expected.status:
        return f"{who}: exit status {ours.status}, with gcc {expected.status}"
    for name in ("stdout", "stderr"):
        theirs, says = getattr(expected, name).splitlines(), getattr(ours, name).splitlines()
        if theirs != says:
            both = zip([*theirs, "<end>"], [*says, "<end>"], strict=False)
            one, other = next(pair for pair in both if pair[0] != pair[1])
            return f"{who}: {name} has {other!r}, with gcc {one!r}"
    return ""


def _ask(args: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Any:
    """The JSON of a `superopt` command.  Raises ToolError."""
    told = _run((str(BIN / "superopt"), *args, "--json"), folder, environ)
    if told.status != 0:
        raise ToolError(f"superopt {args[0]}: {told.stderr.strip()}")
    return json.loads(told.stdout)


def _executed(folder: Path, environ: Mapping[str, str]) -> set[str]:
    """Names of the functions that the program calls; none where gcov cannot tell."""
    build = ("gcc", "-O0", "-w", "--coverage", "-isystem", str(include_folder()))
    _run((*build, _SOURCE, "-o", "counted"), folder, environ)
    _run(("./counted",), folder, environ, 10 * RUNNING_SECONDS)
    told = _run(("gcov", "--json-format", "--stdout", f"counted-{_SOURCE}"), folder, environ)
    try:
        files = json.loads(told.stdout)["files"]
    except ValueError:
        return set()
    return {f["name"] for file in files for f in file["functions"] if f["execution_count"]}
