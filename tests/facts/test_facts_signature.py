"""Signatures, objects, calls and modes as gcc itself states them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from facts_helper import facts_of

from superopt_cc.errors import Ineligible
from superopt_cc.verify.job import Facts
from superopt_cc.verify.signature.abi import Location, assign, in_memory, result_bytes, returned
from superopt_cc.verify.signature.ctype import (
    EXTENDED,
    Array,
    Bool,
    CType,
    Enum,
    Field,
    Float,
    Form,
    Function,
    Int,
    Pointer,
    Struct,
    Unsupported,
)
from superopt_cc.verify.signature.facts import UnitFacts
from superopt_cc.verify.signature.source import c_text

SOURCE = r"""
#include <stdio.h>
#include <stdint.h>
struct list { struct list *next; int v; };
struct layout {
    struct { int16_t a, b; } u;
    union { double d; long l; } w;
    unsigned f1 : 3, f2 : 11;
    char name[3][5];
    struct opaque *o;
    int flex[];
};
struct __attribute__((packed)) tight { char c; int i; };
struct __attribute__((aligned(32))) wide { int i; };
typedef enum { RED = -1, GREEN = 5 } colour;
static int table[4] = {1, 2, 3, 4};
extern int ext;
extern const double constants[];
extern int renamed(int) __asm__("other_name");
extern int missing();

