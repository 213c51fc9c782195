"""What inputs are made of: NaNs, pointers into what exists, answers, lengths."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from verifying import QUICK, body, job_for

from superopt_cc.assembly.unit import parse_unit
from superopt_cc.cases import Blob, Case, Ref, case_from_json, case_to_json
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering.bench import Bench
from superopt_cc.verify.gathering.grow import grown
from superopt_cc.verify.making.inputs import Maker
from superopt_cc.verify.making.nans import NaNs
from superopt_cc.verify.making.private import private
from superopt_cc.verify.making.shape import Shape, Wish
from superopt_cc.verify.making.values import Numbers

QUIET = 1 << 22
DOT = "float f(const float *a, const float *b, int n, float s) " \
      "{ for (int i = 0; i < n; i++) s += a[i] * b[i]; return s; }"  # fmt: skip
COPY = "void f(float *d, const float *s, float x, int n) " \
       "{ for (int i = 0; i < n; i++) d[i] = s[i] > x ? s[i] : x; }"  # fmt: skip


def shape_of(folder: Path, source: str, *flags: str) -> Shape:
    with Bench(job_for(folder, source, "f", flags or ("-O2",))) as bench:
        return bench.around.shape


def made(shape: Shape, count: int = 300, *, alias: bool = True) -> Iterator[tuple[Maker, Case]]:
    numbers = Numbers(5)
    for i in range(count):
        maker = Maker(shape, Wish(1 + i % 40, alias=alias), numbers)
        yield maker, maker.case()


def nans(case: Case) -> set[int]:
    """The patterns of the NaNs among the floats of a case that holds nothing else."""
    data = b"".join(o.data for o in case.objects) + b"".join(f[:4] for f in case.floats)
    words = np.frombuffer(data, np.uint32)
    return set(words[np.isnan(words.view(np.float32))].tolist())


def test_one_nan_is_in_play_where_code_computes(tmp_path: Path) -> None:
    shape = shape_of(tmp_path, DOT)
    assert shape.nans is NaNs.COMPUTED
    found = [(case, nans(case)) for _, case in made(shape, alias=False)]
    assert all(len(patterns) <= 1 for _, patterns in found)
    every = set().union(*(patterns for _, patterns in found))
    assert {p >> 31 for p in every} == {0, 1}
    assert {bool(p & QUIET) for p in every} == {True, False}
    assert all(case.strange == bool(patterns - {0xFFC00000}) for case, patterns in found)


def test_many_nans_are_in_play_where_code_moves_and_compares(tmp_path: Path) -> None:
    shape = shape_of(tmp_path, COPY)
    assert shape.nans is NaNs.MOVED
    found = [(case, nans(case)) for _, case in made(shape, alias=False)]
    assert any(len(patterns) > 2 for _, patterns in found)
    assert not any(case.strange for case, _ in found)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("double f(float x) { return x; }", NaNs.CONVERTED),
        ("float f(const float *p) { return __builtin_sqrtf(*p); }", NaNs.COMPUTED),
        ("int f(float x) { return (int)x; }", NaNs.MOVED),
        ("float f(int x) { return x; }", NaNs.MOVED),
        ("static __attribute__((noipa)) float g(float x) { return x + 1; } "
         "float f(float x) { return g(x); }", NaNs.COMPUTED),
    ],
)  # fmt: skip
def test_what_code_does_with_nans_is_read_off_it(tmp_path: Path, source: str, kind: NaNs) -> None:
    assert shape_of(tmp_path, source).nans is kind


def test_a_double_nan_is_the_float_one_widened_where_code_converts(tmp_path: Path) -> None:
    shape = shape_of(tmp_path, "double f(const float *a, double x) { return *a + x; }")
    seen = 0
    for _, case in made(shape, 900):
        narrow = nans(Case(objects=case.objects))
        (wide,) = struct.unpack("<Q", case.floats[0][:8])
        if narrow and (wide & (1 << 63) - 1) > 0x7FF << 52:
            (word,) = narrow
            assert wide == (word >> 31) << 63 | 0x7FF << 52 | (word & 0x7FFFFF) << 29
            seen += 1
    assert seen > 10


def test_a_strange_case_stays_so_when_it_is_stored() -> None:
    assert case_from_json(case_to_json(Case(strange=True))).strange


def inside(case: Case, first: int, second: int) -> int | None:
    """Offset of one pointer argument in the object of another; None if it lies elsewhere."""
    one, other = case.ints[first], case.ints[second]
    shared = isinstance(one, Ref) and isinstance(other, Ref) and one.object == other.object
    return other.offset - one.offset if shared else None


def test_pointers_name_members_whatever_the_order_of_arguments(tmp_path: Path) -> None:
    members = "struct s { char *at; int n; struct { short v[3]; } in[2]; };"
    for order, (first, second) in (
        ("struct s *p, int *q", (0, 1)),
        ("int *q, struct s *p", (1, 0)),
    ):
        shape = shape_of(tmp_path, f"{members} int f({order}) {{ p->n = 1; *q = 2; return p->n; }}")
        offsets = {inside(case, first, second) for _, case in made(shape)}
        assert 8 in offsets
        assert not {0, 4, 12, 14} & offsets


def test_pointers_are_aligned_wherever_they_lead(tmp_path: Path) -> None:
    shape = shape_of(tmp_path, "int f(char *p, int *q) { p[1] = 1; *q = 2; return p[1]; }")
    shared = 0
    for _, case in made(shape, 600):
        word = case.ints[1]
        if isinstance(word, Ref) and isinstance(word.object, int):
            assert word.offset % 4 == 0
            assert case.objects[word.object].align >= 4
            shared += word.object == getattr(case.ints[0], "object", None)
    assert shared > 20


def test_a_variable_is_named_by_pointers_only_if_something_takes_its_address(
    tmp_path: Path,
) -> None:
    source = "static int a, b; int c; int *g(void) { return &b; } int h(void) { return a; } " \
             "void f(int *p) { a++; b++; c++; *p = 1; a++; b++; c++; }"  # fmt: skip
    shape = shape_of(tmp_path, source)
    named = {w.object for _, case in made(shape, 600) for w in case.ints if isinstance(w, Ref)}
    assert {n for n in named if isinstance(n, str)} == {"b", "c"}


TEXT = """
	.text
	.globl	f
	.type	f, @function
