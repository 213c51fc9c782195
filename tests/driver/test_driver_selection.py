from __future__ import annotations

from pathlib import Path

import pytest

from superopt_cc.driver.selection import Selection, Wish, select, simple_name
from superopt_cc.settings import load_settings


def chosen(source: str, *functions: str, patterns: tuple[str, ...] = ("pragma",)) -> Selection:
    return select(source, functions, patterns)


def names(source: str, *functions: str, patterns: tuple[str, ...] = ("pragma",)) -> list[str]:
    selection = chosen(source, *functions, patterns=patterns)
    assert selection.problems == ()
    return list(selection.wishes)


@pytest.mark.parametrize(
    "definition",
    [
        "int f(int a) { return a; }",
        "static inline int\nf (int a)\n{ return a; }",
        "__attribute__((noinline, aligned(16))) int f(int a) { return g(a); }",
        "int f(int a) __attribute__((pure)); int f(int a) { return a; }",
        "API(int) f(int a) { return a; }",
        "int f(int a) CHECKED(a) { return a; }",
        "int f(a) int a; { return a; }",
        "int f(a, s) int a; char *s; { return a; }",
        "struct s { int a; int (*call)(int); };\nint f(struct s *p) { return p->a; }",
        "int table[] = { G(1), G(2) };\nint f(int a) { return a; }",
        'const char *t = "int g(int) {";\nint f(int a) { return a; }',
        "#define G(x) int x(int a) {\nint f(int a) { return a; }",
        "/* int g(int a) { */ // int g(int a) {\nint f(int a) { return a; }",
        "template <class T> T f(T a) { return a; }",
        "namespace n { class C { int f() const; };\nint C::f() const noexcept {} }",
        'extern "C" { int f(int a) { return a; } }',
        "auto f(int a) -> int { return a; }",
    ],
)
def test_a_pragma_selects_the_definition_that_follows(definition: str) -> None:
    source = f"int g(int x) {{ return x; }}\n#pragma superopt\n{definition}\nint h(void) {{}}\n"
    assert names(source, "f", "g", "h") == ["f"]


def test_constructors_with_initialisers_do_not_hide_what_follows() -> None:
    source = "C::C() : b(1), c{2} { f(); }\n#pragma superopt\nint f() { return 1; }\nint g() {}\n"
    assert names(source, "_Z1fv", "_Z1gv") == ["_Z1fv"]


def test_a_pragma_with_names_selects_anywhere() -> None:
    source = "int f(void) { return 0; }\n#  pragma  superopt f, h  // both\nint h(void) {}\n"
    assert names(source, "f", "g", "h") == ["f", "h"]


def test_a_pragma_in_a_comment_or_a_string_selects_nothing() -> None:
    source = '/*\n#pragma superopt f\n*/\nconst char *s = "\\\n#pragma superopt f";\nint f(){}\n'
    assert names(source, "f") == []


def test_a_continued_pragma_is_one_line() -> None:
    assert names("#pragma superopt f \\\n  g\nint h(void) {}\n", "f", "g", "h") == ["f", "g"]


def test_options_and_contracts_are_read() -> None:
    source = (
        "#pragma superopt (isa=x86-64-v3, budget=60, timing_ok) assume(n <= 4096) extent(a, n)\n"
        "int f(int *a, int n) { return 0; }\n"
        "#pragma superopt g (budget=1.5)\n"
        "int g(void) { return 0; }\n"
    )
    selection = chosen(source, "f", "g")
    assert selection.problems == ()
    assert selection.wishes["f"] == Wish(
        "x86-64-v3", 60.0, True, ("assume(n <= 4096)", "extent(a, n)")
    )
    assert selection.wishes["g"] == Wish(budget=1.5)


@pytest.mark.parametrize("line", ["(isa=host)", "(budget=soon)", "(speed=3)", "f(", "+"])
def test_what_is_not_understood_is_a_problem_with_its_line(line: str) -> None:
    selection = chosen(f"\n#pragma superopt {line}\nint f(void) {{}}\n", "f")
    assert len(selection.problems) == 1
    assert selection.problems[0].startswith("line 2: ")


def test_a_pragma_before_nothing_is_a_problem() -> None:
    assert len(chosen("int f(void) {}\n#pragma superopt\n", "f").problems) == 1


def test_off_until_on_silences_all_but_named_functions() -> None:
    source = (
        "int a(void) {}\n#pragma superopt off\nint b(void) {}\nint c(void) {}\n"
        "#pragma superopt on\nint d(void) {}\n"
    )
    assert names(source, "a", "b", "c", "d", patterns=("all",)) == ["a", "d"]
    assert names(source + "#pragma superopt b\n", *"abcd", patterns=("all",)) == ["a", "b", "d"]
    assert names("#pragma superopt off\nint b(void) {}\n", "b", patterns=("all",)) == []


def test_patterns_match_names_and_ignore_pragmas() -> None:
    source = "#pragma superopt\nint crc8(void) {}\nint crc16(void) {}\nint sum(void) {}\n"
    assert names(source, "crc8", "crc16", "sum", patterns=("crc1*", "s?m")) == ["crc16", "sum"]


