"""A small part of what run.py does: random programs do the same, whoever builds them."""

from __future__ import annotations

from pathlib import Path

import compare
import pytest
import run
from programs import make, missing

# Small ones, of both levels, with external and with static functions.
FEW = (1, 2, 3)

# Stand-ins for superopt-cc, and what has to be said of them.
_OTHER = "gcc \"$@\" && printf 'int main(void) { %s; }' | gcc -w -x c -o ours -"
WRONG = {
    _OTHER.replace("%s", 'puts("1"); return 0'): "the program: stdout has '1', with gcc ",
    _OTHER.replace("%s", "return 3"): "the program: exit status 3, with gcc 0",
    'gcc "$@" && echo "so slow" >&2': "superopt-cc: stderr has 'so slow', with gcc '<end>'",
    'gcc "$@" && rm ours': "the program: cannot be run",
    "exit 7": "superopt-cc: exit status 7, with gcc 0",
}


@pytest.fixture(autouse=True)
def _needs() -> None:
    why = missing()
    if why:
        pytest.skip(why)
    if not (compare.BIN / "superopt-cc").exists():
        pytest.skip("superopt-cc is not installed")


def test_random_programs_do_the_same_as_gccs_builds(tmp_path: Path) -> None:
    environ = compare.environment(tmp_path / "cache")
    results = []
    for number in FEW:
        place = tmp_path / str(number)
        place.mkdir()
        results.append(compare.compare(number, place, environ))
    assert [result.difference for result in results] == [""] * len(FEW)
    assert any(result.replaced for result in results)
    assert any(result.executed for result in results)
    failures = {"internal", "failed", "splice", "together"}
    assert not [result.reasons for result in results if failures & result.reasons.keys()]


def test_a_number_is_always_the_same_program(tmp_path: Path) -> None:
    assert make(2, tmp_path) == make(2, tmp_path) != make(3, tmp_path)


@pytest.mark.parametrize(("script", "difference"), WRONG.items(), ids=WRONG.values())
def test_a_difference_is_told_and_how_to_have_it_again(
    script: str,
    difference: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stand_in = tmp_path / "bin" / "superopt-cc"
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/bin/sh\n{script}\n")
    stand_in.chmod(0o755)
    (stand_in.parent / "superopt").symlink_to(compare.BIN / "superopt")
    for module in (compare, run):
        monkeypatch.setattr(module, "BIN", stand_in.parent)
    folder = tmp_path / "work"
    assert run.main(["--first", "2", "--programs", "1", "--folder", str(folder)]) == 1
    told = capsys.readouterr().out
    assert f"DIFFERENT: {difference}" in told
    assert "--first 2 --programs 1" in told
    assert "1 programs, 0 skipped, 1 DIFFERENT" in told
    assert (folder / "2" / "program.c").exists()
