"""Build random programs with gcc and with superopt-cc; exit status 1 if any two do not agree.

    python tests/csmith/run.py --programs 300

Stop it at any time: what was compared until then is summed up.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import itertools
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from compare import BIN, Result, compare, environment
from programs import Skipped, include_folder, missing


class Totals:
    """What all programs gave together."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.programs = self.skipped = self.different = self.executed = 0
        self.functions: collections.Counter[str] = collections.Counter()
        self.reasons: collections.Counter[str] = collections.Counter()
        self.replaced: set[str] = set()

    def add(self, result: Result) -> None:
        self.programs += 1
        self.different += bool(result.difference)
        self.functions.update(result.functions)
        self.reasons.update(result.reasons)
        self.executed += len(result.executed)
        self.replaced.update(result.replaced.values())

    def __str__(self) -> str:
        count = self.functions
        minutes = (time.monotonic() - self.began) / 60
        reasons = ", ".join(f"{name} {n}" for name, n in self.reasons.most_common())
        return (
            f"{self.programs} programs, {self.skipped} skipped, {self.different} DIFFERENT\n"
            f"functions: {count['seen']} seen, {count['eligible']} eligible, "
            f"{count['replaced']} replaced ({len(self.replaced)} different ones, "
            f"{self.executed} executed) in {minutes:.1f} min\n"
            f"reasons: {reasons or 'none'}"
        )


def main(args: Sequence[str] | None = None) -> int:
    options = _options(args)
    why = missing()
    if why or not (BIN / "superopt-cc").exists():
        print(why or "superopt-cc is not installed in this environment", file=sys.stderr)
        return 2
    folder = options.folder or Path(tempfile.mkdtemp(prefix="superopt-csmith-"))
    folder = folder.resolve()
    totals = Totals()
    try:
        with contextlib.closing(_results(options, folder)) as results:
            while totals.programs < options.programs:
                number, result = next(results)
                if isinstance(result, Skipped):
                    totals.skipped += 1
                    print(f"{number}: skipped, {result}", flush=True)
                    continue
                totals.add(result)
                print(_line(result), flush=True)
                if result.difference:
                    print(_reproduce(result, folder / str(number), options.budget), flush=True)
    except KeyboardInterrupt:
        print("stopped")
    print(totals)
    if totals.different == 0 and options.folder is None:
        shutil.rmtree(folder)
    return 1 if totals.different else 0


def _options(args: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--programs", type=int, default=300, metavar="N", help="how many to compare"
    )
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="seed of the first")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="programs at a time")
    parser.add_argument("--budget", type=float, default=1, help="seconds a function")
    parser.add_argument("--folder", type=Path, help="work here, and leave everything there")
    return parser.parse_args(args)


def _results(
    options: argparse.Namespace, folder: Path
) -> Generator[tuple[int, Result | Skipped], None, None]:
    """Each number's result, in order, for ever; folders of programs that agree are removed."""
    environ = environment(folder / "cache", options.budget)

    def one(number: int) -> Result | Skipped:
        place = folder / str(number)
        place.mkdir(parents=True, exist_ok=True)
        try:
            result: Result | Skipped = compare(number, place, environ)
        except Skipped as skipped:
            result = skipped
        if options.folder is None and not getattr(result, "difference", ""):
            shutil.rmtree(place)
        return result

    pool = ThreadPoolExecutor(options.jobs)
    waiting: collections.deque[tuple[int, Future[Result | Skipped]]] = collections.deque()
    try:
        for number in itertools.count(options.first):
            waiting.append((number, pool.submit(one, number)))
            if len(waiting) == options.jobs:
                first, future = waiting.popleft()
                yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _line(result: Result) -> str:
    program, count = result.program, result.functions
    linkage = "external" if program.external else "static"
    numbers = " ".join(f"{n} {count.get(n, 0)}" for n in ("seen", "eligible", "replaced"))
    verdict = f"DIFFERENT: {result.difference}" if result.difference else "ok"
    return (
        f"{program.number}: {' '.join(program.flags)} {linkage}; {numbers} "
        f"executed {len(result.executed)}; {verdict}"
    )


def _reproduce(result: Result, place: Path, budget: float) -> str:
    """How to have it again; searched anew, other functions may be replaced, as time allows."""
    program = result.program
    again = f"--first {program.number} --programs 1 --budget {budget:g}"
    settings = {"SELECT": "all", "ACCEPT": "verified", "MODE": "use"}
    settings["CACHE_DIR"] = str(place.parent / "cache")
    variables = " ".join(f"SUPEROPT_{name}={value}" for name, value in settings.items())
    build = f"{' '.join(program.flags)} -isystem {include_folder()} program.c -o ours"
    return (
        f"  csmith {' '.join(program.options)}\n"
        f"  replaced: {' '.join(sorted(result.replaced)) or 'none'}\n"
        f"  the same rewrites: cd {place}; {variables} {BIN / 'superopt-cc'} {build}; ./ours 1\n"
        f"  searched anew: {sys.executable} {Path(__file__)} {again}"
    )


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's `&` has SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
