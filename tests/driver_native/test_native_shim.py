"""The `as` shim: who is asked, what is believed, and gcc's own object on any doubt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

PLAIN = "int f(int x) { return x + 1; }\n"
MARKED = "#pragma superopt\n" + PLAIN
# A side that returns x + 2 in place of x + 1.
ANSWER = """
from superopt_cc.driver.record import read_record
record = read_record()
text = record.text()
assert "leal\\t1(%rdi)" in text
record.answer(text.replace("leal\\t1(%rdi)", "leal\\t2(%rdi)"))
"""


def _object(run, source: str, *words: str) -> bytes:
    return run(["gcc", *words, "-c", "f.c"], {"f.c": source}).files["f.o"]


@pytest.fixture
def gccs(run) -> bytes:
    return _object(run, PLAIN, "-O3")


@pytest.fixture
def replaced(run) -> bytes:
    return _object(run, PLAIN.replace("1", "2"), "-O3")


@pytest.mark.parametrize("words", [[], ["-pipe"], ["-save-temps"]])
def test_answer_of_the_python_side_is_assembled(words, installation, run, replaced) -> None:
    installation.python_side(ANSWER)
    ran = run([installation.cc, "-O3", *words, "-c", "f.c"], {"f.c": MARKED})
    assert (ran.status, ran.stdout, ran.stderr) == (0, b"", "")
    assert ran.files["f.o"] == replaced


def test_saved_assembly_stays_gccs_text(installation, run) -> None:
    installation.python_side(ANSWER)
    expected = run(["gcc", "-O3", "-save-temps", "-c", "f.c"], {"f.c": MARKED})
    ran = run([installation.cc, "-O3", "-save-temps", "-c", "f.c"], {"f.c": MARKED})
    assert ran.files["f.s"] == expected.files["f.s"]
    assert ran.files["f.i"] == expected.files["f.i"]
    assert ran.files.keys() == expected.files.keys()


@pytest.mark.parametrize(
    "side",
    [
        pytest.param("sys.exit(0)", id="no answer"),
        pytest.param(ANSWER + "sys.exit(1)", id="answer, then failure"),
        pytest.param(ANSWER + "import os; os.kill(os.getpid(), 9)", id="answer, then killed"),
        pytest.param(ANSWER.replace("2(%rdi)", "2(%rubbish)"), id="does not assemble"),
        pytest.param(ANSWER + "record.answer('.warning \"x\"\\n' + text)", id="warns"),
        pytest.param("import os; os.write(1, b'x' * 99999); os.abort()", id="noise and abort"),
    ],
)
def test_doubt_means_gccs_object_and_silence(side, installation, run, gccs) -> None:
    installation.python_side(side)
    for words in ([], ["-pipe"]):
        ran = run([installation.cc, "-O3", *words, "-c", "f.c"], {"f.c": MARKED})
        assert (ran.status, ran.stdout, ran.stderr) == (0, b"", "")
        assert ran.files["f.o"] == gccs


def test_missing_python_side_means_gccs_object(installation, run, gccs) -> None:
    ran = run([installation.cc, "-O3", "-c", "f.c"], {"f.c": MARKED})
    assert (ran.status, ran.stderr, ran.files["f.o"]) == (0, "", gccs)


def test_missing_helpers_mean_plain_gcc(installation, run, gccs) -> None:
    for path in (installation.helpers / "shim" / "as", installation.helpers / "pragma" / "cc1"):
        path.unlink()
        ran = run([installation.cc, "-O3", "-c", "f.c"], {"f.c": MARKED})
        assert (ran.status, ran.stderr, ran.files["f.o"]) == (0, "", gccs)


def test_python_side_that_hangs_is_given_up(installation, run, gccs, tmp_path) -> None:
    note = tmp_path / "pid"
    installation.python_side(
        f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    )
    ran = run([installation.cc, "-O3", "-c", "f.c"], {"f.c": MARKED}, env={"_SUPEROPT_LIMIT": "1"})
    assert (ran.status, ran.stderr, ran.files["f.o"]) == (0, "", gccs)
    assert not Path(f"/proc/{note.read_text()}").exists()


def test_signs_of_life_restart_the_limit(installation, run, replaced) -> None:
    slow = ANSWER.replace(
        "text =", "import time\nfor i in range(12): time.sleep(0.25); record.alive()\ntext ="
    )
    installation.python_side(slow)
    ran = run([installation.cc, "-O3", "-c", "f.c"], {"f.c": MARKED}, env={"_SUPEROPT_LIMIT": "2"})
    assert ran.files["f.o"] == replaced


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_everything(number, installation, folder, tmp_path) -> None:
    """Ctrl-C goes to the whole foreground group; `kill` only to gcc: neither leaves a search."""
    note, scratch = tmp_path / "pids", tmp_path / "scratch"
    scratch.mkdir()
    installation.python_side(
        "import os, subprocess, time\nchild = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(note)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}\\n')\ntime.sleep(600)"
    )
    (folder / "f.c").write_text(MARKED)
    build = subprocess.Popen(
        [installation.cc, "-O3", "-c", "f.c"],
        cwd=folder,
        start_new_session=True,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(scratch)},
    )
    while not (note.exists() and note.read_text().endswith("\n")):
        assert build.poll() is None
        time.sleep(0.05)
    if number == signal.SIGINT:
        os.killpg(build.pid, number)
    else:
        build.send_signal(number)
    # gcc itself ends with 1 where it learns of its child's death before its own signal comes.
    assert build.wait(10) in (-number, 1)
    pids = [int(pid) for pid in note.read_text().split()]
    deadline = time.monotonic() + 10
    while any(_runs(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_runs(pid) for pid in pids)
    assert [path.name for path in folder.iterdir()] == ["f.c"]
    assert list(scratch.iterdir()) == []


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_record_tells_the_whole_build(installation, run, folder, tmp_path) -> None:
    note = tmp_path / "record.json"
    installation.python_side(
        "import dataclasses, json, os\nfrom superopt_cc.driver.record import read_record\n"
        "record = read_record()\nfields = dataclasses.asdict(record)\n"
        "fields['begins'] = record.text()[:12]\n"
        "fields['env'] = {k: v for k, v in os.environ.items() if 'PATH' in k or 'GCC' in k}\n"
        f"json.dump(fields, open({str(note)!r}, 'w'), default=str)"
    )
    (tmp_path / "odd").mkdir()
    env = {"COMPILER_PATH": str(tmp_path / "odd")}
    words = ["-O3", "-DX=a b", "--superopt-budget=3", "@w.rsp", "f.c", "--superopt-isa=match"]
    files = {"f.c": MARKED, "w.rsp": "-c -o 'my f.o'"}
    ran = run([installation.cc, *words], files, env=env)
    assert (ran.status, ran.stderr, "my f.o" in ran.files) == (0, "", True)
    record = json.loads(note.read_text())
    assert record["argv"] == ["-O3", "-DX=a b", "@w.rsp", "f.c"]
    assert record["options"] == ["--superopt-budget=3", "--superopt-isa=match"]
    assert record["cwd"] == str(folder)
    assert Path(record["compiler"]).is_absolute()
    assert Path(record["compiler"]).name == "gcc"
    assert (record["language"], record["select"]) == ("c", "pragma")
    assert "my f.o" in record["as_argv"]
    assert Path(record["assembler"]).name == "as"
    assert record["begins"].startswith("\t.file\t")
    assert record["env"]["COMPILER_PATH"] == str(tmp_path / "odd")
    assert not {"COLLECT_GCC", "LIBRARY_PATH"} & record["env"].keys()


def test_our_options_in_a_response_file_are_taken_out(installation, run, replaced) -> None:
    installation.python_side(ANSWER)
    files = {"f.c": PLAIN, "w.rsp": "-O3 --superopt-select=all -c"}
    ran = run([installation.cc, "@w.rsp", "f.c"], files)
    assert (ran.stderr, ran.files["f.o"]) == ("", replaced)


def test_option_value_that_looks_like_ours_is_left_alone(installation, run) -> None:
    files = {"f.c": PLAIN}
    words = ["-O3", "-Xassembler", "--superopt-mode=off", "-c", "f.c"]
    assert run([installation.cc, *words], files).stderr == run(["gcc", *words], files).stderr


SELECTIONS = [
    ("pragma", PLAIN, False),
    ("pragma", MARKED, True),
    ("pragma", "// #pragma superopt\n" + PLAIN, False),
    ("pragma", "/*\n#pragma superopt\n*/\n" + PLAIN, False),
    ("pragma", 'const char *s = "\\\n#pragma superopt";\n' + PLAIN, False),
    ("pragma", "#define SUPEROPT\nSUPEROPT " + PLAIN, True),
    ("pragma", "#define SUPEROPT_FUNCTIONS(...)\nSUPEROPT_FUNCTIONS(f)\n" + PLAIN, True),
    ("pragma", "#pragma superoptimal\n" + PLAIN, False),
    ("all", PLAIN, True),
    ("all", "int only_data = 1;\n", False),
    ("g,h*", PLAIN, False),
    ("g f", PLAIN, True),
    ("[ef]", PLAIN, True),
]


@pytest.mark.parametrize(("select", "source", "asked"), SELECTIONS)
def test_python_starts_only_for_selected_functions(
    select, source, asked, installation, run, tmp_path
) -> None:
    note = tmp_path / "asked"
    installation.python_side(f"open({str(note)!r}, 'w')")
    env = {"SUPEROPT_SELECT": select}
    ran = run([installation.cc, "-O3", "-c", "f.c"], {"f.c": source}, env=env)
    assert (ran.status, note.exists()) == (0, asked)


@pytest.mark.parametrize("level", ["", "-O0", "-O1", "-O", "-Og", "-Os", "-O3 -O1"])
def test_nothing_is_selected_at_low_levels(level, installation, run, tmp_path) -> None:
    note = tmp_path / "asked"
    installation.python_side(f"open({str(note)!r}, 'w')")
    run([installation.cc, *level.split(), "-c", "f.c"], {"f.c": MARKED})
    assert not note.exists()


@pytest.mark.parametrize("level", ["-O2", "-O3", "-Ofast", "-O1 -O2", "-O9"])
def test_functions_are_selected_from_o2_on(level, installation, run, tmp_path) -> None:
    note = tmp_path / "asked"
    installation.python_side(f"open({str(note)!r}, 'w')")
    run([installation.cc, *level.split(), "-c", "f.c"], {"f.c": MARKED})
    assert note.exists()


def test_each_of_several_inputs_is_asked_for_and_linked(installation, run, tmp_path) -> None:
    note = tmp_path / "asked"
    installation.python_side(f"open({str(note)!r}, 'a').write('x')")
    files = {
        "a.c": "int g(int);\nint main(void) { return g(0); }\n",
        "b.c": MARKED + "int g(int x) { return f(x) - 1; }\n",
    }
    ran = run([installation.cc, "-O3", "a.c", "b.c", "-o", "prog"], files)
    assert (ran.status, ran.stderr, sorted(ran.files)) == (0, "", ["a.c", "b.c", "prog"])
    assert note.read_text() == "xx"
