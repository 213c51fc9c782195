"""One process a model, shared by all who ask it; the tiny model makes it cheap."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_requests import alive, ask, ends, footprint, pid_of, request
from tiny_model import write_tiny_model

from superopt_cc.propose import shared_model
from superopt_cc.propose.conversation import CHILD, ModelError, converse

pytest.importorskip("llama_cpp", reason="needs the extra `llm`")

# Minutes of work for the tiny model.
ENDLESS = {"prompt": "int x; " * 500, "seeds": list(range(250)), "max_tokens": 4000, "context": 0}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    write_tiny_model(path, chat=True)
    return path


@pytest.fixture(autouse=True)
def sockets(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the sockets of these tests lie."""
    folder = tmp_path_factory.mktemp("run")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder / "superopt-cc"


def busy(model: Path) -> Iterator[object]:
    """A request that keeps the model's process busy."""
    events = converse(CHILD, request(model, **ENDLESS), time.monotonic() + 100)
    assert next(events)["event"] == "ready"
    return events


def test_all_answers_come_with_the_models_hash(model: Path) -> None:
    ready, *answers = ask(model, seeds=[5, 6, 7])
    assert len(ready["sha256"]) == 64
    assert {(a["event"], a["index"], a["seed"]) for a in answers} == {
        ("answer", 0, 5), ("answer", 1, 6), ("answer", 2, 7),
    }  # fmt: skip


def test_parallel_clients_share_one_process(model: Path) -> None:
    pids: list[int] = []
    threads = [threading.Thread(target=lambda: pids.append(pid_of(model))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 6
    assert len(set(pids)) == 1


def test_each_model_has_its_own_process(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    write_tiny_model(other, chat=True, seed=2)
    assert pid_of(model) != pid_of(other)


def test_a_replaced_file_is_another_model(model: Path) -> None:
    first = ask(model)[0]
    write_tiny_model(model, chat=True, seed=2)
    assert ask(model)[0]["sha256"] != first["sha256"]


def test_an_idle_process_ends_and_the_next_request_starts_another(
    model: Path, sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(shared_model.IDLE, "0.3")
    first = pid_of(model)
    assert ends(first)
    assert list(sockets.glob("*.sock")) == []
    assert pid_of(model) != first


def test_nobody_else_can_reach_the_socket(model: Path, sockets: Path) -> None:
    pid_of(model)
    (socket,) = sockets.glob("*.sock")
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


def test_a_folder_that_others_may_write_is_not_used(model: Path, sockets: Path) -> None:
    sockets.mkdir()
    sockets.chmod(0o777)
    assert pid_of(model)
    assert list(sockets.iterdir()) == []


def test_a_killed_process_is_a_crash_and_is_replaced(model: Path, sockets: Path) -> None:
    events = converse(CHILD, request(model, **ENDLESS), time.monotonic() + 60)
    first = next(events)["pid"]
    os.kill(first, signal.SIGKILL)
    with pytest.raises(ModelError) as told:
        list(events)
    assert told.value.kind == "crash"
    assert len(list(sockets.glob("*.sock"))) == 1  # a stale one
    assert pid_of(model) != first


def test_who_closes_early_is_worked_for_no_more(model: Path) -> None:
    events = converse(CHILD, request(model, **ENDLESS), time.monotonic() + 60)
    pid = next(events)["pid"]
    events.close()
    assert ask(model, seconds=20.0)[0]["pid"] == pid


def test_a_killed_client_is_worked_for_no_more(model: Path) -> None:
    code = (
        "import json, sys, time\n"
        "from superopt_cc.propose.conversation import CHILD, converse\n"
        "for e in converse(CHILD, json.loads(sys.argv[1]), time.monotonic() + 100):\n"
        "    print(e['event'], flush=True)\n"
    )
    words = [sys.executable, "-c", code, json.dumps(request(model, **ENDLESS))]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"ready\n"
        client.kill()
    assert len(ask(model, seconds=20.0)) == 3


def test_the_deadline_holds_for_who_is_served_and_for_who_waits(model: Path) -> None:
    first = busy(model)
    start = time.monotonic()
    with pytest.raises(ModelError) as waiting:
        ask(model, seconds=0.3)
    assert waiting.value.kind == "timeout"
    first.close()  # type: ignore[attr-defined]
    with pytest.raises(ModelError) as served:
        ask(model, seconds=1.0, **ENDLESS)
    assert served.value.kind == "timeout"
    assert time.monotonic() - start < 20.0
    assert len(ask(model, seconds=20.0)) == 3


def test_a_build_need_not_wait_for_the_process(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(shared_model.IDLE, "30")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from engine_requests import pid_of; print(pid_of(Path(sys.argv[2])))"
    )
    words = [sys.executable, "-c", code, str(Path(__file__).parent), str(model)]
    done = subprocess.run(words, stdout=subprocess.PIPE, timeout=20, check=True)
    pid = int(done.stdout)
    assert alive(pid)
    assert os.getsid(pid) != os.getsid(0)
    os.kill(pid, signal.SIGKILL)


def test_a_question_that_does_not_fit_is_told(model: Path) -> None:
    with pytest.raises(ModelError) as told:
        ask(model, max_tokens=9000, context=0)
    assert told.value.kind == "context"
    assert len(ask(model)) == 3


def test_a_bad_file_is_told_and_a_good_one_in_its_place_works(model: Path) -> None:
    good = model.read_bytes()
    model.write_bytes(good[:-5000])
    with pytest.raises(ModelError, match="incomplete") as told:
        ask(model)
    assert told.value.kind == "model"
    model.write_bytes(good)
    assert len(ask(model)) == 3


def test_a_missing_library_is_told(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken" / "llama_cpp"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libllama.so: cannot open')")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    with pytest.raises(ModelError, match=r"libllama\.so") as told:
        ask(model)
    assert told.value.kind == "import"


def test_without_a_socket_the_process_is_our_own(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(long))
    monkeypatch.setattr("tempfile.tempdir", str(long))
    events = converse(CHILD, request(model, **ENDLESS), time.monotonic() + 60)
    pid = next(events)["pid"]
    assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1] == str(os.getpid())
    events.close()
    assert not alive(pid)


def test_memory_handles_and_threads_stay_flat(model: Path) -> None:
    def some(first: int, count: int) -> None:
        for seed in range(first, first + count):
            ask(model, seeds=[seed, seed + 1], max_tokens=4, prompt=f"int f{seed}(int);")

    some(0, 40)
    pid = pid_of(model)
    before = footprint(pid)
    some(40, 500)
    assert pid_of(model) == pid
    after = footprint(pid)
    assert after[0] - before[0] < 2048
    assert after[1] <= before[1] + 1
    assert after[2] <= before[2] + 1
