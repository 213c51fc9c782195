import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from propose_context import MakeContext

from superopt_cc.propose.audit import transcripts
from superopt_cc.propose.llm import Llm, check
from superopt_cc.settings import Settings
from superopt_cc.toolchain.tools import assemble
from superopt_cc.types import Origin

COUNT = """
typedef unsigned int u32;
static int unused(int a) { return a; }
__attribute__((noinline)) %s int count(u32 x)
{
    int n = 0;
    for (int i = 0; i < 32; i++) n += x >> i & 1;
    return n;
}
int twice(u32 x) { return count(x) + count(~x) + unused(0); }
"""
KERNIGHAN = "int count(u32 x) { int n = 0; while (x) { x &= x - 1; n++; } return n; }"
TABLE = (
    "static const unsigned char T[16] = {0,1,1,2,1,2,2,3,1,2,2,3,2,3,3,4};\n"
    "static int nibble(u32 x) { return T[x & 15]; }\n"
    "int count(u32 x) { int n = 0; for (; x; x >>= 4) n += nibble(x); return n; }"
)


class Scripted:
    """The proposer over the scripted child."""

    def __init__(self, folder: Path, *script: Any) -> None:
        self.path = folder / "script.json"
        self.path.write_text(json.dumps(script))
        child = Path(__file__).with_name("scripted_model.py")
        self.llm = Llm(child=(sys.executable, str(child), str(self.path)))
        self.model = folder / "model.gguf"
        self.model.write_bytes(b"GGUF")

    @property
    def asked(self) -> Any:
        return json.loads(Path(f"{self.path}.asked").read_text())

    def alive(self) -> bool:
        return os.path.exists(f"/proc/{self.asked['pid']}")


@pytest.mark.parametrize("storage", ["", "static"])
def test_answers_become_rewrites(make_context: MakeContext, tmp_path: Path, storage: str) -> None:
    scripted = Scripted(tmp_path, f"```c\n{KERNIGHAN}\n```", TABLE)
    context = make_context(COUNT % storage, "count", model=str(scripted.model), rounds=0)
    rewrites = list(scripted.llm.propose(context))
    assert [r.how for r in rewrites] == ["c, round 1, sample 1", "c, round 1, sample 2"], (
        context.history()
    )
    for rewrite in rewrites:
        assert rewrite.origin is Origin.MIXED
        assert rewrite.provenance["seed"] == rewrite.how[-1:].translate({49: "0", 50: "1"})
        assert set(rewrite.provenance) >= {"model", "prompt", "answer"}
        assemble(rewrite.text, tmp_path / "rewrite.o")
    assert "nibble" not in rewrites[1].text


def test_prompt_and_answers_are_kept_for_audit(make_context: MakeContext, tmp_path: Path) -> None:
    scripted = Scripted(tmp_path, KERNIGHAN, "no idea")
    context = make_context(COUNT % "", "count", model=str(scripted.model), rounds=0)
    (rewrite,) = scripted.llm.propose(context)
    (told,) = transcripts(tmp_path / "cache", "count")
    assert [a["text"] for a in told.of("answer")] == [KERNIGHAN, "no idea"]
    assert {a["seed"] for a in told.of("answer")} == {0, 1}
    (prompt,) = told.of("prompt")
    assert prompt["id"] == rewrite.provenance["prompt"]
    assert "int count(u32 x)" in prompt["question"]
    assert told.search["name"] == "count"


def test_the_prompt_tells_function_types_and_hot_loop(
    make_context: MakeContext, tmp_path: Path
) -> None:
    scripted = Scripted(tmp_path)
    context = make_context(COUNT % "", "count", model=str(scripted.model), rounds=0, samples=3)
    assert list(scripted.llm.propose(context)) == []
    request = scripted.asked["request"]
    assert len(set(request["seeds"])) == 3
    for wanted in ("typedef unsigned int u32;", "int count(u32 x)", "-O3", "SSE2", "jne"):
        assert wanted in request["prompt"]


