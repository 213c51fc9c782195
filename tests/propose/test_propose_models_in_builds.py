"""Models that fail, die, change or are not needed, in real builds: `make CC=superopt-cc`."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import pytest
from build_place import COUNT, PRINTED, Place
from llama_server import llama_server
from scripted_server import serving
from tiny_model import write_tiny_model

pytest.importorskip("llama_cpp", reason="needs the extra `llm`")
pytest.importorskip("openai", reason="needs the extra `llm`")

REAL = os.environ.get("SUPEROPT_TEST_MODEL", "")  # tests themselves see no settings
MANY = {"SUPEROPT_SAMPLES": "64", "SUPEROPT_ROUNDS": "0"}  # seconds of the tiny model's time
FEW = {"SUPEROPT_SAMPLES": "1", "SUPEROPT_ROUNDS": "0"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that never ends an answer."""
    path = tmp_path / "endless.gguf"
    write_tiny_model(path, chat=True, ends=False)
    return path


def until(true: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def holder(model: Path) -> int:
    """The process that has loaded a model; 0 for none."""
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            if str(model) in maps.read_text():
                return int(maps.parent.name)
        except OSError:
            continue
    return 0


def building(place: Place, model: str | Path, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["make"], cwd=place.folder, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**place.environ, "SUPEROPT_MODEL": str(model), **environ},
    )  # fmt: skip


def green(place: Place, build: subprocess.Popen[str]) -> None:
    _, errors = build.communicate(timeout=120)
    assert (build.returncode, errors) == (0, "")
    assert place.run("./program").stdout.split() == PRINTED


def test_a_model_is_loaded_only_where_a_function_is_selected(place: Place, model: Path) -> None:
    sockets = Path(place.environ["XDG_RUNTIME_DIR"])
    (place.folder / "count.c").write_text(COUNT % "")
    place.make(model, **FEW)
    assert not sockets.exists()
    (place.folder / "count.c").write_text(COUNT % "#pragma superopt")
    place.make(model, **FEW)
    assert sockets.exists()
    assert holder(model)


def test_a_model_process_that_is_killed_leaves_the_build_green(place: Place, model: Path) -> None:
    build = building(place, model, **MANY)
    pid = until(lambda: holder(model))
    time.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
    green(place, build)
    assert place.reasons()["model-crash"] == 1


def test_a_server_that_is_killed_leaves_the_build_green(place: Place, model: Path) -> None:
    pytest.importorskip("xllamacpp", reason="llama.cpp's server: pip install xllamacpp")

    with llama_server(model) as server:
        build = building(place, server.url, **MANY)
        until(server.busy)
        server.kill()
        green(place, build)
    assert place.reasons()["model-down"] == 1


def _missing(path: Path) -> str:
    return str(path / "none.gguf")


def _truncated(path: Path) -> str:
    write_tiny_model(path / "short.gguf", chat=True)
    os.truncate(path / "short.gguf", 300_000)
    return str(path / "short.gguf")


def _foreign(path: Path) -> str:
    writer = gguf.GGUFWriter(str(path / "teapot.gguf"), "teapot")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return str(path / "teapot.gguf")


def _nobody(path: Path) -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize(
    ("make", "reason", "words"),
    [
        (_missing, "model-unavailable", "no such model file"),
        (_truncated, "model-unusable", "incomplete"),
        (_foreign, "model-unusable", "teapot"),
        (_nobody, "model-down", "cannot be reached"),
    ],
)
def test_a_model_that_cannot_be_used_is_counted_and_doctor_tells_why(
    place: Place, tmp_path: Path, make: Callable[[Path], str], reason: str, words: str
) -> None:
    model = make(tmp_path)
    place.make(model)
    counted = place.reasons()
    assert counted == {reason: 1, "no-rewrite": 1}
    found = place.ask("doctor", SUPEROPT_MODEL=model)
    (told,) = [finding for finding in found["findings"] if finding["name"] == "model"]
    assert not told["ok"]
    assert words in told["detail"]
    assert "\n" not in told["detail"]


def test_a_model_that_cannot_be_used_is_warned_of_once_in_a_build_on_a_terminal(
    place: Place, tmp_path: Path
) -> None:
    (place.folder / "more.c").write_text(COUNT.replace("count", "more") % "#pragma superopt")
    ours, theirs = pty.openpty()
    done = subprocess.run(
        ["make", "count.o", "more.o"], cwd=place.folder, stdout=subprocess.DEVNULL, stderr=theirs,
        env={**place.environ, "SUPEROPT_MODEL": _missing(tmp_path)}, timeout=120,
    )  # fmt: skip
    os.close(theirs)
    said = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 0
    assert said.count("no such model file") == 1


def test_a_model_that_is_put_in_place_or_replaced_is_asked(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    for change, wanted in (
        (lambda: None, "model-unavailable"),
        (lambda: path.write_bytes(b"no model"), "model-unusable"),
        (lambda: write_tiny_model(path, chat=True), ""),
    ):
        change()
        for _ in range(2):  # what did not change is known
            (place.folder / "count.o").unlink(missing_ok=True)
            place.make(path, **FEW)
            failed = [reason for reason in place.reasons() if reason.startswith("model-")]
            assert failed == ([wanted] if wanted else [])


def test_a_source_tree_cannot_have_keys_sent_to_an_address_of_its_own(
    place: Place, tmp_path: Path
) -> None:
    with serving(tmp_path / "answers", "no code") as server:
        (place.folder / "superopt.toml").write_text(f"model = '{server.url}'\n")
        done = place.run("make", OPENAI_API_KEY="sk-secret", **FEW)
        assert (done.returncode, done.stderr) == (0, "")
        assert server.asked
        assert not any("sk-secret" in str(key) for key in server.keys)


def test_cpp_is_not_rewritten_as_c_and_that_is_counted(place: Place, tmp_path: Path) -> None:
    (place.folder / "count.cc").write_text(COUNT % "#pragma superopt")
    door = f"{place.environ['CC'].removesuffix('cc')}c++"
    with serving(tmp_path / "answers", "no code") as server:
        done = place.run(door, "-O3", "-c", "count.cc", SUPEROPT_MODEL=server.url)
        assert (done.returncode, done.stderr, server.asked) == (0, "", [])
    assert place.reasons() == {"model-unsupported": 1, "no-rewrite": 1}


if REAL:  # a skipped test would be a failure under CI

    def test_a_real_model_in_a_real_build(place: Place) -> None:
        """Whether it finds anything is its own affair."""
        assert Path(REAL).is_file(), f"SUPEROPT_TEST_MODEL: {REAL}: no such file"
        build = building(
            place, REAL, SUPEROPT_SAMPLES="4", SUPEROPT_ROUNDS="1", SUPEROPT_MODEL_BUDGET="240"
        )
        green(place, build)
        assert not [reason for reason in place.reasons() if reason.startswith("model-")]
        attempts = place.ask("explain", "count")["outcome"]["attempts"]
        answers = [attempt for attempt in attempts if ", sample " in attempt["how"]]
        assert answers
        assert place.superopt("explain", "count", "--llm").stdout
