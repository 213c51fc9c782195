"""Inputs on which a store through a structure's pointer lands in the structure itself.

`v->a[v->n] = x` may change `v->n` where types allow it; but only an input whose pointer and index
fit together shows what a rewrite kept in a register meanwhile.  So pointers of inputs that are
known to be good are moved such that what was written lies on one member after another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from superopt_cc.cases import Case, Ref
from superopt_cc.verify.making.shape import Shape
from superopt_cc.verify.running.probe import Probed
from superopt_cc.verify.signature.ctype import Pointer, Struct

_PARTS = 8  # of a member that is an array
_EACH, _MOST = 5, 160  # inputs for one member, and together


@dataclasses.dataclass(frozen=True, slots=True)
class _Way:
    """A pointer member of what an argument names: argument word, type there, offset, pointee."""

    word: int
    holder: int
    at: int
    to: int


def landed(probes: Sequence[Probed], shape: Shape) -> list[Case]:
    """Cases made of these inputs; which of them C allows is for `admit` and the target to say."""
    found: list[Case] = []
    counts: dict[tuple[_Way, int], int] = {}
    for probe in probes:
        for way in _ways(shape):
            for member, case in _moved(probe, way, shape):
                counts[way, member] = counts.get((way, member), 0) + 1
                if counts[way, member] <= _EACH and len(found) < _MOST:
                    found.append(case)
    return found


def _ways(shape: Shape) -> Iterator[_Way]:
    types = shape.types
    for index, location in zip(shape.parameters, shape.locations, strict=True):
        kind = types[index]
        if location.kind != "int" or not isinstance(kind, Pointer) or kind.restrict:
            continue
        inner = types[kind.to] if kind.to is not None else None
        if kind.to is None or not isinstance(inner, Struct) or inner.union:
            continue
        for member in inner.fields:
            to = types[member.type]
            if isinstance(to, Pointer) and not to.restrict and to.to is not None:
                yield _Way(location.number, kind.to, member.offset, to.to)


def _moved(probe: Probed, way: _Way, shape: Shape) -> Iterator[tuple[int, Case]]:
    """(byte of the structure, case) for each member that what is first written may be."""
    whole, cut = _slot(probe.whole, way), _slot(probe.case, way)
    if whole is None or cut is None:
        return
    (number, start, ref), (_, _, near) = whole, cut
    if not isinstance(ref.object, int) or ref.object == number:
        return
    if not probe.case.objects[ref.object].written:
        return
    first = -near.offset  # byte that is touched first, from where the pointer points to
    for row in shape.rows(way.holder, way.to):
        for i in range(min(row.count, _PARTS)):
            member = row.offset + row.step * i
            there = Ref(number, start + member - first)
            yield member, _with_pointer(probe.whole, number, start + way.at, there)


def _slot(case: Case, way: _Way) -> tuple[int, int, Ref] | None:
    """The structure's object, where in it the structure begins, and the pointer in it."""
    word = case.ints[way.word]
    if not isinstance(word, Ref) or not isinstance(word.object, int):
        return None
    for at, ref in case.objects[word.object].pointers:
        if at == word.offset + way.at:
            return word.object, word.offset, ref
    return None


def _with_pointer(case: Case, number: int, at: int, ref: Ref) -> Case:
    blob = case.objects[number]
    pointers = tuple((where, ref if where == at else old) for where, old in blob.pointers)
    changed = dataclasses.replace(blob, pointers=pointers)
    objects = (*case.objects[:number], changed, *case.objects[number + 1 :])
    return dataclasses.replace(case, objects=objects)
