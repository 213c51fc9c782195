"""Models that are away for a while: what was decided without them is open; nobody waits long."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from build_place import COUNT, PRINTED, Place
from scripted_server import serving
from tiny_model import write_tiny_model

from superopt_cc.driver.absent import Absent
from superopt_cc.propose.llm import Llm
from superopt_cc.settings import Settings
from superopt_cc.types import Attempt

pytest.importorskip("openai", reason="needs the extra `llm`")

FEW = {"SUPEROPT_SAMPLES": "1", "SUPEROPT_ROUNDS": "0"}
# Wrong for 0 only.
WRONG = "int count(unsigned x) { int n = 0; do { x &= x - 1; n++; } while (x); return n; }"
RIGHT = "int count(unsigned x) { int n = 0; while (x) { x &= x - 1; n++; } return n; }"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def rebuild(place: Place, url: str, **environ: str) -> dict[str, int]:
    """Why functions of the build stayed gcc's, and what was wrong with the model."""
    for made in place.folder.glob("*.o"):
        made.unlink()
    place.make(url, **{**FEW, **environ})
    return place.reasons()


def test_a_server_that_was_down_is_asked_once_it_is_there(place: Place, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    for _ in range(2):
        assert rebuild(place, url) == {"model-down": 1, "no-rewrite": 1}
    with serving(tmp_path / "answers", WRONG, port=port) as server:
        for _ in range(2):  # what the model was asked is known then
            assert rebuild(place, url) == {"no-rewrite": 1}
            assert len(server.asked) == 1


def test_a_rewrite_is_found_once_the_server_is_there(place: Place, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    rebuild(place, url)
    with serving(tmp_path / "answers", RIGHT, port=port):
        assert rebuild(place, url) == {}
    assert place.run("./program").stdout.split() == PRINTED
    assert place.ask("inspect", "program")["functions"]


def test_optimize_asks_a_server_that_was_down_before(place: Place, tmp_path: Path) -> None:
    port = free_port()
    words = ("optimize", "count.c", "-f", "count", "--", "-O3")
    environ = {**FEW, "SUPEROPT_MODEL": f"http://127.0.0.1:{port}"}
    assert place.superopt(*words, **environ).returncode == 0
    with serving(tmp_path / "answers", WRONG, port=port) as server:
        for _ in range(2):
            assert place.superopt(*words, **environ).returncode == 0
            assert len(server.asked) == 1


def test_a_model_process_that_was_killed_is_asked_by_the_next_build(
    place: Place, tmp_path: Path
) -> None:
    pytest.importorskip("llama_cpp", reason="needs the extra `llm`")
    model = tmp_path / "endless.gguf"
    write_tiny_model(model, chat=True, ends=False)
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(0.02):
            for maps in Path("/proc").glob("[0-9]*/maps"):
                with contextlib.suppress(OSError):
                    if str(model) in maps.read_text():
                        os.kill(int(maps.parent.name), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        assert rebuild(place, str(model))["model-crash"] == 1
    finally:
        stop.set()
        killer.join()
    for _ in range(2):
        assert rebuild(place, str(model)) == {"no-rewrite": 1}


def test_a_server_that_still_fails_costs_one_search_a_build(place: Place, tmp_path: Path) -> None:
    names = ("count", "more", "most")
    for number, name in enumerate(names[1:], 2):
        text = COUNT.replace("count", name).replace("n += x & 1", f"n += x & {number}")
        (place.folder / f"{name}.c").write_text(text % "#pragma superopt")
    objects = " ".join(f"{name}.o" for name in names)
    (place.folder / "Makefile").write_text(f"all: {objects}\n")
    with serving(tmp_path / "answers", {"status": 401}) as server:
        for asked in (3, 4, 5):
            assert rebuild(place, server.url) == {"model-unauthorized": 3, "no-rewrite": 3}
            assert len(server.asked) == asked


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a machine that answers no call."""
    with contextlib.ExitStack() as open_:
        listener = open_.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(4):  # what is behind the first ones waits for ever
            caller = open_.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(address)
        time.sleep(0.1)
        yield f"http://127.0.0.1:{address[1]}"


def test_a_build_waits_only_once_for_an_address_where_nobody_answers(
    silent: str, tmp_path: Path
) -> None:
    settings = Settings(cache_dir=tmp_path, model=silent)
    down = [Attempt("llm", "model", "down", "cannot be reached")]

    def seconds(absent: Absent) -> float:
        begun = time.monotonic()
        (model,) = [p for p in absent.proposers() if p.uses_model]
        assert (model.name, isinstance(model, Llm)) == ("llm", False)
        assert not absent.may_answer()
        return time.monotonic() - begun

    first = Absent(settings, "build 1")
    assert first.learn(down) == "down"
    assert 1.0 < seconds(first) < 5.0
    assert seconds(first) < 0.5
    assert seconds(Absent(settings, "build 1")) < 0.5  # another unit
    others = Absent(settings, "build 2").proposers()
    assert [isinstance(p, Llm) for p in others if p.uses_model] == [True]


def test_an_address_where_nobody_answers_is_down_within_a_small_budget(
    place: Place, silent: str
) -> None:
    begun = time.monotonic()
    assert "model-down" in rebuild(place, silent, SUPEROPT_MODEL_BUDGET="8")
    assert time.monotonic() - begun < 30.0


def test_what_a_model_was_asked_is_not_missed(tmp_path: Path) -> None:
    absent = Absent(Settings(cache_dir=tmp_path, model="http://127.0.0.1:1"))
    for how, result in (
        ("c, round 1, sample 1", "refused"),
        ("model", "timeout"),
        ("model", "context"),
        ("prompt", "unsupported"),
    ):
        assert absent.learn([Attempt("llm", how, result, "")]) == ""
    assert absent.learn([Attempt("llm", "model", "server", "")]) == "server"
    local = Absent(Settings(cache_dir=tmp_path, model=str(tmp_path / "none.gguf")))
    assert local.learn([Attempt("llm", "model", "unavailable", "")]) == ""
