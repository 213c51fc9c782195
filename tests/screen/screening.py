"""One helper for screening tests: a C function by the real gcc, a hand-written body, the answer."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from superopt_cc.assembly.fragment import FragmentError
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.assembly.unit import Unit, parse_unit
from superopt_cc.toolchain import tools
from superopt_cc.toolchain.command import compile_text, parse_command, preprocess
from superopt_cc.types import Rejection
from superopt_cc.verify.job import Job
from superopt_cc.verify.screening.screen import Screener
from superopt_cc.verify.screening.screen_rules import RULES
from superopt_cc.verify.signature.facts import facts_for_unit

AS_OPTIONS = ("--64",)


@cache
def job_of(source: str, name: str, *options: str) -> tuple[Job, Unit]:
    """The job of function `name` of C text under -O3 and `options`."""
    with tempfile.TemporaryDirectory(prefix="superopt-test-") as folder:
        path = Path(folder) / "unit.c"
        path.write_text(source)
        argv = ["-O3", *options, "-c", str(path)]
        command = parse_command(argv, Path(folder), tools.find_compiler(None, "c"))
        preprocessed = preprocess(command)
        text = compile_text(command, preprocessed)
        facts = facts_for_unit(command, text).function(name)
    return Job(text, name, facts, command, AS_OPTIONS, preprocessed), parse_unit(text)


@cache
def screener(source: str, name: str, *options: str, without: str = "") -> Screener:
    """The screener of a function; `without` leaves one rule out."""
    job, unit = job_of(source, name, *options)
    return Screener(job, unit, [r for r in RULES if r.name != without])


def target_text(source: str, name: str, *options: str) -> str:
    """gcc's own text of the function, from its label to its size."""
    _, unit = job_of(source, name, *options)
    return "\n".join(unit.function(name).lines) + "\n"


def bare(name: str, body: str) -> str:
    """A function from instructions and labels, one a line."""
    lines = [line.strip() for line in body.strip().splitlines()]
    return "\n".join([f"{name}:", *(i if i.endswith(":") else f"\t{i}" for i in lines)]) + "\n"


def screened(
    source: str, name: str, text: str, *options: str, without: str = ""
) -> Rejection | None:
    """What screening says of a rewrite: bare instructions, or a text that defines `name`."""
    _, unit = job_of(source, name, *options)
    if f"{name}:" not in text:
        text = bare(name, text)
    try:
        fragment = parse_fragment(text, name, unit)
    except FragmentError as error:
        return Rejection(error.reason, error.detail)
    return screener(source, name, *options, without=without).check(fragment)


def reason(source: str, name: str, text: str, *options: str) -> str:
    """The reason code, "" when nothing is wrong."""
    found = screened(source, name, text, *options)
    return found.reason.value if found else ""