@pytest.mark.parametrize(
    ("step", "result", "words"),
    [
        ({"do": "cut", "text": KERNIGHAN}, "truncated", "cut off"),
        ({"do": "copy", "text": "int count("}, "copy", "gcc's own code"),
        ("int count(u32 x) { return nothing; }", "compile", "nothing"),
        ('int count(u32 x) { asm(""); return 1; }', "refused", "asm"),
        ("int count(u32 x) { int n = 0; for (int i = 0; i < 32; i++) n += x >> i & 1; return n; }",
         "copy", "gcc's own code"),
        ({"do": "die"}, "crash", "SIGSEGV"),
        ({"do": "garbage"}, "model", "nonsense"),
        ({"do": "error", "kind": "import", "message": "No module named 'llama_cpp'"},
         "import", "superopt-cc[llm]"),
    ],
)  # fmt: skip
def test_what_is_no_rewrite_is_noted_and_others_go_on(
    make_context: MakeContext, tmp_path: Path, step: Any, result: str, words: str
) -> None:
    scripted = Scripted(tmp_path, KERNIGHAN, step)
    context = make_context(COUNT % "", "count", model=str(scripted.model), rounds=0)
    assert len(list(scripted.llm.propose(context))) == 1
    (attempt,) = context.history()
    assert attempt.result == result
    assert words in attempt.detail
    assert not scripted.alive()


def test_a_model_that_hangs_is_ended_at_the_budget(
    make_context: MakeContext, tmp_path: Path
) -> None:
    scripted = Scripted(tmp_path, KERNIGHAN, {"do": "hang"})
    context = make_context(COUNT % "", "count", seconds=3.0, model=str(scripted.model), rounds=0)
    assert len(list(scripted.llm.propose(context))) == 1
    assert time.monotonic() < context.deadline + 1.5
    assert context.history()[-1].result == "timeout"
    assert not scripted.alive()


def test_a_search_that_stops_early_leaves_no_process(
    make_context: MakeContext, tmp_path: Path
) -> None:
    scripted = Scripted(tmp_path, KERNIGHAN, {"do": "hang"})
    context = make_context(COUNT % "", "count", model=str(scripted.model), rounds=0)
    rewrites = scripted.llm.propose(context)
    next(rewrites)
    assert scripted.alive()
    rewrites.close()  # type: ignore[attr-defined]
    assert not scripted.alive()


def test_a_model_with_a_smaller_window_is_asked_in_fewer_words(
    make_context: MakeContext, tmp_path: Path
) -> None:
    pytest.importorskip("llama_cpp", reason="needs the extra `llm`")
    from tiny_model import write_tiny_model

    model = tmp_path / "small.gguf"
    write_tiny_model(model, chat=True, window=1600)  # it takes a token for each byte
    context = make_context(COUNT % "", "count", model=str(model), rounds=0, samples=1)
    list(Llm().propose(context))
    assert {attempt.result for attempt in context.history()} & {"refused", "truncated"}
    (told,) = transcripts(tmp_path / "cache", "count")
    full, least = (len(prompt["question"]) for prompt in told.of("prompt"))
    assert least < full
    assert [error["kind"] for error in told.of("error")] == ["context"]


def test_an_unwritable_cache_costs_no_answers(make_context: MakeContext, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    scripted = Scripted(tmp_path, KERNIGHAN)
    context = make_context(COUNT % "", "count", model=str(scripted.model), rounds=0)
    assert len(list(scripted.llm.propose(context))) == 1


def test_without_a_model_nothing_is_started(make_context: MakeContext, tmp_path: Path) -> None:
    scripted = Scripted(tmp_path, KERNIGHAN)
    assert list(scripted.llm.propose(make_context(COUNT % "", "count"))) == []
    assert not Path(f"{scripted.path}.asked").exists()


def test_doctor_is_told_what_to_do(tmp_path: Path) -> None:
    assert "set model" in check(Settings())
    assert "no such model file" in check(Settings(model=str(tmp_path / "none.gguf")))
    dying = Scripted(tmp_path, {"do": "die"})
    told = check(Settings(model=str(dying.model)), dying.llm.child)
    assert "CMAKE_ARGS" in told
    assert "\n" not in told
    assert check(Settings(model=str(dying.model)), Scripted(tmp_path, "x").llm.child) == ""
