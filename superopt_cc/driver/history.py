"""What builds did, from the units' log and from what the front door left to gcc (design 11.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from superopt_cc.driver.record import Untouched, read_untouched
from superopt_cc.errors import StoreError
from superopt_cc.store import builds

_SAME_BUILD = 60.0  # seconds between two compilations that the front door alone saw


def last_builds(cache_dir: Path) -> list[dict[str, Any]]:
    """All builds that are known, oldest first, in the shape of design 11.3.

    Raises StoreError when the log cannot be read.
    """
    try:
        found = builds.read(str(cache_dir))
    except OSError as error:
        raise StoreError(f"{cache_dir}: cannot be read: {error.strerror}") from error
    for untouched in read_untouched(cache_dir):
        _count(found, untouched)
    return sorted(found, key=lambda build: float(build["time"]))


def _count(found: list[dict[str, Any]], untouched: Untouched) -> None:
    """Add files in which the front door left all code to gcc to the build they belong to."""
    for build in found:
        near = -_SAME_BUILD <= untouched.time - build["time"] <= _SAME_BUILD
        if build["cwd"] == untouched.cwd and near:
            break
    else:
        build = builds.new_build(float(untouched.time), untouched.cwd)
        found.append(build)
    build["files"] += untouched.files
    reasons = build["reasons"]
    reasons[untouched.reason] = reasons.get(untouched.reason, 0) + untouched.files
