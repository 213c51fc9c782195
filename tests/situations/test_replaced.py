"""Where code is replaced, everything else is gcc's, and programs do the same."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from situations import Left, Place, differences, table

SITUATIONS = table("replaced")
# The file would not name what `as` reads then.
KEPT = {"dependencies by the assembler"}


@pytest.fixture(scope="session")
def wins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which what was found once is known."""
    return tmp_path_factory.mktemp("wins")


@pytest.mark.parametrize("name", SITUATIONS)
def test_only_code_differs(name: str, place: Place, wins: Path) -> None:
    SITUATIONS[name].require()
    script = SITUATIONS[name].script
    expected = place.gcc(script)
    assert expected.status == 0
    settings = {"select": "*ones*", "accept": "verified", "budget": "60", "cache_dir": str(wins)}
    got = place.ours(script, **settings)
    assert differences(_without_code(expected), _without_code(got)) == []
    replaced = any(b".superopt" in data for _, _, data in got.files.values())
    assert replaced == (name not in KEPT)


def _without_code(left: Left) -> Left:
    files = {
        path: (kind, mode, b"" if data.startswith((b"\x7fELF", b"!<arch>")) else data)
        for path, (kind, mode, data) in left.files.items()
    }
    return dataclasses.replace(left, files=files)
