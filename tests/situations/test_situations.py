"""superopt-cc does what gcc does, to the byte, wherever nothing is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from situations import HERE, Place, differences, last_builds, table

TABLES = sorted({path.stem for path in (HERE / "tables").glob("*.txt")} - {"replaced"})
SITUATIONS = {f"{name}: {title}": s for name in TABLES for title, s in table(name).items()}


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_same_as_with_gcc(name: str, place: Place, cache: Path) -> None:
    SITUATIONS[name].require()
    script = SITUATIONS[name].script
    expected = place.gcc(script)
    assert differences(expected, place.ours(script)) == []
    assert list(place.home.iterdir()) == [], "nothing is selected: nothing is kept"
    if SITUATIONS[name].looked_at:
        # What Python does on the way leaves no trace.
        settings = {"mode": "use", "select": "all", "accept": "verified", "cache_dir": str(cache)}
        assert differences(expected, place.ours(script, **settings)) == []


def test_python_has_looked_where_nothing_was_replaced(place: Place, tmp_path: Path) -> None:
    settings = {"mode": "use", "select": "all", "cache_dir": str(tmp_path / "store")}
    place.ours("$CC -O3 -c ones.c; cat ones.c | $CC -O3 -xc -c - -o x.o", **settings)
    builds = last_builds(tmp_path / "store")
    assert sum(build["functions"]["seen"] for build in builds) == 1
    assert {reason for build in builds for reason in build["reasons"]} == {
        "not-in-store",
        "no-source",
    }
