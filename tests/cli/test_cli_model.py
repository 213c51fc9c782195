"""`superopt model`: names for models, pulls from a real server on loopback, the check."""

from __future__ import annotations

import hashlib
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_tool import ROOT, Tool
from file_server import COMMIT, MODEL, Files, serving

from superopt_cc.settings import load_settings

TINY = runpy.run_path(str(ROOT / "tests/propose/tiny_model.py"))
SCRIPTED = runpy.run_path(str(ROOT / "tests/propose/scripted_server.py"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    TINY["write_tiny_model"](path, chat=True)
    return path


@pytest.fixture
def files(tiny: Path) -> Iterator[Files]:
    with serving(tiny.read_bytes()) as found:
        yield found


@pytest.fixture
def tool(tool: Tool) -> Tool:
    tool.environ.update({"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "SUPEROPT_SAMPLES": "2"})
    tool.environ.update({"SUPEROPT_ROUNDS": "0", "HF_HUB_DISABLE_TELEMETRY": "1"})
    return tool


def folder(tool: Tool) -> Path:
    return Path(tool.environ["SUPEROPT_CACHE_DIR"]) / "models"


def leftovers(tool: Tool) -> list[str]:
    """What lies beside the list and the models, locks aside."""
    names = (path.name for path in folder(tool).iterdir())
    return sorted(n for n in names if n != "models.json" and not n.endswith(("lock", "f.gguf")))


def listed(tool: Tool) -> dict[str, Any]:
    return {model["name"]: model for model in tool.json("model", "list")["models"]}


# Names


def test_a_model_has_a_name_and_the_settings_may_use_it(tool: Tool, tiny: Path) -> None:
    assert "no model is registered" in tool.run("model", "list", status=0).stdout
    added = tool.json("model", "add", "small", str(tiny))
    digest = hashlib.sha256(tiny.read_bytes()).hexdigest()
    assert (added["path"], added["sha256"], added["context"]) == (str(tiny), digest, 8192)
    assert (added["state"], added["used"]) == ("ready", False)
    tool.environ["SUPEROPT_MODEL"] = "small"
    assert listed(tool)["small"]["used"] is True
    line = tool.run("model", "list", status=0).stdout.splitlines()[1]
    assert line.split()[:3] == ["*", "small", "ready"]
    settings, problems = load_settings(tool.folder, (), tool.environ)
    assert (settings.model, problems) == (str(tiny), ())


def test_a_settings_file_may_name_a_model_too(tool: Tool, tiny: Path) -> None:
    tool.run("model", "add", "small", str(tiny), status=0)
    tool.write("superopt.toml", 'model = "small"\n')
    assert load_settings(tool.folder, (), tool.environ)[0].model == str(tiny)


@pytest.mark.parametrize("path", ["models/small", "./small", "small.gguf", "small.GGUF", "~/m"])
def test_a_path_stays_a_path(tool: Tool, path: str) -> None:
    settings, problems = load_settings(tool.folder, (f"--superopt-model={path}",), tool.environ)
    assert problems == ()
    assert str(settings.model).endswith(path.removeprefix("./").removeprefix("~"))
    assert str(settings.model).startswith("/")


def test_an_unknown_name_is_one_warning_and_the_others_go_on(tool: Tool, tiny: Path) -> None:
    tool.run("model", "add", "small", str(tiny), status=0)
    tool.environ["SUPEROPT_MODEL"] = "smal"
    settings, (problem,) = load_settings(tool.folder, (), tool.environ)
    assert settings.model is None
    assert "known are small" in problem
    assert "no model is called smal" in tool.run("model", "check", "smal", status=2).stderr


def test_a_server_may_have_a_name(tool: Tool) -> None:
    tool.run("model", "add", "lab", "http://127.0.0.1:9/v1#m", status=0)
    assert listed(tool)["lab"]["state"] == "server"
    tool.environ["SUPEROPT_MODEL"] = "lab"
    assert load_settings(tool.folder, (), tool.environ)[0].model == "http://127.0.0.1:9/v1#m"
    assert "no file to pull" in tool.refused("model", "pull", "lab")


def test_a_build_asks_a_model_once_its_name_is_known(tool: Tool) -> None:
    tool.write("g.c", "#pragma superopt\nint twice(int x) { return x * 2; }\n")
    tool.environ.update({"SUPEROPT_MODEL": "lab", "SUPEROPT_PROPOSERS": "llm"})
    front = [Path(sys.prefix) / "bin" / "superopt-cc", "-O3", "-c", "g.c", "-o", "g.o"]

    def build() -> None:
        subprocess.run(front, cwd=tool.folder, env=tool.environ, check=True, timeout=120)

    with SCRIPTED["serving"](tool.folder / "answers", "I do not know.") as server:
        build()
        assert server.asked == []
        tool.run("model", "add", "lab", f"{server.url}/v1", status=0)
        build()
        assert server.asked
        asked = len(server.asked)
        build()
        assert len(server.asked) == asked


def test_a_name_is_given_once_and_removed_with_or_without_the_file(tool: Tool, tiny: Path) -> None:
    copy = tool.folder / "copy.gguf"
    copy.write_bytes(tiny.read_bytes())
    tool.run("model", "add", "small", str(copy), status=0)
    assert "the name small is taken" in tool.refused("model", "add", "small", str(tiny))
    assert "its file stays" in tool.run("model", "remove", "small", status=0).stdout
    assert copy.exists()
    assert "no model is called small" in tool.refused("model", "remove", "small")
    tool.run("model", "add", "small", str(copy), status=0)
    tool.run("model", "remove", "small", "--file", status=0)
    assert not copy.exists()


@pytest.mark.parametrize("name", ["a/b", "x.gguf", "", "-x", "none", "a b", "..", "x" * 200])
def test_words_that_cannot_be_names_are_refused(tool: Tool, tiny: Path, name: str) -> None:
    assert "is no name for a model" in tool.refused("model", "add", "--", name, str(tiny))


def test_a_file_that_went_or_changed_is_told_and_not_used(tool: Tool, tiny: Path) -> None:
    copy = tool.folder / "copy.gguf"
    copy.write_bytes(tiny.read_bytes())
    tool.run("model", "add", "small", str(copy), status=0)
    tool.environ["SUPEROPT_MODEL"] = "small"
    os.utime(copy, (1, 1))
    assert "has changed: superopt model check small" in load_settings(
        tool.folder, (), tool.environ
    )[1][0]  # fmt: skip
    # The same bytes: the check finds that out, and it may be used again.
    del tool.environ["SUPEROPT_MODEL"]
    tool.run("model", "check", "small", "--quick", status=0)
    assert listed(tool)["small"]["state"] == "ready"
    data = bytearray(copy.read_bytes())
    data[-1] ^= 1
    copy.write_bytes(data)
    assert listed(tool)["small"]["state"] == "changed"
    assert "sha256" in tool.refused("model", "check", "small", "--quick")
    copy.unlink()
    assert listed(tool)["small"]["state"] == "gone"
    assert "No such file" in tool.refused("model", "check", "small", "--quick")
    tool.environ["SUPEROPT_MODEL"] = "small"
    settings, (problem,) = load_settings(tool.folder, (), tool.environ)
    assert settings.model is None
    assert "superopt model remove small" in problem


@pytest.mark.parametrize("text", ["", "{", "[]", '{"models": []}', '{"models": {"a": 1}}', "\xff"])
def test_a_damaged_list_is_one_line_and_stays_as_it_is(tool: Tool, tiny: Path, text: str) -> None:
    tool.run("model", "add", "small", str(tiny), status=0)
    path = folder(tool) / "models.json"
    path.write_text(text)
    for words in (("list",), ("add", "other", str(tiny)), ("remove", "small")):
        assert "models.json: damaged" in tool.refused("model", *words)
    assert path.read_text() == text
    tool.environ["SUPEROPT_MODEL"] = "small"
    assert "models.json: damaged" in load_settings(tool.folder, (), tool.environ)[1][0]


def test_entries_of_another_version_do_not_break_the_list(tool: Tool, tiny: Path) -> None:
    tool.run("model", "add", "small", str(tiny), status=0)
    path = folder(tool) / "models.json"
    value = json.loads(path.read_text())
    value["models"] |= {"odd": {"path": 7, "new": True, "sha256": "ab"}}
    path.write_text(json.dumps(value))
    assert listed(tool)["odd"]["state"] == "not pulled"
    tool.run("model", "list", status=0)


def test_a_folder_that_cannot_be_written_is_one_line(tool: Tool, tiny: Path) -> None:
    tool.environ["SUPEROPT_CACHE_DIR"] = "/proc/nothing"
    assert "/proc/nothing" in tool.refused("model", "add", "small", str(tiny))
    assert "/proc/nothing" in tool.refused("model", "pull", "http://127.0.0.1:9/f.gguf")


def test_names_added_at_the_same_time_are_all_kept(tool: Tool, tiny: Path) -> None:
    code = [sys.executable, "-m", "superopt_cc.cli.main", "model", "add"]
    running = [
        subprocess.Popen([*code, f"m{i}", str(tiny)], env=tool.environ, stdout=subprocess.DEVNULL)
        for i in range(4)
    ]
    assert [process.wait(timeout=60) for process in running] == [0] * 4
    assert sorted(listed(tool)) == ["m0", "m1", "m2", "m3"]


# Files


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"<!doctype html>", "web page"),
        (b"\x10\0\0\0\0\0\0\0" + b'{"__metadata__":{}}', "safetensors"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"GGUF\x01\0\0\0" + bytes(16), "GGUF version 1"),
        (b"GGUF\0\0\0\x03" + bytes(16), "big-endian"),
        (b"GGUF\x03\0\0\0" + bytes(16), "names no architecture"),
        (b"\x7fELF", "no GGUF file"),
    ],
)
def test_foreign_files_are_named_as_what_they_are(tool: Tool, data: bytes, words: str) -> None:
    (tool.folder / "x.gguf").write_bytes(data)
    assert words in tool.refused("model", "add", "x", "x.gguf")
    assert words in tool.refused("model", "check", "x.gguf")
    assert listed(tool) == {}


def test_missing_files_and_folders_are_one_line(tool: Tool) -> None:
    assert "No such file" in tool.refused("model", "add", "x", "none.gguf")
    assert "cannot be read" in tool.refused("model", "check", "./")
    assert "no model is set" in tool.refused("model", "check")


# Pulls


def test_a_file_is_pulled_once_and_pinned(tool: Tool, files: Files) -> None:
    done = tool.json("model", "pull", f"{files.url}/some/tinyf.gguf")
    assert (done["name"], done["state"]) == ("tinyf", "ready")
    assert Path(done["path"]).read_bytes() == files.data
    assert done["sha256"] == hashlib.sha256(files.data).hexdigest()
    assert leftovers(tool) == []
    asked = len(files.asked)
    assert "is here already" in tool.run("model", "pull", "tinyf", status=0).stdout
    assert len(files.asked) == asked


def test_a_cut_connection_is_taken_up_where_it_ended(tool: Tool, files: Files) -> None:
    files.cuts = 2
    done = tool.json("model", "pull", f"{files.url}/f.gguf")
    assert Path(done["path"]).read_bytes() == files.data
    half = len(files.data) // 2
    assert [wanted for _, wanted in files.asked[:2]] == ["", f"bytes={half}-"]


def test_a_pull_that_failed_goes_on_next_time(tool: Tool, files: Files) -> None:
    address = f"{files.url}/f.gguf"
    half = len(files.data) // 2
    folder(tool).mkdir(parents=True)
    (folder(tool) / ".f.part").write_bytes(files.data[:half])
    note = {"url": address, "validator": files.tag, "total": len(files.data)}
    (folder(tool) / ".f.part.json").write_text(json.dumps(note))
    done = tool.json("model", "pull", address)
    assert Path(done["path"]).read_bytes() == files.data
    assert files.asked == [("/f.gguf", f"bytes={half}-")]


def test_a_server_that_always_cuts_is_one_line_and_the_beginning_stays(
    tool: Tool, files: Files
) -> None:
    files.cuts = 10**6
    files.ranges = False
    told = tool.refused("model", "pull", f"{files.url}/f.gguf")
    assert "the same command goes on" in told
    assert leftovers(tool) == [".f.part", ".f.part.json"]
    assert listed(tool)["f"]["state"] == "not pulled"
    tool.run("model", "remove", "f", status=0)
    assert leftovers(tool) == []
    tool.refused("model", "pull", f"{files.url}/f.gguf")
    files.cuts = 0
    files.ranges = True
    tool.run("model", "pull", f"{files.url}/f.gguf", status=0)
    assert files.asked[-1][1].startswith("bytes=")
    assert leftovers(tool) == []


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(tool: Tool, files: Files) -> None:
    folder(tool).mkdir(parents=True)
    (folder(tool) / ".f.part").write_bytes(b"something else")
    address = f"{files.url}/f.gguf"
    note = {"url": address, "validator": '"older"', "total": 99}
    (folder(tool) / ".f.part.json").write_text(json.dumps(note))
    done = tool.json("model", "pull", address)
    assert Path(done["path"]).read_bytes() == files.data


def test_servers_without_ranges_or_tags_serve_too(tool: Tool, files: Files) -> None:
    files.ranges = False
    files.tag = ""
    files.cuts = 1
    done = tool.json("model", "pull", f"{files.url}/f.gguf")
    assert Path(done["path"]).read_bytes() == files.data


def test_a_wrong_sha256_is_one_line_and_nothing_stays(tool: Tool, files: Files) -> None:
    told = tool.refused("model", "pull", f"{files.url}/f.gguf", "--sha256", "ab" * 32)
    assert "its sha256 is" in told
    assert leftovers(tool) == []
    assert not (folder(tool) / "f.gguf").exists()
    assert listed(tool) == {}
    assert "64 hexadecimal digits" in tool.refused("model", "pull", "x", "--sha256", "zz")


def test_another_file_behind_a_pinned_address_is_not_taken(tool: Tool, files: Files) -> None:
    pulled = tool.json("model", "pull", f"{files.url}/f.gguf")
    path = Path(pulled["path"])
    path.unlink()
    files.data = files.data[:-1] + bytes([files.data[-1] ^ 1])
    assert "expected" in tool.refused("model", "pull", "f")
    assert not path.exists()
    assert leftovers(tool) == []
    assert listed(tool)["f"]["sha256"] == pulled["sha256"]


def test_a_pulled_file_that_is_no_model_does_not_stay(tool: Tool, files: Files) -> None:
    files.data = b"<html>please log in</html>"
    told = tool.refused("model", "pull", f"{files.url}/f.gguf?secret=1")
    assert "web page" in told
    assert "secret" not in told
    assert leftovers(tool) == []


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_server_that_refuses_is_one_line(tool: Tool, files: Files, status: int) -> None:
    files.status = status
    assert f"the server says {status}" in tool.refused("model", "pull", f"{files.url}/f.gguf")
    assert listed(tool) == {}


def test_no_server_and_no_network_are_one_line(tool: Tool, files: Files) -> None:
    gone = files.url
    files.server.shutdown()
    files.server.server_close()
    assert "cannot be reached" in tool.refused("model", "pull", f"{gone}/f.gguf")
    assert "cannot be reached" in tool.refused("model", "pull", "http://none.invalid/f.gguf")


def test_a_full_disk_is_one_line_and_leaves_nothing(tool: Tool, files: Files) -> None:
    folder(tool).mkdir(parents=True)
    (folder(tool) / ".f.part").symlink_to("/dev/full")
    assert "no room for the model" in tool.refused("model", "pull", f"{files.url}/f.gguf")
    assert leftovers(tool) == []
    assert listed(tool) == {}


def test_a_model_can_be_added_first_and_pulled_later(tool: Tool, files: Files) -> None:
    tool.run("model", "add", "later", f"{files.url}/f.gguf", status=0)
    tool.environ["SUPEROPT_MODEL"] = "later"
    assert "superopt model pull later" in load_settings(tool.folder, (), tool.environ)[1][0]
    assert "is not here yet" in tool.run("model", "check", "later", status=2).stderr
    told = tool.run("model", "pull", "later", "--sha256", "ab" * 32, status=2).stderr
    assert "expected abab" in told
    tool.run("model", "pull", "later", status=0)
    assert load_settings(tool.folder, (), tool.environ)[0].model == listed(tool)["later"]["path"]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("nothing", "no model is called nothing"),
        ("ftp://host/f.gguf", "begins with http"),
        ("http://user:word@host/f.gguf", "must not hold a password"),
        ("hf:owner/name", "hf:OWNER/NAME"),
        ("hf:owner/name/../f.gguf", "hf:OWNER/NAME"),
        ("http://127.0.0.1:1/", "give the model a name"),
        ("http://[/f.gguf", "no URL"),
    ],
)
def test_addresses_that_cannot_be_pulled_are_one_line(tool: Tool, what: str, words: str) -> None:
    told = tool.refused("model", "pull", what)
    assert words in told
    assert "word@" not in told


