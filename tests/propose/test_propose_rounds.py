"""Rounds of a whole search over the scripted server: what the model is told, when asking stops."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from propose_context import MakeContext
from scripted_server import Server, serving

from superopt_cc.propose.audit import transcripts
from superopt_cc.propose.bandit import Surfaces
from superopt_cc.propose.llm import Llm
from superopt_cc.propose.rounds import Rounds, Try
from superopt_cc.search.loop import optimize
from superopt_cc.settings import Settings
from superopt_cc.types import Attempt, Outcome

pytest.importorskip("openai", reason="needs the extra `llm`")

SOURCE = """
int count(unsigned x)
{
    int n = 0;
    while (x) { n += x & 1; x >>= 1; }
    return n;
}
"""
COPY = "int count(unsigned x) { int n = 0; while (x) { n += x & 1; x >>= 1; } return n; }"
RIGHT = "int count(unsigned x) { int n = 0; while (x) { x &= x - 1; n++; } return n; }"
# Wrong for 0 only.
WRONG = "int count(unsigned x) { int n = 0; do { x &= x - 1; n++; } while (x); return n; }"
SLOW = (
    "int count(unsigned x) { int n = 0; for (int k = 0; k < 32; k++) { unsigned y = x; n = 0;\n"
    "for (; y; y &= y - 1) n++; } return n; }"
)
ASM = """
count:
    xor     eax, eax
    test    edi, edi
    je      .done
.next:
    lea     edx, [rdi-1]
    inc     eax
    and     edi, edx
    jne     .next
.done:
    ret
