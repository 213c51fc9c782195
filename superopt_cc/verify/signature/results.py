"""Callees whose results lie in memory: the caller passes the place in front of the arguments, and
the callee gives its address back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from superopt_cc.errors import Ineligible
from superopt_cc.verify.job import CallUse
from superopt_cc.verify.signature import abi
from superopt_cc.verify.signature.ctype import CType, Function, Pointer, TypeTable


def with_places(types: TypeTable, callees: Mapping[str, int]) -> TypeTable:
    """The types, where the functions `callees` take the places of their results."""
    table: list[CType] = list(types)
    for index in sorted(set(callees.values())):
        kind = table[index]
        if isinstance(kind, Function) and kind.returns is not None and _in_memory(types, kind):
            table.append(Pointer(kind.returns, restrict=True))
            place = len(table) - 1
            table[index] = dataclasses.replace(
                kind, returns=place, parameters=(place, *kind.parameters), takes_place=True
            )
    return tuple(table)


def _in_memory(types: TypeTable, kind: Function) -> bool:
    try:
        return abi.in_memory(types, kind.returns)
    except Ineligible:  # whatever is wrong with it, those who use it will say so
        return False


def in_frame(
    calls: Sequence[CallUse], types: TypeTable, callees: Mapping[str, int]
) -> Iterator[tuple[int, int | None, int]]:
    """(number of the call, place, type) of each result that a call leaves where it is told to; no
    place for one outside of its caller's frame, or where gcc does not say."""
    for number, call in enumerate(calls):
        index = callees.get(call.callee) if call.callee else None
        kind = None if index is None else types[index]
        if isinstance(kind, Function) and kind.takes_place:
            place = types[kind.parameters[0]]
            assert isinstance(place, Pointer)
            if place.to is not None:
                yield number, call.first, place.to
