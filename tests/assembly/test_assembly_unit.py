from __future__ import annotations

import pytest
from assembly_support import compile_text, compile_unit

from superopt_cc.assembly.reasons import REASONS, text_reasons
from superopt_cc.assembly.unit import parse_unit
from superopt_cc.errors import AssemblyError

DATA = """
static const int table[4] = {1, 2, 3, 4};
int shared[8];
static int counter;
_Thread_local int mine;
const char *words[] = {"ab", "cd"};
int common __attribute__((common));
double scale(double x) { return x * 2.5; }
int pick(int i) { static int calls = 3; counter++; return table[i & 3] + calls++ + common; }
int other(int x) { return x + 1; }
int alias(int) __attribute__((alias("other")));
const char *word(int i) { return words[i & 1]; }
int thread(void) { return mine++; }
"""


@pytest.mark.parametrize("options", [(), ("-g",), ("-fPIC",), ("-fno-pie", "-ffunction-sections")])
def test_functions_are_found_with_linkage_alignment_and_aliases(options):
    unit = compile_unit(DATA, *options)
    names = [f.name for f in unit.functions]
    assert names == ["scale", "pick", "other", "word", "thread"]
    other = unit.function("other")
    assert other.linkage == "global"
    assert other.align == 16
    assert other.aliases == ("alias",)
    assert unit.resolve("alias") is other
    assert unit.lines[other.first].startswith("other:")
    assert unit.lines[other.last].split()[0] == ".size"


def test_data_has_size_alignment_mutability_and_content():
    unit = compile_unit(DATA)
    table = unit.symbols["table"]
    assert (table.linkage, table.writable, table.size, table.align) == ("local", False, 16, 16)
    assert table.lines == ("\t.long\t1", "\t.long\t2", "\t.long\t3", "\t.long\t4")
    assert unit.symbols["counter"].writable
    assert unit.symbols["counter"].size == 4
    assert unit.symbols["mine"].tls
    assert unit.symbols["words"].size == 16
    assert unit.symbols["common"].linkage == "global"
    assert unit.symbols[".LC0"].size == 8
    assert not unit.symbols[".LC0"].writable


def test_sections_and_comdat_groups_are_known():
    text = "inline int f() { static int n; return n++; } int (*p)() = f;"
    unit = compile_unit(text, language="c++")
    function = unit.function("_Z1fv")
    assert function.linkage == "weak"
    assert function.section.group == "_Z1fv"


def test_a_large_text_is_split_whole():
    text = compile_text(DATA, "-g")
    copies = 2_000_000 // len(text)
    assert len(parse_unit(text * copies).functions) == 5 * copies


def test_an_unknown_function_is_one_clear_line():
    with pytest.raises(AssemblyError, match="no function `nothing`"):
        parse_unit("").function("nothing")


REFUSED = {
    "inline-asm": ("int f(int x) { asm(\"nop\" : \"+r\"(x)); return x; }", ()),
    "asm-reference": ("int f(int x) { return x; } asm(\".globl g\\n.set g, f\");", ()),
    "computed-goto": (
        "int f(int x) { static void *l[] = {&&a, &&b}; goto *l[x]; a: return 1; b: return 2; }",
        (),
    ),
    "cold-part": (
        "void bad(void) __attribute__((cold)); void g(int);"
        "int f(int x) { if (x == 42) { bad(); g(x); bad(); } return x; }",
        (),
    ),
    "setjmp": ("#include <setjmp.h>\njmp_buf b; int f(void) { return setjmp(b); }", ()),
    "tls": ("_Thread_local int t; int f(void) { return t; }", ()),
    "profiling": ("void g(void); int f(int x) { g(); return x; }", ("-pg",)),
    "weird-directive": (
        "void g(void); int f(int x) { g(); return x; }",
        ("-pg", "-mfentry", "-mnop-mcount", "-fno-pie"),
    ),
    "stack-protector": (
        "void g(char *); int f(void) { char b[64]; g(b); return b[1]; }",
        ("-fstack-protector-all",),
    ),
    "retpoline": (
        "int (*p)(int); int f(int x) { return p(x) + 1; }",
        ("-mindirect-branch=thunk-extern",),
    ),
    "split-stack": ("void g(char *); int f(void) { char b[64]; g(b); return 1; }",
                    ("-fsplit-stack",)),
    "intel-syntax": ("int f(int x) { return x + 1; }", ("-masm=intel",)),
    "fence": ("int v; void f(void) { __sync_fetch_and_add(&v, 1); }", ()),
    "ifunc": (
        "static int g(int x) { return x; } static void *f(void) { return g; }"
        "int h(int) __attribute__((ifunc(\"f\")));",
        (),
    ),
    "lto": ("int f(int x) { return x + 1; }", ("-flto", "-ffat-lto-objects")),
    "odd-section": ("__attribute__((section(\".init.text\"))) int f(int x) { return x; }", ()),
    "sanitizer": ("int f(int *p) { return *p; }", ("-fsanitize=address",)),
}  # fmt: skip


@pytest.mark.parametrize("reason", sorted(REFUSED))
def test_text_that_must_stay_is_refused_under_its_name(reason):
    source, options = REFUSED[reason]
    unit = compile_unit(source, *options)
    found = {r.reason for r in text_reasons(unit, unit.function("f"))}
    assert reason in found
    assert found <= set(REASONS)


def test_patchable_entries_and_clones_are_refused():
    unit = compile_unit("int f(int x) { return x; }", "-fpatchable-function-entry=4,2")
    assert "profiling" in {r.reason for r in text_reasons(unit, unit.function("f"))}
    unit = compile_unit(
        "static __attribute__((noinline)) int g(int x, int y) { return x * y + 7; }"
        "int f(int x) { return g(x, 3) + g(x + 1, 3); }"
    )
    clone = next(f for f in unit.functions if "." in f.name)
    assert [r.reason for r in text_reasons(unit, clone)] == ["clone"]


def test_landing_pads_are_refused():
    source = "struct D { ~D(); }; int g(int); int f(int x) { D d; return g(x); }"
    unit = compile_unit(source, language="c++")
    assert "landing-pad" in {r.reason for r in text_reasons(unit, unit.function("_Z1fi"))}


@pytest.mark.parametrize("options", [(), ("-fPIC", "-g"), ("-fno-pie", "-fcf-protection")])
def test_plain_code_and_jump_tables_are_eligible(options):
    source = (
        "void g(int); int f(int x) { switch (x) { case 0: g(1); return 5; case 1: g(7); return 9;"
        "case 2: return 77; case 3: g(3); return 4; case 4: return 11; case 5: g(9); return 2; }"
        "return x; }"
    )
    unit = compile_unit(source, *options)
    assert text_reasons(unit, unit.function("f")) == ()
