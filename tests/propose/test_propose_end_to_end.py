"""A model behind a URL in a real build: `make CC=superopt-cc`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from build_place import COUNT, Place
from scripted_server import Server, serving

pytest.importorskip("openai", reason="needs the extra `llm`")

# Wrong for 0 only.
WRONG = "int count(unsigned x) { int n = 0; do { x &= x - 1; n++; } while (x); return n; }"
RIGHT = "int count(unsigned x) { int n = 0; while (x) { x &= x - 1; n++; } return n; }"
REPAIRED = {
    "when": "count(x=0) returned 1, gcc's code returns 0",
    "text": f"The loop must not run for 0:\n\n```c\n{RIGHT}\n```\n",
    "else": WRONG,
}


def make(place: Place, server: Server, **environ: str) -> None:
    place.make(server.url, **environ)


@pytest.mark.parametrize("samples", ["1", "3"])
def test_an_answer_wrong_at_an_edge_is_repaired_because_the_counterexample_was_shown(
    place: Place, tmp_path: Path, samples: str
) -> None:
    expected = [f"{bin(i * 2654435761 % 2**32).count('1')}" for i in range(99)]
    steps = [WRONG] * int(samples)
    with serving(tmp_path / "answers", *steps, REPAIRED, many="taken") as server:
        make(place, server, SUPEROPT_SAMPLES=samples)
        assert len(server.asked) == 2
    assert place.run("./program").stdout.split() == expected
    (ours,) = place.ask("inspect", "program")["functions"]
    assert ours["name"] == "count"
    story = place.ask("explain", "count")["outcome"]
    assert story["rewrite"]["how"].startswith("c, round 2, sample ")
    assert story["attempts"][0]["result"] == "result"
    assert "count(x=0)" in story["attempts"][0]["counterexample"]

    told = place.superopt("explain", "count", "--llm").stdout
    for words in ("--- round 2, surface c", WRONG, "result: count(x=0) returned 1", "verified"):
        assert words in told
    assert "sk-secret" not in told
    replayed = place.ask("llm", "replay", "count")["answers"]
    assert replayed[0]["before"] == replayed[0]["now"] == "result"
    assert replayed[-1]["before"] == replayed[-1]["now"] == "verified"
    assert all(answer["same"] for answer in replayed)


def test_nothing_selected_asks_nobody(place: Place, tmp_path: Path) -> None:
    (place.folder / "count.c").write_text(COUNT % "")
    with serving(tmp_path / "answers", RIGHT) as server:
        make(place, server)
        assert (server.asked, server.listed) == ([], 0)


def test_what_is_known_asks_nobody_again(place: Place, tmp_path: Path) -> None:
    with serving(tmp_path / "answers", RIGHT) as server:
        make(place, server, SUPEROPT_SAMPLES="1")
        asked = len(server.asked)
        (place.folder / "count.c").write_text(COUNT % "#pragma superopt" + "int more;\n")
        make(place, server, SUPEROPT_SAMPLES="1")
        assert len(server.asked) == asked > 0
    assert place.ask("inspect", "count.o")["functions"]


def test_changed_prompts_ask_again_where_nothing_was_found(place: Place, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    given = {"SUPEROPT_SAMPLES": "1", "SUPEROPT_ROUNDS": "0", "SUPEROPT_PROMPTS": str(mine)}
    with serving(tmp_path / "answers", WRONG) as server:
        for prompt, asked in (("", 1), ("", 1), ("Faster: {{ function }}", 2)):
            if prompt:
                (mine / "c.question.j2").write_text(prompt)
            (place.folder / "count.o").unlink(missing_ok=True)
            make(place, server, **given)
            assert len(server.asked) == asked
        assert server.asked[-1]["messages"][-1]["content"].startswith("Faster: int count")


@pytest.mark.parametrize("step", [{"status": 401}, {"body": "oops"}, {"seconds": 60, "text": ""}])
def test_a_model_that_fails_leaves_the_others_to_go_on(
    place: Place, tmp_path: Path, step: Any
) -> None:
    with serving(tmp_path / "answers", step) as server:
        make(
            place, server, SUPEROPT_PROPOSERS="all", SUPEROPT_ACCEPT="faster",
            SUPEROPT_BUDGET="30", SUPEROPT_MODEL_BUDGET="2",
        )  # fmt: skip
    story = place.ask("explain", "count")["outcome"]
    tried = {attempt["proposer"] for attempt in story["attempts"]}
    assert tried >= {"compilers", "llm"}
    (failed,) = [a for a in story["attempts"] if a["proposer"] == "llm"]
    assert failed["result"] in ("unauthorized", "malformed", "timeout")
    assert "sk-secret" not in json.dumps(story)


def test_replay_says_what_has_changed(place: Place, tmp_path: Path) -> None:
    with serving(tmp_path / "answers", RIGHT) as server:
        make(place, server, SUPEROPT_SAMPLES="1")
    changed = (COUNT % "#pragma superopt").replace("n += x & 1", "n += 2 * (x & 1)")
    (place.folder / "count.c").write_text(changed)
    (answer,) = place.ask("llm", "replay")["answers"]
    assert (answer["before"], answer["now"]) == ("verified", "skipped")
    assert "another one now" in answer["detail"]
    (place.folder / "count.c").unlink()
    done = place.superopt("llm", "replay")
    assert done.returncode == 0
    assert "skipped" in done.stdout
    assert place.superopt("llm", "replay", "nobody").returncode == 2
