from __future__ import annotations

import pytest
from assembly_support import (
    MARK,
    assemble,
    compile_text,
    compile_unit,
    offsets,
    own,
    run,
    spliced,
)

from superopt_cc.assembly.canonical import closure_identity
from superopt_cc.assembly.fragment import Fragment, FragmentError
from superopt_cc.assembly.marks import Mark, Record, read_marks
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.assembly.reasons import text_reasons
from superopt_cc.assembly.splice import splice
from superopt_cc.assembly.unit import parse_unit
from superopt_cc.errors import AssemblyError

PROGRAM = """
#include <stdio.h>
#include <string.h>
static const int T[4] = {10, 20, 30, 40}; static int counter; int shared[8] = {1, 2, 3};
static __attribute__((noinline)) int local(int x) { return x * 9 + counter; }
__attribute__((noinline)) int plus(int x) { return x + 1; }
int second(int) __attribute__((alias("plus")));
__attribute__((noinline)) int tab(int i) { static int n = 3; return T[i & 3] + counter++ + n++; }
__attribute__((noinline)) int sw(int x) { switch (x) { case 0: puts("zero"); return 5;
  case 1: return local(7); case 2: return 77; case 3: puts("three"); return 4; case 4: return 11;
  case 5: return shared[2]; } return x; }
__attribute__((noinline)) double scale(double x) { return x * 2.5 + 1; }
__attribute__((noinline)) int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
__attribute__((noinline)) void fill(int n, float *a) {
  for (int i = 0; i < n; i++) a[i] = a[i] * 2 + i; }
int main(void) {
  float a[20] = {1, 2, 3}; fill(20, a);
  for (int i = 0; i < 8; i++)
    printf("%d %d %d %g %d %g\\n", plus(i), second(i), tab(i) + sw(i), scale(i), fib(i), a[i]);
  return 0;
}
"""
OPTIONS = [
    "-O3",
    "-O3 -g",
    "-O3 -g -gdwarf-4 -fPIC",
    "-O3 -fno-pie -no-pie -fcf-protection",
    "-O2 -ffunction-sections -g",
    "-O3 -fno-asynchronous-unwind-tables",
]


@pytest.mark.parametrize("options", OPTIONS)
def test_a_program_with_all_functions_spliced_behaves_the_same(options, tmp_path):
    unit = compile_unit(PROGRAM, *options.split())
    names = [f.name for f in unit.functions if not text_reasons(unit, f)]
    assert len(names) >= 7
    text = spliced(unit, {n: parse_fragment(unit.text, n, unit) for n in names}, tmp_path)
    obj = assemble(text, tmp_path / "new.o")
    pie = "-no-pie" if "-no-pie" in options else "-pie"
    link = ["gcc", "-Wl,--fatal-warnings", "-Wl,--gc-sections", pie]
    run(*link, "-o", tmp_path / "new", obj)
    run(*link, "-o", tmp_path / "old", tmp_path / "original.o")
    assert run(tmp_path / "new") == run(tmp_path / "old")
    if "-g" in options:
        debug = run("readelf", "-wilR", tmp_path / "new")
        assert "plus" in debug
        lists = run("readelf", "-wo", tmp_path / "new")
        assert "start > end" not in lists


@pytest.mark.parametrize("level", ["-O1", "-O2 -funroll-loops", "-Os"])
def test_bodies_of_other_options_behave_the_same(level, tmp_path):
    unit = compile_unit(PROGRAM, "-g")
    offered = compile_text(PROGRAM, *level.split())
    chosen = {}
    for name in ("plus", "tab", "sw", "scale", "fib", "fill"):
        try:
            chosen[name] = parse_fragment(offered, name, unit)
        except FragmentError:
            continue
    assert len(chosen) >= 4
    obj = assemble(spliced(unit, chosen, tmp_path), tmp_path / "new.o")
    run("gcc", "-o", tmp_path / "new", obj)
    run("gcc", "-o", tmp_path / "old", tmp_path / "original.o")
    assert run(tmp_path / "new") == run(tmp_path / "old")


