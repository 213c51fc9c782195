from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from driver_project import POPCOUNT, Project, front_door

O3 = ("-O3", "-Wall", "-Wextra", "-Werror")


def unit_files(project: Project) -> list[Path]:
    units = project.cache / "units"
    return [p for p in units.rglob("*") if p.is_file() and "stamps" not in p.parts]


def test_a_selected_function_is_replaced_and_the_program_prints_the_same(
    project: Project,
) -> None:
    project.gcc(*O3, "popcount.c", "main.c", "-Wno-unknown-pragmas", "-o", "plain")
    project.compile(*O3, "popcount.c", "main.c", "-o", "ours")
    assert project.replaced("ours") == ["popcount"]
    assert project.run("./ours").stdout == project.run("./plain").stdout


def test_a_rebuild_gives_the_same_object_without_asking_the_store(project: Project) -> None:
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o")
    assert len(unit_files(project)) == 1
    first = (project.folder / "x.o").read_bytes()
    (project.cache / "store" / "cache.db").rename(project.cache / "elsewhere")
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o")
    assert not (project.cache / "store" / "cache.db").exists()
    assert (project.folder / "x.o").read_bytes() == first
    counted = project.ask("status", "--json")["builds"]
    assert sum(build["functions"]["replaced"] for build in counted) == 2
    assert all(build["reasons"] == {} for build in counted)


def test_everything_known_needs_no_search(project: Project) -> None:
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o")
    for path in unit_files(project):
        path.unlink()
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o", SUPEROPT_MODE="use")
    assert project.replaced("x.o") == ["popcount"]


def test_use_without_a_known_rewrite_keeps_gccs_code(project: Project) -> None:
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o", SUPEROPT_MODE="use")
    assert project.same_as_gcc("-O3", "popcount.c")
    assert project.reasons() == {"not-in-store": 1}


def test_a_rewrite_found_later_is_used_although_the_unit_was_known(project: Project) -> None:
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o", SUPEROPT_MODE="use")
    assert project.replaced("x.o") == []
    done = project.superopt("optimize", "popcount.c")
    assert done.returncode == 0, done.stderr
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o", SUPEROPT_MODE="use")
    assert project.replaced("x.o") == ["popcount"]


def test_equal_text_with_another_type_in_a_header_is_not_answered_from_the_old_one(
    project: Project,
) -> None:
    project.write("type.h", "typedef unsigned char result;\n")
    project.write(
        "low.c", '#include "type.h"\n#pragma superopt\nresult low(int x) { return x * 5; }\n'
    )
    project.compile(*O3, "-c", "low.c", "-o", "x.o", SUPEROPT_MODE="use")
    (first,) = unit_files(project)
    project.write("type.h", "typedef int result;\n")
    project.compile(*O3, "-c", "low.c", "-o", "x.o", SUPEROPT_MODE="use")
    builds = project.ask("status", "--json")["builds"]
    assert sum(build["files"] for build in builds) == 2
    # The first result was seen to be out of date and written again.
    assert unit_files(project) == [first]
    keys = {project.ask("explain", "low", "--json")["outcome"]["key"]}
    project.write("type.h", "typedef unsigned char result;\n")
    project.compile(*O3, "-c", "low.c", "-o", "x.o", SUPEROPT_MODE="use")
    keys.add(project.ask("explain", "low", "--json")["outcome"]["key"])
    assert len(keys) == 2


def test_settings_files_that_appear_later_count(project: Project) -> None:
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o")
    assert project.replaced("x.o") == ["popcount"]
    project.write("superopt.toml", "require = 'proved'\n")
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o")
    assert project.replaced("x.o") == []
    assert project.reasons() == {"level": 1}


def test_options_in_a_response_file_count(project: Project) -> None:
    project.write("flags", "-O3 -Wall")
    project.compile("@flags", "-c", "popcount.c", "-o", "x.o", SUPEROPT_MODE="use")
    first = project.ask("explain", "popcount", "--json")["outcome"]["key"]
    project.write("flags", "-O3 -Wall -fwrapv")
    project.compile("@flags", "-c", "popcount.c", "-o", "x.o", SUPEROPT_MODE="use")
    assert project.ask("explain", "popcount", "--json")["outcome"]["key"] != first


def test_a_contract_bounds_the_tests_and_names_the_entry(project: Project) -> None:
    keys = set()
    for pragma in ("", "assume(x < 9)", "assume(x < 10)"):
        project.write("x.c", f"#pragma superopt {pragma}\n{POPCOUNT}")
        project.compile(*O3, "-c", "x.c", "-o", "x.o")
        story = project.ask("explain", "popcount", "--json")
        keys.add(story["outcome"]["key"])
        assert story["outcome"]["verdict"]["evidence"]["assumed"] == [pragma][: bool(pragma)]
    assert len(keys) == 3


def test_a_contract_that_cannot_be_read_leaves_gccs_code(project: Project) -> None:
    project.write("x.c", f"#pragma superopt assume(y < 9)\n{POPCOUNT}")
    project.compile(*O3, "-c", "x.c", "-o", "x.o")
    assert project.same_as_gcc("-O3", "x.c")
    assert project.reasons() == {"contract": 1}
    assert len(unit_files(project)) == 1


