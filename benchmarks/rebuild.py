"""What superopt-cc adds to a rebuild in which every rewrite is known (at most 1.5x, design 12).

A first build of examples/hashbench fills a store of its own, with `accept = verified` so that it
takes seconds; then hyperfine compares whole rebuilds (compile, assemble, link, one job) by gcc and
by superopt-cc.  Exit status 1 when the ratio of the medians is above the limit.

    python benchmarks/rebuild.py [--rounds 10]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "hashbench"
LIMIT = 1.5
EACH = 2


def replaced(environ: dict[str, str]) -> int:
    """How many functions the last build replaced."""
    said = subprocess.run(
        ["superopt", "status", "--json"], env=environ, check=True, capture_output=True, text=True
    ).stdout
    return int(json.loads(said)["builds"][-1]["functions"]["replaced"])


def medians(
    builds: list[str], folder: Path, environ: dict[str, str], rounds: int
) -> tuple[float, ...]:
    """Median seconds of each build from nothing.

    Turn by turn, so that what else the machine does for a while meets all of them.
    """
    times: list[list[float]] = [[] for _ in builds]
    out = folder / "times.json"
    for _ in range(rounds):
        subprocess.run(
            [
                "hyperfine", "-N", "--style", "none", "--runs", str(EACH), "--export-json", out,
                "--prepare", f"rm -rf {folder / 'gcc'} {folder / 'superopt-cc'}", *builds,
            ],
            env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for pool, result in zip(times, json.loads(out.read_text())["results"], strict=True):
            pool += result["times"]
    return tuple(map(statistics.median, times))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=10, help=f"of {EACH} builds each")
    rounds = parser.parse_args().rounds
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="superopt-rebuild-") as name:
        folder = Path(name)
        shutil.copytree(EXAMPLE, folder / "src", ignore=shutil.ignore_patterns("build"))
        environ = {
            **os.environ,
            "PATH": path,
            "SUPEROPT_ACCEPT": "verified",
            "SUPEROPT_CACHE_DIR": str(folder / "cache"),
        }
        builds = {
            compiler: f"make -s -C {folder / 'src'} CC={compiler} OUT={folder / compiler}"
            for compiler in ("gcc", "superopt-cc")
        }
        subprocess.run(builds["superopt-cc"].split(), env=environ, check=True)
        count = replaced(environ)
        gcc, ours = medians(list(builds.values()), folder, environ, rounds)
        if replaced(environ) != count:
            print("a rebuild replaced other functions than the first build", file=sys.stderr)
            return 1
    ratio = ours / gcc
    print(
        f"{count} functions replaced; gcc {gcc * 1e3:.0f} ms, superopt-cc {ours * 1e3:.0f} ms,"
        f" ratio {ratio:.2f} (at most {LIMIT})"
    )
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
