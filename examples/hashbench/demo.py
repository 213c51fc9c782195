"""Builds hashbench with gcc and with superopt-cc, runs both, and shows what was replaced.

    python demo.py [--superopt BIN] [--gcc GCC] [--make MAKE]

BIN is the folder that holds `superopt-cc` and `superopt`.  Exit status 0 when both programs print
the same results.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RUNS = 5
COLUMNS = ("function", "proposer", "origin", "evidence", "speed-up [95 %]", "gcc ms", "ours ms")


def build(make: str, compiler: str, out: str) -> float:
    """Build from nothing into `build/out`; seconds taken."""
    folder = HERE / "build" / out
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    subprocess.run(
        [make, "-s", "--no-print-directory", "-C", HERE, f"CC={compiler}", f"OUT={folder}"],
        check=True,
    )
    return time.monotonic() - began


def run(out: str) -> tuple[list[str], dict[str, list[float]]]:
    """The result lines, and the milliseconds that each kernel took in each run."""
    times: dict[str, list[float]] = {}
    results: list[str] = []
    for _ in range(RUNS):
        program = HERE / "build" / out / "hashbench"
        text = subprocess.run([program], check=True, capture_output=True, text=True).stdout
        results = [line for line in text.splitlines() if not line.startswith("time ")]
        for name, spent in re.findall(r"^time (\S+)\s+([\d.]+)$", text, re.M):
            times.setdefault(name, []).append(float(spent))
    return results, times


def selected() -> list[str]:
    """The functions that stand behind `#pragma superopt`."""
    pattern = re.compile(r"^#pragma superopt\n[^\n(]*?(\w+)\(", re.M)
    return [name for path in sorted(HERE.glob("*.c")) for name in pattern.findall(path.read_text())]


def story(superopt: str, name: str) -> dict[str, Any]:
    """What became of a function; {} when nothing is known."""
    done = subprocess.run([superopt, "explain", name, "--json"], capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    return found.get("outcome", {}) if isinstance(found.get("outcome"), dict) else {}


def row(name: str, outcome: dict[str, Any], gcc: float, ours: float) -> tuple[str, ...]:
    """One line of the table."""
    spent = (f"{gcc:.1f}", f"{ours:.1f}")
    if outcome.get("outcome") != "replaced":
        return (name, "gcc's own code:", outcome.get("reason", "unknown"), "", "", *spent)
    rewrite, verdict = outcome["rewrite"], outcome["verdict"]
    evidence = f"{verdict['level']}, {verdict['evidence']['inputs']} inputs"
    measured = outcome.get("measurement")
    gain = "untimed"
    if measured:
        low, high = measured["interval"]
        gain = f"{measured['speedup']:.2f}x [{low:.2f}, {high:.2f}]"
    return (name, rewrite["proposer"], rewrite["origin"], evidence, gain, *spent)


def show(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(r[i]) for r in rows) for i in range(len(COLUMNS))]
    for cells in rows:
        print("  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip())


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--superopt", default="", help="folder of superopt-cc and superopt")
    parser.add_argument("--gcc", default="gcc")
    parser.add_argument("--make", default="make")
    given = parser.parse_args()
    folder = Path(given.superopt).resolve() if given.superopt else None
    compiler = str(folder / "superopt-cc") if folder else "superopt-cc"
    superopt = str(folder / "superopt") if folder else "superopt"

    seconds_gcc = build(given.make, given.gcc, "gcc")
    seconds_ours = build(given.make, compiler, "superopt")
    results_gcc, times_gcc = run("gcc")
    results_ours, times_ours = run("superopt")
    middle_gcc = {name: statistics.median(all_) for name, all_ in times_gcc.items()}
    middle_ours = {name: statistics.median(all_) for name, all_ in times_ours.items()}

    rows: list[tuple[str, ...]] = [COLUMNS]
    for name in selected():
        rows.append(row(name, story(superopt, name), middle_gcc[name], middle_ours[name]))
    show(rows)
    print()
    for label, times, seconds in (
        ("gcc", times_gcc, seconds_gcc), ("superopt-cc", times_ours, seconds_ours)
    ):  # fmt: skip
        total = times["total"]
        print(
            f"built with {label:12} in {seconds:6.1f} s, runs {statistics.median(total):7.1f} ms "
            f"(median of {RUNS}, {min(total):.1f} to {max(total):.1f})"
        )
    same = results_gcc == results_ours
    print(f"output: {'the same' if same else 'DIFFERENT'}, {len(results_gcc)} lines")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
