"""Which surface is asked: by what has worked for a model, and for nobody else's."""

from __future__ import annotations

from pathlib import Path

from superopt_cc.propose.bandit import Surfaces, Tally

BOTH = ("c", "asm")


def test_without_knowledge_c_is_asked(tmp_path: Path) -> None:
    assert Surfaces(tmp_path / "none").choose("stamp", BOTH) == "c"
    assert Surfaces(tmp_path / "none").choose("stamp", ("asm",)) == "asm"


def test_what_works_is_asked_again(tmp_path: Path) -> None:
    surfaces = Surfaces(tmp_path)
    for _ in range(4):
        surfaces.add("m", "stamp", "c", Tally(8, 2, 0))
        surfaces.add("m", "stamp", "asm", Tally(8, 6, 3))
    assert surfaces.choose("stamp", BOTH) == "asm"
    assert surfaces.choose("another stamp", BOTH) == "c"


def test_a_surface_that_never_works_gives_way_and_is_tried_again(tmp_path: Path) -> None:
    surfaces = Surfaces(tmp_path)
    chosen = []
    for _ in range(300):
        surface = surfaces.choose("stamp", BOTH)
        chosen.append(surface)
        good = surface == "asm"
        surfaces.add("m", "stamp", surface, Tally(8, 4 * good, 0))
    assert chosen[0] == "c"
    assert chosen.count("asm") > 250
    assert "c" in chosen[20:]


def test_damaged_lines_cost_only_themselves(tmp_path: Path) -> None:
    surfaces = Surfaces(tmp_path)
    surfaces.add("m", "stamp", "asm", Tally(8, 6, 3))
    with (tmp_path / "surfaces.jsonl").open("ab") as file:
        file.write(b'{"model": "m"\n[]\n\xff\xfe\n{"model": 1, "stamp": "s"}\n7\n')
    assert surfaces.tally("m", "asm") == Tally(8, 6, 3)
    assert surfaces.choose("stamp", BOTH) in BOTH


def test_a_large_file_is_summed_up(tmp_path: Path) -> None:
    surfaces = Surfaces(tmp_path)
    path = tmp_path / "surfaces.jsonl"
    surfaces.add("m", "stamp", "c", Tally(1, 1, 0))
    line = path.read_text()
    count = (1 << 20) // len(line) + 1
    path.write_text(line * count)
    surfaces.add("m", "stamp", "c", Tally(1, 0, 1))
    assert surfaces.tally("m", "c") == Tally(count + 1, count, 1)
    assert path.stat().st_size < 1000


def test_a_folder_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    surfaces = Surfaces(tmp_path / "file")
    surfaces.add("m", "stamp", "c", Tally(1, 1, 0))
    assert surfaces.choose("stamp", BOTH) == "c"
