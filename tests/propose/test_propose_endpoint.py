"""Models behind a URL, against a real server on loopback."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from scripted_server import MODEL, serving

from superopt_cc.propose.answers import Answer, Request
from superopt_cc.propose.conversation import ModelError
from superopt_cc.propose.endpoint import Endpoint
from superopt_cc.propose.keys import key_for

pytest.importorskip("openai", reason="needs the extra `llm`")

ASKED = Request("You are terse.", "Say a number.", (7, 8, 9), 100, 4096, 0.5)


def ask(url: str, request: Request = ASKED, seconds: float = 20.0) -> list[Answer]:
    return list(Endpoint.of(url).ask(request, time.monotonic() + seconds))


@pytest.mark.parametrize("streams", ["taken", "ignored", "refused"])
@pytest.mark.parametrize(("many", "requests"), [("taken", 1), ("ignored", 3), ("refused", 4)])
def test_every_seed_is_answered_whatever_a_server_makes_of_n_and_of_streams(
    tmp_path: Path, many: str, requests: int, streams: str
) -> None:
    with serving(tmp_path, "one", "two", "three", many=many, streams=streams) as server:
        answers = ask(server.url)
    assert sorted(a.text for a in answers) == ["one", "three", "two"]
    assert sorted(a.index for a in answers) == [0, 1, 2]
    assert {a.model for a in answers} == {f"{server.url}/v1#{MODEL}"}
    assert len(server.asked) == requests + (streams == "refused")
    assert all(body.get("stream") for body in server.asked[:1])
    assert not any(body.get("stream") for body in server.asked[1:]) or streams != "refused"
    single = sorted(body["seed"] for body in server.asked if "n" not in body)
    assert single == {"taken": [], "ignored": [8, 9], "refused": [7, 8, 9]}[many]
    assert all(body["max_tokens"] == 100 and body["temperature"] == 0.5 for body in server.asked)
    assert server.asked[0]["messages"][0] == {"role": "system", "content": "You are terse."}


def test_each_answer_is_handed_on_when_it_ends(tmp_path: Path) -> None:
    late = {"seconds": 30, "text": "late"}
    with serving(tmp_path, "one", "two", late, many="taken") as server:
        begun = time.monotonic()
        answers = Endpoint.of(server.url).ask(ASKED, time.monotonic() + 60.0)
        assert [next(answers).text, next(answers).text] == ["one", "two"]
        assert time.monotonic() - begun < 10.0
        answers.close()


def test_a_stream_that_breaks_off_is_asked_once_more_for_what_is_missing(tmp_path: Path) -> None:
    broken = {"text": "half of it", "breaks": True}
    with serving(tmp_path, "one", broken, "two", "three", many="taken") as server:
        # The server takes as many steps as it is asked for: one, half of it, two; then three.
        answers = ask(server.url)
    assert sorted(answer.text for answer in answers) == ["one", "three", "three"]
    assert [body.get("n") for body in server.asked] == [3, 2]
    assert server.asked[1]["seed"] == 8


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('data: {"error": {"message": "out of memory, sk-mine"}}', "server"),
        ('error: {"message": "the prompt exceeds the context size"}', "context"),
        ("data: <html>", "malformed"),
        ('data: {"choices": [17]}', "malformed"),
        ("data: [DONE]", "empty"),
        ('data: {"choices": [{"index": 0, "delta": {"content": "half"}}]}', "down"),
    ],
)
def test_each_failure_within_a_stream_is_one_error_of_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, kind: str
) -> None:
    monkeypatch.setenv("SUPEROPT_API_KEY", "sk-mine")
    stream = {"body": f"{line}\n\n", "headers": {"Content-Type": "text/event-stream"}}
    with serving(tmp_path, stream) as server, pytest.raises(ModelError) as caught:
        ask(server.url, Request("", "", (1,), 10, 512))
    assert caught.value.kind == kind
    assert "sk-mine" not in str(caught.value)


def test_a_model_that_is_named_is_not_looked_up(tmp_path: Path) -> None:
    with serving(tmp_path, "one", many="taken") as server:
        ask(f"{server.url}/v1/#org/name")
    assert server.listed == 0
    assert server.asked[0]["model"] == "org/name"


def test_an_answer_that_was_cut_off_says_so(tmp_path: Path) -> None:
    with serving(tmp_path, {"text": "int f(", "finish": "length"}) as server:
        answers = ask(server.url, Request("", "", (1,), 10, 512))
    assert [a.finish for a in answers] == ["length"]


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ({"status": 401}, "unauthorized"),
        ({"status": 403}, "unauthorized"),
        ({"status": 404}, "refused"),
        ({"status": 418, "body": "{}"}, "refused"),
        ({"body": "<html>it works</html>"}, "malformed"),
        ({"body": "[1, 2]"}, "malformed"),
        ({"body": '{"choices": [17]}'}, "malformed"),
        ({"choices": []}, "empty"),
        ({"seconds": 30, "text": "late"}, "timeout"),
        ({"status": 429, "headers": {"Retry-After": "60"}}, "busy"),
        ({"status": 500}, "server"),
    ],
)
def test_each_failure_is_one_error_of_its_kind_within_the_deadline(
    tmp_path: Path, step: Any, kind: str
) -> None:
    with serving(tmp_path, step) as server:
        began = time.monotonic()
        with pytest.raises(ModelError) as caught:
            ask(server.url, Request("", "", (1,), 10, 512), seconds=3.0)
    assert caught.value.kind == kind
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 5.0


def test_nobody_there_is_told_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ModelError) as caught:
        ask(f"http://127.0.0.1:{port}", seconds=60.0)
    assert caught.value.kind == "down"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(tmp_path: Path, status: int) -> None:
    busy = {"status": status, "headers": {"Retry-After": "0.1"}}
    with serving(tmp_path, busy, busy, "one") as server:
        answers = ask(server.url, Request("", "", (1,), 10, 512))
    assert [a.text for a in answers] == ["one"]
    assert len(server.asked) == 3


def test_an_option_that_a_server_does_not_know_is_left_out(tmp_path: Path) -> None:
    refused = {
        "status": 400,
        "body": '{"error": {"message": "Unsupported parameter: \'max_tokens\' is not supported"}}',
    }
    with serving(tmp_path, refused, "one") as server:
        ask(server.url, Request("", "", (1,), 10, 512))
    assert "max_tokens" not in server.asked[1]
    assert server.asked[1]["max_completion_tokens"] == 10


def test_what_was_answered_comes_out_before_the_failure(tmp_path: Path) -> None:
    with serving(tmp_path, "one", {"status": 401}, many="ignored") as server:
        answers = Endpoint.of(server.url).ask(ASKED, time.monotonic() + 20.0)
        assert next(answers).text == "one"
        with pytest.raises(ModelError, match="401"):
            list(answers)


def test_closing_early_ends_the_request(tmp_path: Path) -> None:
    with serving(tmp_path, "one", {"seconds": 30, "text": "late"}, many="ignored") as server:
        answers = Endpoint.of(server.url).ask(ASKED, time.monotonic() + 60.0)
        next(answers)
        began = time.monotonic()
        answers.close()
        assert time.monotonic() - began < 2.0
        assert "superopt-endpoint" not in [t.name for t in threading.enumerate()]


def test_the_key_comes_from_the_environment_and_is_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    body = '{"error": {"message": "bad key sk-superopt"}}'
    with serving(tmp_path, "one", {"status": 418, "body": body}, many="taken") as server:
        request = Request("", "", (1,), 10, 512)
        ask(server.url, request)
        assert set(server.keys) == {"Bearer sk-openai"}
        monkeypatch.setenv("SUPEROPT_API_KEY", "sk-superopt")
        with pytest.raises(ModelError) as caught:
            ask(server.url, request)
        assert server.keys[-1] == "Bearer sk-superopt"
    assert "sk-" not in str(caught.value)


def test_openai_s_own_key_goes_to_nobody_else() -> None:
    environ = {"OPENAI_API_KEY": "sk"}
    assert key_for("https://api.openai.com/v1", environ) == "sk"
    assert key_for("http://[::1]:8080/v1", environ) == "sk"
    assert key_for("https://elsewhere.example/v1", environ) == ""
    assert key_for("https://openai.com.example/v1", environ) == ""
    base = {**environ, "OPENAI_BASE_URL": "https://elsewhere.example/v1"}
    assert key_for("https://elsewhere.example/v1", base) == "sk"
    assert key_for("https://elsewhere.example/v1", {"SUPEROPT_API_KEY": "own"}) == "own"


def test_no_key_goes_to_an_address_that_only_a_source_tree_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SUPEROPT_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "sk-mine")
    with serving(tmp_path, "one", {"status": 401}) as server:
        foreign = Endpoint.of(server.url, foreign=True)
        asked = Request("", "", (1,), 10, 512)
        assert [answer.text for answer in foreign.ask(asked, time.monotonic() + 20.0)] == ["one"]
        with pytest.raises(ModelError, match=r"superopt\.toml.*SUPEROPT_MODEL"):
            list(foreign.ask(asked, time.monotonic() + 20.0))
    assert not any("sk-mine" in str(key) for key in server.keys)


@pytest.mark.parametrize(
    "url", ["http://", "http://user:secret@host/v1", "https://host/v1?key=secret", "ftp://host"]
)
def test_addresses_that_cannot_be_asked_are_refused_without_their_secrets(url: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        Endpoint.of(url)
    assert "secret" not in str(caught.value)


def test_a_check_is_one_line(tmp_path: Path) -> None:
    with serving(tmp_path, "one") as server:
        assert Endpoint.of(server.url).check(time.monotonic() + 10.0) == ""
    assert "cannot be reached" in Endpoint.of(server.url).check(time.monotonic() + 10.0)


def test_nothing_is_left_behind_by_many_requests(tmp_path: Path) -> None:
    request = Request("", "", (1,), 10, 512)
    held: list[int] = []
    with serving(tmp_path, "one", {"status": 401}, {"body": "{"}, "two") as server:
        for _ in range(40):
            answers = Endpoint.of(server.url).ask(request, time.monotonic() + 20.0)
            with contextlib.suppress(ModelError):
                next(answers)
            answers.close()
            time.sleep(0.02)  # the server, which is in this process, closes its end
            held.append(len(os.listdir("/proc/self/fd")))
    assert max(held[20:]) <= max(held[:20])
    assert "superopt-endpoint" not in [t.name for t in threading.enumerate()]
