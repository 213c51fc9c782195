"""Where things lie must not matter: a rewrite that looks at any bit of an address always falls.

The bit is added to the result, so that no branch and no rule on instructions tells.  In any one run
half of these would pass: each is caught because gcc's code and rewrite are compared once more with
all bits of all addresses turned round.  Frames and data are no better aligned than is promised.
"""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest
from verifying import QUICK, body, compiled, job_for, verdict

from superopt_cc.types import Origin, Reason, Rewrite
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.running.image import Addresses
from superopt_cc.verify.telling.examples import addresses_of
from superopt_cc.verify.telling.replaying import replay

SUM = "int f(const int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; }"
ADD_UP = (
    "xorl %eax, %eax\ntestl %esi, %esi\njle .Le\nmovl %esi, %esi\n.Ll:\naddl (%rdi), %eax\n"
    "addq $4, %rdi\ndecq %rsi\njne .Ll\n.Le:"
)
ABSOLUTE = "int f(int x) { return x < 0 ? -x : x; }"
NEGATE = "movl %edi, %eax\nnegl %eax\ncmovsl %edi, %eax"
TABLE = "int t[8]; int f(int x) { return t[x & 7]; }"
LOOK_UP = "andl $7, %edi\nleaq t(%rip), %rdx\nmovl (%rdx,%rdi,4), %eax"
DOUBLE = "void f(double *p) { p[0] *= 2; p[1] *= 2; p[2] *= 2; p[3] *= 2; }"
BITS = range(12, 47, 3)


def spilled(at: int) -> Rewrite:
    """Keeps 32 bytes at `at`(%rsp), as if that were always a multiple of 32."""
    return body(
        "f",
        f"vmovupd (%rdi), %ymm0\nvmovapd %ymm0, {at}(%rsp)\nvmovapd {at}(%rsp), %ymm1\n"
        "vaddpd %ymm1, %ymm0, %ymm0\nvmovupd %ymm0, (%rdi)\nvzeroupper\nret",
    )


def with_bit(code: str, register: str, bit: int) -> Rewrite:
    """The code, its result one more where that bit of the register is set."""
    save = f"movq {register}, %r8\nshrq ${bit}, %r8\nandl $1, %r8d\n"
    first, after = (save, "") if register != "%rdx" else ("", save)
    return body("f", f"{first}{code}\n{after}addl %r8d, %eax\nret")


def all_fall(folder: Path, source: str, rewrites: list[Rewrite]) -> None:
    with Verifier(job_for(folder, source, "f"), QUICK) as verifier:
        answers = [verifier.check(rewrite) for rewrite in rewrites]
    accepted = [number for number, a in enumerate(answers) if a.verdict != "rejected"]
    assert not accepted
    assert {a.reason for a in answers} <= {Reason.RESULT, Reason.INSTRUCTION}


def test_no_bit_of_a_pointer_may_matter(tmp_path: Path) -> None:
    all_fall(tmp_path, SUM, [with_bit(ADD_UP, "%rdi", bit) for bit in BITS])


def test_no_bit_of_the_stack_pointer_may_matter(tmp_path: Path) -> None:
    all_fall(tmp_path, ABSOLUTE, [with_bit(NEGATE, "%rsp", bit) for bit in (4, 5, *BITS)])


def test_no_bit_of_a_variables_address_may_matter(tmp_path: Path) -> None:
    all_fall(tmp_path, TABLE, [with_bit(LOOK_UP, "%rdx", bit) for bit in range(12, 31, 2)])


def test_frames_are_aligned_to_no_more_than_16_bytes(tmp_path: Path) -> None:
    options = ("-O3", "-mavx")
    for at in (-56, -40):
        answer = verdict(tmp_path, DOUBLE, "f", spilled(at), options)
        assert answer.verdict == "rejected", at


def clearing(variable: str, store: str) -> Rewrite:
    return body("f", f"vpxor %xmm0, %xmm0, %xmm0\n{store}, {variable}(%rip)\nvzeroupper\nret")


ALIGNED_16, ALIGNED_32 = "vmovdqa %xmm0, v+16(%rip)\nvmovdqa %xmm0", "vmovdqa %ymm0"
VARIABLES = [
    ("a structure", "struct s { long w[4]; }", "v", {ALIGNED_16: False, ALIGNED_32: False}),
    ("an array", "long", "v[4]", {ALIGNED_16: True, ALIGNED_32: False}),
    ("one declared so", "__attribute__((aligned(32))) struct s { long w[4]; }", "v",
     {ALIGNED_16: True, ALIGNED_32: True}),
    ("a declared array", "long __attribute__((aligned(32)))", "v[4]",
     {ALIGNED_16: True, ALIGNED_32: True}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "right"), [v[1:] for v in VARIABLES],
                         ids=[v[0] for v in VARIABLES])  # fmt: skip
def test_variables_of_other_units_are_aligned_as_declared(
    tmp_path: Path, kind: str, name: str, right: dict[str, bool]
) -> None:
    source = f"extern {kind} {name}; void f(void) {{ __builtin_memset(&v, 0, 32); }}"
    with Verifier(job_for(tmp_path, source, "f", ("-O3", "-mavx2")), QUICK) as verifier:
        answers = {store: verifier.check(clearing("v", store)) for store in right}
    assert {s: a.accepted or a.reason is Reason.COPY for s, a in answers.items()} == right


