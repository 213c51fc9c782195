"""The latency of a call is over when every register of its result is there."""

from __future__ import annotations

import re

import pytest

from superopt_cc.cost.callers import LATENCY, Words, caller_text
from superopt_cc.search.loop import result_of
from superopt_cc.verify.job import Facts
from superopt_cc.verify.signature.ctype import (
    EXTENDED,
    Array,
    CType,
    Field,
    Float,
    Form,
    Int,
    Struct,
    TypeTable,
)

LONG, DOUBLE = Int(8, signed=True), Float(8)
BASE: TypeTable = (LONG, DOUBLE)


def structure(*types: int) -> Struct:
    fields = tuple(Field(f"m{i}", 8 * i, kind) for i, kind in enumerate(types))
    return Struct("s", 8 * len(types), 8, fields)


@pytest.mark.parametrize(
    ("kind", "registers"),
    [
        (LONG, {"%rax"}),
        (Int(16, signed=True), {"%rax", "%rdx"}),
        (structure(0, 0), {"%rax", "%rdx"}),
        (DOUBLE, {"%xmm0"}),
        (Array(1, 2, Form.VECTOR, 16), {"%xmm0"}),
        (Array(1, 4, Form.VECTOR, 32), {"%ymm0", "%xmm0", "%xmm1"}),
        (Array(1, 2, Form.COMPLEX), {"%xmm0", "%xmm1"}),
        (structure(1, 0), {"%rax", "%xmm0"}),
        (structure(0, 1), {"%rax", "%xmm0"}),
        (EXTENDED, {"fstpt"}),
    ],
)
def test_the_next_call_waits_for_every_register_of_a_result(
    kind: CType, registers: set[str]
) -> None:
    facts = Facts("f", (*BASE, kind), (), len(BASE), {}, {}, (), frozenset())
    text = caller_text(Words(1, 0, 0), result_of(facts), 0, answers=False)
    loop = text.split(f"\n{LATENCY}:\n")[1]
    behind = loop.split("\tcall\t*%rbx\n")[1].split("\tandq\t%r15, %rbp\n")[0]
    assert set(re.findall(r"%(?:rax|rdx|[xy]mm[01])|fstpt", behind)) == registers