@pytest.mark.parametrize("options", ["-O3", "-O3 -g", "-O3 -falign-functions=32"])
@pytest.mark.parametrize("length", [1, 30, 63, 64, 200])
def test_functions_behind_a_rewrite_keep_their_place_modulo_64(options, length, tmp_path):
    unit = compile_unit(PROGRAM, *options.split())
    body = (*["\tnop"] * length, "\tleal\t1(%rdi), %eax", "\tret")
    chosen = {"plus": Fragment("plus", body), **own(unit, "scale")}
    obj = assemble(spliced(unit, chosen, tmp_path), tmp_path / "new.o")
    before, after = offsets(tmp_path / "original.o"), offsets(obj)
    assert before.keys() == after.keys()
    for name in before:
        if name in (*chosen, "second"):
            assert after[name] % 64 == 0
        else:
            assert after[name] % 64 == before[name] % 64
    assert after["second"] == after["plus"]


def test_labels_types_sizes_and_landing_pads_stay(tmp_path):
    unit = compile_unit(PROGRAM, "-g", "-fcf-protection")
    rewrite = Fragment("plus", ("\tendbr64", "\tleal\t1(%rdi), %eax", "\tret"))
    text = spliced(unit, {"plus": rewrite}, tmp_path)
    lines = text.split("\n")
    start = lines.index("plus:")
    part = lines[start : lines.index("\t.size\tplus, .-plus")]
    assert part[1].startswith(".LFB")
    assert part[-1].startswith(".LFE")
    assert sum(s.startswith("\t.loc") for s in part) in (1, 2)
    assert part.index("\tendbr64") < part.index("\tret")
    assert "\t.type\tplus, @function" in lines


@pytest.mark.parametrize("options", ["-O3", "-O3 -g", "-O3 -g -fPIC"])
def test_spliced_text_can_be_read_and_spliced_again(options, tmp_path):
    unit = compile_unit(PROGRAM, *options.split())
    again = parse_unit(spliced(unit, own(unit, "plus", "sw", "fib"), tmp_path))
    for function in unit.functions:
        same = again.function(function.name)
        assert text_reasons(again, same) == text_reasons(unit, function)
        assert closure_identity(again, same) == closure_identity(unit, function)


def test_line_statements_of_functions_behind_do_not_change(tmp_path):
    unit = compile_unit(PROGRAM, "-g")
    obj = assemble(spliced(unit, own(unit, "sw"), tmp_path), tmp_path / "new.o")

    def entries(path):
        table = run("objdump", "--dwarf=decodedline", path).split("\n")
        rows = [line.split() for line in table]
        return [
            (r[1], r[-1] == "x") for r in rows if len(r) > 2 and r[1].isdigit() and int(r[1]) > 12
        ]

    assert entries(obj) == entries(tmp_path / "original.o")


def test_marks_are_read_back_from_a_linked_program(tmp_path):
    unit = compile_unit(PROGRAM)
    chosen = own(unit, "plus", "sw")
    original = assemble(unit.text, tmp_path / "original.o")
    marks = {"plus": MARK, "sw": Mark("feed", "compiled", "proved")}
    obj = assemble(splice(unit, chosen, marks, offsets(original)), tmp_path / "new.o")
    run("gcc", "-Wl,--gc-sections", "-o", tmp_path / "new", obj)
    run("objcopy", "-O", "binary", "--only-section=.superopt", "--set-section-flags",
        ".superopt=alloc", tmp_path / "new", tmp_path / "section")  # fmt: skip
    records = read_marks((tmp_path / "section").read_bytes())
    assert records == (Record("plus", MARK), Record("sw", marks["sw"]))
    sections = run("readelf", "-SW", tmp_path / "new")
    line = next(s for s in sections.split("\n") if ".superopt" in s)
    assert " A " not in line
    with pytest.raises(AssemblyError):
        read_marks(b"something else\0")


