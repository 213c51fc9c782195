"""One function's story as JSON, kept for `superopt explain` (design 11.3)."""

from __future__ import annotations

import time
from typing import Any

from superopt_cc.driver.jobs import UnitJobs
from superopt_cc.types import Outcome, to_json


def story_of(jobs: UnitJobs, outcome: Outcome) -> dict[str, Any]:
    """The outcome with gcc's own text beside it, and where it came from."""
    function = jobs.unit.function(outcome.name)
    return {
        "name": outcome.name,
        "time": time.time(),
        "file": str(jobs.command.source or "-"),
        "cwd": str(jobs.command.cwd),
        "target": "\n".join(function.lines) + "\n",
        "outcome": to_json(outcome),
    }
