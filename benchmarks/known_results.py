"""What `mutate` alone makes of exercises whose short answers are known, naively spelled in C.

Every file of `benchmarks/known_results` holds one function.  For each the script prints gcc's
number of instructions, what was found with how many, the seconds of the search, and the measured
speed-up; or that there was no win, and why.

    python benchmarks/known_results.py [--only NAME]... [--budget 30] [--flags "-O3 -mpopcnt"]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from superopt_cc.assembly.fragment import own_fragment
from superopt_cc.assembly.unit import parse_unit
from superopt_cc.propose.mutate.proposer import Mutate
from superopt_cc.search.loop import optimize
from superopt_cc.settings import Settings
from superopt_cc.toolchain import tools
from superopt_cc.toolchain.command import compile_text, parse_command, preprocess
from superopt_cc.types import Outcome
from superopt_cc.verify.job import Job
from superopt_cc.verify.signature.facts import facts_for_unit

SOURCES = Path(__file__).with_name("known_results")
_ROW = "{:<16} {:>4} {:>6} {:>8}  {:<22} {}"


def main() -> int:
    options = _options()
    print(f"flags: {options.flags}")
    print(_ROW.format("function", "gcc", "found", "seconds", "speed-up", "how"))
    found = files = 0
    for path in sorted(SOURCES.glob("*.c")):
        if options.only and path.stem not in options.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            job = job_for(path, options.flags.split(), Path(folder))
            settings = Settings(
                cache_dir=Path(folder), budget=options.budget, accept=options.accept
            )
            began = time.monotonic()
            outcome = optimize(job, settings, proposers=(Mutate(),))
        files += 1
        found += outcome.outcome == "replaced"
        print(row(job, outcome, time.monotonic() - began), flush=True)
    print(f"{found} of {files} found")
    return 0


def job_for(path: Path, flags: list[str], folder: Path) -> Job:
    """The job of the one function of a file, which bears the file's name."""
    command = parse_command([*flags, "-c", str(path)], folder, tools.find_compiler(None, "c"))
    preprocessed = preprocess(command)
    text = compile_text(command, preprocessed)
    facts = facts_for_unit(command, text).function(path.stem)
    return Job(text, path.stem, facts, command, ("--64",), preprocessed)


def row(job: Job, outcome: Outcome, seconds: float) -> str:
    """One line of the table; returns are counted on both sides."""
    unit = parse_unit(job.unit_text)
    before = len(own_fragment(unit.function(job.name)).instructions)
    cells = [job.name, str(before), "-", f"{seconds:.1f}"]
    if outcome.outcome != "replaced" or outcome.rewrite is None:
        tried = max((a.speedup or 0 for a in outcome.attempts), default=0)
        measured = f"{tried:.2f} at best" if tried else ""
        return _ROW.format(*cells, measured, f"{outcome.reason}: {outcome.detail}".strip(": "))
    lines = outcome.rewrite.text.splitlines()
    cells[2] = str(sum(line.startswith("\t") and line[1] != "." for line in lines))
    measured = "not timed"
    if outcome.measurement is not None:
        low, high = outcome.measurement.interval
        measured = f"{outcome.measurement.speedup:.2f} [{low:.2f}, {high:.2f}]"
    return _ROW.format(*cells, measured, outcome.rewrite.how)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="this file alone (may be repeated)")
    parser.add_argument("--budget", type=float, default=30.0, help="seconds a function")
    parser.add_argument("--flags", default="-O3", help="gcc's options")
    parser.add_argument("--accept", default="faster", choices=("faster", "verified"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
