"""How long a verdict takes: leaf functions of at most 40 instructions in tests/rewrites.

A wrong rewrite counts from the offered text to the verdict, assembling and linking included, as
a search judges them: all of one target together, but for those that are known to be accepted.  A
right one counts with the gathering of inputs and the adequacy of the tests, as the first rewrite
of its target.  Exit status 1 when the average of the wrong ones, or the median of the right ones,
is above its limit.

    python benchmarks/verify_speed.py [--every N]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "rewrites"))

from corpus import Target, job_of, load, rewrite_of  # noqa: E402
from known import GAPS  # noqa: E402

from superopt_cc.assembly.fragment import own_fragment  # noqa: E402
from superopt_cc.assembly.unit import parse_unit  # noqa: E402
from superopt_cc.errors import Ineligible  # noqa: E402
from superopt_cc.types import Rewrite  # noqa: E402
from superopt_cc.verify.engine import Verifier  # noqa: E402
from superopt_cc.verify.job import Job  # noqa: E402

WRONG_LIMIT, RIGHT_LIMIT = 0.05, 2.0
MOST_INSTRUCTIONS = 40


def is_small_leaf(job: Job) -> bool:
    """Few instructions and no call out."""
    body = own_fragment(parse_unit(job.unit_text).function(job.name)).instructions
    return len(body) <= MOST_INSTRUCTIONS and not job.facts.calls


def times_of(target: Target) -> tuple[list[float], list[float]]:
    """Seconds for each wrong rewrite of a target that fell, and for its first right one."""
    wrong: list[float] = []
    right: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = job_of(folder, target)
        if not is_small_leaf(job):
            return wrong, right
        bad = [
            rewrite_of(folder, target, o)
            for o in target.offers
            if o.reasons is not None and (target.name, o.title) not in GAPS
        ]
        good = [rewrite_of(folder, target, o) for o in target.offers if o.reasons is None]
        if bad:
            wrong = _fallen(job, bad)
        if good:
            began = time.monotonic()
            with Verifier(job) as verifier:
                if verifier.check(good[0]).accepted:
                    right = [time.monotonic() - began]
    return wrong, right


def _fallen(job: Job, rewrites: list[Rewrite]) -> list[float]:
    with Verifier(job) as verifier:
        began = time.monotonic()
        verdicts = verifier.check_many(rewrites)
        each = (time.monotonic() - began) / len(rewrites)
    return [each for verdict in verdicts if verdict.verdict == "rejected"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="take every Nth target only")
    arguments = parser.parse_args()
    wrong: list[float] = []
    right: list[float] = []
    for target in load()[:: arguments.every]:
        try:
            bad, good = times_of(target)
        except Ineligible:
            continue
        wrong += bad
        right += good
    average, median = statistics.mean(wrong), statistics.median(right)
    print(f"{len(wrong)} wrong rewrites rejected: {average * 1000:.0f} ms each on average,")
    print(f"  {statistics.median(wrong) * 1000:.0f} ms median, {max(wrong):.2f} s at most")
    print(f"{len(right)} right rewrites accepted: {median:.2f} s median,")
    print(f"  {statistics.mean(right):.2f} s on average, {max(right):.2f} s at most")
    return int(average > WRONG_LIMIT or median > RIGHT_LIMIT)


if __name__ == "__main__":
    sys.exit(main())
