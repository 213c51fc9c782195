"""What superopt-cc adds to a rebuild in which every rewrite is known (at most 1.5x, design 12).

A first build of examples/hashbench fills a store of its own, with `accept = verified` so that it
takes seconds; then hyperfine compares whole rebuilds (compile, assemble, link, one job) by gcc and
by superopt-cc.  Exit status 1 when the ratio of the medians is above the limit.

    python benchmarks/rebuild.py [--runs 20]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "hashbench"
LIMIT = 1.5


def replaced(environ: dict[str, str]) -> int:
    """How many functions the last build replaced."""
    said = subprocess.run(
        ["superopt", "status", "--json"], env=environ, check=True, capture_output=True, text=True
    ).stdout
    return int(json.loads(said)["builds"][-1]["functions"]["replaced"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
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
        subprocess.run(
            [
                "hyperfine", "-N", "--style", "none", "--warmup", "2", "--runs", str(runs),
                "--prepare", f"rm -rf {folder / 'gcc'} {folder / 'superopt-cc'}",
                "--export-json", str(folder / "times.json"), *builds.values(),
            ],
            env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        if replaced(environ) != count:
            print("a rebuild replaced other functions than the first build", file=sys.stderr)
            return 1
        gcc, ours = json.loads((folder / "times.json").read_text())["results"]
    ratio = ours["median"] / gcc["median"]
    print(
        f"{count} functions replaced; gcc {gcc['median'] * 1e3:.0f} ms,"
        f" superopt-cc {ours['median'] * 1e3:.0f} ms, ratio {ratio:.2f} (at most {LIMIT})"
    )
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
