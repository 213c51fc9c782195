"""What eight answers from one prompt cost against one, on a model of the user's (design 8).

A process of its own loads the model once.  Every time is taken from the request to its end, with
a prompt that was not evaluated before; answers are cut at the same length.  The median of some
rounds, with tokens guessed from the prompt and without, back to back; processor time beside the
clock's, because a busy machine spoils the latter.  Exit status 1 when eight cost more than 3.5
times one.

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
    """One request: seconds, those of all processors, and how many tokens its answers have."""

    seconds: float
    busy: float
    tokens: int
    longest: int


def run(
    engine: Engine, number: int, answers: int, tokens: int, threads: int, *, drafts: bool
) -> Run:
    """One request whose beginning no earlier one had."""
    question = Question(
        f"{number}. {SYSTEM}", f"Rewrite all of this:\n{FUNCTION}", range(answers), tokens,
        threads=threads, drafts=drafts,
    )  # fmt: skip
    start, busy = time.monotonic(), time.process_time()
    lengths = [ended.tokens for ended in engine.answers(question)]
    seconds = time.monotonic() - start
    return Run(seconds, time.process_time() - busy, sum(lengths), max(lengths))


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
    runs: dict[tuple[int, bool], list[Run]] = {
        (answers, drafts): [] for answers in (1, MANY) for drafts in (False, True)
    }
    run(engine, 0, MANY, 2, options.threads, drafts=True)  # pages and context are there
    for number in range(options.rounds):
        for place, ((answers, drafts), done) in enumerate(runs.items()):
            fresh = number * len(runs) + place + 1
            made = run(engine, fresh, answers, options.tokens, options.threads, drafts=drafts)
            done.append(made)
            print(
                f"{answers} at once{', guessing' if drafts else ''}: {made.seconds:7.2f} s "
                f"({made.busy:.2f} s busy), {made.tokens} tokens (longest {made.longest}), "
                f"{made.tokens / made.seconds:.1f} a second",
                flush=True,
            )
    cost = {key: statistics.median(r.seconds for r in done) for key, done in runs.items()}
    busy = {key: statistics.median(r.busy for r in done) for key, done in runs.items()}
    paces = {key: statistics.median(r.tokens / r.busy for r in d) for key, d in runs.items()}
    for drafts, words in ((False, "without guesses"), (True, "guessing")):
        ratio = cost[MANY, drafts] / cost[1, drafts]
        of_busy = busy[MANY, drafts] / busy[1, drafts]
        print(
            f"{MANY} answers cost {ratio:.2f} times one, {words} (at most {MOST}); "
            f"{of_busy:.2f} in busy seconds"
        )
    for answers in (1, MANY):
        gain = paces[answers, True] / paces[answers, False]
        print(f"guessing makes {gain:.2f} times the tokens in a busy second, {answers} at once")
    return cost[MANY, True] > MOST * cost[1, True]


if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ENVIRONMENT})
    from superopt_cc.propose.engine import Engine, Question

    sys.exit(main(sys.argv[1:]))
