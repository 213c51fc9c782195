"""What users and their scripts rely on: field names of the JSON, and what shares a store entry."""

from __future__ import annotations

import itertools
import json

from workplace import COUNT_LOOP, Workplace, program

ONES = f"unsigned ones(unsigned x) {{ {COUNT_LOOP} return n; }}\n"

# Equal text but for what it refers to, or what its types promise (design 4.4).
LOOKALIKES = """
#include <string.h>
static const int a[4] = {1, 2, 3, 4}, b[4] = {1, 2, 3, 5};
static int va[4] = {1, 2, 3, 4};
extern int ea[4], eb[4];
unsigned long my(const char *text);
double by_constant_1(double x) { return x * 2.5; }
double by_constant_2(double x) { return x * 3.5; }
int by_table_1(unsigned i) { return a[i & 3]; }
int by_table_2(unsigned i) { return b[i & 3]; }
int by_table_3(unsigned i) { return ea[i & 3]; }
int by_table_4(unsigned i) { return eb[i & 3]; }
int by_table_5(unsigned i) { return va[i & 3]; }
void change(int value) { va[1] = value; }
int by_type_1(int x) { return x * 5; }
unsigned char by_type_2(int x) { return x * 5; }
short by_type_3(int x) { return x * 5; }
unsigned long by_callee_1(const char *s) { return strlen(s) + 1; }
unsigned long by_callee_2(const char *s) { return my(s) + 1; }
int by_pointee_1(const int *p) { return *p; }
int by_pointee_2(const unsigned *p) { return *p; }
int by_pointee_3(const float *p) { int i; memcpy(&i, p, 4); return i; }
int by_restrict_1(int *p, const int *q) { *p = *q; return 0; }
int by_restrict_2(int *restrict p, const int *restrict q) { *p = *q; return 0; }
"""


def test_functions_that_look_alike_never_share_a_key(place: Workplace) -> None:
    place.environ["SUPEROPT_PROPOSERS"] = "none"
    place.write("f.c", LOOKALIKES)
    # Which keys there are is known before anything is proposed.
    done = place.run(program("superopt"), "optimize", "f.c", "--json")
    functions = json.loads(done.stdout)["functions"]
    keys = {f["name"]: f["key"] for f in functions if f["name"].startswith("by_")}
    assert len(keys) == 17
    assert all(keys.values())
    for one, other in itertools.combinations(keys, 2):
        assert keys[one] != keys[other], (one, other)


def test_the_same_function_under_another_name_and_options_that_change_no_code_share_one(
    place: Workplace,
) -> None:
    place.write("one.c", ONES)
    place.write("two.c", f"/* elsewhere */ typedef unsigned word;\n{ONES.replace('ones', 'bits')}")
    place.cc("-O3", "-c", "one.c", "-o", "one.o")
    place.cc("-O3", "-g", "-Wall", "-c", "two.c", "-o", "two.o", SUPEROPT_MODE="use")
    assert place.replaced("two.o") == {"bits"}
    place.cc("-O3", "-fwrapv", "-c", "one.c", "-o", "one.o", SUPEROPT_MODE="use")
    assert place.replaced("one.o") == set()


def test_optimize_and_status_have_the_fields_of_the_contract(place: Workplace) -> None:
    place.write("ones.c", ONES)
    found = place.ask("optimize", "ones.c", "-f", "ones")
    assert set(found) == {"functions", "isa", "compiler", "cpu"}
    (function,) = found["functions"]
    assert set(function) >= {
        "name", "outcome", "reason", "speedup", "interval", "proposer", "origin", "level",
        "evidence", "candidates", "seconds", "key",
    }  # fmt: skip
    assert set(function["evidence"]) >= {"inputs", "edges", "mutants", "discarded"}
    assert set(function["evidence"]["edges"]) == {"covered", "total"}
    assert set(function["evidence"]["mutants"]) == {"killed", "total"}

    place.cc("-O3", "-c", "ones.c")
    (build,) = place.ask("status")["builds"]
    assert set(build) == {"time", "cwd", "files", "functions", "reasons"}
    assert set(build["functions"]) == {"seen", "selected", "eligible", "replaced", "kept"}
    assert (build["cwd"], build["files"]) == (str(place.folder), 1)


def test_verify_and_measure_have_the_fields_of_the_contract(place: Workplace) -> None:
    place.environ["SUPEROPT_BUDGET"] = "6"
    place.write("ones.c", ONES)
    rewrite = (
        "ones:\n\txorl %eax, %eax\n\ttestl %edi, %edi\n\tje 2f\n1:\n\tleal -1(%rdi), %edx\n"
        "\taddl $1, %eax\n\tandl %edx, %edi\n\tjne 1b\n2:\n\tret\n"
    )
    place.write("r.s", rewrite)
    words = ("ones.c", "-f", "ones", "--rewrite", "r.s")
    verdict = place.ask("verify", *words)
    assert set(verdict) == {
        "verdict", "level", "reason", "detail", "counterexample", "evidence",
    }  # fmt: skip
    assert (verdict["verdict"], verdict["level"]) == ("accepted", "tested")
    done = place.run(program("superopt"), "measure", *words, "--json")
    assert done.returncode in (0, 1), done.stderr
    measured = json.loads(done.stdout)
    assert set(measured) >= {
        "speedup", "interval", "noise", "significant", "latency", "throughput",
    }  # fmt: skip
    low, high = measured["interval"]
    assert low <= measured["speedup"] <= high
    assert done.returncode == (0 if measured["significant"] else 1)