@pytest.mark.parametrize(("align", "before"), [(4, ""), (8, ".long 7"), (8, ""), (16, ".byte 1")])
def test_constants_of_a_rewrite_are_aligned_as_it_says(
    tmp_path: Path, align: int, before: str
) -> None:
    source = "void f(int *p) { p[0] = 1; p[1] = 2; p[2] = 3; p[3] = 5; }"
    text = (
        "f:\n\tmovaps .LX(%rip), %xmm0\n\tmovups %xmm0, (%rdi)\n\tret\n\t.size f, .-f\n"
        f"\t.section .rodata\n.LA:\t{before}\n\t.align {align}\n.LX:\t.long 1, 2, 3, 5\n"
    )
    answer = verdict(tmp_path, source, "f", Rewrite(text, "test", Origin.MIXED))
    assert answer.accepted == (align == 16), answer
    assert answer.accepted or "misaligned" in answer.detail


BOTH = "pxor %xmm0, %xmm0\nmovups %xmm0, {}(%rip)\nret"
ADDED = (
    "movups {}(%rip), %xmm0\nmovaps %xmm0, %xmm1\npsrldq $8, %xmm1\npaddq %xmm1, %xmm0\n"
    "movq %xmm0, %rax\nret"
)


@pytest.mark.parametrize("linkage", ["", "static ", "extern "])
def test_variables_are_not_taken_for_neighbours(tmp_path: Path, linkage: str) -> None:
    before = f"{linkage}long a, b; void set(long x, long y) {{ a = x; b = y; }}\n"
    clear = before + "long f(void) { a = 0; b = 0; return 0; }"
    add = before + "long f(void) { return a + b; }"
    for first in "ab":
        for source, code in ((clear, f"xorl %eax, %eax\n{BOTH}"), (add, ADDED)):
            answer = verdict(tmp_path, source, "f", body("f", code.format(first)))
            assert answer.verdict == "rejected", (source, first)


def test_variable_that_is_surely_there_may_be_read_early(tmp_path: Path) -> None:
    source = "extern int w{}; int f(int *p) {{ if (*p) {{ *p = w; return 1; }} return 0; }}"
    code = (
        "movl w(%rip), %ecx\nxorl %eax, %eax\ncmpl $0, (%rdi)\nje .Le\nmovl %ecx, (%rdi)\n"
        "movl $1, %eax\n.Le:\nret"
    )
    answer = verdict(tmp_path, source.format(""), "f", body("f", code), ("-O3", "-fno-pie"))
    assert answer.accepted, answer
    weak = source.format(" __attribute__((weak))")
    answer = verdict(tmp_path, weak, "f", body("f", code), ("-O3", "-fno-pie"))
    assert (answer.verdict, answer.reason) == ("rejected", Reason.ACCESS), answer


def test_counterexample_replays_where_it_was_found(tmp_path: Path) -> None:
    job = job_for(tmp_path, SUM, "f")
    for bit in (21, 33):
        rewrite = with_bit(ADD_UP, "%rdi", bit)
        with Verifier(job, QUICK) as verifier:
            answer = verifier.check(rewrite)
        assert answer.counterexample is not None
        again = [replay(job, rewrite, answer.counterexample) for _ in range(4)]
        assert {a.verdict for a in again} == {"rejected"}


def test_addresses_of_a_foreign_counterexample_are_refused(tmp_path: Path) -> None:
    for wrong in ({"base": 0, "data": 0, "slot": 0, "stack": 7}, {"base": 1}, {"base": "x"}):
        with pytest.raises((TypeError, ValueError)):
            addresses_of({"addresses": wrong})
    own = Addresses.random(random.Random(3))
    assert addresses_of({"addresses": dataclasses.asdict(own)}) == own


def test_right_code_passes_wherever_it_lies(tmp_path: Path) -> None:
    for source, code in ((SUM, ADD_UP), (TABLE, LOOK_UP)):
        answer = verdict(tmp_path, source, "f", body("f", f"{code}\nret"))
        assert answer.verdict == "accepted", answer


ENDS = {
    "line": (
        "unsigned long f(const unsigned char *s, const unsigned char *e)"
        "{ const unsigned char *b = s; while (s < e && *s != 10) s++; return s - b; }"
    ),
    "sorted": (
        "int f(const int *a, const int *e)"
        "{ if (a == e) return 1; for (a++; a < e; a++) if (a[-1] > a[0]) return 0; return 1; }"
    ),
    "count": (
        "int f(const char *s, const char *e, char c) { int n = 0; while (s < e) n += *s++ == c;"
        "return n; }"
    ),
    "backwards": (
        "const short *f(const short *s, const short *e, short c)"
        "{ while (e > s) if (*--e == c) return e; return 0; }"
    ),
    "fill": "void f(int *s, int *e, int v) { while (s < e) *s++ = v; }",
}


@pytest.mark.parametrize("name", ENDS)
def test_which_of_two_objects_lies_first_decides_nothing(tmp_path: Path, name: str) -> None:
    right = compiled(tmp_path, ENDS[name], ("-O1",))
    answer = verdict(tmp_path, ENDS[name], "f", right)
    assert answer.accepted, answer
