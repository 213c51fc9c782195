"""The real library on a model of random weights: its answers are noise, the machinery is not."""

from pathlib import Path

import pytest
from propose_context import MakeContext
from tiny_model import write_tiny_model

from superopt_cc.propose.audit import transcripts
from superopt_cc.propose.llm import Llm, check
from superopt_cc.settings import Settings

pytest.importorskip("llama_cpp", reason="needs the extra `llm`")

SOURCE = "int twice(int x) { return x + x; }"


@pytest.fixture(scope="module", params=["plain", "chat"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / f"{request.param}.gguf"
    write_tiny_model(path, chat=request.param == "chat")
    return path


@pytest.mark.parametrize("surface", ["c", "asm"])
def test_a_model_is_loaded_and_asked(
    make_context: MakeContext, model: Path, tmp_path: Path, surface: str
) -> None:
    given = {"model": str(model), "samples": 2, "rounds": 0, "surface": surface}
    context = make_context(SOURCE, "twice", seconds=120.0, **given)
    assert list(Llm().propose(context)) == []
    told = context.history()
    wanted = [f"{surface}, round 1, sample {number}" for number in (1, 2)]
    assert sorted(a.how for a in told) == wanted, told
    (transcript,) = transcripts(tmp_path / "cache")
    first, second = transcript.of("answer")
    assert first["text"]
    assert first["seed"] != second["seed"]
    assert len(first["model"]) == 64


def test_doctor_finds_a_working_model(model: Path) -> None:
    assert check(Settings(model=str(model))) == ""


def test_a_broken_model_file_is_one_clear_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    told = check(Settings(model=str(broken)))
    assert str(broken) in told
    assert "\n" not in told
