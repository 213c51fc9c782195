"""Arguments of every kind, in random order: each lies where the calling convention puts it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from verifying import QUICK, compiled, job_for

from superopt_cc.verify.engine import Verifier

TYPES = """
typedef int ints __attribute__((vector_size(16)));
typedef float pair __attribute__((vector_size(8)));
typedef double doubles __attribute__((vector_size(16)));
struct mixed { long x; double y; };
struct turned { _Complex float z; int n; };
struct large { char c; __int128 x; };
struct floats { float x, y, z; };
union words { __int128 x; ints v; };
union halves { doubles v; double d[2]; };
struct bytes { char c[17]; };
"""
# What is read of an argument of each type.
READ = {
    "int": "(unsigned)%",
    "unsigned char": "%",
    "float": "(% < 2)",
    "double": "(% < 2) + 2 * (% > 9)",
    "__int128": "(long)(% >> 64) * 3 + (long)%",
    "_Complex float": "(__imag__ % < 1) * 2 + (__real__ % < 2)",
    "_Complex double": "(__imag__ % < 1) * 2 + (__real__ % < 2)",
    "ints": "%[0] + %[3] * 5",
    "pair": "(%[1] < 3)",
    "doubles": "(%[1] < 3) * 2 + (%[0] < 1)",
    "struct mixed": "%.x + (%.y < 3)",
    "struct turned": "%.n + (__imag__ %.z < 3)",
    "struct large": "%.c + (long)(%.x >> 64)",
    "struct floats": "(%.z < 1) * 4 + (%.y < 2)",
    "union words": "%.v[3] * 3 + %.v[0]",
    "union halves": "(%.d[1] < 4) * 2 + (%.d[0] < 3)",
    "struct bytes": "%.c[16] * 3 + %.c[0]",
}
FLAGS = ("-O2", "-msse4.1")
WIDE = """
typedef int octet __attribute__((vector_size(32)));
typedef double quad __attribute__((vector_size(32)));
struct octet { octet v; };
"""
READ_WIDE = {
    **READ,
    "octet": "%[7] * 3 + %[4] + %[0]",
    "quad": "(%[3] < 3) * 2 + (%[0] < 1)",
    "struct octet": "%.v[6] + %.v[1] * 5",
    "quad ": "(%[2] < 3) * 2 + (%[1] < 1)",
}


def source(kinds: list[str], left_out: int | None = None) -> str:
    signature = ", ".join(f"{kind} p{i}" for i, kind in enumerate(kinds))
    terms = [
        f"{2 * i + 3} * (unsigned long)({READ_WIDE[kind].replace('%', f'p{i}')})"
        for i, kind in enumerate(kinds) if i != left_out
    ]  # fmt: skip
    return f"{TYPES}{WIDE}unsigned long f({signature}) {{ return {' + '.join(terms)}; }}\n"


@pytest.mark.parametrize("seed", range(6))
def test_every_argument_counts_and_gccs_other_builds_pass(tmp_path: Path, seed: int) -> None:
    kinds = random.Random(seed).choices(list(READ), k=5 + seed)
    check(tmp_path, kinds, FLAGS)


@pytest.mark.parametrize("seed", range(4))
def test_so_they_do_among_vectors_of_32_bytes(tmp_path: Path, seed: int) -> None:
    numbers = random.Random(seed)
    wide = [kind for kind in READ_WIDE if kind not in READ]
    kinds = numbers.choices(list(READ), k=3) + numbers.choices(wide, k=3)
    numbers.shuffle(kinds)
    check(tmp_path, kinds, ("-O2", "-mavx2"))


def check(tmp_path: Path, kinds: list[str], flags: tuple[str, ...]) -> None:
    offers = [compiled(tmp_path, source(kinds), ("-O1", *flags[1:]))]
    offers += [compiled(tmp_path, source(kinds, i), flags) for i in range(len(kinds))]
    with Verifier(job_for(tmp_path, source(kinds), "f", flags), QUICK) as verifier:
        right, *wrong = verifier.check_many(offers)
    assert right.accepted, (kinds, right.detail)
    assert [each.verdict for each in wrong] == ["rejected"] * len(kinds), kinds
