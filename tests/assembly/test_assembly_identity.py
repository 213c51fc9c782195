from __future__ import annotations

import pytest
from assembly_support import compile_unit

from superopt_cc.assembly.canonical import canonical, closure_identity, fragment_identity
from superopt_cc.assembly.fragment import own_fragment

SOURCE = """
#include <string.h>
void out(int);
int loop(const int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; }
int sw(int x) { switch (x) { case 0: out(1); return 5; case 1: out(7); return 9;
  case 2: return 77; case 3: out(3); return 4; case 4: return 11; case 5: out(9); return 2; }
  return x; }
double scale(double x) { return x * 2.5; }
int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
"""


def identity(source: str, name: str, *options: str) -> str:
    unit = compile_unit(source, *options)
    return closure_identity(unit, unit.function(name))


@pytest.mark.parametrize("options", [(), ("-fPIC",), ("-fcf-protection", "-ffunction-sections")])
def test_debug_information_does_not_change_the_canonical_text(options):
    plain = compile_unit(SOURCE, *options)
    debug = compile_unit(SOURCE, *options, "-g", "-fverbose-asm")
    for function in plain.functions:
        other = debug.function(function.name)
        assert canonical(function, function.name) == canonical(other, function.name)
        assert canonical(function.lines, function.name)
        assert closure_identity(plain, function) == closure_identity(debug, other)


def test_the_own_name_and_label_numbers_do_not_count():
    unit = compile_unit(
        "int a(int n) { int s = 0; for (int i = 0; i < n; i++) s ^= i * s + 3; return s; }"
        "int x(int n) { return n; }"
        "int b(int n) { int s = 0; for (int i = 0; i < n; i++) s ^= i * s + 3; return s; }",
        "-fno-ipa-icf",
    )
    a, b = unit.function("a"), unit.function("b")
    assert canonical(a, "a") == canonical(b, "b")
    assert closure_identity(unit, a) == closure_identity(unit, b)


DIFFERENT = [
    ("double f(double x) { return x * 2.5; }", "double f(double x) { return x * 3.5; }"),
    (
        "static const int A[4] = {1, 2, 3, 4}; int f(int i) { return A[i & 3]; }",
        "static const int A[4] = {1, 2, 3, 5}; int f(int i) { return A[i & 3]; }",
    ),
    ("extern int A[]; int f(int i) { return A[i & 3]; }",
     "extern int B[]; int f(int i) { return B[i & 3]; }"),
    ("#include <string.h>\nlong f(const char *s) { return strlen(s) + 1; }",
     "long my(const char *s); long f(const char *s) { return my(s) + 1; }"),
    (
        "static __attribute__((noinline)) int g(int x) { return x * 9; }"
        "int f(int x) { return g(x) + 1; }",
        "static __attribute__((noinline)) int g(int x) { return x * 7; }"
        "int f(int x) { return g(x) + 1; }",
    ),
    (
        "static const char *const w[] = {\"ab\", \"cd\"};"
        "const char *f(int i) { return w[i & 1]; }",
        "static const char *const w[] = {\"ab\", \"ce\"};"
        "const char *f(int i) { return w[i & 1]; }",
    ),
    ("static int n; int f(void) { return n++; }", "static int n = 1; int f(void) { return n++; }"),
    ("static int n; int f(void) { return n++; }", "int n; int f(void) { return n++; }"),
    ("void g(int); int f(int x) { switch (x) { case 0: g(1); return 5; case 1: g(7); return 9;"
     "case 2: return 77; case 3: g(3); return 4; case 4: return 11; case 5: return 8; } return 0;}",
     "void g(int); int f(int x) { switch (x) { case 1: g(1); return 5; case 0: g(7); return 9;"
     "case 2: return 77; case 3: g(3); return 4; case 4: return 11; case 5: return 8; } return 0;}",
     ),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_equal_text_with_different_content_is_told_apart(left, right):
    assert identity(left, "f") != identity(right, "f")


def test_names_of_local_data_do_not_count():
    source = "static const int {0}[4] = {{1, 2, 3, 4}}; int f(int i) {{ return {0}[i & 3]; }}"
    assert identity(source.format("A"), "f") == identity(source.format("B"), "f")


def test_mutual_references_end():
    source = (
        "static __attribute__((noinline)) int odd(int); struct N { struct N *n; } "
        "static nodes[2] = {{&nodes[1]}, {&nodes[0]}};"
        "static __attribute__((noinline)) int even(int n) { return n ? odd(n - 1) + 1 : 1; }"
        "static __attribute__((noinline)) int odd(int n) { return n ? even(n - 1) * 3 : 0; }"
        "void *f(int n) { return nodes[n].n + even(n); }"
    )
    assert "%object" in identity(source, "f")


def test_a_function_is_a_copy_of_itself():
    unit = compile_unit(SOURCE)
    for function in unit.functions:
        own = own_fragment(function)
        assert fragment_identity(unit, own) == closure_identity(unit, function)