CPP = """
#include <cstdio>
#include <execinfo.h>
template <class T> __attribute__((noinline, noipa)) T pick(T x, T (*f)(T)) {
  switch (x) { case 0: return f(5) + 1; case 1: return 9; case 2: return f(7) + f(1);
  case 3: return 77; case 4: return 1; case 5: return 11; } return x * 3; }
__attribute__((noinline, noipa)) int between(int a, int b, int (*f)(int)) {
  int s = f(a); s ^= f(b) * s; return s + f(a + b) * a; }
static int deep(int) { void *p[40]; return backtrace(p, 40); }
static int thrower(int x) { if (x > 6) throw x; return x; }
int use() { return pick(2, +[](int x) { return x; }) + pick(2L, +[](long x) { return x; }); }
int MAIN() {
  int caught = 0;
  try { caught = between(3, 5, thrower); } catch (int e) { caught = e * 100; }
  try { caught += pick(2, thrower); } catch (int e) { caught += e * 1000; }
  std::printf("%d %d %d\\n", caught, between(0, 0, deep) > 0, use());
  return 0;
}
"""


@pytest.mark.parametrize("options", ["-O3", "-O3 -g -ffunction-sections", "-O3 -fPIC", "-O1"])
def test_exceptions_and_backtraces_pass_and_comdat_groups_link(options, tmp_path):
    one = CPP.replace("MAIN", "main")
    two = CPP.replace("MAIN", "other").replace("between", "between2").replace("use()", "use2()")
    objects = []
    for i, source in enumerate((one, two)):
        folder = tmp_path / str(i)
        folder.mkdir()
        unit = compile_unit(source, *options.split(), language="c++")
        names = [f.name for f in unit.functions if not text_reasons(unit, f)]
        assert any("pick" in n for n in names)
        chosen = {n: parse_fragment(unit.text, n, unit) for n in names}
        objects.append(assemble(spliced(unit, chosen, folder), folder / "new.o"))
    run("g++", "-Wl,--fatal-warnings", "-o", tmp_path / "new", *objects)
    run("g++", "-o", tmp_path / "old", tmp_path / "0/original.o", tmp_path / "1/original.o")
    assert run(tmp_path / "new") == run(tmp_path / "old")
    picks = [line for line in run("nm", tmp_path / "new").split("\n") if "pick" in line]
    assert picks


def test_backtrace_through_a_rewrite_with_a_frame_is_as_deep_as_through_gccs(tmp_path):
    unit = compile_unit(CPP.replace("MAIN", "main").replace(" > 0", ""), language="c++")
    name = "_Z7betweeniiPFiiE"
    rewrite = Fragment(
        name,
        ("\tsubq\t$72, %rsp", "\tmovq\t%rbx, 56(%rsp)", "\tmovl\t%edi, %ebx",
         "\tcall\t*%rdx", "\tmovq\t56(%rsp), %rbx", "\taddq\t$72, %rsp", "\tret"),
    )  # fmt: skip
    assert text_reasons(unit, unit.function(name)) == ()
    obj = assemble(spliced(unit, {name: rewrite}, tmp_path), tmp_path / "new.o")
    run("g++", "-o", tmp_path / "new", obj)
    # Both call `deep` from `between` from `main`; gcc's between(0, 0, f) is (n ^ n * n) + n * 0.
    run("g++", "-o", tmp_path / "old", tmp_path / "original.o")
    depth = int(run(tmp_path / "new").split()[1])
    assert int(run(tmp_path / "old").split()[1]) == depth ^ depth * depth
    assert depth >= 4


def test_a_label_that_loaded_data_names_is_never_lost():
    unit = compile_unit(
        "int f(int x) { static void *l[] = {&&a, &&b}; goto *l[x]; a: return 1; b: return 2; }"
    )
    with pytest.raises(AssemblyError, match="used elsewhere"):
        splice(unit, {"f": Fragment("f", ("\tret",))}, {"f": MARK}, {"f": 0})


def test_a_body_whose_unwinding_is_uncertain_is_refused():
    unit = compile_unit("int f(int x) { return x; }")
    with pytest.raises(FragmentError):
        splice(unit, {"f": Fragment("f", ("\tsubq\t%rdi, %rsp", "\tret"))}, {"f": MARK}, {"f": 0})


def test_unknown_functions_and_offsets_are_clear_errors():
    unit = compile_unit(PROGRAM)
    with pytest.raises(AssemblyError, match="nothing"):
        splice(unit, {"nothing": Fragment("nothing", ("\tret",))}, {"nothing": MARK}, {})
    with pytest.raises(AssemblyError, match="offset"):
        splice(unit, own(unit, "plus"), {"plus": MARK}, {"plus": 0})
