from __future__ import annotations

import dataclasses

import pytest

from superopt_cc.store.keys import function_key
from superopt_cc.verify.job import CallUse, Contract, Facts, Parameter
from superopt_cc.verify.signature.ctype import CType, Field, Int, Pointer, Struct, TypeTable

INT = Int(4, True)
PLAIN = Contract()


def facts(*types: CType, **changes: object) -> Facts:
    base = Facts(
        name="f",
        types=types or (INT,),
        parameters=(Parameter("a", 0),),
        returns=0,
        globals={},
        callees={},
        calls=(),
        isa=frozenset({"__SSE2__"}),
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def key(
    known: Facts,
    closure: str = "%self:\n\tret",
    options: tuple[str, ...] = ("-O3",),
    contract: Contract = PLAIN,
    rules: tuple[str, ...] = (),
) -> str:
    return function_key(closure, known, options, contract, rules)


BASE = facts()


def test_names_of_the_function_and_its_parameters_do_not_matter() -> None:
    renamed = facts(name="g", parameters=(Parameter("b", 0),))
    assert key(renamed) == key(BASE)


def test_the_place_of_a_type_in_the_table_does_not_matter() -> None:
    moved = facts(Int(1, False), INT, parameters=(Parameter("a", 1),), returns=1)
    assert key(moved) == key(BASE)


@pytest.mark.parametrize(
    "other",
    [
        facts(Int(4, False)),
        facts(Int(1, True)),
        facts(returns=None),
        facts(Pointer(1), INT, returns=None),
        facts(isa=frozenset({"__SSE2__", "__AVX2__"})),
        facts(trapping_math=False),
        facts(red_zone=False),
        facts(pic="pie"),
        facts(local_calls=(CallUse("g", ()),)),
        facts(external=False),
        facts(attributes=("pure",)),
        facts(calls=(CallUse("g", (("rdi", 8),)),)),
    ],
)
def test_other_facts_are_other_keys(other: Facts) -> None:
    assert key(other) != key(BASE)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (Pointer(1), Pointer(1, const=True)),
        (Pointer(1), Pointer(1, restrict=True)),
        (Pointer(1), Pointer(None)),
        (Struct("s", 4, 4, (Field("x", 0, 1),)), Struct("s", 8, 4, (Field("x", 4, 1),))),
    ],
)
def test_pointees_qualifiers_and_layout_matter(one: CType, two: CType) -> None:
    assert key(facts(one, INT, returns=None)) != key(facts(two, INT, returns=None))


def test_equal_text_with_other_constants_options_or_rules_is_another_key() -> None:
    keys = {
        key(BASE),
        key(BASE, closure="%self:\n\tret\n.quad 1"),
        key(BASE, options=("-O3", "-fwrapv")),
        key(BASE, contract=Contract(timing_ok=True)),
        key(BASE, rules=("called locally",)),
    }
    assert len(keys) == 5


def test_types_of_globals_and_callees_matter() -> None:
    one = facts(INT, Int(8, True), globals={"x": 0}, callees={})
    two = facts(INT, Int(8, True), globals={"x": 1}, callees={})
    assert key(one) != key(two)


def test_recursion_is_abstracted_like_the_text() -> None:
    one = facts(name="f", calls=(CallUse("f", ()),))
    two = facts(name="g", calls=(CallUse("g", ()),))
    assert key(one) == key(two)


def test_densely_linked_structures_end_and_stay_short() -> None:
    count = 60
    table: TypeTable = tuple(
        Struct(f"s{n}", 8 * count, 8, tuple(Field("p", 8 * k, count + k) for k in range(count)))
        for n in range(count)
    ) + tuple(Pointer(n) for n in range(count))
    assert len(key(facts(*table, returns=None))) == 64