def test_the_hub_out_of_reach_is_one_line(tool: Tool) -> None:
    tool.environ["HF_HUB_OFFLINE"] = "1"
    assert "the hub cannot be reached" in tool.refused("model", "pull", "hf:a/b/f.gguf")
    del tool.environ["HF_HUB_OFFLINE"]
    tool.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
    assert "the hub cannot be reached" in tool.refused("model", "pull", "hf:a/b/f.gguf")


def test_without_the_hubs_library_one_line_says_how_to_get_it(tool: Tool) -> None:
    tool.write("huggingface_hub.py", "raise ImportError('No module named huggingface_hub')\n")
    tool.environ["PYTHONPATH"] = f"{tool.folder}:{tool.environ['PYTHONPATH']}"
    assert "pip install 'superopt-cc[llm]'" in tool.refused("model", "pull", "hf:a/b/f.gguf")


def test_the_hubs_file_is_pinned_by_commit_and_sha256(tool: Tool, files: Files) -> None:
    tool.environ.update({"HF_ENDPOINT": files.url, "HF_HOME": str(tool.folder)})
    tool.environ["HF_HUB_DISABLE_XET"] = "1"
    files.tag = f'"{files.told_digest}"'
    done = tool.json("model", "pull", f"hf:{MODEL}/tiny.gguf", "--name", "hubf")
    assert (done["revision"], done["sha256"]) == (COMMIT, files.told_digest)
    assert Path(done["path"]).read_bytes() == files.data
    assert leftovers(tool) == []
    Path(done["path"]).unlink()
    files.told_digest = "0" * 64
    assert "expected" in tool.refused("model", "pull", "hubf")
    # A hub that tells one thing and sends another.
    files.told_digest = done["sha256"]
    files.data = files.data[:-1] + bytes([files.data[-1] ^ 1])
    assert "expected" in tool.refused("model", "pull", "hubf")
    assert leftovers(tool) == []


