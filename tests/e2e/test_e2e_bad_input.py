"""Bad input and broken surroundings: one clear line, the right exit status, gcc's own object.

What needs no real build or damaged installation is tested in tests/cli and tests/driver.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from workplace import COUNT_LOOP, Installation, Workplace, program

OBJECT = ("-O3", "-c", "ones.c", "-o", "ones.o")
VERIFY = ("verify", "ones.c", "-f", "ones", "--rewrite", "r.s")


@pytest.fixture
def ones(place: Workplace) -> Workplace:
    place.write("ones.c", f"unsigned ones(unsigned x) {{ {COUNT_LOOP} return n; }}\n")
    place.write("r.s", "ones:\n\tpopcntl %edi, %eax\n\tret\n")
    return place


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of this size at `folder`."""
    folder.mkdir()
    size = f"size={kilobytes}k"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], capture_output=True
    )
    if done.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_c_that_does_not_compile_fails_exactly_as_with_gcc(place: Workplace) -> None:
    place.write("bad.c", "unsigned ones(unsigned x) { return y }\n")
    ours = place.run(program("superopt-cc"), "-O3", "-c", "bad.c")
    gccs = place.run("gcc", "-O3", "-c", "bad.c")
    assert (ours.returncode, ours.stdout, ours.stderr) == (
        gccs.returncode, gccs.stdout, gccs.stderr,
    )  # fmt: skip
    assert ours.returncode != 0
    for command in (("optimize", "bad.c"), ("verify", "bad.c", "-f", "ones", "--rewrite", "bad.c")):
        assert "bad.c" in place.refused(*command)


def test_missing_files_and_unknown_functions_are_one_line_for_optimize_and_measure(
    ones: Workplace,
) -> None:
    assert "none.c: no such file" in ones.refused("optimize", "none.c")
    assert "no function none" in ones.refused("optimize", "ones.c", "-f", "none")
    assert "no function none" in ones.refused("measure", "ones.c", "-f", "none", "--rewrite", "r.s")


@pytest.mark.parametrize(
    ("rewrite", "options", "reason"),
    [
        ("ones:\n\tmovl %edi, %exa\n\tret\n", (), "assembler"),
        ("other:\n\tret\n", (), "assembler"),
        ("ones:\n\tpopcntl %edi, %eax\n\tret\n", (), "isa"),
        (
            "ones:\n\tmovl %edi, %eax\n\tmovl table(,%rax,4), %eax\n\tret\n"
            "\t.section .rodata\ntable:\n\t.long 0, 1, 1, 2\n",
            ("-fPIE", "-pie"),
            "link",
        ),
    ],
)
def test_rewrites_that_cannot_be_used_are_rejected_with_their_reason(
    ones: Workplace, rewrite: str, options: tuple[str, ...], reason: str
) -> None:
    ones.write("r.s", rewrite)
    done = ones.run(program("superopt"), *VERIFY, "--", *options)
    assert done.returncode == 1
    assert done.stdout.startswith(f"rejected: {reason}")
    assert done.stderr == ""


def test_a_missing_model_is_one_line_and_the_other_proposers_go_on(ones: Workplace) -> None:
    missing = {"SUPEROPT_MODEL": "missing.gguf"}
    ones.well(program("superopt-cc"), *OBJECT, **missing)
    assert ones.replaced("ones.o") == {"ones"}
    done = ones.run(program("superopt"), "optimize", "ones.c", **missing)
    assert done.returncode == 0
    assert done.stderr.startswith("superopt: warning: model: ")
    assert "missing.gguf: no such model file\n" in done.stderr
    assert done.stderr.count("\n") == 1
    doctor = ones.run(program("superopt"), "doctor", **missing)
    assert doctor.returncode == 1
    wrong = [line for line in doctor.stdout.splitlines() if line.startswith("MISSING")]
    assert len(wrong) == 1
    assert "missing.gguf" in wrong[0]


def test_with_nothing_but_a_missing_model_gccs_object_stays(ones: Workplace) -> None:
    log = ones.folder / "log"
    only = {"SUPEROPT_MODEL": "missing.gguf", "SUPEROPT_PROPOSERS": "llm", "SUPEROPT_LOG": str(log)}
    ones.well(program("superopt-cc"), *OBJECT, **only)
    assert ones.gccs_object("ones.o", "-O3", "ones.c")
    assert ones.last_build()["reasons"] == {"no-rewrite": 1, "model-unavailable": 1}
    assert "missing.gguf: no such model file" in log.read_text()


@pytest.mark.parametrize("kilobytes", [16, 64, 200])
def test_a_full_cache_leaves_gccs_object_and_is_one_line(
    ones: Workplace, tmp_path: Path, kilobytes: int
) -> None:
    with small_disk(tmp_path / "disk", kilobytes) as disk:
        ones.environ["SUPEROPT_CACHE_DIR"] = str(disk / "cache")
        ones.cc(*OBJECT)
        assert ones.replaced("ones.o") == set()
        assert ones.gccs_object("ones.o", "-O3", "ones.c")
        assert str(disk) in ones.refused("optimize", "ones.c")
        assert str(disk) in ones.refused("cache", "stats")


