"""Traces of instrumented copies say the same as single steps; the sealed child stays sealed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from verifying import QUICK, body, job_for

from superopt_cc.errors import Ineligible
from superopt_cc.types import Origin, Reason, Rejection, Rewrite
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.gathering.bench import Bench, body_label, start_runner
from superopt_cc.verify.gathering.gather import Gatherer
from superopt_cc.verify.job import Contract
from superopt_cc.verify.judging.compare import first_difference
from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.layout import encode_batch
from superopt_cc.verify.running.runner import End, Mode
from superopt_cc.verify.running.trace import Decoder, rows_of

SOURCES = [
    "int f(const int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; }",
    "void f(char *d, const char *s) { while ((*d++ = *s++)) ; }",
    "int t[64]; void f(int i, int v) { t[i & 63] += v; t[(i + 1) & 63] = 0; }",
    "extern void e(int *); void f(int *p, int n) { for (int i = 0; i < (n & 3); i++) e(p + i); }",
    "static __attribute__((noinline)) int h(int *p) { return p[0]++; } "
    "static __attribute__((noinline)) int k(int *p, int n) { return h(p) + n; } "
    "int f(int *p, int n) { int s = 0; for (int i = 0; i < n; i++) s += k(p + i, n); return s; }",
]

# Single steps are slow: no case may run out of time for that.
PATIENT = Mode(ticks=2000)


def _without_copies(image: Image) -> Image:
    return dataclasses.replace(image, traced={})


@pytest.mark.parametrize("source", SOURCES)
def test_instrumented_copy_reports_what_single_steps_report(tmp_path: Path, source: str) -> None:
    with Bench(job_for(tmp_path, source, "f")) as bench, start_runner(bench.image) as runner:
        image, masks = bench.image, bench.around.masks
        assert image.traced
        gathered = Gatherer(
            bench.around.shape, runner, image.arena, "f", bench.decoder, masks, QUICK, 1
        ).gather()
        cases = [p.case for p in gathered.probes[::8]]
        made = plans.make(cases, (), bench.around, image.arena, 1)[0]
        batch = encode_batch(cases, image.arena, made.styles, made.seed)
        fast = bench.decoder.follow(runner, "f", batch, PATIENT, masks)
        stepper = Decoder(_without_copies(image))
        slow = stepper.follow(runner, "f", batch, PATIENT, masks)
        assert fast.results == slow.results
        ours, theirs = bench.decoder.accesses(fast.trace), stepper.accesses(slow.trace)
        for i in range(len(cases)):
            one, other = ours.between(*rows_of(fast, i)), theirs.between(*rows_of(slow, i))
            first = {tuple(r) for r in zip(one.address, one.size, one.write, strict=True)}
            second = {tuple(r) for r in zip(other.address, other.size, other.write, strict=True)}
            assert first == second
        coarse = bench.decoder.flow("f").taken(fast.trace), stepper.flow("f").taken(slow.trace)
        assert len(coarse[0]) == len(coarse[1])


def test_system_call_that_screening_missed_ends_the_child(tmp_path: Path) -> None:
    """Isolation does not rest on screening: here it is passed over on purpose."""
    with Bench(job_for(tmp_path, "int f(int x) { return x * 9; }", "f")) as bench:
        rewrite = body("f", "movl $57, %eax\nsyscall\nret")
        assert isinstance(bench.fragment(rewrite), Rejection)
        fragment = bench.parse(rewrite)
        assert not isinstance(fragment, Rejection)
        image = bench.link((fragment,))
        with start_runner(image) as runner:
            cases = plans.bulk(bench.around.shape, 1)[:50]
            made = plans.make(cases, (), bench.around, image.arena, 1)[0]
            masks = bench.around.masks
            wanted = plans.run(made, runner, image, "f", masks, stop=False)
            got = plans.run(made, runner, image, body_label(0), masks, stop=True)
            assert got.end == End.DIED
            found = first_difference(wanted, got, image.arena, image.text)
            assert found is not None
            assert found.reason == Reason.CRASH
            # The runner itself lives on.
            again = plans.run(made, runner, image, "f", masks, stop=False)
            assert again.results == wanted.results


def test_target_that_reads_uninitialised_memory_is_ineligible(tmp_path: Path) -> None:
    source = "int f(int i) { int a[4]; a[0] = 1; return a[i & 3]; }"
    with pytest.raises(Ineligible) as caught, Verifier(job_for(tmp_path, source, "f"), QUICK):
        pass
    assert caught.value.reason == "noise-dependent"


def test_local_callee_with_volatile_access_makes_its_caller_ineligible(tmp_path: Path) -> None:
    source = """
    volatile int v; static __attribute__((noinline)) void h(void) { v = 1; }
    int g; int f(int x) { g = x; h(); return x; }
    """
    with pytest.raises(Ineligible) as caught:
        job_for(tmp_path, source, "f")
    assert caught.value.reason == "callee-effects"


# For n > 16 the second load is of `g`, behind a delay that no trace sees the end of.  `g` is
# weak and may be nowhere: it may be read only where gcc's code reads it.
LATE_READ = """
movl $2, %ecx
leaq -8(%rsp), %rdx
cmpl $16, %edi
movl $40001, %eax
cmova %eax, %ecx
movq g@GOTPCREL(%rip), %rax
cmova %rax, %rdx
.Ldelay:
decl %ecx
jne .Ldelay
movl (%rdx), %ecx
leal (%rdi,%rdi), %eax
testb $1, %dil
je .Leven
movq g@GOTPCREL(%rip), %rax
movl (%rax), %eax
addl %edi, %eax
.Leven:
ret
"""


def test_accesses_behind_the_end_of_a_trace_are_not_taken_for_right(tmp_path: Path) -> None:
    weak = "extern __attribute__((weak)) int g;"
    source = f"{weak} unsigned f(unsigned n) {{ if (n & 1) return g + n; return n * 2; }}"
    job = dataclasses.replace(job_for(tmp_path, source, "f"), contract=Contract(timing_ok=True))
    with Verifier(job, QUICK) as verifier:
        early = verifier.check(body("f", LATE_READ.replace("40001", "3")))
        assert early.reason == Reason.ACCESS, early
        assert not verifier.check(body("f", LATE_READ)).accepted


def test_a_rewrite_stays_within_each_constant_that_it_brings(tmp_path: Path) -> None:
    text = (
        "f:\n\tmovdqu .LA(%rip), %xmm0\n\tmovd %xmm0, %eax\n\taddl %edi, %eax\n\tret\n"
        "\t.size f, .-f\n\t.section .rodata\n\t.align 4\n.LA:\n\t.long 5\n{more}.LB:\n\t.zero 64\n"
    )
    with Verifier(job_for(tmp_path, "int f(int x) { return x + 5; }", "f"), QUICK) as verifier:
        whole = Rewrite(text.format(more="\t.long 0, 0, 0\n"), "test", Origin.MIXED)
        assert verifier.check(whole).accepted
        beyond = verifier.check(Rewrite(text.format(more=""), "test", Origin.MIXED))
        assert beyond.reason == Reason.ACCESS, beyond
