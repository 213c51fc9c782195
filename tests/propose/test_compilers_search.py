"""The search over settings: what it may vary, where it starts, when it ends."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from propose_context import MakeContext

from superopt_cc.propose.base import Context
from superopt_cc.propose.bodies import Bodies
from superopt_cc.propose.options import CLANG_VARIANTS, SEMANTIC, VARIANTS, held_options
from superopt_cc.propose.others import other_makers, own_maker
from superopt_cc.propose.tunables import CHOICES, CLANG_CHOICES, PARAMETERS, SWITCHES
from superopt_cc.propose.tuning import Dimensions, Point, Tuning
from superopt_cc.toolchain.command import effective_options, parse_command
from superopt_cc.toolchain.tools import find_compiler
from superopt_cc.types import Attempt, Rewrite

SOURCE = """
unsigned f(const unsigned char *a, unsigned n)
{
    unsigned s = 1;
    for (unsigned i = 0; i < n; i++) {
        if (a[i] > 17) s = s * 31 + a[i];
        else s ^= (s >> 5) + a[i] * 3u;
    }
    return s;
}
"""
Speed = Callable[[str], float]
LISTED = VARIANTS[:14]


def _found(context: Context, speed: Speed, listed: Sequence[tuple[str, ...]] = LISTED) -> list[str]:
    """What is searched behind a list, if each body is right and as fast as `speed` says."""
    attempts: list[Attempt] = []
    waiting: list[Rewrite] = []

    def rank() -> None:
        for rewrite in waiting:
            how = rewrite.how
            attempts.append(Attempt("compilers", how, "verified", "", speedup=speed(how)))
        waiting.clear()

    timed = dataclasses.replace(
        context, note=attempts.append, history=lambda: tuple(attempts), rank=rank
    )
    job = context.job
    tries = [(own_maker(job, held_options(job.command)), options) for options in listed]
    bodies = Bodies(timed, "compilers")
    for maker, options in tries:
        if (rewrite := bodies.made(maker, options)) is not None:
            waiting.append(rewrite)
    found = []
    for rewrite in Tuning(timed, bodies, tries, "compilers").rewrites():
        waiting.append(rewrite)
        found.append(rewrite.how)
    return found


def test_the_search_goes_on_from_what_was_fastest(make_context: MakeContext) -> None:
    winner = "-funroll-loops"
    new = _found(
        make_context(SOURCE, "f", seconds=600.0), lambda how: 1.5 if how == f"gcc {winner}" else 0.9
    )
    assert new
    assert sum(winner in how for how in new) > len(new) / 2


def test_nothing_is_searched_where_nothing_was_faster(make_context: MakeContext) -> None:
    assert _found(make_context(SOURCE, "f", seconds=600.0), lambda how: 1.0) == []


def test_nothing_is_searched_where_settings_hardly_matter(make_context: MakeContext) -> None:
    assert _found(make_context("int f(int a) { return a + 1; }", "f"), lambda how: 2.0) == []


def test_nothing_is_searched_without_time(make_context: MakeContext) -> None:
    context = make_context(SOURCE, "f", seconds=600.0)
    assert _found(context, lambda how: 2.0) != []
    late = dataclasses.replace(context, deadline=time.monotonic())
    assert _found(late, lambda how: 2.0) == []


def test_the_same_seed_and_timings_give_the_same_search(make_context: MakeContext) -> None:
    def speed(how: str) -> float:
        return 1.1 + len(how) / 1000

    context = make_context(SOURCE, "f", seconds=600.0)
    first = _found(context, speed)
    assert first == _found(context, speed)
    job = dataclasses.replace(context.job, seed=99)
    assert first != _found(dataclasses.replace(context, job=job), speed)


@pytest.mark.parametrize("flags", [("-O3",), ("-O2", "-ffast-math", "-fwrapv"), ("-Ofast",)])
def test_nothing_that_is_drawn_changes_what_the_program_means(
    make_context: MakeContext, flags: tuple[str, ...]
) -> None:
    command = make_context(SOURCE, "f", *flags).job.command
    users = effective_options(command)
    held = held_options(command)
    every = tuple(
        w for name in sorted(SWITCHES & set(users)) for w in (f"-f{'no-' * users[name]}{name[1:]}",)
    )
    for level in ("-O1", "-O2", "-O3", "-Os") if flags != ("-Ofast",) else ("-Ofast",):
        theirs = effective_options(
            dataclasses.replace(command, argv=(*command.argv, level, *every, *held))
        )
        assert {n: theirs.get(n) for n in SEMANTIC} == {n: users.get(n) for n in SEMANTIC}
    assert not SWITCHES & set(SEMANTIC)


def test_gcc_takes_everything_in_the_tables(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("")
    command = parse_command(["-O2", "-c", "a.c"], tmp_path, find_compiler(None, "c"))
    known = effective_options(command)
    assert SWITCHES - set(known) <= {"ftree-loop-if-convert"}  # of that gcc tells no state
    numbers = [f"--param={name}={n}" for name, values in PARAMETERS.items() for n in values]
    for words in (numbers, *([w] for row in CHOICES for w in row)):
        done = subprocess.run(
            [command.compiler, *words, "-S", "-o", "-", "-x", "c", "-"], input=b"",
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("clang") is None, reason="there is no clang")
def test_clang_takes_everything_in_its_table() -> None:
    for rows in zip(*(row * 5 for row in CLANG_CHOICES), strict=False):
        words = [word for text in rows for word in text.split()]
        done = subprocess.run(
            ["clang", *words, "-S", "-o", "-", "-x", "c", "-"], input=b"int f;",
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_every_listed_setting_has_a_place_in_the_search(make_context: MakeContext) -> None:
    job = make_context("int f(int a) { return a + 1; }", "f").job
    for maker in (own_maker(job, ()), *other_makers(job, ())[0]):
        dimensions = Dimensions(maker)
        for options in CLANG_VARIANTS if maker.clang else VARIANTS:
            placed = dimensions.placed(options)
            assert placed is not None
            words = Point(maker, dimensions.completed(placed)).options
            assert sorted(words) == sorted(options)
