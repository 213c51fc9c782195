import pytest

from superopt_cc.propose.csource import (
    OfferError,
    find_definition,
    is_static,
    plain,
    read_offer,
    replace,
    types_for,
)

UNIT = """\
# 1 "a.c"
typedef unsigned int u32;
struct point { int x, y; };
static const char *brace = "{ f(";
int f(u32 n);
int other(int a) { return f(a) + sizeof(struct { int q; }); }
# 9 "a.c"
__attribute__((noinline)) static int f(u32 n)
{
# 11 "a.c"
    struct point p = { 1, 2 };
    if (n) { return '}'; }
    return p.x;
}
int after;
"""


def test_a_definition_is_found_whole_and_calls_are_not() -> None:
    item = find_definition(UNIT, "f")
    assert item is not None
    text = UNIT[item.start : item.end]
    assert text.startswith("__attribute__((noinline)) static int f(u32 n)")
    assert text.endswith("return p.x;\n}")
    assert is_static(item)


def test_line_markers_do_not_reach_the_model() -> None:
    item = find_definition(UNIT, "f")
    assert item is not None
    assert "#" not in plain(UNIT, item)


def test_types_that_the_function_names_are_told() -> None:
    item = find_definition(UNIT, "f")
    assert item is not None
    told = types_for(UNIT, item)
    assert "typedef unsigned int u32;" in told
    assert "struct point { int x, y; };" in told
    assert "brace" not in told


def test_types_that_the_function_does_not_name_are_not_told() -> None:
    source = (
        "typedef struct { int x; } nameless;\ntypedef unsigned long size_t;\n"
        "typedef struct list { struct list *next; } list;\n"
        "struct list *shared;\nint f(size_t n) { return (int)n; }\n"
        "int g(struct list *l) { return l != 0; }\n"
    )
    f, g = (find_definition(source, name) for name in "fg")
    assert f is not None
    assert g is not None
    assert types_for(source, f) == ""
    assert types_for(source, g) == "typedef struct list { struct list *next; } list;"


def test_an_old_style_definition_is_not_found() -> None:
    assert find_definition("int f(a) int a; { return a; }", "f") is None


def test_an_answer_in_prose_and_fences_is_read() -> None:
    answer = "Sure!\n```c\n#include <stdint.h>\nint f(u32 n) { return n ? 125 : 1; }\n```\nDone."
    offer = read_offer(answer, "f", static=False)
    assert offer.function == "int f(u32 n) { return n ? 125 : 1; }"


def test_the_offer_stands_where_the_definition_stood() -> None:
    item = find_definition(UNIT, "f")
    assert item is not None
    text = replace(UNIT, item, read_offer("int f(u32 n) { return 1; }", "f", static=True))
    assert "int other" in text
    assert text.rstrip().endswith("int after;")
    assert "p.x" not in text
    assert "static __attribute__((used, noinline, noclone)) int f(u32 n) { return 1; }" in text


@pytest.mark.parametrize(
    "answer",
    [
        "Faster:\r\n```c\r\nint f(u32 n)\r\n{\r\n    return 1;\r\n}\r\n```\r\n",
        "~~~c++\nint f(u32 n)\n{\n    return 1;\n}\n~~~",
        "```c\nint f(u32 n) { return 2; }\n```\nor\n```C\nint f(u32 n)\n{\n    return 1;\n}\n```",
        "```c\nint f_fast(u32 n)\n{\n    return 1;\n}\n```",
        "```c\nint f(u32 n)\n{\n    return 1;\n}",
        "```c\nint f(u32 n)\n{\n    return 1;\n}\n```\nBuild it with\n```sh\ngcc -O3 a.c\n```",
    ],
)
def test_however_an_answer_is_wrapped_the_function_is_found(answer: str) -> None:
    offer = read_offer(answer, "f", static=False)
    assert offer.function == "int f(u32 n)\n{\n    return 1;\n}"


def test_a_renamed_function_calls_itself_by_its_own_name() -> None:
    offer = read_offer("int quick(u32 n) { return n ? quick(n - 1) : 1; }", "f", static=False)
    assert offer.function == "int f(u32 n) { return n ? f(n - 1) : 1; }"


def test_helpers_are_inlined_and_tables_kept() -> None:
    answer = (
        "static const int T[2] = {1, 125};\n"
        "static inline int g(int a) { return T[a]; }\n"
        "int f(u32 n) { return g(n != 0); }"
    )
    offer = read_offer(answer, "f", static=False)
    assert offer.tables == ("static const int T[2] = {1, 125};",)
    assert "always_inline" in offer.helpers[0]
    assert offer.helpers[0].count("static") == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ('int f(u32 n) { __asm__("nop"); return 1; }', "__asm__"),
        ('int f(u32 n) { as\\\nm("nop"); return 1; }', "continued"),
        ("#pragma GCC optimize(\"O1\")\nint f(u32 n) { return 1; }", "preprocessor"),
        ("%:define X\nint f(u32 n) { return 1; }", "%:"),
        ("??=define X\nint f(u32 n) { return 1; }", "trigraphs"),
        ('_Pragma("GCC optimize 1") int f(u32 n) { return 1; }', "_Pragma"),
        ('__attribute__((target("avx2"))) int f(u32 n) { return 1; }', "__attribute__"),
        ("[[gnu::naked]] int f(u32 n) { return 1; }", "[["),
        ("int counter; int f(u32 n) { return counter++; }", "besides functions"),
        ("int f(u32 n) { return 1; } int f(u32 n) { return 2; }", "two definitions"),
        ("int f(u32 n) { if (n) { return 1; ", "no complete definition"),
        ("int f(u32 n) { return 1; } int g(int a) { return", "cut off"),
        ("I cannot do that.", "no complete definition"),
    ],
)  # fmt: skip
def test_what_is_not_plain_c_is_refused(answer: str, why: str) -> None:
    with pytest.raises(OfferError) as caught:
        read_offer(answer, "f", static=False)
    assert why in str(caught.value)