f:
	movl	x(%rip), %eax
	{}
	ret
	.size	f, .-f
	.local	x
	.comm	x,4,4
	.section	.rodata
	.type	t, @object
	.size	t, 8
t:
	.quad	{}
"""


@pytest.mark.parametrize(
    ("instruction", "datum", "alone"),
    [
        ("addl %eax, x+4(%rip)", "0", True),
        ("movl x(,%rdi,4), %ecx", "0", True),
        ("imull $7, x(%rip), %ecx", "0", True),
        ("leaq x(%rip), %rdx", "0", False),
        ("movl $x, %edx", "0", False),
        ("movq x@GOTPCREL(%rip), %rdx", "0", False),
        ("nop", "x+4", False),
    ],
)
def test_taking_an_address_is_seen_in_code_and_data(
    instruction: str, datum: str, alone: bool
) -> None:
    unit = parse_unit(TEXT.format(instruction, datum))
    assert private(unit, ["x", "y"]) == (frozenset(["x"]) if alone else frozenset())


def test_callees_answer_many_times_in_some_cases(tmp_path: Path) -> None:
    shape = shape_of(tmp_path, "extern int g(void); int f(void) { int n = 0; while (g()) n++; "
                               "return n; }")  # fmt: skip
    counts = []
    for _, case in made(shape):
        answers = [a.rax for a in case.answers if isinstance(a.rax, int)]
        low = [a & 0xFFFFFFFF for a in answers]
        counts.append(low.index(0) if 0 in low else 0)
    assert max(counts) >= 40
    assert sum(n >= 9 for n in counts) > 20


def test_objects_grow_by_repeating_what_they_hold() -> None:
    own = ((0, Ref(1, 0)),)
    case = Case(objects=(Blob(b"\1\2"), Blob(bytes(8), 8, pointers=own), Blob(b"")))
    assert [o.data for o in grown(case, 5).objects] == [b"\1\2\1\2\1", bytes(8), b""]


def test_an_index_that_points_far_is_tried_with_a_large_object(tmp_path: Path) -> None:
    job = job_for(tmp_path, "int f(const int *p, unsigned i) { return p[i]; }", "f")
    wrong = body("f", "movl %esi, %eax\nandl $0x1fff, %eax\nmovl (%rdi,%rax,4), %eax\nret")
    with Verifier(job, QUICK) as verifier:
        words = [p.case.ints[1] for p in verifier.gathered.probes]
        assert max(word for word in words if isinstance(word, int)) > 0x2000
        assert verifier.check(wrong).verdict == "rejected"


def test_a_rewrite_that_stops_short_of_a_length_beyond_32_bits_is_rejected(tmp_path: Path) -> None:
    source = "void f(short *p, long n) { for (long i = 0; i < n; i++) p[i] = -1; }"
    short = """.Lx:
        testl %esi, %esi
        jle .Le
        movw $-1, (%rdi)
        addq $2, %rdi
        decl %esi
        jmp .Lx
        .Le:
        ret"""
    whole = short.replace("testl %esi, %esi", "testq %rsi, %rsi").replace("decl %esi", "decq %rsi")
    with Verifier(job_for(tmp_path, source, "f", ("-O1",)), QUICK) as verifier:
        wrong, right = verifier.check_many([body("f", short), body("f", whole)])
    assert (wrong.verdict, right.verdict) == ("rejected", "accepted"), (wrong, right)
