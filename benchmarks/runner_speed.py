"""How many calls a second the native runner makes, comparison included (design 12).

One core; a function of about ten instructions; the median of some rounds.  Exit status 1 below a
million.

    python benchmarks/runner_speed.py
"""

from __future__ import annotations

import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

from superopt_cc.assembly.fragment import own_fragment
from superopt_cc.cases import Case
from superopt_cc.toolchain import tools
from superopt_cc.toolchain.command import compile_text, parse_command, preprocess
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.gathering.bench import Bench, body_label, start_runner
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.job import Job
from superopt_cc.verify.judging.compare import first_difference
from superopt_cc.verify.running.layout import Style, encode_batch
from superopt_cc.verify.running.runner import Mode
from superopt_cc.verify.signature.facts import facts_for_unit

SOURCE = """
unsigned f(unsigned x, unsigned y)
{
    x ^= x >> 15; x *= 0x2c1b3c6d; x ^= y; x += x << 3; x ^= x >> 11; return x - y;
}
"""
CASES = 20_000
ROUNDS = 41
LEAST = 1_000_000


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.c"
        path.write_text(SOURCE)
        gcc = tools.find_compiler(None, "c")
        command = parse_command(["-O3", "-c", str(path)], Path(folder), gcc)
        preprocessed = preprocess(command)
        text = compile_text(command, preprocessed)
        facts = facts_for_unit(command, text).function("f")
        job = Job(text, "f", facts, command, ("--64",), preprocessed)
        with Bench(job) as bench:
            rate = measure(bench)
    print(f"{rate:,.0f} calls a second on {processor()} (at least {LEAST:,})")
    return 0 if rate >= LEAST else 1


def measure(bench: Bench) -> float:
    """Calls a second of a copy of the target, each result compared with the target's."""
    own = bench.unit.function("f")
    image = bench.link((own_fragment(own),))
    cases = [Case(ints=(i * 2654435761 % (1 << 32), i)) for i in range(CASES)]
    batch = encode_batch(cases, image.arena, (Style(calls=0),), 1)
    plan = Plan(batch, (Style(calls=0),), 1, Mode(noise=7))
    masks = bench.around.masks
    with start_runner(image) as runner:
        wanted = plans.run(plan, runner, image, "f", masks, stop=False)
        seconds = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            got = plans.run(plan, runner, image, body_label(0), masks, stop=True)
            assert first_difference(wanted, got, image.arena, image.text) is None
            seconds.append(time.perf_counter() - start)
    return CASES / statistics.median(seconds)


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    sys.exit(main())
