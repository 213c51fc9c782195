"""Helpers for tests of the verifier: a C file and flags in, verdicts on rewrites out."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from superopt_cc.toolchain import tools
from superopt_cc.toolchain.command import compile_text, parse_command, preprocess
from superopt_cc.types import Origin, Rewrite, Verdict
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering.gather import Limits
from superopt_cc.verify.job import Job
from superopt_cc.verify.signature.facts import facts_for_unit

QUICK = Limits(seconds=30.0)


def job_for(folder: Path, source: str, name: str, args: Sequence[str] = ("-O3",)) -> Job:
    """The job of function `name` of C text `source`, compiled with `args`."""
    path = folder / "unit.c"
    path.write_text(source)
    command = parse_command([*args, "-c", str(path)], folder, tools.find_compiler(None, "c"))
    preprocessed = preprocess(command)
    text = compile_text(command, preprocessed)
    facts = facts_for_unit(command, text, ("--64",)).function(name)
    return Job(text, name, facts, command, ("--64",), preprocessed)


def compiled(folder: Path, source: str, args: Sequence[str] = ("-O2",)) -> Rewrite:
    """A rewrite made by compiling other C text."""
    path = folder / "other.c"
    path.write_text(source)
    extra = ["-fno-ipa-ra", "-fno-ipa-stack-alignment", "-w"]
    text = subprocess.run(
        ["gcc", *args, *extra, "-S", "-o", "-", str(path)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return Rewrite(text, "test", Origin.MIXED, " ".join(args))


def body(name: str, instructions: str) -> Rewrite:
    """A rewrite from instructions, one a line."""
    lines = "\n".join(f"\t{line.strip()}" if not line.strip().endswith(":") else line.strip()
                      for line in instructions.strip().splitlines())  # fmt: skip
    return Rewrite(f"{name}:\n{lines}\n\t.size {name}, .-{name}\n", "test", Origin.MIXED)


def verdict(
    folder: Path, source: str, name: str, rewrite: Rewrite, args: Sequence[str] = ("-O3",)
) -> Verdict:
    """What the verifier says of one rewrite of function `name`."""
    with Verifier(job_for(folder, source, name, args), QUICK) as verifier:
        return verifier.check(rewrite)
