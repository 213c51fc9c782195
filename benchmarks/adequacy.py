"""How strong the tests are: mutants of gcc's code for every target of tests/rewrites (design 5.7).

For each function: how many wrong variants of it the inputs tell apart, how many only several
times more inputs do (`late`), and how many nothing does.  The limits of
`superopt_cc/verify/judging/adequacy.py` were chosen from this table.

    python benchmarks/adequacy.py [--every N] [--json FILE]
"""

from __future__ import annotations

import argparse
import collections
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "rewrites"))

from corpus import Target, job_of, load  # noqa: E402

from superopt_cc.errors import Ineligible  # noqa: E402
from superopt_cc.verify.engine import Verifier  # noqa: E402
from superopt_cc.verify.gathering.gather import Limits  # noqa: E402

LIMITS = Limits(seconds=30.0)
SHARES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5, 0.0)


def judge(target: Target) -> dict[str, Any]:
    """One row of the table."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Verifier(job_of(Path(folder), target), LIMITS) as verifier:
                gathered = time.monotonic()
                score, gap = verifier.score(), verifier.gap
        except Ineligible as error:
            return {"name": target.name, "ineligible": error.reason}
    return {
        "name": target.name,
        "gap": gap,
        "total": score.total,
        "killed": score.killed,
        "late": list(score.late),
        "survivors": list(score.survivors),
        "gathering": round(gathered - began, 2),
        "mutants": round(time.monotonic() - gathered, 2),
    }


def tell(rows: Sequence[Mapping[str, Any]]) -> None:
    """The table in Markdown."""
    tested = [row for row in rows if "total" in row]
    covered = [row for row in tested if not row["gap"]]
    scored = [row for row in covered if row["total"] >= 8]
    print(f"{len(rows)} functions: {len(tested)} tested, {len(covered)} of them with full coverage")
    mutants, killed = (sum(row[name] for row in covered) for name in ("total", "killed"))
    late = sum(len(row["late"]) for row in covered)
    print(f"{mutants} mutants, {killed} told apart ({killed / max(mutants, 1):.1%}), {late} late")
    for name in ("gathering", "mutants"):
        times = sorted(row[name] for row in tested)
        print(f"seconds for {name}: median {statistics.median(times)}, most {times[-1]}")
    print("\n| told apart | functions with 8 mutants or more |\n| --- | --- |")
    shares = collections.Counter(
        next(s for s in SHARES if row["killed"] / row["total"] >= s) for row in scored
    )
    for share in SHARES:
        print(f"| {share:.0%} or more | {shares[share]} |")
    weak = [r for r in covered if r["late"] or (r["total"] >= 8 and r["killed"] < 0.7 * r["total"])]
    for row in weak:
        names = "; ".join([*row["late"], *row["survivors"]][:4])
        score = f"{row['killed']} of {row['total']}, {len(row['late'])} late"
        print(f"\n{row['name']}: {score}: {names}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="take every Nth target only")
    parser.add_argument("--json", type=Path, help="write all rows here")
    arguments = parser.parse_args()
    rows = [judge(target) for target in load()[:: arguments.every]]
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    tell(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
