"""Inputs on which compared values meet: what is reported, how gaps close, what falls by it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from verifying import body, compiled, job_for, verdict

from superopt_cc.assembly.closure import Body
from superopt_cc.assembly.fragment import Fragment
from superopt_cc.cases import Blob, Case, Ref
from superopt_cc.verify.gathering.bench import Bench, body_label
from superopt_cc.verify.gathering.compared import FAR, relations
from superopt_cc.verify.gathering.solving import Slope, alone, between, flipped, together
from superopt_cc.verify.gathering.watching import Watching
from superopt_cc.verify.running.trace import Decoder

_SOURCE = "int f(const int *p, long n, double x) { return p[n] + (x > 2) + p[0]; }"
_WORDS = (7, -3, 1000, 5)


def _gaps(folder: Path, instructions: str, n: int, x: float) -> dict[str, list[int]]:
    """What each comparison of a body reports on one input, by the instruction's text."""
    data = struct.pack("<4i", *_WORDS)
    case = Case(ints=(Ref(0, 0), n), floats=(struct.pack("<2d", x, 0),), objects=(Blob(data, 16),))
    with Bench(job_for(folder, _SOURCE, "f")) as bench:
        fragment = bench.parse(body("f", instructions))
        assert isinstance(fragment, Fragment)
        decoded = Decoder(bench.link((fragment,))).body(body_label(0))
        found = relations(decoded)
        with Watching(bench, Body("f", fragment, -1), found, ()) as watching:
            reports = watching.run(watching.encoded((case,), 1), 100)
            assert reports.count == 1
            return {
                f"{decoded[r.watch.number].name} {r.kind}": reports.of(r).gap.tolist()
                for r in found
            }


@pytest.mark.parametrize(
    ("instructions", "what", "gap"),
    [
        ("cmpl $5, (%rdi)\nsetl %al", "cmp difference", [2]),
        ("cmpl $5, 4(%rdi)\nsetb %al", "cmp difference", [(1 << 32) - 3 - 5]),
        ("cmpq %rsi, -8(%rdi,%rsi,8)\nseta %al", "cmp difference", [(5 << 32 | 1000) - 2]),
        ("cmpb $9, 4(%rdi)\nsetl %al", "cmp difference", [-3 - 9]),
        ("movl $0x1234, %eax\ncmpb $2, %ah\nsetae %al", "cmp difference", [0x12 - 2]),
        ("movl $77, %eax\npushq %rax\ncmpl $70, (%rsp)\nsetae %al\npopq %rcx",
         "cmp difference", [7]),
        ("testq %rsi, %rsi\nsets %al", "test left", [2]),
        ("movl $6, %eax\nandl 8(%rdi), %eax\nsetne %al", "and both", [1000 & 6]),
        ("movl $-9, %eax\naddl %esi, %eax\nsets %al", "add sum", [-7]),
        ("movl $0x7ffffff0, %eax\naddl %esi, %eax\nseto %al", "add over", [0x7FFFFFF2 - (1 << 31)]),
        ("movq %rsi, %rax\nmulq (%rdi)\nsetc %al", "mul product",
         [2 - ((1 << 64) - 1) // (((1 << 32) - 3) << 32 | 7)]),
        ("movabsq $0x3ff8000000000001, %rax\nmovq %rax, %xmm1\nucomisd %xmm1, %xmm0\nseta %al",
         "ucomisd floats", [-1]),
        ("movq 8(%rdi), %xmm1\npcmpeqd (%rdi), %xmm1\nmovd %xmm1, %eax", "pcmpeqd lanes",
         [1000 - 7, 5 + 3, -1000, -5]),
    ],
)  # fmt: skip
def test_a_watched_body_reports_what_it_compares(
    tmp_path: Path, instructions: str, what: str, gap: list[int]
) -> None:
    found = _gaps(tmp_path, f"{instructions}\nret", 2, 1.5)
    assert found[what] == gap


def test_watching_changes_no_flag_and_no_register(tmp_path: Path) -> None:
    found = _gaps(
        tmp_path,
        """cmpl $5, (%rdi)
        seta %al
        cmpl $7, (%rdi)
        jne .Lwrong
        cmpb $1, %al
        jne .Lwrong
        cmpl $1000, 8(%rdi)
        ret
        .Lwrong:
        cmpl $4, 12(%rdi)
        ret""",
        2, 1.5,
    )  # fmt: skip
    assert list(found.values()) == [[]]  # all go by one name, and the last is never reached


def test_a_gap_to_no_number_is_far(tmp_path: Path) -> None:
    found = _gaps(tmp_path, "ucomisd %xmm0, %xmm0\nsetp %al\nret", 0, float("nan"))
    assert found["ucomisd floats"] == [FAR]


def test_changes_are_worked_out_from_slopes() -> None:
    assert {0: 30} in alone([Slope(0, 10, 32, 5)], 100, 32)
    # 3 * x = 1 modulo 2^32
    assert {0: 0xAAAAAAAB} in alone([Slope(0, 0, 32, 3)], 1, 32)
    assert list(alone([Slope(0, 250, 8, 1)], 10, 32)) == []  # a byte holds no more than 255
    bytes_full = [Slope(n, 200, 8, 1 + n) for n in range(4)]
    for solution in together(bytes_full, 231):
        assert sum((value - 200) * (1 + n) for n, value in solution.items()) == 231
    # Bits 0, 2 and 3 together, though bit 3 alone leads away; of bytes the largest that fits.
    assert [1, 4, 8] in flipped([(1, 1), (2, 2), (4, 4), (8, -8)], -3)
    assert [2, 0] in flipped([(0, 30), (1, 200), (2, 70)], 99)
    assert between(3, 6, 9) == [4, 5]
    assert len(between(0, 1 << 40, 9)) == 9


@pytest.mark.parametrize(
    ("target", "other"),
    [
        ("unsigned s = 0; for (int i = 0; i < n; i++) s += p[i] * 3u; return s > 44442;", ">="),
        ("unsigned s = 9; for (int i = 0; i < n; i++) s = s * 31 + p[i]; return s > 123456789;",
         ">="),
    ],
)  # fmt: skip
def test_a_sum_that_is_equal_at_the_end_tells_more_from_not_less(
    tmp_path: Path, target: str, other: str
) -> None:
    head = "int f(const unsigned char *p, int n) {"
    wrong = compiled(tmp_path, f"{head} {target.replace('>', other)} }}", ("-O1",))
    found = verdict(tmp_path, f"{head} {target} }}", "f", wrong)
    assert found.verdict == "rejected"
