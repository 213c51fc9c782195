"""What the assembly does not show makes a function ineligible under its own name."""

from __future__ import annotations

from pathlib import Path

import pytest
from facts_helper import build, facts_of, reason

from superopt_cc.errors import Ineligible
from superopt_cc.verify.reasons import REASONS
from superopt_cc.verify.signature.facts import UnitFacts, facts_for_unit

SOURCE = r"""
#include <stdatomic.h>
#include <setjmp.h>
#include <emmintrin.h>
volatile int vi; atomic_int ai; int plain; volatile int *pv; jmp_buf jb; __thread int tl;
struct mixed { volatile int a; int b; };
struct big { int a[10]; }; volatile struct big vbig; void take(struct big);
extern void use(void *);

int two_volatile_reads(void) { return vi + vi; }
int volatile_member(struct mixed *m) { return m->a + m->b; }
int volatile_pointee(void) { return *pv; }
void volatile_argument(void) { take(vbig); }
int volatile_local(int x) { volatile int y = x; return y; }
void release_store(int x) { atomic_store_explicit(&ai, x, memory_order_release); }
int relaxed_load(void) { return atomic_load_explicit(&ai, memory_order_relaxed); }
int fetch_add(_Atomic int *p) { return (*p)++; }
int sync_swap(int *p) { return __sync_lock_test_and_set(p, 1); }
int acquire_fence(void)
{ int a = plain; atomic_thread_fence(memory_order_acquire); return a + plain; }
void signal_fence(void) { atomic_signal_fence(memory_order_seq_cst); }
void store_fence(int x) { plain = x; _mm_sfence(); }
int inline_asm(int x) { __asm__("incl %0" : "+r"(x)); return x; }
void barrier_asm(int x) { plain = x; __asm__ volatile("" ::: "memory"); }
int inlined_asm(int x);
static inline int helper(int x) { __asm__("" : "+r"(x)); return x; }
int inlined_asm(int x) { return helper(x) + 1; }
int returns_twice(void) { return setjmp(jb); }
void leaves(void) { longjmp(jb, 1); }
void variable_stack(int n) { char *p = __builtin_alloca(n); use(p); }
void variable_array(int n) { int a[n]; use(a); }
unsigned long long clock_read(void) { return __builtin_ia32_rdtsc(); }
void *caller(void) { return __builtin_return_address(0); }
void spin(void) { _mm_pause(); }
void streaming(__m128i *p, int x) { _mm_stream_si128(p, _mm_set1_epi32(x)); }
int labels(int x) { static void *t[] = {&&a, &&b}; goto *t[x]; a: return 1; b: return 2; }
int thread_local_read(void) { return tl; }
int __seg_fs *segment; int segment_read(void) { return *segment; }
int variadic(int n, ...) { return n; }
float old_style(a, f) char a; float f; { return a + f; }
_Noreturn void never(void) { for (;;) plain++; }
extern int app(int (*)(int));
int outer(int a) { int inner(int b) { return a + b; } return app(inner); }
static __attribute__((noinline)) int specialised(int a, int unused) { return a * 9; }
int caller_of_clone(int x) { return specialised(x, 1) + x; }
__attribute__((optimize("O1"))) int optimised(int *a) { return *a; }
#pragma GCC push_options
#pragma GCC optimize("O2")
int optimised_by_pragma(int *a) { return *a; }
#pragma GCC pop_options
__attribute__((target("general-regs-only"))) int narrowed(int a) { return a; }
__attribute__((zero_call_used_regs("used"))) int zeroing(int a) { return a; }
__attribute__((naked)) void bare(void) { __asm__("ret"); }
__attribute__((force_align_arg_pointer)) int aligned_entry(int a) { return a; }
long double x87(long double a) { return a; }
_Complex long double two_x87(_Complex long double a) { return a; }
struct one_x87 { long double a; };
struct one_x87 in_structure(int a) { struct one_x87 s = { a }; return s; }
__float128 quad(__float128 a) { return a; }
_Complex _Float128 complex_(_Complex _Float128 a) { return a; }
typedef int octet __attribute__((vector_size(32)));
octet vector(octet a) { return a; }
__int128 int128(__int128 a) { return -a; }
_Complex double two_doubles(_Complex double a) { return -a; }
__m128i lanes(__m128i a) { return _mm_add_epi8(a, a); }
int eligible(int x) { return x * 3; }
"""

