"""Parts taken out of an input, with every pointer kept right."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from superopt_cc.cases import Answer, Blob, Case, Ref, Word


def cutter(
    sizes: dict[int, int], low: int, high: int, count: int, less: bool
) -> Callable[[Case], Case]:
    """Without elements [low, high) of the objects; with `less`, integers that seem to count the
    elements or bytes count fewer."""

    def apply(case: Case) -> Case:
        def moved(ref: Ref) -> Ref:
            if isinstance(ref.object, str) or ref.object not in sizes:
                return ref
            first, beyond = low * sizes[ref.object], high * sizes[ref.object]
            if ref.offset <= first:
                return ref
            return Ref(ref.object, max(first, ref.offset - (beyond - first)))

        objects = list(case.objects)
        for number, size in sizes.items():
            objects[number] = _shortened(objects[number], low * size, high * size)
        case = with_refs(dataclasses.replace(case, objects=tuple(objects)), moved)
        if not less:
            return case
        ints = [_fewer(w, count, high - low, min(sizes.values())) for w in case.ints]
        stack = [_fewer(w, count, high - low, min(sizes.values())) for w in case.stack]
        return dataclasses.replace(case, ints=tuple(ints), stack=tuple(stack))

    return apply


def _fewer(word: Word, count: int, gone: int, size: int) -> Word:
    if isinstance(word, Ref):
        return word
    if abs(word - count) <= 1:
        return max(word - gone, 0)
    if abs(word - count * size) < size:
        return max(word - gone * size, 0)
    return word


def _shortened(blob: Blob, low: int, high: int) -> Blob:
    gone = high - low
    pointers = tuple(
        (at if at < low else at - gone, ref)
        for at, ref in blob.pointers
        if at + 8 <= low or at >= high
    )
    return dataclasses.replace(blob, data=blob.data[:low] + blob.data[high:], pointers=pointers)


def with_refs(case: Case, change: Callable[[Ref], Ref]) -> Case:
    """The case with every pointer into an object changed."""

    def word(value: Word) -> Word:
        return change(value) if isinstance(value, Ref) else value

    def answer(given: Answer) -> Answer:
        stores = tuple(
            dataclasses.replace(s, pointer=change(s.pointer) if s.pointer else None)
            for s in given.stores
        )
        return dataclasses.replace(given, rax=word(given.rax), stores=stores)

    return dataclasses.replace(
        case,
        ints=tuple(map(word, case.ints)),
        stack=tuple(map(word, case.stack)),
        objects=tuple(
            dataclasses.replace(o, pointers=tuple((at, change(r)) for at, r in o.pointers))
            for o in case.objects
        ),
        global_pointers=tuple((n, at, change(r)) for n, at, r in case.global_pointers),
        answers=tuple(map(answer, case.answers)),
    )


def used_objects(case: Case) -> list[int]:
    """The objects that something points to."""
    found: set[int] = set()
    answers = case.answers
    waiting: list[Word | None] = [*case.ints, *case.stack]
    waiting += [r for _, _, r in case.global_pointers] + [a.rax for a in answers]
    waiting += [s.pointer for a in answers for s in a.stores]
    while waiting:
        word = waiting.pop()
        if isinstance(word, Ref) and isinstance(word.object, int) and word.object not in found:
            found.add(word.object)
            waiting += [ref for _, ref in case.objects[word.object].pointers]
    return sorted(found)


def without_others(case: Case, used: Sequence[int]) -> Case:
    """Only the objects in `used`, numbered anew."""
    numbers = {old: new for new, old in enumerate(used)}

    def moved(ref: Ref) -> Ref:
        if isinstance(ref.object, str):
            return ref
        return Ref(numbers[ref.object], ref.offset)

    answers = tuple(
        dataclasses.replace(
            a,
            stores=tuple(
                dataclasses.replace(
                    s, where=numbers[s.where] if isinstance(s.where, int) else s.where
                )
                for s in a.stores
                if isinstance(s.where, str) or s.where in numbers
            ),
        )
        for a in case.answers
    )
    kept = tuple(case.objects[n] for n in used)
    return with_refs(dataclasses.replace(case, objects=kept, answers=answers), moved)
