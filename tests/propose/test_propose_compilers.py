import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from propose_context import MakeContext

from superopt_cc.propose.base import Context
from superopt_cc.propose.compilers import Compilers
from superopt_cc.propose.options import SEMANTIC, VARIANTS, held_options, variants
from superopt_cc.toolchain.command import effective_options, parse_command
from superopt_cc.toolchain.tools import assemble, find_compiler
from superopt_cc.types import Attempt, Origin, Rewrite

Told = TypeVar("Told", Attempt, Rewrite)

REVERSE = """
unsigned reverse(unsigned x)
{
    unsigned r = 0;
    for (int i = 0; i < 32; i++) { r = r << 1 | (x & 1); x >>= 1; }
    return r;
}
"""


def _command(folder: Path, *flags: str):  # type: ignore[no-untyped-def]
    (folder / "a.c").write_text(REVERSE)
    return parse_command([*flags, "-c", "a.c"], folder, find_compiler(None, "c"))


def _gcc(found: Sequence[Told]) -> list[Told]:
    """What the job's own compiler made, or was asked for."""
    return [one for one in found if one.how.startswith("gcc ")]


def test_variants_are_different_bodies_that_assemble(
    make_context: MakeContext, tmp_path: Path
) -> None:
    context = make_context(REVERSE, "reverse")
    rewrites = list(Compilers().propose(context))
    assert len(rewrites) >= 3
    assert len({r.text for r in rewrites}) == len(rewrites)
    assert {r.proposer for r in rewrites} == {"compilers"}
    assert {r.origin for r in _gcc(rewrites)} == {Origin.COMPILED}
    for rewrite in rewrites:
        assemble(rewrite.text, tmp_path / "rewrite.o")


def test_copies_are_dropped_and_told(make_context: MakeContext) -> None:
    context = make_context(REVERSE, "reverse")
    rewrites = list(Compilers().propose(context))
    told = context.history()
    assert len(_gcc(rewrites)) + len(_gcc(told)) == len(VARIANTS)
    assert any(a.result == "copy" and "gcc's own code" in a.detail for a in told)


def test_a_function_that_settings_leave_alone_is_soon_left(make_context: MakeContext) -> None:
    context = make_context("unsigned f(unsigned a, unsigned b) { return a + b; }", "f")
    assert list(Compilers().propose(context)) == []
    assert {a.result for a in context.history()} == {"copy"}
    assert len(context.history()) < len(VARIANTS) / 2


def test_functions_of_one_unit_share_compilations(make_context: MakeContext) -> None:
    context = make_context(REVERSE, "reverse")
    list(Compilers().propose(context))
    kept = context.compilations.under((*VARIANTS[0], *held_options(context.job.command)), 0.0)
    assert kept.text  # a deadline in the past: it was not compiled again


def test_a_compilation_goes_on_while_nobody_waits_for_it(make_context: MakeContext) -> None:
    copies = "".join(REVERSE.replace("reverse", f"reverse{i}") for i in range(150))
    with make_context(copies, "reverse1").compilations as compilations:
        began = time.monotonic()
        asked = 0
        while (made := compilations.under(("-O2",), time.monotonic() + 0.02)).late:
            asked += 1
            assert time.monotonic() < began + 60.0
    assert asked, "it was meant to take longer than one of the waits"
    assert "reverse149" in made.text


def test_a_paused_compilation_stands_still_and_goes_on(make_context: MakeContext) -> None:
    copies = "".join(REVERSE.replace("reverse", f"reverse{i}") for i in range(150))
    with make_context(copies, "reverse1").compilations as compilations:
        assert compilations.under(("-O2",), time.monotonic() + 0.02).late
        with compilations.paused():
            assert compilations.under(("-O2",), time.monotonic() + 3.0).late
        assert compilations.under(("-O2",), time.monotonic() + 60.0).text


def test_out_of_time_means_no_more_rewrites(make_context: MakeContext) -> None:
    assert list(Compilers().propose(make_context(REVERSE, "reverse", seconds=0.0))) == []


def test_own_constants_come_along(make_context: MakeContext, tmp_path: Path) -> None:
    source = """
    void scale(float *a, int n) { for (int i = 0; i < n; i++) a[i] = a[i] * 2.5f + 0.5f; }
    """
    for rewrite in Compilers().propose(make_context(source, "scale")):
        assemble(rewrite.text, tmp_path / "rewrite.o")
        assert ".LC" in rewrite.text


@pytest.mark.parametrize(
    "flags",
    [
        ("-O3",),
        ("-O2", "-fno-strict-aliasing", "-fwrapv"),
        ("-O3", "-ffast-math"),
        ("-O3", "-fPIC", "-fno-omit-frame-pointer"),
        ("-Ofast",),
    ],
)
def test_no_variant_changes_what_the_program_means(tmp_path: Path, flags: tuple[str, ...]) -> None:
    command = _command(tmp_path, *flags)
    users = effective_options(command)
    held = held_options(command)
    for options in variants(command):
        argv = (*command.argv, *options, *held)
        theirs = effective_options(dataclasses.replace(command, argv=argv))
        assert {n: theirs.get(n) for n in SEMANTIC} == {n: users.get(n) for n in SEMANTIC}


def test_every_held_option_is_one_that_gcc_knows(tmp_path: Path) -> None:
    known = effective_options(_command(tmp_path, "-O3"))
    assert [name for name in SEMANTIC if name not in known] == []


def test_code_with_contraction_is_not_called_compiled(make_context: MakeContext) -> None:
    source = "double f(double a, double b, double c) { return a * b + c * a + b / c; }"

    def origins(*flags: str) -> set[Origin]:
        context: Context = make_context(source, "f", "-O3", "-mfma", *flags)
        return {r.origin for r in _gcc(list(Compilers().propose(context)))}

    assert origins() <= {Origin.MIXED}
    assert origins("-ffp-contract=off") <= {Origin.COMPILED}
