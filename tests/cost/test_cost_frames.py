"""Callees fill variables in the frame of the function that is timed, wherever it keeps them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.assembly.unit import Unit
from superopt_cc.cases import Answer, Case, Store
from superopt_cc.cost import lock
from superopt_cc.cost.callers import Result
from superopt_cc.cost.protocol import measure

CompileUnit = Callable[[str], Unit]
TakeFragment = Callable[[str, str], Fragment]


@pytest.fixture(autouse=True)
def own_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests in parallel must not wait for each other: they do not report numbers."""
    monkeypatch.setattr(lock, "lock_folder", lambda: tmp_path / "lock")


FILLED = """extern int size(int *, long *);
int f(int x) {
    int n = 0; long m = 0;
    if (size(&n, &m) != 3 || n != x || m != x + 5L) *(volatile char *)16 = 0;
    return n;
}"""
ELSEWHERE = """extern int size(int *, long *);
int f(int x) {
    struct { long m[40]; int n[30]; } s; s.n[7] = 0; s.m[9] = 0;
    if (size(s.n + 7, s.m + 9) != 3 || s.n[7] != x || s.m[9] != x + 5L) *(volatile char *)16 = 0;
    return s.n[7];
}"""


def filled(x: int) -> Case:
    stores = (Store("n", 0, struct.pack("<i", x)), Store("m", 0, struct.pack("<q", x + 5)))
    answer = Answer(3, stores=stores, given=((0, "n", 0), (1, "m", 0)))
    return Case(ints=(x,), answers=(answer,))


def test_a_callee_fills_the_variables_that_it_is_given(
    unit: CompileUnit, fragment: TakeFragment
) -> None:
    cases = [filled(x) for x in range(50)]
    for source in (FILLED, ELSEWHERE):  # they crash where something else is there
        measure(
            unit(FILLED), "f", fragment(source, "f"), cases,
            seed=1, result=Result.INTEGER, budget=20.0,
        )  # fmt: skip


REMEMBERED = """extern void keep(int *); extern void step(void);
int f(int x) {
    int a[4] = { 0 };
    keep(a + 2);
    if (a[2] || a[0]) *(volatile char *)16 = 0;
    step();
    if (a[2] != x || a[0] != x + 1) *(volatile char *)16 = 0;
    return x;
}"""


def test_a_later_call_changes_a_variable_that_it_is_not_given(
    unit: CompileUnit, fragment: TakeFragment
) -> None:
    stores = (Store("a", 8, struct.pack("<i", 6)), Store("a", 0, struct.pack("<i", 7)))
    case = Case(ints=(6,), answers=(Answer(given=((0, "a", 8),)), Answer(stores=stores)))
    measure(
        unit(REMEMBERED), "f", fragment(REMEMBERED, "f"), [case] * 10,
        seed=1, result=Result.INTEGER, budget=20.0,
    )  # fmt: skip


RESULT = """struct s { long a, b, c; }; extern struct s r(int, int);
long f(int x) {
    struct s s = r(x, 3);
    if (s.a != x || s.c != x + 1) *(volatile char *)16 = 0;
    return s.b;
}"""


def test_a_callee_leaves_its_result_in_the_frame_and_returns_the_place(unit: CompileUnit) -> None:
    through = parse_fragment(
        "f:\n\tsubq $56, %rsp\n\tmovslq %edi, %rsi\n\tmovq %rsi, 48(%rsp)\n\tleaq 16(%rsp), %rdi\n"
        "\tmovl $3, %edx\n\tcall r@PLT\n\tmovq 48(%rsp), %rcx\n\tcmpq %rcx, (%rax)\n\tje .La\n"
        "\tmovb $0, 16\n.La:\n\tmovq 8(%rax), %rax\n\taddq $56, %rsp\n\tret\n\t.size f, .-f\n",
        "f", unit(RESULT),
    )  # fmt: skip
    stores = (Store("s", 0, struct.pack("<3q", 5, 7, 6)),)
    case = Case(ints=(5,), answers=(Answer(9, stores=stores, given=((0, "s", 0),), back=True),))
    measure(
        unit(RESULT), "f", through, [case] * 10, seed=1, result=Result.INTEGER, budget=20.0
    )  # fmt: skip


SIXTH = """extern int size(long, long, long, long, long, int *);
int f(int x) {
    int n = 0;
    if (size(1, 2, 3, 4, 5, &n) != 3 || n != x) *(volatile char *)16 = 0;
    return n;
}"""


def test_the_variable_may_be_the_sixth_argument(unit: CompileUnit, fragment: TakeFragment) -> None:
    cases = [
        Case(
            ints=(x,),
            answers=(
                Answer(3, stores=(Store("n", 0, struct.pack("<i", x)),), given=((5, "n", 0),)),
            ),
        )
        for x in range(50)
    ]
    measure(
        unit(SIXTH), "f", fragment(SIXTH, "f"), cases, seed=1, result=Result.INTEGER, budget=20.0
    )