EXPECTED = {
    "volatile": "two_volatile_reads volatile_member volatile_pointee volatile_argument "
    "volatile_local",
    "atomic": "release_store relaxed_load fetch_add sync_swap",
    "fence": "acquire_fence signal_fence store_fence",
    "inline-asm": "inline_asm barrier_asm inlined_asm",
    "setjmp": "returns_twice leaves",
    "alloca": "variable_stack variable_array",
    "builtin": "clock_read caller spin",
    "non-temporal": "streaming",
    "computed-goto": "labels",
    "tls": "thread_local_read",
    "address-space": "segment_read",
    "varargs": "variadic",
    "unprototyped": "old_style",
    "noreturn": "never",
    "static-chain": "outer inner.0",
    "clone": "specialised.constprop.0",
    "attribute": "optimised optimised_by_pragma narrowed zeroing bare aligned_entry",
    "long-double": "in_structure",
    "float128": "quad",
    "complex": "complex_",
    "vector": "vector",
    "": "eligible caller_of_clone int128 two_doubles lanes x87 two_x87",
}


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> UnitFacts:
    return facts_of(tmp_path_factory.mktemp("refused"), SOURCE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [(name, why) for why, names in EXPECTED.items() for name in names.split()],
)
def test_function_is_refused_under_its_name(unit: UnitFacts, name: str, expected: str) -> None:
    assert reason(unit, name) == expected


def test_every_reason_is_explained() -> None:
    assert {why for why in EXPECTED if why} <= set(REASONS)
    assert all(line and "\n" not in line for line in REASONS.values())


def test_ms_abi_is_refused_in_callee_and_callers(tmp_path: Path) -> None:
    unit = facts_of(
        tmp_path,
        "__attribute__((ms_abi)) int ms(int a) { return a * 3; }\n"
        "typedef int __attribute__((ms_abi)) fn(int); extern fn other;\n"
        "int calls(int x) { return other(x) + x; }\n"
        "int leaf(int x) { return x + 1; }\n",
    )
    assert [reason(unit, n) for n in ("ms", "calls", "leaf")] == ["attribute", "attribute", ""]


def test_a_global_register_variable_refuses_the_unit(tmp_path: Path) -> None:
    unit = facts_of(tmp_path, 'register long g __asm__("r15");\nint f(int x) { return x; }\n')
    assert reason(unit, "f") == "global-register"


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("-pg", "profiling"),
        ("-fsanitize=undefined", "sanitizer"),
        ("-ffixed-rbx", "fixed-registers"),
        ("-fstack-protector-all", "stack-protector"),
        ("-fzero-call-used-regs=all", "hardening"),
        ("-fwrapv", ""),
        ("-fcf-protection", ""),
    ],
)
def test_options_that_the_table_does_not_allow(tmp_path: Path, option: str, expected: str) -> None:
    unit = facts_of(tmp_path, "int f(int x) { return x + 1; }\n", option)
    assert reason(unit, "f") == expected


def test_code_that_does_not_come_out_again_has_no_facts(tmp_path: Path) -> None:
    command, text = build(tmp_path, "int f(int x) { return x + 1; }\nint g(int x) { return x; }\n")
    (tmp_path / "unit.c").write_text("int f(int x) { return x + 2; }\nint g(int x) { return x; }\n")
    unit = facts_for_unit(command, text)
    assert [reason(unit, name) for name in "fg"] == ["no-facts", ""]


def test_a_changed_local_callee_leaves_no_facts_for_its_caller(tmp_path: Path) -> None:
    source = (
        "static __attribute__((noinline)) int h(int x) {{ return x * {0}; }}\n"
        "int f(int x) {{ return h(x) + 1; }}\n"
    )
    command, text = build(tmp_path, source.format(9))
    (tmp_path / "unit.c").write_text(source.format(11))
    assert reason(facts_for_unit(command, text), "f") == "no-facts"


def test_a_source_that_has_gone_has_no_facts(tmp_path: Path) -> None:
    command, text = build(tmp_path, "int f(int x) { return x + 1; }\n")
    (tmp_path / "unit.c").unlink()
    with pytest.raises(Ineligible, match="no-facts"):
        facts_for_unit(command, text)


def test_a_class_by_value_is_refused(tmp_path: Path) -> None:
    source = "struct p { int x; };\nint f(p v) { return v.x; }\np g(int x) { return p{x}; }\n"
    unit = facts_of(tmp_path, source, suffix=".cc")
    assert [reason(unit, name) for name in ("_Z1f1p", "_Z1gi")] == ["struct-by-value"] * 2


def test_words_of_a_source_path_are_no_symbols(tmp_path: Path) -> None:
    source = """
# 1 "/srv/main/unit.c"
volatile int seen; int plain(int x) { return x * 9; } int main(void) { return seen; }
"""
    assert reason(facts_of(tmp_path, source), "plain") == ""
