"""Enumeration and random moves on real functions; the verifier has the last word."""

from __future__ import annotations

import re
import resource
import time

import pytest
from propose_context import MakeContext

from superopt_cc.propose.base import Context
from superopt_cc.propose.mutate import child, costs, operations
from superopt_cc.propose.mutate.inputs import make_tests
from superopt_cc.propose.mutate.proposer import Mutate, body_text
from superopt_cc.propose.mutate.scope import OutOfScope, Scope, assembled, scope_of
from superopt_cc.propose.mutate.shortest import shortest
from superopt_cc.propose.mutate.walk import pool_of, walk
from superopt_cc.propose.mutate.wire import Inputs
from superopt_cc.types import Rewrite
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering.gather import Limits

POWER = "int f(unsigned x) { return x != 0 && (x & (x - 1)) == 0; }"
AVERAGE = "unsigned f(unsigned a, unsigned b) { return (a & b) + ((a ^ b) >> 1); }"
CYCLE = """
unsigned f(unsigned x, unsigned a, unsigned b, unsigned c)
{
    return x == a ? b : x == b ? c : a;
}
"""
PARITY = """
unsigned f(unsigned x)
{
    x ^= x >> 16, x ^= x >> 8, x ^= x >> 4, x ^= x >> 2, x ^= x >> 1;
    return x & 1;
}
"""
HIGH = """
typedef unsigned long word;
word f(word a, word b)
{
    word al = (unsigned)a, ah = a >> 32, bl = (unsigned)b, bh = b >> 32;
    word low = al * bl, one = ah * bl, two = al * bh, high = ah * bh;
    word middle = (low >> 32) + (unsigned)one + two;
    return high + (one >> 32) + (middle >> 32);
}
"""
SUM = "int f(const int *p) { return ((p[0] + p[1]) + p[2]) + p[3]; }"
OPTIMAL = {
    "absolute value": "int f(int x) { return x < 0 ? -x : x; }",
    "maximum": "unsigned f(unsigned a, unsigned b) { return a > b ? a : b; }",
    "sum": "long f(long a, long b) { return a + b; }",
}


def instructions(rewrite: Rewrite) -> list[str]:
    return [line.strip() for line in rewrite.text.splitlines() if re.match(r"\t[a-z]", line)]


def prepared(context: Context) -> tuple[Scope, Inputs]:
    scope = scope_of(context.job, context.unit)
    return scope, make_tests(scope, context.job.seed)


@pytest.mark.parametrize(
    ("source", "most"), [(POWER, 7), (AVERAGE, 5), (CYCLE, 6), (PARITY, 9), (HIGH, 4), (SUM, 8)]
)
def test_a_known_shorter_form_is_found_and_verified(
    make_context: MakeContext, source: str, most: int
) -> None:
    context = make_context(source, "f", seconds=240.0)
    rewrites = list(Mutate().propose(context))
    assert rewrites
    assert min(len(instructions(r)) for r in rewrites) <= most
    with Verifier(context.job, Limits(seconds=30.0), context.unit) as verifier:
        assert any(verdict.accepted for verdict in verifier.check_many(rewrites))


@pytest.mark.parametrize("source", OPTIMAL.values(), ids=OPTIMAL)
def test_where_gcc_is_optimal_the_search_ends_soon_with_nothing(
    make_context: MakeContext, source: str
) -> None:
    context = make_context(source, "f")
    before = time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    assert list(Mutate().propose(context)) == []
    after = time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    assert after - before < 2.0
    assert context.history() == ()


def test_a_rewrite_says_how_it_was_found(make_context: MakeContext) -> None:
    rewrite = next(iter(Mutate().propose(make_context(HIGH, "f"))))
    assert re.fullmatch(
        r"mutate: 18 instructions to 4, 1 operations? by enumeration, after \d+ expressions",
        rewrite.how,
    )


def test_random_moves_find_what_is_many_instructions_away(make_context: MakeContext) -> None:
    scope, tests = prepared(make_context(HIGH, "f"))
    found = list(walk(scope, tests, 1_000_000, 120.0, 1))
    assert min(len(each.lines) for each in found) <= 4


