from __future__ import annotations

import pytest
from assembly_support import compile_text, compile_unit, run

from superopt_cc.assembly.canonical import closure_identity, fragment_canonical, fragment_identity
from superopt_cc.assembly.fragment import FragmentError, own_fragment
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.assembly.reasons import text_reasons
from superopt_cc.types import Reason

SOURCE = """
#include <string.h>
static int counter; static const int T[4] = {1, 2, 3, 4}; int shared[8];
static __attribute__((noinline)) int times9(int x) { return x * 9; }
int calls(int x, int y) { return times9(x) + y; }
int tab(int i) { return T[i & 3] + counter++; }
int count(void) { static int calls = 3; return calls++; }
int both(void) { static int a = 3; return a++ + shared[2]; }
double scale(double x) { return x * 2.5 + 1.0; }
void fill(int n, float *a) { for (int i = 0; i < n; i++) a[i] = a[i] * 2 + i; }
void out(int);
int sw(int x) { switch (x) { case 0: out(1); return 5; case 1: out(7); return 9;
  case 2: return 77; case 3: out(3); return 4; case 4: return 11; case 5: out(9); return 2; }
  return x; }
void bad(void) __attribute__((cold));
"""
SIMPLE = "int f(int x) { return x + 1; }"


def refused(text: str, unit=None, name: str = "f") -> Reason:
    unit = unit or compile_unit(SIMPLE)
    with pytest.raises(FragmentError) as caught:
        parse_fragment(text, name, unit)
    assert "\n" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("options", [(), ("-g",), ("-fPIC",), ("-fverbose-asm",)])
def test_every_eligible_function_round_trips(options):
    unit = compile_unit(SOURCE, *options)
    for function in unit.functions:
        assert text_reasons(unit, function) == ()
        fragment = parse_fragment(unit.text, function.name, unit)
        assert fragment_identity(unit, fragment) == closure_identity(unit, function)


@pytest.mark.parametrize("level", ["-O1", "-O2", "-Os", "-O3 -fno-tree-vectorize -g"])
def test_other_options_give_usable_bodies(level, tmp_path):
    unit = compile_unit(SOURCE)
    offered = compile_text(SOURCE, *level.split())
    for name in ("calls", "tab", "count", "scale", "fill", "sw"):
        fragment = parse_fragment(offered, name, unit)
        text = f"\t.text\n{fragment.render('superopt.b0', '.Lb0.')}"
        run("as", "-o", tmp_path / "x.o", "-", text=text)


def test_local_data_is_matched_by_content_not_by_its_number():
    unit = compile_unit("int g(void) { static int x = 7; return x++; }"
                        "int f(void) { static int x = 3; return x++; }")  # fmt: skip
    text = (
        "f:\n\tmovl x.9(%rip), %eax\n\tret\n"
        "\t.data\n\t.type x.9, @object\n\t.align 4\nx.9:\n\t.long 3\n"
    )
    body = parse_fragment(text, "f", unit).body
    ours = next(n for n, s in unit.symbols.items() if s.lines == ("\t.long\t3",))
    assert body[0] == f"\tmovl\t{ours}(%rip), %eax"


def test_writable_data_of_its_own_is_refused():
    text = "f:\n\tincl mine(%rip)\n\tret\n\t.data\n\t.align 4\nmine:\n\t.long 0\n"
    assert refused(text) == Reason.SYMBOL
    assert (
        refused("f:\n\tincl mine(%rip)\n\tret\n\t.local mine\n\t.comm mine,4,4\n") == Reason.SYMBOL
    )


def test_writable_statics_that_cannot_be_told_apart_are_refused():
    source = (
        "int f(void) { { static int x; x++; if (x > 3) return x; }"
        "{ static int x; return x += 2; } }"
    )
    unit = compile_unit(source)
    assert refused(compile_text(source, "-O2", "-g"), unit) == Reason.SYMBOL


def test_own_constants_and_tables_are_carried():
    unit = compile_unit("double f(double x, int i) { return x + i; }")
    text = (
        "f:\n\tleaq words(%rip), %rax\n\tmovq (%rax,%rdi,8), %rax\n"
        "\taddsd .LC5(%rip), %xmm0\n\tret\n"
        "\t.section .rodata\n\t.align 8\nwords: .quad .LS1\n\t.quad .LS2\n.LC5:\n\t.double 2.5\n"
        '\t.section .rodata.str1.1,"aMS",@progbits,1\n.LS1: .string "a"\n.LS2:\n\t.string "b"\n'
    )
    fragment = parse_fragment(text, "f", unit)
    assert len(fragment.constants) == 4
    assert fragment.constants[0].align == 8