def test_functions_from_headers_are_selected_by_all() -> None:
    assert names('#include "x.h"\n', "from_header", patterns=("all",)) == ["from_header"]


def test_macros_of_the_header_select_like_pragmas() -> None:
    source = (
        "SUPEROPT int f(void) {}\nint g(void) {}\nSUPEROPT_FUNCTIONS(h, j)\nint h(void) {}\n"
        "SUPEROPT_WITH((budget=2)) int i(void) {}\nSUPEROPT_WITH(extent(a, n))\nint j(int n) {}\n"
    )
    selection = chosen(source, *"fghij")
    assert list(selection.wishes) == ["f", "h", "i", "j"]
    assert selection.wishes["i"].budget == 2.0
    assert selection.wishes["j"].contracts == ("extent(a, n)",)
    off = "SUPEROPT_OFF\nint f(void) {}\nSUPEROPT_ON\nint g(void) {}\n"
    assert names(off, "f", "g", patterns=("all",)) == ["g"]


@pytest.mark.parametrize(
    ("mangled", "simple"),
    [
        ("main", "main"),
        ("_Z3addii", "add"),
        ("_ZL3addii", "add"),
        ("_Z3addIiET_S0_S0_", "add"),
        ("_ZN2ns3addEii", "add"),
        ("_ZNK3Box4sizeEv", "size"),
        ("_ZN3BoxIiLi3EE4sizeEv", "size"),
        ("_ZN3BoxISt4pairIiiEE4sizeIdEEvT_", "size"),
        ("_ZNSt6vectorIiSaIiEE4pushEi", "push"),
        ("_ZN12_GLOBAL__N_15innerEv", "inner"),
        ("_Z", "_Z"),
    ],
)
def test_simple_names_of_mangled_ones(mangled: str, simple: str) -> None:
    assert simple_name(mangled) == simple


def test_a_cpp_method_is_selected_by_its_qualified_or_simple_name() -> None:
    assert names("#pragma superopt Box::size\n", "_ZNK3Box4sizeEv", "_ZN3Box3getEv") == [
        "_ZNK3Box4sizeEv"
    ]


CXX = {
    "size": "_ZNK3BoxIiLi3EE4sizeEv",
    "other": "_ZNK5OtherIiE4sizeEv",
    "sum int": "_Z3sumIiET_RKSt6vectorIS0_SaIS0_EE",
    "sum double": "_Z3sumIdET_RKSt6vectorIS0_SaIS0_EE",
    "less": "_ZN2ns3BoxltERKS0_",
    "inner": "_ZN2ns6detail5innerEi",
    "hidden": "_ZN12_GLOBAL__N_15innerEi",
    "plain": "add",
}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Box::size", ["size"]),
        ("size", ["size", "other"]),
        ("Box<int,3>::size", ["size"]),
        ("Box<int, 3>::size", ["size"]),
        ("*::size", ["size", "other"]),
        ("Box<*>::size() const", ["size"]),
        ("sum<int>", ["sum int"]),
        ("sum<*>", ["sum int", "sum double"]),
        ("sum", ["sum int", "sum double"]),
        ("_Z3sumId*", ["sum double"]),
        ("ns::*", ["less", "inner"]),
        ("detail::inner", ["inner"]),
        ("ns::inner", []),
        ("ns::Box::operator<", ["less"]),
        ("(anonymous namespace)::inner", ["hidden"]),
        ("add", ["plain"]),
    ],
)
def test_cpp_functions_are_chosen_by_what_people_call_them(written: str, meant: list[str]) -> None:
    assert names("", *CXX.values(), patterns=(written,)) == [CXX[each] for each in meant]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Box::size", ["size"]),
        ("Box<int, 3>::size, add", ["size", "plain"]),
        ("sum<int> (budget=2)", ["sum int"]),
        ("ns::detail::inner detail::inner", ["inner"]),
        ("_ZNK5OtherIiE4sizeEv", ["other"]),
    ],
)
def test_a_pragma_names_cpp_functions_with_their_scopes(written: str, meant: list[str]) -> None:
    assert names(f"#pragma superopt {written}\n", *CXX.values()) == [CXX[each] for each in meant]


@pytest.mark.parametrize(
    ("written", "patterns"),
    [
        ("f,g h*", ("f", "g", "h*")),
        ("Box<int, 3>::size, ns::*", ("Box<int, 3>::size", "ns::*")),
        ("sum<std::pair<int, int>> f", ("sum<std::pair<int, int>>", "f")),
        ("f(int, char) g", ("f(int, char)", "g")),
        ("A::operator<, B::operator<<", ("A::operator<", "B::operator<<")),
    ],
)
def test_the_setting_is_split_outside_of_brackets(written: str, patterns: tuple[str, ...]) -> None:
    settings, problems = load_settings(Path("/"), (), {"SUPEROPT_SELECT": written})
    assert (settings.select, problems) == (patterns, ())
