"""Models behind a URL, against llama.cpp's own server: a model of random weights answers."""

from __future__ import annotations

import dataclasses
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_server import LlamaServer, llama_server
from tiny_model import write_tiny_model

from superopt_cc.propose.answers import Answer, Request
from superopt_cc.propose.conversation import ModelError
from superopt_cc.propose.endpoint import Endpoint

pytest.importorskip("openai", reason="needs the extra `llm`")
pytest.importorskip("xllamacpp", reason="llama.cpp's server: pip install xllamacpp")

SLOTS = 4
LONG = 3900  # tokens: many seconds of the model's time


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_tiny_model(path, chat=True)
    return path


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that never ends an answer."""
    path = tmp_path_factory.mktemp("model") / "endless.gguf"
    write_tiny_model(path, chat=True, ends=False)
    return path


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[LlamaServer]:
    with llama_server(model, SLOTS) as running:
        yield running


def request(*seeds: int, tokens: int = 12, question: str = "int x;") -> Request:
    return Request("You write C.", question, seeds, tokens, 4096)


def ask(where: LlamaServer, asked: Request, seconds: float = 30.0) -> list[Answer]:
    answers = Endpoint.of(where.url).ask(asked, time.monotonic() + seconds)
    return sorted(answers, key=lambda answer: answer.index)


def fails(where: LlamaServer, asked: Request, seconds: float = 30.0) -> ModelError:
    with pytest.raises(ModelError) as told:
        ask(where, asked, seconds)
    assert "\n" not in str(told.value)
    return told.value


@pytest.mark.parametrize("count", [1, SLOTS, SLOTS + 3])
def test_every_seed_is_answered_and_no_two_alike(server: LlamaServer, count: int) -> None:
    answers = ask(server, request(*range(20, 20 + count)))
    assert [answer.index for answer in answers] == list(range(count))
    assert len({answer.text for answer in answers}) == count
    assert {answer.model for answer in answers} == {f"{server.url}/v1#tiny"}


def test_a_seed_means_the_same_answer_again(server: LlamaServer) -> None:
    ask(server, request(5))  # from here on the prompt is known there
    first, again, other = (ask(server, request(seed))[0].text for seed in (5, 5, 6))
    assert first == again != other


def test_answers_end_by_themselves_or_are_cut_off(server: LlamaServer) -> None:
    cut = ask(server, request(1, 2, tokens=3))
    assert [answer.finish for answer in cut] == ["length", "length"]
    ended = ask(server, request(1, 2, tokens=2000))
    assert [answer.finish for answer in ended] == ["stop", "stop"]


def test_a_prompt_that_is_too_long_for_the_server_is_told_as_that(server: LlamaServer) -> None:
    error = fails(server, request(1, 2, question="int x; " * 2000))
    assert error.kind == "context"
    assert "exceeds" in str(error)
    assert ask(server, request(1))


def test_a_grammar_confines_the_answers_of_a_server_that_knows_them(server: LlamaServer) -> None:
    asked = dataclasses.replace(request(1, 2, 3), grammar='root ::= ("add" | "sub")+')
    texts = [answer.text for answer in ask(server, asked)]
    assert all(re.match(r"(add|sub){2}", text) for text in texts)


def test_the_deadline_holds_and_others_are_answered_meanwhile(endless: Path) -> None:
    with llama_server(endless, SLOTS) as server:
        begun = time.monotonic()
        assert fails(server, request(1, 2, tokens=LONG), seconds=0.5).kind == "timeout"
        assert time.monotonic() - begun < 5.0
        assert [answer.finish for answer in ask(server, request(3), 10.0)] == ["length"]


@pytest.mark.parametrize("count", [1, 3])
def test_a_server_writes_for_nobody_who_has_left(endless: Path, count: int) -> None:
    with llama_server(endless, SLOTS) as server:
        assert fails(server, request(*range(count), tokens=LONG), seconds=1.0).kind == "timeout"
        until = time.monotonic() + 3.0  # of more than ten that it would need
        while server.busy():
            assert time.monotonic() < until
            time.sleep(0.02)


def test_a_server_that_is_killed_midway_is_down(endless: Path) -> None:
    with llama_server(endless, SLOTS) as server:
        asking = threading.Timer(0.4, server.kill)
        asking.start()
        begun = time.monotonic()
        assert fails(server, request(*range(8), tokens=LONG)).kind == "down"
        assert time.monotonic() - begun < 10.0
        assert Endpoint.of(server.url).check(time.monotonic() + 10.0) != ""


def test_a_server_with_a_key_wants_it(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with llama_server(model, SLOTS, key="sk-own") as server:
        assert fails(server, request(1)).kind == "unauthorized"
        monkeypatch.setenv("SUPEROPT_API_KEY", "sk-own")
        assert ask(server, request(1))


def test_a_check_finds_the_model(server: LlamaServer) -> None:
    assert Endpoint.of(server.url).check(time.monotonic() + 10.0) == ""
