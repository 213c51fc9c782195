"""Timing real code; only factors of hundreds and things that no clock decides are asserted."""

from __future__ import annotations

import json
import random
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.unit import Unit
from superopt_cc.cases import Answer, Blob, Case, Ref, Store
from superopt_cc.cost import lock
from superopt_cc.cost.callers import Result
from superopt_cc.cost.protocol import Timer, measure
from superopt_cc.cost.session import CandidateFailed
from superopt_cc.errors import SuperoptError
from superopt_cc.types import to_json

CompileUnit = Callable[[str], Unit]
TakeFragment = Callable[[str, str], Fragment]

IDENTITY = "unsigned f(unsigned x) { return x + 1; }"
SLOW = """unsigned f(unsigned x) {
    for (volatile int i = 0; i < 1000; i++) {}
    return x + 1;
}"""
CRASH = "unsigned f(unsigned x) { return *(volatile unsigned *)16 + x; }"
ENDLESS = "unsigned f(unsigned x) { for (;;) *(volatile unsigned *)&x = 1; }"


@pytest.fixture(autouse=True)
def own_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests in parallel must not wait for each other: they do not report numbers."""
    monkeypatch.setattr(lock, "lock_folder", lambda: tmp_path / "lock")


def test_a_slow_rewrite_is_reported_slower_with_all_fields(
    unit: CompileUnit, fragment: TakeFragment, numbers: tuple[Case, ...]
) -> None:
    found = measure(
        unit(IDENTITY), "f", fragment(SLOW, "f"), numbers,
        seed=1, result=Result.INTEGER, budget=30.0,
    )  # fmt: skip
    assert found.speedup < 0.2
    assert found.interval[0] <= found.speedup <= found.interval[1]
    assert found.latency < 0.2
    assert found.throughput < 0.2
    assert not found.significant
    assert {"throughput", "latency", "random", "steady", "size 0-3"} <= set(found.slower_in)
    assert {"cpu", "placements", "rounds", "discarded rounds", "load", "timer", "inputs"} <= set(
        found.conditions
    )
    json.dumps(to_json(found))


def test_a_fast_rewrite_of_slow_code_is_faster_in_both_shapes(
    unit: CompileUnit, fragment: TakeFragment, numbers: tuple[Case, ...]
) -> None:
    timer = Timer(unit(SLOW), "f", numbers, seed=1, result=Result.INTEGER)
    found = timer.confirm(fragment(IDENTITY, "f"), 30.0)
    assert found.speedup > 5.0
    assert found.latency > 5.0
    assert found.throughput > 5.0


def test_candidates_are_ranked_and_failures_named(
    unit: CompileUnit, fragment: TakeFragment, numbers: tuple[Case, ...]
) -> None:
    timer = Timer(unit(SLOW), "f", numbers, seed=2, result=Result.INTEGER)
    offered = [fragment(text, "f") for text in (CRASH, SLOW, IDENTITY, ENDLESS)]
    found = timer.compare(offered, 30.0)
    assert [r.index for r in found][:2] == [2, 1]
    assert {r.index: r.failure for r in found} == {0: "crash", 1: "", 2: "", 3: "timeout"}
    assert found[0].speedup > 5.0
    assert 0.5 < found[1].speedup < 2.0


def test_a_clearly_slower_candidate_stops_early(
    unit: CompileUnit, fragment: TakeFragment, numbers: tuple[Case, ...]
) -> None:
    timer = Timer(unit(IDENTITY), "f", numbers, seed=2, result=Result.INTEGER)
    (found,) = timer.compare([fragment(SLOW, "f")], 30.0)
    assert found.stopped
    assert found.speedup < 0.2


@pytest.mark.parametrize(("text", "failure"), [(CRASH, "crash"), (ENDLESS, "timeout")])
def test_a_rewrite_that_fails_while_timed_is_reported(
    unit: CompileUnit,
    fragment: TakeFragment,
    numbers: tuple[Case, ...],
    text: str,
    failure: str,
) -> None:
    timer = Timer(unit(IDENTITY), "f", numbers, seed=1, result=Result.INTEGER)
    with pytest.raises(CandidateFailed) as caught:
        timer.confirm(fragment(text, "f"), 30.0)
    assert caught.value.failure == failure


def test_a_rewrite_cannot_make_system_calls(unit: CompileUnit, numbers: tuple[Case, ...]) -> None:
    timer = Timer(unit(IDENTITY), "f", numbers, seed=1, result=Result.INTEGER)
    body = Fragment("f", ("\tmovl\t$39, %eax", "\tsyscall", "\tret"))
    with pytest.raises(CandidateFailed) as caught:
        timer.confirm(body, 30.0)
    assert caught.value.failure == "crash"


def test_a_target_that_crashes_is_not_blamed_on_the_rewrite(
    unit: CompileUnit, fragment: TakeFragment, numbers: tuple[Case, ...]
) -> None:
    timer = Timer(unit(CRASH), "f", numbers, seed=1, result=Result.INTEGER)
    with pytest.raises(SuperoptError, match="target itself"):
        timer.confirm(fragment(IDENTITY, "f"), 30.0)


FIRST_TIME = """void f(unsigned char *a, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        if (a[i] != 0xA5) *(volatile char *)16 = 0;
        a[i] = 0x5A;
    }
}"""


def test_memory_is_restored_before_every_call(unit: CompileUnit, fragment: TakeFragment) -> None:
    """The code crashes on any byte that was not put back."""
    cases = [
        Case(ints=(Ref(0, 0), n), objects=(Blob(b"\xa5" * n, 1),), size=n) for n in range(1, 120)
    ]
    found = measure(
        unit(FIRST_TIME), "f", fragment(FIRST_TIME, "f"), cases,
        seed=3, result=Result.MEMORY, budget=30.0,
    )  # fmt: skip
    assert set(found.strata) == {"0-3", "4-15", "16-63", "64-1023"}


COUNTER = """static unsigned calls = 7;
unsigned f(unsigned x) {
    if (calls < 7 || calls > 7 + 64) *(volatile char *)16 = 0;
    return calls++ + x;
}"""


def test_writable_globals_are_restored_before_every_block(
    unit: CompileUnit, fragment: TakeFragment, numbers: tuple[Case, ...]
) -> None:
    measure(
        unit(COUNTER), "f", fragment(COUNTER, "f"), numbers,
        seed=1, result=Result.INTEGER, budget=30.0,
    )  # fmt: skip


GLOBALS = """extern int table[8]; extern int *link;
int f(int i) {
    if (table[i & 7] != 40 + (i & 7) || *link != 99) *(volatile char *)16 = 0;
    return table[i & 7];
}"""


def test_globals_and_pointers_in_them_hold_what_the_case_says(
    unit: CompileUnit, fragment: TakeFragment
) -> None:
    table = b"".join((40 + i).to_bytes(4, "little") for i in range(8))
    cases = [
        Case(
            ints=(i,),
            objects=(Blob((99).to_bytes(4, "little"), 4, False),),
            globals={"table": table, "link": bytes(8)},
            global_pointers=(("link", 0, Ref(0, 0)),),
        )
        for i in range(20)
    ]
    measure(
        unit(GLOBALS), "f", fragment(GLOBALS, "f"), cases,
        seed=1, result=Result.INTEGER, budget=30.0,
    )  # fmt: skip


CALLS = """int next(int *); void *memcpy(void *, const void *, unsigned long);
int f(int *a, int *b) {
    int sum = 0, got;
    while ((got = next(a)) != -1) sum += got + *a;
    if (sum != 1 + 2 + 3 + 5 + 5 + 5) *(volatile char *)16 = 0;
    memcpy(b, a, 40);
    return sum;
}"""


def test_calls_out_are_answered_as_the_case_says(unit: CompileUnit, fragment: TakeFragment) -> None:
    stored = (Store(0, 0, (5).to_bytes(4, "little")),)
    answers = (Answer(1, stores=stored), Answer(2), Answer(3), Answer(0xFFFFFFFF))
    objects = (Blob(bytes(40), 4, False), Blob(bytes(40), 4))
    case = Case(ints=(Ref(0, 0), Ref(1, 0)), objects=objects, answers=answers, size=40)
    measure(
        unit(CALLS), "f", fragment(CALLS, "f"), [case] * 10,
        seed=1, result=Result.INTEGER, budget=30.0,
    )  # fmt: skip


STACK = """double f(long a, long b, long c, long d, long e, long g, long h, long i,
         double x, int v) {
    if (a != 1 || g != 6 || h != 7 || i != 8 || x != 2.5 || v != 9) *(volatile char *)16 = 0;
    return x;
}"""


def test_all_kinds_of_arguments_arrive(unit: CompileUnit, fragment: TakeFragment) -> None:
    case = Case(ints=(1, 2, 3, 4, 5, 6), stack=(7, 8, 9), floats=(struct.pack("<dd", 2.5, 0.0),))
    measure(
        unit(STACK), "f", fragment(STACK, "f"), [case] * 10,
        seed=1, result=Result.FLOAT, budget=30.0,
    )  # fmt: skip


WIDE = """typedef long v __attribute__((vector_size(32)));
__attribute__((target("avx2"))) v f(v a, long n, v b) {
    if (a[0] != 1 || a[3] != 4 || b[1] != 6 || b[3] != 8 || n != 9) *(volatile char *)16 = 0;
    return a;
}"""


def test_vectors_arrive_whole(unit: CompileUnit, fragment: TakeFragment) -> None:
    vectors = (struct.pack("<4q", 1, 2, 3, 4), struct.pack("<4q", 5, 6, 7, 8))
    measure(
        unit(WIDE), "f", fragment(WIDE, "f"), [Case(ints=(9,), floats=vectors)] * 10,
        seed=1, result=Result.WIDE, budget=30.0,
    )  # fmt: skip


def test_a_function_without_arguments_can_be_timed(
    unit: CompileUnit, fragment: TakeFragment
) -> None:
    source = "int f(void) { return 3; }"
    found = measure(
        unit(source), "f", fragment(source, "f"), [Case()],
        seed=1, result=Result.INTEGER, budget=30.0,
    )  # fmt: skip
    assert found.speedup > 0


def test_no_case_that_can_be_timed_is_one_clear_error(unit: CompileUnit) -> None:
    never = Case(ints=(1,), answers=(Answer(returns=False),))
    with pytest.raises(SuperoptError, match="no input"):
        Timer(unit(IDENTITY), "f", [never], seed=1, result=Result.INTEGER)


LIBC = """typedef unsigned long size;
void *memcpy(void *, const void *, size); void *memmove(void *, const void *, size);
void *memset(void *, int, size); int memcmp(const void *, const void *, size);
size strlen(const char *);
#define CHECK(c) if (!(c)) *(volatile char *)16 = 0
int f(unsigned char *a, unsigned char *b, unsigned long n, unsigned long k) {
    unsigned char *volatile to = a, *volatile from = b;
    memcpy(to, from, n);
    for (unsigned long i = 0; i < n; i++) CHECK(a[i] == b[i]);
    CHECK(memcmp(to, from, n) == 0);
    if (n) {
        a[n - 1]++;
        CHECK((memcmp(to, from, n) > 0) == (a[n - 1] > b[n - 1]));
        a[n - 1]--;
    }
    memmove(to + k, to, n);
    for (unsigned long i = 0; i < n; i++) CHECK(a[i + k] == b[i]);
    memmove(to, to + k, n);
    for (unsigned long i = 0; i < n; i++) CHECK(a[i] == b[i]);
    to[n] = 0;
    CHECK(strlen((char *)to) == n);
    memset(to, 0x77, n);
    for (unsigned long i = 0; i < n; i++) CHECK(a[i] == 0x77);
    CHECK(a[n] == 0);
    return 0;
}"""


def test_the_timers_own_string_functions_do_what_c_says(
    unit: CompileUnit, fragment: TakeFragment
) -> None:
    dice = random.Random(5)
    cases = []
    for n in range(150):
        text = bytes(dice.randrange(1, 255) for _ in range(n)) + bytes(24)
        cases.append(
            Case(
                ints=(Ref(0, 0), Ref(1, 0), n, n % 19),
                objects=(Blob(bytes(n + 24), 1), Blob(text, 1, False)),
                size=n,
            )
        )
    source = LIBC.replace("CHECK(a[n] == 0);", "") if False else LIBC
    measure(
        unit(source), "f", fragment(source, "f"), cases,
        seed=1, result=Result.INTEGER, budget=30.0,
    )  # fmt: skip


def test_without_a_temporary_folder_timing_is_one_clear_error(
    unit: CompileUnit,
    fragment: TakeFragment,
    numbers: tuple[Case, ...],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    target, same = unit(IDENTITY), fragment(IDENTITY, "f")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(SuperoptError, match="temporary folder"):
        Timer(target, "f", numbers, seed=1, result=Result.INTEGER).confirm(same, 1.0)


def test_functions_of_the_compilers_library_are_themselves(
    unit: CompileUnit, fragment: TakeFragment
) -> None:
    source = """int f(unsigned long x, int bits) {
        if (__builtin_popcountl(x) != bits) *(volatile char *)16 = 0;
        return bits;
    }"""
    assert "__popcountdi2" in unit(source).text
    cases = [Case(ints=(x * 0x9E3779B9, (x * 0x9E3779B9).bit_count())) for x in range(50)]
    measure(
        unit(source), "f", fragment(source, "f"), cases, seed=1, result=Result.INTEGER, budget=20.0
    )