@pytest.mark.parametrize("damage", ["file", "unwritable", "garbage"])
def test_a_cache_that_cannot_be_used_leaves_gccs_object(project: Project, damage: str) -> None:
    if damage == "file":
        project.cache.write_text("")
    elif damage == "unwritable":
        project.environ["SUPEROPT_CACHE_DIR"] = "/proc/nothing"
    else:
        (project.cache / "store").mkdir(parents=True)
        (project.cache / "store" / "cache.db").write_bytes(b"garbage" * 999)
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o")
    assert project.same_as_gcc("-O3", "popcount.c")


def test_damaged_units_are_made_again(project: Project) -> None:
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o")
    first = (project.folder / "x.o").read_bytes()
    for path in unit_files(project):
        path.write_bytes(path.read_bytes()[:-9])
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o")
    assert (project.folder / "x.o").read_bytes() == first


def test_a_temporary_folder_that_does_not_exist_is_no_error(project: Project) -> None:
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o", TMPDIR="/nowhere")
    project.gcc("x.o", "main.c", "-o", "ours")
    assert project.run("./ours").returncode == 0


def test_parallel_compilations_share_one_cache(project: Project) -> None:
    for number in range(8):
        body = POPCOUNT.replace("popcount", f"popcount{number % 2}")
        project.write(f"f{number}.c", f"#pragma superopt\n{body}")
    project.write("Makefile", "all: $(patsubst %.c,%.o,$(wildcard f*.c))\n")
    flags = "CFLAGS=-O3 -Wall -Werror"
    done = project.run("make", "-j8", f"CC={front_door()}", flags)
    assert (done.returncode, done.stderr) == (0, "")
    for number in range(8):
        assert project.replaced(f"f{number}.o") == [f"popcount{number % 2}"]
    (build,) = project.ask("status", "--json")["builds"]
    assert (build["files"], build["functions"]["replaced"]) == (8, 8)


def _searchers(root: int) -> list[int]:
    """Our Python processes below process `root`."""
    parents: dict[int, int] = {}
    ours = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            parents[int(entry.name)] = int(
                (entry / "stat").read_text().rpartition(")")[2].split()[1]
            )
            if b"superopt_cc.driver.assemble" in (entry / "cmdline").read_bytes():
                ours.append(int(entry.name))
        except OSError:
            continue

    def below(process: int) -> bool:
        while process in parents and process != root:
            process = parents[process]
        return process == root

    return [process for process in ours if below(process)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_search_leaves_gccs_object_and_a_store_that_works(
    project: Project, number: signal.Signals
) -> None:
    child = subprocess.Popen(
        [front_door(), *O3, "-c", "popcount.c", "-o", "x.o"],
        cwd=project.folder,
        env={**project.environ, "SUPEROPT_ACCEPT": "faster"},
    )
    deadline = time.monotonic() + 60
    while not (project.cache / "store" / "cache.db").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    for process in _searchers(child.pid):
        os.kill(process, number)
    assert child.wait(60) == 0
    assert project.same_as_gcc("-O3", "popcount.c")
    project.compile(*O3, "-c", "popcount.c", "-o", "x.o")
    assert project.replaced("x.o") == ["popcount"]


def test_ctrl_c_stops_at_once_and_leaves_nothing_behind(project: Project, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    child = subprocess.Popen(
        [front_door(), *O3, "-c", "popcount.c", "-o", "x.o"],
        cwd=project.folder,
        env={**project.environ, "SUPEROPT_ACCEPT": "faster", "TMPDIR": str(temporary)},
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(temporary.glob("superopt-verify-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    searchers = _searchers(child.pid)
    assert searchers
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait(30) != 0
    for process in searchers:
        while Path(f"/proc/{process}").exists() and time.monotonic() < deadline + 60:
            time.sleep(0.05)
    assert list(temporary.iterdir()) == []
    assert not (project.folder / "x.o").exists()


def test_all_selects_every_function_and_the_whole_unit_still_works(project: Project) -> None:
    project.write(
        "all.c",
        "#include <stdio.h>\n"
        "static __attribute__((noinline)) int sum(const int *a, int n)\n"
        "{ int s = 0; for (int i = 0; i < n; i++) s += a[i] * 3; return s; }\n"
        "__attribute__((noinline)) int twice(const int *a, int n)\n"
        "{ return sum(a, n) + sum(a, n / 2); }\n"
        "int main(void) { int a[50]; for (int i = 0; i < 50; i++) a[i] = i * i;\n"
        '  printf("%d\\n", twice(a, 50)); return 0; }\n',
    )
    project.gcc("-O3", "all.c", "-o", "plain")
    project.compile("-O3", "all.c", "-o", "ours", SUPEROPT_SELECT="all", SUPEROPT_BUDGET="10")
    assert project.run("./ours").stdout == project.run("./plain").stdout
    (build,) = project.ask("status", "--json")["builds"]
    assert build["functions"]["selected"] == 3