def test_free_form_text_is_understood():
    unit = compile_unit(SIMPLE)
    text = """
        .globl f
    f:  xor %eax, %eax   # clear
    1:  inc %eax; cmp %edi, %eax
        jle 1b
        ret
    """
    body = parse_fragment(text, "f", unit).body
    label = next(s for s in body if s.endswith(":"))[:-1]
    assert body == (
        "\txor\t%eax, %eax",
        f"{label}:",
        "\tinc\t%eax",
        "\tcmp\t%edi, %eax",
        f"\tjle\t{label}",
        "\tret",
    )


REFUSALS = {
    "f:\n\tret\nf:\n\tret\n": Reason.ASSEMBLER,
    "g:\n\tret\n": Reason.ASSEMBLER,
    "f:\n": Reason.ASSEMBLER,
    "f:\n\tjne 1b\n\tret\n1:\n\tret\n": Reason.ASSEMBLER,
    "\t.intel_syntax noprefix\nf:\n\tret\n": Reason.ASSEMBLER,
    "f:\n.L1:\n.L1:\n\tret\n": Reason.ASSEMBLER,
    'f:\n\t.incbin "/etc/hostname"\n\tret\n': Reason.SYMBOL,
    "f:\n\t.rept 3\n\tnop\n\t.endr\n\tret\n": Reason.SYMBOL,
    "f:\n\t.byte 0x0f, 0x05\n\tret\n": Reason.INSTRUCTION,
    "f:\n\tjmp .+2\n\tret\n": Reason.INSTRUCTION,
    "f:\n#APP\n\tnop\n#NO_APP\n\tret\n": Reason.INSTRUCTION,
    "f:\n\tmovl .LC9(%rip), %eax\n\tret\n": Reason.SYMBOL,
    "f:\n\tmovl n(%rip), %eax\n\tret\n\t.globl n\n\t.data\nn:\n\t.long 1\n": Reason.SYMBOL,
    "f:\n\tcall g\n\tret\n\t.size f,.-f\n\t.type g,@function\ng:\n\tret\n\t.size g,.-g\n":
        Reason.SYMBOL,
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSALS)
def test_unusable_text_is_refused_with_its_reason(text):
    assert refused(text) == REFUSALS[text]


def test_a_local_callee_with_other_code_is_refused():
    source = (
        "static __attribute__((noinline)) int g(int *p, int n) { int s = 0;"
        "for (int i = 0; i < n; i++) s += p[i]; return s; }"
        "int f(int *p, int n) { return g(p, n) + 1; }"
    )
    unit = compile_unit(source)
    assert refused(compile_text(source, "-O1"), unit) == Reason.SYMBOL


def test_a_cold_part_follows_the_main_part():
    source = (
        "void bad(void) __attribute__((cold)); void g(int);"
        "int f(int x) { if (x == 42) { bad(); g(x); bad(); } return x; }"
    )
    unit = compile_unit(source, "-fno-reorder-blocks-and-partition")
    cold = compile_unit(source)
    assert "f.cold:" in cold.text
    fragment = parse_fragment(cold.text, "f", unit)
    assert fragment.body.count("\tcall\tbad@PLT") == 2
    whole = own_fragment(cold.function("f"))
    assert fragment_canonical(fragment) == fragment_canonical(whole)


def test_endbr64_follows_the_target():
    plain, cet = compile_unit(SIMPLE), compile_unit(SIMPLE, "-fcf-protection")
    assert parse_fragment(plain.text, "f", cet).body[0] == "\tendbr64"
    assert parse_fragment(cet.text, "f", plain).body[0] != "\tendbr64"


def test_rendering_twice_in_one_file_gives_unique_labels_and_own_recursion(tmp_path):
    source = "int f(int n) { return n < 2 ? n : f(n - 1) * 3 + f(n - 2); }"
    unit = compile_unit(source, "-O1")
    fragment = parse_fragment(unit.text, "f", unit)
    text = "\t.text\n" + fragment.render("a", ".La.") + fragment.render("b", ".Lb.")
    run("as", "-o", tmp_path / "x.o", "-", text=text)
    assert "call\ta" in text
    assert "call\tb" in text
    assert "call\tf" not in text