int sum(const struct list *l) { int s = 0; while (l) { s += l->v; l = l->next; } return s; }
int layout(struct layout *restrict p, struct tight *t, struct wide *w)
{ return p->f2 + t->i + w->i; }
colour scalars(_Bool b, unsigned char c, signed char s, colour e, float f, double d, long l)
{ return b ? e : c + s + (int)f + (int)d + (int)l; }
int pointers(int (*m)[7], int (*cb)(void *, double), void *ctx, volatile int *v, char *const *n)
{ return cb(ctx, 1.0) + m[1][2] + (n[0] == 0) + (v == 0); }
int counter(void) { static int buf; return ++buf; }
int counter2(void) { static int buf; return buf += 3; }
int reads(int x) { return table[x & 3] + ext + (int)constants[x & 1]; }
void prints(double d, int x, char *s) { printf("%f %d %s\n", d, x, s); printf("%d\n", x); }
void spills(int n, double d) { printf("%d%d%d%d%d%d%d%f", n, n, n, n, n, n, n, d); puts("."); }
static __attribute__((noinline)) int local(int a) { return printf("%d %f", a, 1.0); }
int through_local(int a) { return local(a) + 1; }
int calls_renamed(int x) { return renamed(x) + 1; }
int unprototyped(int x) { return missing(x, 2.0) + 1; }
int indirect(int (*f)(int, char), int x) { return f(x, 1) + 1; }
void nothing(void) { __builtin_unreachable(); }
int after_nothing(int q) { return q; }
int empty() { return 3; }
__attribute__((target("avx2"), pure, nonnull)) int avx2(int *a)
{ int s = 0; for (int i = 0; i < 64; i++) s += a[i]; return s; }
int many(int a, int b, int c, int d, int e, int f, char g, double h, short i)
{ return a + b + c + d + e + f + g + (int)h + i; }
#define MAX(a, b) ((a) > (b) ? (a) : (b))
static const char *brace = "}";
int old_text(a, b)
    int a, b;
{ return a; }
int braces(int a, int b)
{
    if (a == '}' || brace[0] == '{') { return 1; } /* } */
    return MAX(a, b);
}
"""

INT = Int(4, True)


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> UnitFacts:
    return facts_of(tmp_path_factory.mktemp("signature"), SOURCE)


def parameters(facts: Facts) -> list[CType]:
    return [facts.types[p.type] for p in facts.parameters]


def pointee(facts: Facts, number: int) -> CType:
    kind = parameters(facts)[number]
    assert isinstance(kind, Pointer)
    assert kind.to is not None
    return facts.types[kind.to]


def test_a_recursive_list_is_a_finite_table(unit: UnitFacts) -> None:
    facts = unit.function("sum")
    (pointer,) = parameters(facts)
    node = pointee(facts, 0)
    assert isinstance(pointer, Pointer)
    assert pointer.const
    assert isinstance(node, Struct)
    following = facts.types[node.fields[0].type]
    assert isinstance(following, Pointer)
    assert following.to == pointer.to
    assert not following.const
    assert facts.returns is not None
    assert facts.types[facts.returns] == INT


def test_structures_come_with_their_layout(unit: UnitFacts) -> None:
    facts = unit.function("layout")
    (first, *_) = parameters(facts)
    assert isinstance(first, Pointer)
    assert first.restrict
    layout = pointee(facts, 0)
    assert isinstance(layout, Struct)
    assert (layout.size, layout.align) == (48, 8)
    members = {field.name: field for field in layout.fields}
    assert [f.offset for f in layout.fields] == [0, 8, 16, 16, 18, 40, 48]
    assert members["f1"].bits == (128, 3)
    assert members["f2"].bits == (131, 11)
    union = facts.types[members["w"].type]
    assert isinstance(union, Struct)
    assert union.union
    names = facts.types[members["name"].type]
    assert isinstance(names, Array)
    assert (names.count, facts.types[names.element]) == (3, Array(_char(facts, names), 5))
    flexible = facts.types[members["flex"].type]
    assert isinstance(flexible, Array)
    assert flexible.count is None
    opaque = facts.types[members["o"].type]
    assert isinstance(opaque, Pointer)
    assert opaque.to is not None
    assert facts.types[opaque.to] == Unsupported("opaque")
    tight, wide = pointee(facts, 1), pointee(facts, 2)
    assert isinstance(tight, Struct)
    assert (tight.size, tight.align) == (5, 1)
    assert tight.fields[1] == Field("i", 1, tight.fields[1].type)
    assert isinstance(wide, Struct)
    assert (wide.size, wide.align) == (32, 32)


def _char(facts: Facts, outer: Array) -> int:
    inner = facts.types[outer.element]
    assert isinstance(inner, Array)
    assert facts.types[inner.element] == Int(1, True, character=True)
    return inner.element


def test_scalars_keep_size_sign_and_values(unit: UnitFacts) -> None:
    facts = unit.function("scalars")
    assert parameters(facts) == [
        Bool(),
        Int(1, False, True),
        Int(1, True, True),
        Enum(4, True, (-1, 5)),
        Float(4),
        Float(8),
        Int(8, True),
    ]
    locations = assign(facts.types, [p.type for p in facts.parameters])
    assert [(x.register, x.bits) for x in locations] == [
        ("rdi", 8),
        ("rsi", 8),
        ("rdx", 8),
        ("rcx", 32),
        ("xmm0", 32),
        ("xmm1", 64),
        ("r8", 64),
    ]
    assert returned(facts.types, facts.returns) == (("rax", 0xFFFFFFFF),)


def test_pointers_to_arrays_functions_and_volatile(unit: UnitFacts) -> None:
    facts = unit.function("pointers")
    assert pointee(facts, 0) == Array(facts.returns or 0, 7)
    callback = pointee(facts, 1)
    assert isinstance(callback, Function)
    assert not callback.variadic
    assert [p.to if isinstance(p, Pointer) else -1 for p in parameters(facts)][2] is None
    volatile, names = parameters(facts)[3:]
    assert isinstance(volatile, Pointer)
    assert volatile.volatile
    assert isinstance(names, Pointer)
    assert names.const


def test_arguments_beyond_the_registers_lie_on_the_stack(unit: UnitFacts) -> None:
    facts = unit.function("many")
    locations = assign(facts.types, [p.type for p in facts.parameters])
    assert locations[5:] == (
        Location("int", 5, 32),
        Location("stack", 0, 8),
        Location("sse", 0, 64),
        Location("stack", 1, 16),
    )


INT, CHAR, DOUBLE, FLOAT = Int(4, True), Int(1, True), Float(8), Float(4)
BASE = (INT, CHAR, DOUBLE, FLOAT)


def structure(size: int, *fields: tuple[int, int]) -> Struct:
    """A structure of `BASE` types: (offset, type) of each member."""
    return Struct("s", size, 8, tuple(Field("m", at, kind) for at, kind in fields))


@pytest.mark.parametrize(
    ("kind", "places", "result"),
    [
        (structure(8, (0, 0), (4, 1)), [("int", 40)], (("rax", 0xFFFFFFFFFF),)),
        (structure(8, (0, 3), (4, 3)), [("sse", 64)], (("xmm0", (1 << 64) - 1),)),
        (structure(8, (0, 3), (4, 0)), [("int", 64)], (("rax", (1 << 64) - 1),)),
        (
            structure(16, (0, 2), (8, 0)),
            [("sse", 64), ("int", 32)],
            (("xmm0", (1 << 64) - 1), ("rax", 0xFFFFFFFF)),
        ),
        (
            structure(16, (0, 1), (8, 1)),
            [("int", 8), ("int", 8)],
            (("rax", 0xFF), ("rdx", 0xFF)),
        ),
    ],
)  # fmt: skip
def test_a_small_structure_travels_in_registers_of_its_members_kind(
    kind: Struct, places: list[tuple[str, int]], result: tuple[tuple[str, int], ...]
) -> None:
    types = (*BASE, kind)
    (location,) = assign(types, [4])
    assert [(part.kind, part.bits) for part in location.parts] == places
    assert returned(types, 4) == result
    assert not in_memory(types, 4)


def test_a_large_or_packed_structure_travels_in_memory() -> None:
    large = structure(24, (0, 2), (8, 2), (16, 2))
    packed = Struct("p", 5, 1, (Field("c", 0, 1), Field("i", 1, 0)))
    for kind, words in ((large, 3), (packed, 1)):
        types = (*BASE, kind)
        (location,) = assign(types, [4])
        assert [part.kind for part in location.parts] == ["stack"] * words
        assert in_memory(types, 4)


def test_a_structure_goes_to_the_stack_whole_when_its_registers_are_used_up() -> None:
    types = (*BASE, structure(16, (0, 0), (8, 0)))
    *_, pair, last = assign(types, [0, 0, 0, 0, 0, 4, 0])
    assert [part.kind for part in pair.parts] == ["stack", "stack"]
    assert last == Location("int", 5, 32)  # the register that was too few for the pair


FULL = (1 << 64) - 1
WIDE = Int(16, signed=True)
LANES = Array(0, 4, Form.VECTOR, 16)
COMPLEX = Array(2, 2, Form.COMPLEX)


@pytest.mark.parametrize(
    ("kind", "places", "result"),
    [
        (WIDE, [("int", 64), ("int", 64)], (("rax", FULL), ("rdx", FULL))),
        (LANES, [("sse", 128)], (("xmm0", (1 << 128) - 1),)),
        (Array(0, 2, Form.VECTOR, 8), [("sse", 64)], (("xmm0", FULL),)),
        (COMPLEX, [("sse", 64), ("sse", 64)], (("xmm0", FULL), ("xmm1", FULL))),
    ],
)
def test_values_of_several_parts_have_their_registers(
    kind: CType, places: list[tuple[str, int]], result: tuple[tuple[str, int], ...]
) -> None:
    types = (*BASE, kind)
    (location,) = assign(types, [4])
    assert [(part.kind, part.bits) for part in location.words] == places
    assert returned(types, 4) == result
    assert not in_memory(types, 4)


@pytest.mark.parametrize(
    ("other", "places"),
    [
        (WIDE, [("int", 64), ("int", 64)]),  # an integer's class wins
        (structure(16, (0, 2), (8, 2)), [("sse", 64), ("sse", 64)]),
        (LANES, [("sse", 128)]),
    ],
)
def test_a_vector_shares_a_union_by_the_classes_of_both(
    other: CType, places: list[tuple[str, int]]
) -> None:
    union = Struct("u", 16, 16, (Field("v", 0, 4), Field("o", 0, 5)), union=True)
    (location,) = assign((*BASE, LANES, other, union), [6])
    assert [(part.kind, part.bits) for part in location.parts] == places


@pytest.mark.parametrize("kind", [WIDE, LANES, Struct("s", 32, 16, (Field("x", 0, 4),))])
def test_what_is_aligned_to_16_bytes_is_so_on_the_stack(kind: CType) -> None:
    types = (*BASE, WIDE, kind)
    full = [0] * 6 + [2] * 8
    *_, first, second = assign(types, [*full, 0, 5])
    assert first == Location("stack", 0, 32)
    assert [part.number for part in second.parts][:2] == [2, 3]


def test_long_doubles_lie_on_the_stack_and_return_in_x87_registers() -> None:
    types = (INT, EXTENDED, Array(1, 2, Form.COMPLEX), Struct("s", 32, 16, (Field("x", 0, 1),)))
    whole = (1 << 80) - 1
    first, number, pair, last = assign(types, [0] * 7 + [1, 2, 3])[6:]
    assert first == Location("stack", 0, 32)
    assert number.parts == (Location("stack", 2, 64), Location("stack", 3, 16))
    assert [part.bits for part in pair.parts] == [64, 16, 64, 16]
    assert [part.number for part in last.parts] == [8, 9, 10, 11]
    assert returned(types, 1) == (("st(0)", whole),)
    assert returned(types, 2) == (("st(0)", whole), ("st(1)", whole))
    assert in_memory(types, 3)
    one = Struct("s", 16, 16, (Field("x", 0, 1),))
    (location,) = assign((*types, one), [4])
    assert [part.kind for part in location.parts] == ["stack", "stack"]
    with pytest.raises(Ineligible, match="long-double"):
        returned((*types, one), 4)
    with pytest.raises(Ineligible, match="long-double"):
        in_memory((*types, one), 4)


def test_a_vector_that_needs_a_wider_register_is_no_value() -> None:
    eight = Array(0, 8, Form.WIDE, 32)
    for kind in (eight, Struct("s", 32, 32, (Field("x", 0, 4),))):
        with pytest.raises(Ineligible, match="vector"):
            assign((*BASE, eight, kind), [5])


def test_a_vector_of_32_bytes_takes_one_register_alone_or_as_all_of_a_structure() -> None:
    whole = (1 << 256) - 1
    one = Struct("s", 32, 32, (Field("x", 0, 4),))
    shared = Struct("u", 32, 32, (Field("x", 0, 4), Field("y", 0, 5)), union=True)
    types = (*BASE, Array(0, 8, Form.VECTOR, 32), Array(2, 4), one, shared)
    for index in (4, 6):
        (location,) = assign(types, [index])
        assert [(part.kind, part.bits) for part in location.parts] == [("sse", 256)]
        assert returned(types, index) == (("ymm0", whole),)
        assert not in_memory(types, index)
    assert in_memory(types, 7)
    assert result_bytes({"ymm0": 3 << 248}, types, 4) == bytes(31) + b"\x03"


def test_other_types_have_no_location() -> None:
    with pytest.raises(Ineligible, match="struct-by-value"):
        assign((*BASE, structure(16, (0, 0))), [4])  # the second half is padding
    with pytest.raises(Ineligible, match="struct-by-value"):
        assign((dataclasses.replace(structure(4, (0, 0)), plain=False), INT), [0])
    with pytest.raises(Ineligible, match="float128"):
        returned((Unsupported("float128", 16),), 0)
    assert returned((Bool(), Float(4)), 0) == (("rax", 0xFF),)
    assert returned((Bool(), Float(4)), 1) == (("xmm0", 0xFFFFFFFF),)
    assert returned((), None) == ()


def test_static_locals_are_known_by_their_assembler_names(unit: UnitFacts) -> None:
    names = [list(unit.function(name).globals) for name in ("counter", "counter2")]
    assert all(len(one) == 1 and one[0].startswith("buf.") for one in names)
    assert names[0] != names[1]


def test_only_objects_that_the_code_reaches_are_listed(unit: UnitFacts) -> None:
    facts = unit.function("reads")
    assert set(facts.globals) == {"table", "ext", "constants"}
    table = facts.types[facts.globals["table"]]
    assert isinstance(table, Array)
    assert table.count == 4
    assert unit.function("sum").globals == {}


def test_calls_tell_the_registers_that_they_use(unit: UnitFacts) -> None:
    first, second = unit.function("prints").calls
    assert first.callee == second.callee == "printf"
    assert dict(first.registers) == {"rax": 1, "rdi": 8, "xmm0": 8, "rsi": 4, "rdx": 8}
    assert dict(second.registers) == {"rax": 1, "rdi": 8, "rsi": 4}
    spilled = unit.function("spills").calls[0]
    assert spilled.stack_words
    assert spilled.stack_bytes == 16
    (pointer,) = unit.function("indirect").calls
    assert (pointer.callee, dict(pointer.registers)) == (None, {"rdi": 4, "rsi": 4})
    (loose,) = unit.function("unprototyped").calls
    assert dict(loose.registers) == {"rax": 1, "rdi": 4, "xmm0": 8}


def test_calls_of_local_callees_stand_apart(unit: UnitFacts) -> None:
    facts = unit.function("through_local")
    assert [call.callee for call in facts.calls] == ["local"]
    assert [call.callee for call in facts.local_calls] == ["printf"]
    assert set(facts.callees) == {"local", "printf"}
    assert not unit.function("local").external


def test_assembler_names_are_used_throughout(unit: UnitFacts) -> None:
    facts = unit.function("calls_renamed")
    assert [call.callee for call in facts.calls] == ["other_name"]
    assert set(facts.callees) == {"other_name"}


def test_a_function_of_no_size_does_not_lend_its_signature_to_the_next(unit: UnitFacts) -> None:
    assert [p.name for p in unit.function("after_nothing").parameters] == ["q"]
    assert unit.function("empty").parameters == ()


def test_a_target_attribute_widens_the_isa_of_one_function(unit: UnitFacts) -> None:
    assert "__AVX2__" in unit.function("avx2").isa
    assert "__AVX2__" not in unit.function("sum").isa
    assert "pure" in unit.function("avx2").attributes


def test_the_c_text_of_a_definition_is_found(unit: UnitFacts) -> None:
    facts = unit.function("braces")
    text = c_text(unit.preprocessed, facts)
    assert text.startswith("int braces(int a, int b)\n{")
    assert text.endswith("return ((a) > (b) ? (a) : (b));\n}\n")
    assert facts.source == "unit.c"
    assert SOURCE.splitlines()[facts.line - 1] == "int braces(int a, int b)"
    assert c_text(unit.preprocessed, unit.function("scalars")).startswith("colour scalars(")


def test_modes_come_from_the_options_in_effect(tmp_path: Path) -> None:
    source = "double f(double x) { return x * 2.5; }\n"
    plain = facts_of(tmp_path, source, "-fno-pie").function("f")
    assert (plain.pic, plain.trapping_math, plain.red_zone, plain.wrapv) == ("", True, True, False)
    assert (plain.float_modes, plain.cet, plain.frame_pointer) == ((), False, False)
    other = facts_of(
        tmp_path,
        source,
        "-fPIC",
        "-ffast-math",
        "-frounding-math",
        "-mno-red-zone",
        "-fwrapv",
        "-fcf-protection",
        "-fno-omit-frame-pointer",
    ).function("f")
    assert (other.pic, other.trapping_math, other.red_zone, other.wrapv) == (
        "pic",
        False,
        False,
        True,
    )
    assert {"rounding-math", "no-signed-zeros", "finite-math-only", "no-math-errno"} <= set(
        other.float_modes
    )
    assert (other.cet, other.frame_pointer) == (True, True)
    assert facts_of(tmp_path, source, "-fPIE").function("f").pic == "pie"


CXX = r"""
#include <vector>
namespace n { struct P { int x; virtual ~P(); int get(int k) const; static int z; };
int P::get(int k) const { return x * k + z; } }
template <class T> T larger(T a, T b) { return a > b ? a : b; }
template int larger<int>(int, int);
int total(const std::vector<int> &v) { int s = 0; for (int x : v) s += x; return s; }
struct Base { int a; }; struct Derived : Base { int b : 3; };
int member(Derived *d, int &r) { return d->a + d->b + r; }
"""


def test_cxx_functions_are_known_by_their_mangled_names(tmp_path: Path) -> None:
    unit = facts_of(tmp_path, CXX, suffix=".cc")
    method = unit.function("_ZNK1n1P3getEi")
    assert [p.name for p in method.parameters] == ["this", "k"]
    assert pointee(method, 0) == Unsupported("polymorphic", 16)
    assert set(method.globals) == {"_ZN1n1P1zE"}
    larger = unit.function("_Z6largerIiET_S0_S0_")
    assert parameters(larger) == [INT, INT]
    assert c_text(unit.preprocessed, larger).startswith("template <class T> T larger(")
    vector = pointee(unit.function("_Z5totalRKSt6vectorIiSaIiEE"), 0)
    assert isinstance(vector, Struct)
    assert vector.size == 24
    derived = unit.function("_Z6memberP7DerivedRi")
    kind = pointee(derived, 0)
    assert isinstance(kind, Struct)
    assert [f.offset for f in kind.fields] == [0, 4]
    assert isinstance(parameters(derived)[1], Pointer)
