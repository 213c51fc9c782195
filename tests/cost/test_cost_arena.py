"""How a workload lies in memory: block shapes, own copies, pointers."""

from __future__ import annotations

import struct

import pytest

from superopt_cc.cases import Answer, Blob, Case, Ref, Store
from superopt_cc.cost.arena import BLOCK_BYTES, BLOCK_CALLS, Arena, lay_out
from superopt_cc.cost.callers import Words
from superopt_cc.cost.strata import size_class, stratify
from superopt_cc.cost.workload import make_workload

BASE = 0x1000_0000_0000


def arena(cases: list[Case], *, seed: int = 1, answers: bool = False) -> Arena:
    words = Words(len(cases[0].ints), 0, 0)
    return lay_out(stratify(cases), words, {"g": 0x5000}, base=BASE, seed=seed, answers=answers)


def read(found: Arena, address: int, count: int) -> bytes:
    return found.data[address - BASE : address - BASE + count]


def word(found: Arena, address: int) -> int:
    return int(struct.unpack("<Q", read(found, address, 8))[0])


@pytest.mark.parametrize(
    ("size", "name"),
    [(0, "0-3"), (3, "0-3"), (4, "4-15"), (63, "16-63"), (64, "64-1023"), (1024, "1024+")],
)
def test_size_classes_are_those_of_the_protocol(size: int, name: str) -> None:
    assert size_class(size) == name


def test_weights_are_shares_of_cases() -> None:
    strata = stratify([Case(size=0)] * 3 + [Case(size=2000)])
    assert [(s.name, s.weight) for s in strata] == [("0-3", 0.75), ("1024+", 0.25)]


def test_every_call_has_its_own_copy_of_its_objects() -> None:
    cases = [Case(ints=(Ref(0, 0),), objects=(Blob(bytes([n]) * 8, 8),)) for n in range(100)]
    found = arena(cases)
    pointers = [word(found, call.words + 16) for call in found.calls]
    assert len(set(pointers)) == len(pointers)
    for call, pointer in zip(found.calls, pointers, strict=True):
        assert call.writable <= pointer < call.writable_end


def test_what_may_be_written_is_restored_and_nothing_else() -> None:
    blobs = (Blob(b"r" * 40, 1, False), Blob(b"w" * 40, 1, True))
    found = arena([Case(ints=(Ref(0, 0), Ref(1, 4)), objects=blobs)] * 5)
    for block in found.blocks:
        assert block.begin <= block.writable <= block.writable_end <= block.end
        for call in found.calls[block.first_call : block.first_call + block.calls]:
            reading, writing = word(found, call.words + 16), word(found, call.words + 24)
            assert reading < block.writable
            assert block.writable <= writing < block.writable_end
            assert read(found, reading, 40) == b"r" * 40
            assert read(found, writing - 4, 40) == b"w" * 40


def test_blocks_of_small_cases_are_full_and_of_large_ones_fit_the_cache() -> None:
    small = arena([Case(ints=(n,)) for n in range(10)])
    assert {block.calls for block in small.blocks} == {BLOCK_CALLS}
    large = arena([Case(ints=(Ref(0, 0),), objects=(Blob(bytes(4000)),), size=4000)] * 20)
    assert all(block.end - block.begin <= BLOCK_BYTES + 4096 for block in large.blocks)
    huge = arena([Case(ints=(Ref(0, 0),), objects=(Blob(bytes(100_000)),), size=100_000)] * 4)
    assert {block.calls for block in huge.blocks} == {1}


def test_random_order_holds_every_case_and_steady_order_few_at_a_time() -> None:
    cases = [Case(ints=(n,)) for n in range(1000)]
    found = arena(cases)
    by_order = {series.order: series for series in found.series}
    seen: dict[str, list[set[int]]] = {"random": [], "steady": []}
    for order, series in by_order.items():
        for block in found.blocks[series.first : series.first + series.count]:
            calls = found.calls[block.first_call : block.first_call + block.calls]
            seen[order].append({word(found, call.words + 16) for call in calls})
    assert set.union(*seen["random"]) == set(range(1000))
    assert max(map(len, seen["steady"])) <= 2
    assert found.inputs == 1000


def test_cases_with_different_globals_never_share_a_block() -> None:
    cases = [Case(ints=(n % 4,), globals={"g": bytes([n % 4])}) for n in range(40)]
    found = arena(cases)
    for block in found.blocks:
        (setting,) = found.settings[block.first_setting : block.first_setting + block.settings]
        calls = found.calls[block.first_call : block.first_call + block.calls]
        values = {word(found, call.words + 16) for call in calls}
        assert values == {read(found, setting.source, 1)[0]}
        assert setting.to == 0x5000


def test_objects_that_stubs_store_into_are_restored_too() -> None:
    answers = (Answer(stores=(Store(0, 0, b"x"),)),)
    blob = Blob(b"a" * 8, 8, False)
    found = arena([Case(ints=(Ref(0, 0),), objects=(blob,), answers=answers)], answers=True)
    for call in found.calls:
        assert call.writable <= word(found, call.words + 16) < call.writable_end


def test_same_seed_same_arena_other_seed_another() -> None:
    cases = [Case(ints=(n,)) for n in range(300)]
    assert arena(cases, seed=4) == arena(cases, seed=4)
    assert arena(cases, seed=4).data != arena(cases, seed=5).data


def test_repeated_and_unusual_cases_are_not_timed() -> None:
    plain, other_rounding = Case(ints=(1,)), Case(ints=(2,), mxcsr=0x3F80)
    never, huge = Case(ints=(3,), answers=(Answer(returns=False),)), Blob(bytes(3 << 20))
    large = Case(ints=(Ref(0, 0),), objects=(huge,), size=3 << 20)
    found = make_workload([plain, other_rounding, plain, never, large], "f")
    assert [stratum.cases for stratum in found.strata] == [(plain,)]
