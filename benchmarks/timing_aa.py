"""A second copy of the target's own text must never look faster (design 6).

Runs the timing protocol again and again on ordinary kernels, each against a copy of itself, and
prints one line a run.  Exit status 1 when any run calls its copy significantly faster.

    python benchmarks/timing_aa.py [--runs 20] [--budget 10]
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import subprocess
import sys
import time

from superopt_cc.assembly.fragment import own_fragment
from superopt_cc.assembly.unit import parse_unit
from superopt_cc.cases import Blob, Case, Ref
from superopt_cc.cost.callers import Result
from superopt_cc.cost.protocol import measure

SIZES = (1, 3, 7, 15, 30, 60, 250, 900)


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A function `f` in C and where its result shows up; `element` is 0 for scalars only."""

    name: str
    source: str
    result: Result
    element: int
    written: bool = False


KERNELS = (
    Kernel(
        "popcount",
        "unsigned f(unsigned x) { unsigned n = 0; while (x) { n += x & 1; x >>= 1; } return n; }",
        Result.INTEGER, 0,
    ),
    Kernel(
        "gcd",
        "unsigned f(unsigned a, unsigned b) { while (b) { unsigned t = a % b; a = b; b = t; }"
        " return a; }",
        Result.INTEGER, 0,
    ),
    Kernel(
        "adler",
        "unsigned f(const unsigned char *p, unsigned n) { unsigned a = 1, b = 0;"
        " for (unsigned i = 0; i < n; i++) { a = (a + p[i]) % 65521; b = (b + a) % 65521; }"
        " return b << 16 | a; }",
        Result.INTEGER, 1,
    ),
    Kernel(
        "insertion-sort",
        "void f(int *a, unsigned n) { for (unsigned i = 1; i < n; i++) { int v = a[i];"
        " unsigned j = i; while (j > 0 && a[j - 1] > v) { a[j] = a[j - 1]; j--; } a[j] = v; } }",
        Result.MEMORY, 4, True,
    ),
    Kernel(
        "sum-of-squares",
        "unsigned f(const unsigned char *p, unsigned n) { unsigned s = 0;"
        " for (unsigned i = 0; i < n; i++) s += p[i] * p[i]; return s; }",
        Result.INTEGER, 1,
    ),
)  # fmt: skip


def workload(kernel: Kernel, dice: random.Random) -> list[Case]:
    """4,096 inputs: scalars of all widths, or arrays of all size classes."""
    if not kernel.element:
        wide = [dice.getrandbits(dice.randrange(1, 33)) for _ in range(2 * 4096)]
        return [Case(ints=pair) for pair in zip(wide[::2], wide[1::2], strict=True)]
    cases = []
    for _ in range(4096):
        count = dice.choice(SIZES)
        data = dice.randbytes(count * kernel.element)
        blob = Blob(data, kernel.element, kernel.written)
        cases.append(Case(ints=(Ref(0, 0), count), objects=(blob,), size=len(data)))
    return cases


def run(kernel: Kernel, number: int, budget: float) -> bool:
    """One measurement of a copy; True when it was called significantly faster."""
    done = subprocess.run(
        ["gcc", "-O3", "-S", "-x", "c", "-", "-o", "-"],
        input=kernel.source, capture_output=True, text=True, check=True,
    )  # fmt: skip
    unit = parse_unit(done.stdout)
    began = time.monotonic()
    found = measure(
        unit, "f", own_fragment(unit.function("f")), workload(kernel, random.Random(number)),
        seed=number, result=kernel.result, budget=budget,
    )  # fmt: skip
    low, high = found.interval
    print(
        f"{number:3} {kernel.name:15} {found.speedup:.4f} [{low:.4f}, {high:.4f}]"
        f" noise {found.noise:.4f} {'SIGNIFICANT' if found.significant else 'not significant'}"
        f"  placements {found.conditions['placements']}, rounds {found.conditions['rounds']},"
        f" discarded {found.conditions['discarded rounds']},"
        f" interrupted {found.conditions['interrupted runs']},"
        f" load {found.conditions['load']}, {time.monotonic() - began:.1f} s",
        flush=True,
    )
    return found.significant


def main() -> int:
    """Run all and say how many copies were called faster."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--budget", type=float, default=10.0)
    options = parser.parse_args()
    wrong = sum(
        run(KERNELS[number % len(KERNELS)], number, options.budget)
        for number in range(options.runs)
    )
    print(f"{options.runs - wrong} of {options.runs} copies: not significant")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
