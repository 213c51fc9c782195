"""What the tests must reach, and what they may leave out: proofs that a branch is never taken,
secrets among scalars, and the bytes that a rewrite may touch."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from verifying import QUICK, body, compiled, job_for, verdict

from superopt_cc.assembly.decode import Instruction, decode_function
from superopt_cc.assembly.registers import GPR
from superopt_cc.types import Reason
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.gathering.bench import Bench, start_runner
from superopt_cc.verify.gathering.gather import Gatherer
from superopt_cc.verify.proofs.infeasible import Infeasible, infeasible, states_before
from superopt_cc.verify.proofs.ranges import State
from superopt_cc.verify.proofs.zones import NONE
from superopt_cc.verify.running.layout import encode_batch
from superopt_cc.verify.running.runner import Mode
from superopt_cc.verify.running.trace import rows_of

SELECTION = """void f(int *a, int n) { for (int i = 0; i < n - 1; i++) { int m = i;
for (int j = i + 1; j < n; j++) if (a[j] < a[m]) m = j; int t = a[i]; a[i] = a[m]; a[m] = t; } }"""
SHELL = """void f(int *a, int n) { for (int g = n / 2; g > 0; g /= 2) for (int i = g; i < n; i++) {
int t = a[i], j; for (j = i; j >= g && a[j - g] > t; j -= g) a[j] = a[j - g]; a[j] = t; } }"""
HEAP = """static void sift(int *a, int r, int n) { while (2 * r + 1 < n) { int c = 2 * r + 1;
if (c + 1 < n && a[c] < a[c + 1]) c++; if (a[r] >= a[c]) return;
int t = a[r]; a[r] = a[c]; a[c] = t; r = c; } }
void f(int *a, int n) { for (int i = n / 2 - 1; i >= 0; i--) sift(a, i, n);
for (int e = n - 1; e > 0; e--) { int t = a[0]; a[0] = a[e]; a[e] = t; sift(a, 0, e); } }"""
RUNS = """int f(const unsigned char *p, int n, unsigned char *o) { int k = 0, i = 0; while (i < n) {
int j = i; while (j < n && p[j] == p[i] && j - i < 255) j++; o[k++] = j - i; o[k++] = p[i]; i = j; }
return k; }"""
REVERSE = """void f(char *s) { char *e = s; while (*e) e++;
while (s < e) { char t = *s; *s++ = *--e; *e = t; } }"""
VARINT = """int f(const unsigned char *p, unsigned long n, unsigned long *out) {
unsigned long v = 0; for (unsigned long i = 0; i < n && i < 10; i++) { unsigned char b = p[i];
if (i == 9 && b > 1) return -2; v |= (unsigned long)(b & 127) << 7 * i;
if (!(b & 128)) { *out = v; return i + 1; } } return -1; }"""
# Every instruction that is modelled, in several widths, on values of all kinds.
MIXED = """long f(int a, long b, unsigned c, signed char d, unsigned short e, unsigned *p) {
long s = 0; int x = a / 2, y = a >> 31; unsigned u = c >> 3; if (a > b) s += x - y;
if (c < 100) u <<= 2; if (d < 0) s -= d; else s += e; if (e & 0x80) s ^= u; if (p[0] < c) s += p[0];
for (int i = 0; i < (a & 15); i++) { s = s * 2 - i; if (s < b) s = b; if ((int)s == -1) break; }
if ((unsigned)(a - 5) <= 20) s |= 3; if (-a > x) s--; return s > 0 ? s : u; }"""


def body_of(folder: Path, text: str) -> tuple[Instruction, ...]:
    """The decoded body of function f of an assembler text."""
    (folder / "body.s").write_text(text)
    subprocess.run(["as", "-o", folder / "body.o", folder / "body.s"], check=True)
    return decode_function(folder / "body.o", "f")


def proved(folder: Path, instructions: str) -> set[tuple[str, str]]:
    """What is proved never to be taken, as (jump, where it would lead)."""
    found = body_of(folder, body("f", instructions).text)
    names = {i.address: i.text for i in found}
    edges = infeasible(found, found[0].address).edges
    return {(names[one].split()[0], names[other]) for one, other in edges}


@pytest.mark.parametrize("source", [SELECTION, SHELL, HEAP, RUNS, REVERSE, VARINT])
def test_branches_that_outer_conditions_imply_need_no_input(tmp_path: Path, source: str) -> None:
    with Verifier(job_for(tmp_path, source, "f"), QUICK) as verifier:
        assert verifier.gap == ""
        assert verifier.gathered.flow.infeasible
        assert verifier.gathered.covered >= verifier.gathered.flow.edges


@pytest.mark.parametrize(
    ("guard", "inner", "dead"),
    [
        ("cmpl $5, %edi\njle .Le", "cmpl $5, %edi\njg .Lt\nnop", {("jg", "nop ")}),
        ("cmpl %esi, %edi\njge .Le", "movl %edi, %eax\ncmpl %esi, %eax\nje .Lt\nnop",
         {("je", "mov eax, 1")}),
        ("cmpl $10, %edi\nja .Le", "testl %edi, %edi\njs .Lt\nnop", {("js", "mov eax, 1")}),
        ("testl %edi, %edi\njle .Le", "subl $1, %edi\njs .Lt\nnop", {("js", "mov eax, 1")}),
        ("movl $1, %eax", "testb $1, %al\nje .Lt\nnop", {("je", "mov eax, 1")}),
        ("movl $2, %eax", "testb $1, %al\nje .Lt\nnop", {("je", "nop ")}),
        ("cmpl $8, %edi\njl .Le", "andl $-8, %edi\ncmpl $8, %edi\njl .Lt\nnop",
         {("jl", "mov eax, 1")}),
        ("cmpl $8, %edi\njl .Le", "andl $-16, %edi\ncmpl $8, %edi\njl .Lt\nnop", set()),
        ("cmpl $1, %edi\njne .Le", "testb $2, %sil\nje .Lt\nnop", set()),
        # What wraps around is not implied.
        ("cmpl %esi, %edi\njge .Le", "addl $1, %esi\ncmpl %esi, %edi\njge .Lt\nnop", set()),
        ("cmpl $5, %edi\njle .Le", "addl $1, %edi\ncmpl $5, %edi\njle .Lt\nnop", set()),
        ("cmpq $5, %rdi\njle .Le", "cmpl $5, %edi\njle .Lt\nnop", set()),
        ("cmpl $5, %edi\njle .Le", "cmpq $5, %rdi\njle .Lt\nnop", set()),
        ("cmpl %esi, %edi\njae .Le", "cmpl %esi, %edi\njge .Lt\nnop", set()),
        ("cmpb $5, %dil\njle .Le", "cmpl $5, %edi\njle .Lt\nnop", set()),
        ("cmpl $5, %edi\njle .Le", "movb %sil, %dil\ncmpl $5, %edi\njle .Lt\nnop", set()),
        ("cmpl $5, (%rdi)\njle .Le", "cmpl $5, (%rdi)\njle .Lt\nnop", set()),
        ("cmpl $5, %edi\njle .Le", "call g\ncmpl $5, %edi\njle .Lt\nnop", set()),
        ("shrl $1, %edi\nje .Le", "cmpl $0, %edi\njl .Lt\nnop", {("jl", "mov eax, 1")}),
        ("cmpq $0, %rdi\njl .Le", "shlq $3, %rdi\njs .Lt\nnop", set()),
        ("leaq 8(%rdi), %rax\ncmpq %rdi, %rax\nje .Le", "cmpq %rdi, %rax\njb .Lt\nnop", set()),
    ],
)  # fmt: skip
def test_only_what_follows_for_every_machine_state_is_proved(
    tmp_path: Path, guard: str, inner: str, dead: set[tuple[str, str]]
) -> None:
    ends = "xorl %eax, %eax\nret\n.Lt:\nmovl $1, %eax\nret\n.Le:\nmovl $2, %eax\nret"
    text = f"{guard}\n{inner}\n{ends}"
    assert {(a, b.strip()) for a, b in proved(tmp_path, text)} == {(a, b.strip()) for a, b in dead}


def test_a_wrong_rewrite_cannot_hide_behind_a_branch_that_looks_redundant(tmp_path: Path) -> None:
    source = "int f(int x, int y) { return x < y ? y - x : 0; }"
    # y - x overflows: then the second branch is taken.
    text = (
        "xorl %eax, %eax\ncmpl %esi, %edi\njge .Le\nmovl %esi, %eax\nsubl %edi, %eax\n"
        "testl %eax, %eax\njs .Lw\n.Le:\nret\n.Lw:\nmovl $7, %eax\nret"
    )
    assert proved(tmp_path, text) == set()
    assert verdict(tmp_path, source, "f", body("f", text)).reason == Reason.RESULT


def _signed(word: int, bits: int) -> int:
    word &= (1 << bits) - 1
    return word - (word >> (bits - 1) << bits)


def _holds(state: State, row: np.typing.NDArray[np.uint64]) -> bool:
    """Is a row of a trace one of the states?"""
    words = [int(w) for w in row[1:]]
    values = [0]
    for word in words:
        values += [_signed(word, 32), 2 * _signed(word, 32), _signed(word, 64)]
    bounds = state.zone.bounds[: len(values), : len(values)]
    rough = np.array(values, dtype=np.float64)
    # Only where rounding leaves doubt the numbers themselves are compared.
    near = (bounds < NONE) & (rough[:, None] - rough[None, :] > bounds - 2.0**13)
    return all(values[x] - values[y] <= int(bounds[x, y]) for x, y in np.argwhere(near).tolist())


def _rows(folder: Path, source: str, args: Sequence[str]) -> Iterator[tuple[list[State], bool]]:
    """What is claimed before each instruction of real runs, and whether it is so."""
    assert len(GPR) == 16
    with Bench(job_for(folder, source, "f", args)) as bench, start_runner(bench.image) as runner:
        image, masks, decoder = bench.image, bench.around.masks, bench.decoder
        gathered = Gatherer(
            bench.around.shape, runner, image.arena, "f", decoder, masks, QUICK, 1
        ).gather()
        short = sorted((p for p in gathered.probes if p.steps < 300), key=lambda p: p.steps)
        cases = [p.case for p in short[::-60]]
        made = plans.make(cases, (), bench.around, image.arena, 1)[0]
        batch = encode_batch(cases, image.arena, made.styles, made.seed)
        run = decoder.follow(runner, "f", batch, Mode(ticks=2000), masks)
        before = states_before(decoder.body("f"), decoder.start("f"))
        own = decoder.flow("f").addresses
        for i in range(run.done):
            first, last = rows_of(run, i)
            for row in (r for r in run.trace[first:last] if int(r[0]) in own):
                states = before.get(int(row[0]), [])
                yield states, any(_holds(state, row) for state in states)


@pytest.mark.parametrize("source", [SELECTION, SHELL, HEAP, RUNS, REVERSE, MIXED])
@pytest.mark.parametrize("args", [("-O3",), ("-O1",)])
def test_what_is_claimed_of_registers_holds_in_real_runs(
    tmp_path: Path, source: str, args: Sequence[str]
) -> None:
    rows = list(_rows(tmp_path, source, args))
    assert len(rows) > 100
    assert all(holds for _, holds in rows)


def test_code_that_jumps_through_a_register_is_not_judged(tmp_path: Path) -> None:
    text = "xorl %eax, %eax\ntestl %eax, %eax\nje .Le\njmp *%rdi\n.Le:\nret"
    found = body_of(tmp_path, body("f", text).text)
    assert infeasible(found, 0) == Infeasible()


MASKED = """void f(unsigned *a, unsigned *b, int n, unsigned m)
{ for (int i = 0; i < n; i++) { unsigned t = (a[i] ^ b[i]) & m; a[i] ^= t; b[i] ^= t; } }"""
EARLY = MASKED.replace("{ for", "{ if (m) for", 1)
BLOCKS = """int f(const int *a, unsigned n, int m)
{ int s = 0; for (unsigned i = 0; i < n >> 4; i++) s += a[i] & m; return s; }"""
GUARDED = """int f(const int *a, unsigned n, int m)
{ if (n < 16) return 0; int s = 0; for (unsigned i = n >> 4; i; i--) s += *a++ & m; return s; }"""
TABLE = """static const unsigned char T[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
int f(unsigned i) { return T[i & 15]; }"""
BEHIND = """leaq T(%rip), %rdx
andl $15, %edi
movzbl (%rdx,%rdi), %eax
cmpl $77, %edi
movzbl {at}(%rdx), %ecx
ret"""
LIMITS = """struct s { int n, limit; }; static struct s g = {5, 9};
void set(int n) { g.n = n; g.limit = n; } int f(int x) { return x < g.n ? x : g.limit; }"""


def test_a_branch_on_a_mask_is_refused_though_the_length_is_branched_on(tmp_path: Path) -> None:
    with Verifier(job_for(tmp_path, MASKED, "f", ("-O2",)), QUICK) as verifier:
        kinds = {group.kind for group in verifier.gathered.groups}
        assert kinds == {"memory", "ints 3"}
        answer = verifier.check(compiled(tmp_path, EARLY, ("-O1",)))
        assert answer.reason == Reason.TIMING, answer
        assert verifier.check(compiled(tmp_path, MASKED, ("-O1",))).accepted


def test_a_length_that_counts_by_blocks_is_no_secret(tmp_path: Path) -> None:
    answer = verdict(tmp_path, BLOCKS, "f", compiled(tmp_path, GUARDED, ("-O1",)))
    assert answer.accepted, answer


@pytest.mark.parametrize(("at", "refused"), [(15, False), (16, True), (-1, True)])
def test_reads_beside_a_table_are_refused_even_of_its_own_block(
    tmp_path: Path, at: int, refused: bool
) -> None:
    answer = verdict(tmp_path, TABLE, "f", body("f", BEHIND.format(at=at)))
    assert (answer.reason == Reason.ACCESS) == refused, answer


@pytest.mark.parametrize(("at", "refused"), [(4, False), (8, True), (-4, True)])
def test_reads_beside_a_variable_are_refused_even_of_its_own_block(
    tmp_path: Path, at: int, refused: bool
) -> None:
    text = "movl g(%rip), %eax\nmovl g{:+}(%rip), %ecx\nmovl g+4(%rip), %edx\n"
    text += "cmpl %eax, %edi\ncmovll %edi, %edx\nmovl %edx, %eax\nret"
    answer = verdict(tmp_path, LIMITS, "f", body("f", text.format(at)))
    assert (answer.reason == Reason.ACCESS) == refused, answer


def test_accesses_are_compared_on_every_short_input(tmp_path: Path) -> None:
    # Only for one value, which a directed input holds, the rewrite looks at the next word.
    source = "int f(const int *p, unsigned n) { return n ? p[0] : n == 0; }"
    text = (
        "movl $1, %eax\ntestl %esi, %esi\nje .Le\nmovq %rdi, %rdx\nleaq 128(%rdi), %rcx\n"
        "cmpl $65537, %esi\ncmove %rcx, %rdx\nmovl (%rdi), %eax\nmovl (%rdx), %ecx\n.Le:\nret"
    )
    answer = verdict(tmp_path, source, "f", body("f", text))
    assert answer.verdict == "rejected", answer