"""


@dataclasses.dataclass
class Asked:
    """A search that is over."""

    outcome: Outcome
    server: Server
    cache: Path

    @property
    def results(self) -> list[tuple[str, str]]:
        return [(a.how, a.result) for a in self.outcome.attempts]

    def question(self, number: int) -> str:
        """What the model was asked in round `number`."""
        text: str = self.server.asked[number - 1]["messages"][-1]["content"]
        return text


Search = Callable[..., Asked]


@pytest.fixture
def search(make_context: MakeContext, tmp_path: Path) -> Iterator[Search]:
    """`search(*steps, **settings)`: one sample a round, the first verified rewrite is taken."""
    with contextlib.ExitStack() as servers:

        def run(*steps: Any, source: str = SOURCE, **given: Any) -> Asked:
            server = servers.enter_context(serving(tmp_path / "answers", *steps, many="taken"))
            settings = {
                "model": server.url, "samples": 1, "accept": "verified", "surface": "c", **given,
            }  # fmt: skip
            context = make_context(source, "count", **settings)
            outcome = optimize(context.job, context.settings, proposers=(Llm(),))
            return Asked(outcome, server, tmp_path / "cache")

        yield run


def test_a_counterexample_is_shown_and_the_next_answer_is_taken(search: Search) -> None:
    repaired = {"when": "count(x=0) returned 1, gcc's code returns 0", "text": RIGHT, "else": WRONG}
    done = search(f"```c\n{WRONG}\n```", repaired)
    assert done.outcome.outcome == "replaced"
    assert done.results == [
        ("c, round 1, sample 1", "result"), ("c, round 2, sample 1", "verified"),
    ]  # fmt: skip
    assert WRONG in done.question(2)


def test_what_the_compiler_says_is_shown(search: Search) -> None:
    done = search("int count(unsigned x) { return nothing; }", "int count(", RIGHT)
    assert "does not compile" in done.question(2)
    assert "nothing" in done.question(2)
    assert "no complete definition" in done.question(3)
    assert done.outcome.outcome == "replaced"


def test_what_the_assembler_says_is_shown(search: Search) -> None:
    wrong = "```asm\ncount:\n\tpopcount %edi, %eax\n\tret\n```"
    done = search(wrong, f"```nasm\n{ASM}```", surface="asm")
    assert "popcount" in done.question(2).partition("does not assemble")[2]
    assert done.results[-1] == ("asm, round 2, sample 1", "verified")
    assert done.outcome.rewrite is not None
    assert "[rdi-1]" not in done.outcome.rewrite.text


def test_c_on_the_assembly_surface_is_taken_as_c(search: Search) -> None:
    done = search(f"```c\n{RIGHT}\n```", surface="asm")
    assert done.results == [("asm, round 1, sample 1", "verified")]


def test_a_right_version_is_offered_as_the_new_start_with_its_timing(search: Search) -> None:
    done = search(RIGHT, COPY, accept="faster", budget=20.0, rounds=1)
    told = done.question(2)
    assert "The best version so far is correct and 1." in told
    assert RIGHT in told.partition("The best version")[2]


def test_a_slow_version_is_told_with_its_timing(search: Search) -> None:
    done = search(SLOW, COPY, accept="faster", budget=20.0, rounds=1)
    told = done.question(2)
    assert "It is correct, 0." in told
    assert "slower than gcc's code" in told
    assert "The best version" not in told
    assert "k < 32" in told
    assert done.results[0] == ("c, round 1, sample 1", "slower") or done.results[0][1] in (
        "not-faster", "verified",
    )  # fmt: skip
    assert done.outcome.attempts[0].speedup is not None
    assert done.outcome.attempts[0].speedup < 0.5


@pytest.mark.parametrize(
    ("steps", "rounds", "asked"),
    [
        ((COPY,), 4, 1),  # copies: there is nothing to learn
        ((WRONG, WRONG), 4, 2),  # the same mistake again
        ((WRONG, "int count(unsigned x) { return 0; }", COPY), 4, 3),
        ((WRONG,), 0, 1),
    ],
)
def test_asking_stops_when_it_no_longer_pays(
    search: Search, steps: tuple[str, ...], rounds: int, asked: int
) -> None:
    done = search(*steps, rounds=rounds)
    assert len(done.server.asked) == asked, done.results
    assert done.outcome.outcome == "kept"


def test_words_that_were_cut_off_behind_whole_code_do_no_harm(search: Search) -> None:
    done = search({"text": f"```c\n{RIGHT}\n```\nIt is faster beca", "finish": "length"})
    assert done.results == [("c, round 1, sample 1", "verified")]


def test_what_a_model_thinks_aloud_is_no_answer(search: Search) -> None:
    done = search(f"<think>\n```c\n{WRONG}\n```\nNo: 0.\n</think>\n{RIGHT}")
    assert done.results == [("c, round 1, sample 1", "verified")]


def test_a_model_is_not_asked_where_only_a_compiler_s_code_is_wanted(search: Search) -> None:
    done = search(RIGHT, require="compiled")
    assert done.results == [("model", "level")]
    assert done.server.asked == []


def test_copies_are_told_apart_from_mistakes(search: Search) -> None:
    done = search(COPY, samples=1)
    assert done.results == [("c, round 1, sample 1", "copy")]


def test_n_samples_are_verified_as_they_come(search: Search) -> None:
    done = search(WRONG, COPY, "no idea", RIGHT, samples=4, rounds=0)
    assert sorted(r for _, r in done.results) == ["copy", "refused", "result", "verified"]
    assert len(done.server.asked) == 1


@pytest.mark.parametrize(
    ("step", "result"),
    [
        ({"status": 401}, "unauthorized"),
        ({"body": "{"}, "malformed"),
        ({"choices": []}, "empty"),
        ({"text": None}, "refused"),
        ({"text": RIGHT[:40], "finish": "length"}, "truncated"),
        ({"text": f"```c\n{RIGHT[:40]}", "finish": "length"}, "truncated"),
        ({"text": f"<think>{RIGHT}", "finish": "length"}, "truncated"),
        ({"text": RIGHT.replace("count", "other") + RIGHT.replace("count", "more")}, "refused"),
    ],
)
def test_each_failure_is_one_counted_attempt(search: Search, step: Any, result: str) -> None:
    done = search(step, rounds=0)
    assert [r for _, r in done.results] == [result]
    (attempt,) = done.outcome.attempts
    assert attempt.detail
    assert "\n" not in attempt.detail
    assert (done.outcome.outcome, done.outcome.reason) == ("kept", "no-rewrite")


def test_everything_is_kept_with_its_verdict(search: Search) -> None:
    done = search(WRONG, RIGHT)
    (told,) = transcripts(done.cache, "count")
    assert [p["round"] for p in told.of("prompt")] == [1, 2]
    assert [a["text"] for a in told.of("answer")] == [WRONG, RIGHT]
    assert len({a["seed"] for a in told.of("answer")}) == 2
    hows = [a["how"] for a in told.of("answer")]
    wrong, right = (told.verdict(how) for how in hows)
    assert wrong is not None
    assert right is not None
    assert (wrong["result"], right["result"]) == ("result", "verified")
    assert "x=0" in wrong["counterexample"]


def test_no_key_is_kept(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPEROPT_API_KEY", "sk-very-secret")
    done = search(WRONG, {"status": 401, "body": '{"error": "sk-very-secret"}'})
    assert "sk-very-secret" in str(done.server.keys)
    kept = [p.read_bytes() for p in done.cache.rglob("*") if p.is_file()]
    assert kept
    assert not any(b"sk-very-secret" in data for data in kept)
    assert "sk-very-secret" not in repr(done.outcome)


def test_what_a_surface_was_worth_is_remembered(search: Search) -> None:
    done = search(WRONG, RIGHT)
    model = f"{done.server.url}/v1#scripted"
    tally = Surfaces(done.cache).tally(model, "c")
    assert (tally.answers, tally.verified) == (2, 1)


def test_own_templates_stand_in_for_ours(search: Search, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "c.question.j2").write_text("Speed up {{ name }} for {{ flags }}.")
    done = search(RIGHT, prompts=tmp_path / "mine")
    assert done.question(1) == "Speed up count for -O3."
    assert done.server.asked[0]["messages"][0]["content"].startswith("You rewrite C functions")


@pytest.mark.parametrize(
    "template",
    ["{{ nobody }}", "{% if %}", "{{ ''.__class__.__mro__ }}", "{{ 1 / 0 }}", "{% include 'x' %}"],
)
def test_a_template_that_fails_is_one_line(search: Search, tmp_path: Path, template: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "c.question.j2").write_text(template)
    done = search(RIGHT, prompts=tmp_path / "mine")
    assert done.results == [("prompt", "prompt")]
    assert "\n" not in done.outcome.attempts[0].detail
    assert done.server.asked == []


def test_a_function_too_large_for_the_context_is_skipped(search: Search) -> None:
    n = "n" * 100
    lines = "".join(f"    {n} += x >> {i % 31} & 3u; {n} ^= {i};\n" for i in range(400))
    source = f"int count(unsigned x)\n{{\n    int {n} = 0;\n{lines}    return {n};\n}}\n"
    done = search(RIGHT, source=source, budget=60.0)
    assert ("prompt", "context") in done.results, done.outcome
    assert done.server.asked == []


TOO_LONG = {
    "status": 400,
    "body": '{"error": {"message": "the request exceeds the available context size"}}',
}


def test_a_prompt_that_the_model_refuses_as_too_long_is_tried_once_shorter(search: Search) -> None:
    done = search(TOO_LONG, WRONG, RIGHT)
    full, least, second = (done.question(number) for number in (1, 2, 3))
    assert len(least) < len(full) / 2
    assert "while (x) { n += x & 1; x >>= 1; }" in least
    assert len(second) < len(full)  # what was too long once is not sent again
    assert "count(x=0)" in second
    assert done.results == [
        ("c, round 1, sample 1", "result"),
        ("c, round 2, sample 1", "verified"),
    ]


def test_a_function_whose_shortest_prompt_is_refused_too_is_skipped(search: Search) -> None:
    done = search(TOO_LONG)
    assert len(done.server.asked) == 2
    assert done.results == [("model", "context")]
    assert "context size" in done.outcome.attempts[0].detail


def _try(result: str, speedup: float | None = None, told: str = "") -> Try:
    attempt = Attempt("llm", "how", result, told, speedup)
    return Try(json.dumps([result, speedup, told]), attempt)


def test_a_slower_version_pays_once_and_a_better_one_again() -> None:
    rounds = Rounds()
    rounds.finish([_try("verified", 0.9)])
    assert rounds.pays
    rounds.finish([_try("verified", 0.9)])
    assert not rounds.pays
    rounds = Rounds()
    rounds.finish([_try("verified", 1.2), _try("result", told="new")])
    assert rounds.pays
    rounds.finish([_try("verified", 1.1), _try("result", told="newer")])
    assert not rounds.pays
    best = rounds.feedback()["best"]
    assert best is not None
    assert best["speedup"] == "1.20"


def test_settings_of_a_model_are_part_of_a_search_s_effort(tmp_path: Path) -> None:
    from superopt_cc.driver.decide import need_of

    def effort(**settings: Any) -> str:
        return need_of(Settings(**settings), "cpu").effort

    model = tmp_path / "m.gguf"
    model.write_bytes(b"GGUF")
    (tmp_path / "mine").mkdir()
    plain = effort(model=str(model))
    assert effort(model=str(model)) == plain
    assert effort(model=str(model), surface="asm") != plain
    mine = tmp_path / "mine"
    assert effort(model=str(model), prompts=mine) == plain  # an empty folder changes nothing
    (mine / "c.system.j2").write_text("Be quick.")
    assert effort(model=str(model), prompts=mine) != plain
    model.write_bytes(b"GGUF, another one")
    assert effort(model=str(model)) != plain
    assert effort(surface="asm") == effort()