def test_a_walk_with_the_same_seed_and_count_finds_the_same(make_context: MakeContext) -> None:
    scope, tests = prepared(make_context(HIGH, "f"))
    first, second = (list(walk(scope, tests, 200_000, 60.0, 7)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "source",
    [
        POWER,
        CYCLE,
        HIGH,
        SUM,
        "long f(long a, long b, int c) { return (a * 5 + b) >> (c & 63); }",
        "int f(signed char a, unsigned char b) { return a < b; }",
        "unsigned f(unsigned a, unsigned b) { return a + b < a ? -1u : a + b; }",
        "long f(long a, long b) { return a < b ? a : b == 7 ? 7 : b; }",
        "unsigned long f(unsigned long a, unsigned n) { return a << (n & 63) | ~a; }",
        "unsigned f(unsigned x) { return __builtin_bswap32(x) >> 16; }",
        "long f(const short *p, const signed char *q) { return p[1] + q[3]; }",
    ],
)
def test_what_is_reported_is_right_when_the_processor_runs_it(
    make_context: MakeContext, source: str
) -> None:
    """Our own arithmetic and choice of registers against the machine's."""
    scope, tests = prepared(make_context(source, "f"))
    found = [
        each
        for search in operations.passes(scope)
        for each in shortest(scope, tests, search, (1, 4), 80_000_000, 60.0)
    ]
    assert found
    names = [f"b{i}" for i in range(len(found))]
    bodies = [body_text(n, each.lines) for n, each in zip(names, found, strict=True)]
    codes = assembled(bodies, names, ())
    ran = child.run(tests, [b"".join(i.code for i in code) for code in codes])
    mask = scope.outs[0][1]
    for each, ends in zip(found, ran, strict=True):
        for after, (expected,) in zip(ends, tests.expected, strict=True):
            assert after is not None, each.lines
            assert (after[0] ^ expected) & mask == 0, each.lines


def test_kept_registers_and_the_stack_are_in_no_pool(make_context: MakeContext) -> None:
    scope, _ = prepared(make_context(HIGH, "f"))
    pool, start = pool_of(scope)
    assert all(pool[i].code == item.code for i, item in zip(start, scope.body, strict=True))
    kept = re.compile(r"%([re]?(bx|bp|sp)|bl|bpl|spl|r1[2-5][dwb]?)\b")
    assert not [entry.text for entry in pool if kept.search(entry.text)]


def test_what_callers_in_the_unit_may_keep_is_not_touched(make_context: MakeContext) -> None:
    source = """
    __attribute__((noinline)) static int f(int x) { return (x > 0) - (x < 0); }
    int g(int a, int b) { return f(a) + b; }
    """
    context = make_context(source, "f")
    assert scope_of(context.job, context.unit).usable == ("rax", "rdi")
    for rewrite in Mutate().propose(context):
        assert "%edx" not in rewrite.text


@pytest.mark.parametrize(
    "source",
    [
        "int g(int); int f(int x) { return g(x) + 1; }",
        "void f(int *p) { *p = 3; }",
        "double f(double x) { return x * 2; }",
        "int f(void) { extern int v; return v; }",
        "int f(int *p, int n) { int s = 0; while (n--) s += p[n] *= 3; return s; }",
    ],
)
def test_other_functions_are_left_at_once(make_context: MakeContext, source: str) -> None:
    context = make_context(source, "f")
    with pytest.raises(OutOfScope):
        scope_of(context.job, context.unit)
    assert list(Mutate().propose(context)) == []


def test_code_that_is_more_parallel_costs_less() -> None:
    chain = "x:\n\taddl %esi, %edi\n\taddl %edx, %edi\n\taddl %ecx, %edi\n\tret"
    tree = "x:\n\taddl %esi, %edi\n\taddl %edx, %ecx\n\taddl %ecx, %edi\n\tret"
    longer, shorter = (costs.together(assembled([body], ["x"], ())[0]) for body in (chain, tree))
    assert shorter < longer
