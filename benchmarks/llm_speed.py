"""What eight answers from one prompt cost against one, on a model of the user's (design 8).

A process of its own loads the model once.  Every time is taken from the request to its end, with
a prompt that was not evaluated before; answers are cut at the same length.  The median of some
rounds.  Exit status 1 when eight cost more than 3.5 times one.

    python benchmarks/llm_speed.py --model FILE [--threads 2] [--tokens 200] [--rounds 3]
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from superopt_cc.propose.shared_model import ENVIRONMENT

MOST = 3.5
MANY = 8

SYSTEM = "You rewrite C functions so that they run faster. Answer with one block of C code only."
FUNCTION = """
unsigned long hash(const unsigned char *p, unsigned long n)
{
    unsigned long h = 14695981039346656037UL;
    for (unsigned long i = 0; i < n; i++) { h ^= p[i]; h *= 1099511628211UL; }
    return h;
}
int find(const int *a, int n, int key)
{
    for (int i = 0; i < n; i++) if (a[i] == key) return i;
    return -1;
}
void sort(int *a, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++)
            if (a[j] < a[i]) { int t = a[i]; a[i] = a[j]; a[j] = t; }
}
"""


@dataclasses.dataclass(frozen=True)
class Run:
    """One request: seconds, and how many tokens its answers have."""

    seconds: float
    tokens: int
    longest: int


def run(engine: Engine, number: int, answers: int, tokens: int, threads: int) -> Run:
    """One request whose beginning no earlier one had."""
    question = Question(
        f"{number}. {SYSTEM}", f"Rewrite all of this:\n{FUNCTION}", range(answers), tokens,
        threads=threads,
    )  # fmt: skip
    start = time.monotonic()
    lengths = [ended.tokens for ended in engine.answers(question)]
    return Run(time.monotonic() - start, sum(lengths), max(lengths))


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(words)
    start = time.monotonic()
    engine = Engine(str(options.model))
    print(f"{options.model.name}: loaded in {time.monotonic() - start:.1f} s")
    runs: dict[int, list[Run]] = {1: [], MANY: []}
    run(engine, 0, MANY, 2, options.threads)  # pages and context are there
    for number in range(1, options.rounds + 1):
        for answers, done in runs.items():
            made = run(engine, number * 10 + answers, answers, options.tokens, options.threads)
            done.append(made)
            pace = made.tokens / made.seconds
            print(
                f"{answers} at once: {made.seconds:7.2f} s, {made.tokens} tokens "
                f"(longest {made.longest}), {pace:.1f} a second",
                flush=True,
            )
    one, many = (statistics.median(r.seconds for r in runs[n]) for n in (1, MANY))
    print(f"{MANY} answers cost {many / one:.2f} times one (at most {MOST})")
    return many > MOST * one


if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ENVIRONMENT})
    from superopt_cc.propose.engine import Engine, Question

    sys.exit(main(sys.argv[1:]))
