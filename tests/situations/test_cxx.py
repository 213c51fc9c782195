"""Functions of C++ are chosen by the names that people write, through the whole build."""

from __future__ import annotations

from pathlib import Path

import pytest
from situations import Place, last_builds


@pytest.mark.parametrize(
    ("select", "selected"),
    [
        ("Bits<unsigned int>::ones", 1),
        ("Bits::*, elsewhere", 2),
        ("Other::ones", 0),
    ],
)
def test_a_setting_names_functions(
    select: str, selected: int, place: Place, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    left = place.ours("$CXX -O2 -c bits2.cc", mode="use", select=select, cache_dir=str(store))
    assert (left.status, left.stderr) == (0, b"")
    (build,) = last_builds(store)
    assert build["functions"]["selected"] == selected


def test_a_pragma_names_functions(place: Place, tmp_path: Path) -> None:
    store = tmp_path / "store"
    script = "echo '#pragma superopt Bits<unsigned int>::ones' >> bits2.cc; "
    script += "$CXX -O2 -Wall -Werror -c bits2.cc"
    left = place.ours(script, mode="use", cache_dir=str(store))
    assert (left.status, left.stderr) == (0, b"")
    (build,) = last_builds(store)
    assert build["functions"]["selected"] == 1


def test_functions_that_catch_are_left_to_gcc_and_counted(place: Place, tmp_path: Path) -> None:
    store = tmp_path / "store"
    place.ours("$CXX -O2 -c bits.cc", mode="use", select="main", cache_dir=str(store))
    (build,) = last_builds(store)
    assert set(build["reasons"]) & {"landing-pad", "cold-part"}
    assert build["functions"]["eligible"] == 0