def test_a_cache_that_fills_up_during_the_build_leaves_a_right_object(
    ones: Workplace, tmp_path: Path
) -> None:
    ones.cc(*OBJECT)
    replaced = ones.bytes("ones.o")
    ones.gcc(*OBJECT)
    gccs = ones.bytes("ones.o")
    with small_disk(tmp_path / "disk", 2000) as disk:
        ones.environ["SUPEROPT_CACHE_DIR"] = str(disk / "cache")
        ones.well(program("superopt"), "cache", "stats")
        for left in (0, 8, 16, 32, 64):
            filler = disk / "filler"
            filler.unlink(missing_ok=True)
            room = shutil.disk_usage(disk).free - left * 1024
            with contextlib.suppress(OSError):
                filler.write_bytes(bytes(max(room, 0)))
            ones.cc(*OBJECT)
            assert ones.bytes("ones.o") in (replaced, gccs)
        filler.unlink()
        ones.cc(*OBJECT)
        assert ones.bytes("ones.o") == replaced
        assert ones.ask("cache", "stats")["replaced"] == 1


def test_a_damaged_store_leaves_gccs_object_until_it_is_cleared(ones: Workplace) -> None:
    ones.cc(*OBJECT)
    replaced = ones.bytes("ones.o")
    for path in ones.cache.rglob("*"):
        if path.is_file():
            path.write_bytes(os.urandom(5000))
    ones.cc(*OBJECT)
    assert ones.gccs_object("ones.o", "-O3", "ones.c")
    assert str(ones.cache) in ones.refused("cache", "stats")
    ones.well(program("superopt"), "cache", "clear")
    ones.cc(*OBJECT)
    assert ones.bytes("ones.o") == replaced


@pytest.mark.parametrize("body", ["exit 1", "kill -9 $$", "exec sleep 1", "echo nonsense; exit 0"])
def test_a_runner_that_dies_leaves_gccs_object_and_is_counted(
    ones: Workplace, installation: Installation, body: str
) -> None:
    runner = installation.helper("superopt-runner")
    runner.unlink()
    runner.write_text(f"#!/bin/sh\n{body}\n")
    runner.chmod(0o755)
    ones.well(installation.cc, *OBJECT)
    assert ones.gccs_object("ones.o", "-O3", "ones.c")
    build = ones.last_build()
    assert (build["functions"]["replaced"], build["reasons"]) == (0, {"failed": 1})
    done = ones.run(*installation.superopt, *VERIFY)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("superopt: ")
    assert "runner" in done.stderr


@pytest.mark.parametrize("name", ["superopt-runner", "superopt-timer"])
def test_a_missing_helper_leaves_gccs_object_and_doctor_names_it(
    ones: Workplace, installation: Installation, name: str
) -> None:
    installation.helper(name).unlink()
    if (Path(__file__).parents[2] / "build" / name).exists():
        # A checkout's own build would be found instead; an empty file cannot run.
        installation.helper(name).write_text("")
    ones.well(installation.cc, *OBJECT, SUPEROPT_ACCEPT="faster", SUPEROPT_BUDGET="10")
    assert ones.gccs_object("ones.o", "-O3", "ones.c")
    assert ones.last_build()["reasons"] == {"failed": 1}


@pytest.mark.parametrize("folder", ["/proc", "/nowhere"])
def test_an_unusable_temporary_folder_ends_as_with_gcc(ones: Workplace, folder: str) -> None:
    ours = ones.run(program("superopt-cc"), *OBJECT, TMPDIR=folder)
    gccs = ones.run("gcc", "-O3", "-c", "ones.c", "-o", "gccs.o", TMPDIR=folder)
    assert (ours.returncode, ours.stderr) == (gccs.returncode, gccs.stderr)
    if ours.returncode == 0:
        ones.gcc("-shared", "ones.o", "-o", "ones.so")
        done = ones.run(program("superopt"), "optimize", "ones.c", TMPDIR=folder)
        assert done.returncode == 0


def test_a_full_temporary_folder_leaves_a_right_object(ones: Workplace, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 24) as disk:
        ones.well(program("superopt-cc"), *OBJECT, TMPDIR=str(disk))
    assert ones.replaced("ones.o") == {"ones"} or ones.gccs_object("ones.o", "-O3", "ones.c")
    ones.cc(*OBJECT)  # a passing trouble is not remembered
    assert ones.replaced("ones.o") == {"ones"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("MODE", "sometimes"), ("BUDGET", "soon"), ("MODEE", "off"), ("PROPOSERS", "magic")],
)
def test_bad_settings_change_nothing_in_a_build_and_doctor_names_them(
    ones: Workplace, name: str, value: str
) -> None:
    log = ones.folder / "log"
    bad = {f"SUPEROPT_{name}": value, "SUPEROPT_LOG": str(log)}
    done = ones.run(program("superopt-cc"), *OBJECT, **bad)
    assert done.returncode == 0
    assert done.stderr.count("\n") <= 1
    assert name in done.stderr or name.lower() in log.read_text().lower()
    if name == "PROPOSERS":  # asked for, so the others are not asked
        assert ones.gccs_object("ones.o", "-O3", "ones.c")
    else:
        assert ones.replaced("ones.o") == {"ones"}
    doctor = ones.run(program("superopt"), "doctor", **bad)
    assert doctor.returncode == 1
    wrong = [line for line in doctor.stdout.splitlines() if line.startswith("MISSING")]
    assert len(wrong) == 1
    assert name.lower() in wrong[0].lower()