# The check


def test_the_check_of_noise_finds_nothing_and_says_so(tool: Tool, tiny: Path) -> None:
    pytest.importorskip("llama_cpp", reason="needs the extra `llm`")
    found = tool.json("model", "check", str(tiny))
    assert found["header"]["context"] == 8192
    assert [one["sequences"] for one in found["speeds"]] == [1, 2]
    assert all(one["tokens_per_second"] > 0 for one in found["speeds"])
    assert len(found["functions"]) == 10
    assert {one["answers"] for one in found["functions"]} == {2}
    assert {one["compiled"] + one["verified"] for one in found["functions"]} == {0}


def test_the_check_counts_what_became_of_the_answers(tool: Tool) -> None:
    body = "{\n    return x ? 31 - __builtin_clz(x) : -1;\n}\n"
    right = f"```c\nint highest_bit(uint32_t x)\n{body}```\n"
    wrong = right.replace(": -1", ": 0")
    steps = [{"when": "int highest_bit(", "text": text, "else": "no"} for text in (right, wrong)]
    with SCRIPTED["serving"](tool.folder / "answers", *steps * 10) as server:
        table = tool.run("model", "check", server.url, status=0).stdout.splitlines()
    rows = {row.split()[0]: row.split() for row in table}
    assert rows.pop("function")[1:6] == ["answers", "compiled", "copies", "verified", "faster"]
    assert rows.pop("highest_bit")[1:6] == ["2", "2", "0", "1", "-"], table
    assert rows.pop("all")[1:6] == ["20", "2", "0", "1", "-"], table
    assert len([row for row in rows.values() if row[1:6] == ["2", "0", "0", "0", "-"]]) == 9


def test_every_function_of_the_check_can_be_verified() -> None:
    from superopt_cc.driver.jobs import unit_jobs
    from superopt_cc.driver.selection import Wish
    from superopt_cc.driver.trial import FUNCTIONS
    from superopt_cc.settings import Settings
    from superopt_cc.verify.engine import Verifier

    jobs = unit_jobs(FUNCTIONS, (), Settings())
    assert len(jobs.unit.functions) == 10
    for function in jobs.unit.functions:
        with Verifier(jobs.job(function.name, Wish())) as verifier:
            assert verifier.gap == "", function.name


def test_a_check_of_a_server_that_is_down_is_one_line_and_asks_about_no_function(
    tool: Tool,
) -> None:
    assert "cannot be reached" in tool.refused("model", "check", "http://127.0.0.1:9", "--json")
