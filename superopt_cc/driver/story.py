"""One function's story as JSON, kept for `superopt explain` (design 11.3)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from superopt_cc.driver.jobs import UnitJobs
from superopt_cc.settings import Settings
from superopt_cc.types import Outcome, to_json

if TYPE_CHECKING:
    from superopt_cc.propose.audit import Told


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


def conversation_of(settings: Settings, name: str) -> Told | None:
    """The last conversation with a model about a function, as it was kept."""
    from superopt_cc.propose.audit import transcripts  # not for builds: it takes its time

    return next(iter(reversed(list(transcripts(settings.cache_dir, name)))), None)
