"""How many proposals a second the walk among instruction sequences makes, tests included.

One core; functions of about ten instructions, walked from gcc's own code; the median of some
rounds.  Exit status 1 below 200,000 for any of them.

    python benchmarks/mutate_speed.py
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
from pathlib import Path

from superopt_cc.assembly.unit import parse_unit
from superopt_cc.propose.mutate import child
from superopt_cc.propose.mutate.inputs import make_tests
from superopt_cc.propose.mutate.scope import scope_of
from superopt_cc.propose.mutate.walk import job_of
from superopt_cc.toolchain import tools
from superopt_cc.toolchain.command import compile_text, parse_command, preprocess
from superopt_cc.verify.job import Job
from superopt_cc.verify.signature.facts import facts_for_unit

SOURCES = {
    "mix": """
unsigned f(unsigned x, unsigned y)
{
    x ^= x >> 15; x *= 0x2c1b3c6d; x ^= y; x += x << 3; x ^= x >> 11; return x - y;
}
""",
    "median": """
int f(int a, int b, int c)
{
    int low = a < b ? a : b, high = a < b ? b : a;
    high = high < c ? high : c;
    return low > high ? low : high;
}
""",
    "words": """
unsigned long f(unsigned long a, unsigned long b)
{
    return (a ^ b >> 7) + (b ^ a << 9) - (a & b) * 5;
}
""",
}
PROPOSALS = 400_000
ROUNDS = 5
LEAST = 200_000


def main() -> int:
    rates: list[float] = []
    for name, source in SOURCES.items():
        with tempfile.TemporaryDirectory() as folder:
            count, rate = measure(source, Path(folder))
        rates.append(rate)
        print(f"{name:<8} {count:>3} instructions {rate:>12,.0f} proposals a second")
    print(f"at least {LEAST:,} are wanted")
    return 0 if min(rates) >= LEAST else 1


def measure(source: str, folder: Path) -> tuple[int, float]:
    """Instructions of gcc's code, and proposals a second of processor time."""
    path = folder / "f.c"
    path.write_text(source)
    command = parse_command(["-O3", "-c", str(path)], folder, tools.find_compiler(None, "c"))
    preprocessed = preprocess(command)
    text = compile_text(command, preprocessed)
    facts = facts_for_unit(command, text).function("f")
    job = Job(text, "f", facts, command, ("--64",), preprocessed)
    scope = scope_of(job, parse_unit(text))
    tests = make_tests(scope, 1)
    rates: list[float] = []
    for seed in range(ROUNDS):
        work = job_of(scope, tests, PROPOSALS, 60.0, seed)
        before = _spent()
        end = child.ask(work.data, 60.0)[-1]
        rates.append(end.words[1] / (_spent() - before))
    return len(scope.body), statistics.median(rates)


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
