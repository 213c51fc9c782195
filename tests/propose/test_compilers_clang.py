"""clang's code for gcc's functions: what it is told, what it may not be asked, what is mended."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from propose_context import MakeContext

from superopt_cc.propose.base import Context
from superopt_cc.propose.bodies import Bodies
from superopt_cc.propose.clangflags import RuledOut, clang_options
from superopt_cc.propose.clangtext import for_clang
from superopt_cc.propose.compilers import Compilers
from superopt_cc.propose.extending import Narrow, extended
from superopt_cc.propose.others import Maker, other_makers
from superopt_cc.toolchain.command import parse_command
from superopt_cc.toolchain.tools import find_compiler
from superopt_cc.types import Origin, Rewrite, Verdict
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering.gather import Limits

pytestmark = pytest.mark.skipif(shutil.which("clang") is None, reason="there is no clang")

NARROW = """
unsigned f(unsigned char a, unsigned n) { return (a & 15) == 3 ? n : a << 2; }
"""
SIGNED = """
unsigned f(const unsigned *p, signed char i, short k) { return p[i & 7] + (unsigned)k * 2u; }
"""


def _makers(context: Context) -> list[Maker]:
    return [m for m in other_makers(context.job, ())[0] if m.clang]


def _made(context: Context, *options: str, extending: bool = True) -> Rewrite:
    (maker,) = _makers(context)
    if not extending:
        maker = dataclasses.replace(maker, narrow=())
    rewrite = Bodies(context, "test").made(maker, options or ("-O3",))
    assert rewrite is not None, context.history()
    return rewrite


def _verdict(context: Context, rewrite: Rewrite) -> Verdict:
    with Verifier(context.job, Limits(seconds=20.0)) as verifier:
        return verifier.check(rewrite)


@pytest.mark.parametrize("source", [NARROW, SIGNED])
def test_a_body_that_relies_on_extended_arguments_extends_them(
    make_context: MakeContext, source: str
) -> None:
    context = make_context(source, "f")
    assert _verdict(context, _made(context)).accepted
    again = make_context(source, "f")
    assert _verdict(again, _made(again, extending=False)).verdict == "rejected"


def test_arguments_that_nobody_reads_wider_are_left_alone() -> None:
    narrow = (Narrow("rdi", 1, True), Narrow("rsi", 2, False), Narrow("rdx", 1, False))
    text = (
        "f:\n\tendbr64\n\tmovsbl\t%dil, %edi\n\tmovw\t%si, g(%rip)\n\tleal\t1(%rdx), %eax\n\tret\n"
    )
    assert extended(text + "\t.size\tf, .-f\n", "f", narrow) == (
        text.replace("endbr64\n", "endbr64\n\tmovzbl\t%dl, %edx\n") + "\t.size\tf, .-f\n"
    )


def test_what_only_a_jump_makes_wide_is_extended_too() -> None:
    text = "f:\n\ttestl\t%esi, %esi\n\tje\t.L1\n.L2:\n\tmovl\t%edi, %eax\n\tret\n\t.size\tf, .-f"
    assert "movswl\t%di, %edi\n\ttestl" in extended(text, "f", (Narrow("rdi", 2, True),))


def test_clang_is_never_called_the_users_own_compiler(make_context: MakeContext) -> None:
    context = make_context("int f(int *a) { return a[0] * 7 + a[1] % 10; }", "f")
    found = [r for r in Compilers().propose(context) if r.how.startswith("clang")]
    assert found
    assert {r.origin for r in found} == {Origin.MIXED}
    assert all("clang version" in r.provenance["compiler"] for r in found)


def test_clang_is_not_asked_where_only_compiled_code_counts(make_context: MakeContext) -> None:
    context = make_context(
        "int f(int *a) { return a[0] * 7 + a[1] % 10; }", "f", require="compiled"
    )
    made = list(Compilers().propose(context))
    assert not [one for one in (*made, *context.history()) if one.how.startswith("clang")]


def test_clang_s_first_try_is_the_second_of_all(make_context: MakeContext) -> None:
    context = make_context("int f(int a, int b) { return a % 10 ? b : a; }", "f")

    def words() -> Iterator[str]:
        for rewrite in Compilers().propose(context):
            yield rewrite.how

    list(words())
    asked = list(context.compilations._made)
    assert [Path(a[0]).name for a in asked[:3]] == ["gcc", "clang", "gcc"]
    assert "-O3" in asked[1]


def test_static_functions_are_never_clang_s(make_context: MakeContext) -> None:
    source = """
    __attribute__((noinline)) static int half(int a) { return a / 2 + a % 7; }
    int f(int a) { return half(a) * 3 + half(a + 1); }
    """
    assert _makers(make_context(source, "half")) == []
    context = make_context(source, "f")
    (maker,) = _makers(context)
    assert Bodies(context, "test").made(maker, ("-O3",)) is None
    assert context.history()[-1].result == "symbol"


def test_constants_and_tables_of_clang_s_come_along(make_context: MakeContext) -> None:
    source = """
    int g(int);
    int f(int x, float *a)
    {
        for (int i = 0; i < 8; i++) a[i] = a[i] * 2.5f + 1.0f;
        switch (x) {
        case 0: return g(9); case 1: return 77; case 2: return g(2) * 3; case 3: return g(8);
        case 4: return x + g(1); case 5: return g(x) - 4; case 6: return -1;
        }
        return 1;
    }
    """
    context = make_context(source, "f", "-O3", "-fPIE")
    rewrite = _made(context)
    assert ".LCPI" in rewrite.text
    assert ".LJTI" in rewrite.text
    assert _verdict(context, rewrite).accepted


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("-fwrapv",), "-fwrapv"),
        (("-fno-strict-aliasing",), "-fno-strict-aliasing"),
        (("-Ofast",), "-fno-signed-zeros"),
        (("-fno-math-errno",), "-fno-math-errno"),
        (("-frounding-math",), "-ftrapping-math"),
        (("-fno-builtin-strlen",), "-fno-builtin-strlen"),
        (("-fPIC",), "-fsemantic-interposition"),
        (("-fPIE",), "-fPIE"),
        (("-fno-pie",), "-fno-pic"),
        (("-mavx2", "-mbmi"), "-mavx2"),
        (("-march=haswell",), "-mbmi2"),
        (("-std=c99",), "-std=c99"),
        (("-funsigned-char",), "-funsigned-char"),
        (("-fcf-protection",), "-fcf-protection=branch"),
        (("-mno-red-zone",), "-mno-red-zone"),
        (("-march=haswell", "-std=gnu11"), "-ffp-contract=fast"),
        (("-march=haswell", "-std=c11"), "-ffp-contract=off"),
        (("-fno-ipa-cp", "--param=max-unroll-times=4"), "-std=gnu17"),
    ],
)
def test_what_the_user_s_flags_mean_is_handed_on(
    tmp_path: Path, flags: tuple[str, ...], word: str
) -> None:
    found = _options(tmp_path, *flags)
    assert not isinstance(found, RuledOut)
    assert word in found


@pytest.mark.parametrize(
    "flags",
    [
        ("-fwrapv-pointer",), ("-ffloat-store",), ("-ftrapv",), ("-fnon-call-exceptions",),
        ("-fsingle-precision-constant",), ("-fsignaling-nans",), ("-mstackrealign",),
        ("-fno-such-thing-yet",), ("-mveclibabi=svml",),
    ],
)  # fmt: skip
def test_flags_that_clang_cannot_keep_rule_it_out(tmp_path: Path, flags: tuple[str, ...]) -> None:
    assert isinstance(_options(tmp_path, *flags), RuledOut)


def _options(folder: Path, *flags: str) -> tuple[str, ...] | RuledOut:
    (folder / "a.c").write_text("")
    command = parse_command(["-O2", *flags, "-c", "a.c"], folder, find_compiler(None, "c"))
    try:
        return clang_options(command)
    except Exception as error:  # gcc itself refuses a word: so it would the build
        return RuledOut(str(error))


def test_headers_that_gcc_was_given_are_read(make_context: MakeContext) -> None:
    source = """
    #define _GNU_SOURCE 1
    #define _FORTIFY_SOURCE 2
    #include <stdio.h>
    #include <stdlib.h>
    #include <math.h>
    #include <complex.h>
    #include <fcntl.h>
    unsigned f(unsigned a) { unsigned n = 0; while (a) { n += a & 1; a >>= 1; } return n; }
    """
    assert _made(make_context(source, "f", "-O2")).text


def test_code_that_needs_what_only_gcc_has_is_no_rewrite() -> None:
    text = for_clang(b"int f(int a, ...) { return g(a, __builtin_va_arg_pack ()); }", "c")
    assert b"__builtin_va_arg_pack" not in text
    assert text.count(b"superopt_cc_no_such_builtin") == 2


def test_a_text_that_clang_cannot_read_is_offered_once(make_context: MakeContext) -> None:
    source = """
    int other(int a) { int inner(int x) { return x * a; } return inner(3); }
    int f(int a) { return a * 3 / 7; }
    """
    context = make_context(source, "f")
    list(Compilers().propose(context))
    failed = [a for a in context.history() if a.how.startswith("clang")]
    assert [a.result for a in failed] == ["compile"]


def test_no_time_left_is_no_clang_either(make_context: MakeContext) -> None:
    context = make_context(NARROW, "f", seconds=0.0)
    assert context.deadline <= time.monotonic()
    assert list(Compilers().propose(context)) == []
