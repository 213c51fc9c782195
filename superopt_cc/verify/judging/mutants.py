"""Wrong variants of a body, by which its tests are judged (design 5.7).

A mutant changes one instruction: a condition is turned round, moved by one or read with the other
signedness, a constant is changed by one, an operation takes its neighbour's place, 64 bits become
32, an instruction is left out.  The method is that of DeMillo, Lipton and Sayward, "Hints on Test
Data Selection" (Computer 1978), on instructions instead of statements.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import re
from collections.abc import Iterator, Sequence

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.registers import PARTS
from superopt_cc.assembly.statements import split_operands, split_statement

_OPPOSITES = (
    ("e", "ne"), ("z", "nz"), ("l", "ge"), ("le", "g"), ("b", "ae"), ("be", "a"), ("s", "ns"),
    ("c", "nc"), ("o", "no"), ("p", "np"),
)  # fmt: skip
_OPPOSITE = {**dict(_OPPOSITES), **{b: a for a, b in _OPPOSITES}}
_NEXT = {"l": "le", "le": "l", "g": "ge", "ge": "g", "b": "be", "be": "b", "a": "ae", "ae": "a"}
_OTHER_SIGN = {"l": "b", "le": "be", "g": "a", "ge": "ae", "b": "l", "be": "le", "a": "g",
               "ae": "ge"}  # fmt: skip
_CONDITIONAL = re.compile(r"(j|set|f?cmov)(n?[a-z]{1,2})([wlq]?)$")
# Of x87 conditions; and what leaves its stack as deep as it was.
_X87_OPPOSITE = {"b": "nb", "e": "ne", "be": "nbe", "u": "nu"}
_X87_OPPOSITE |= {b: a for a, b in _X87_OPPOSITE.items()}
_X87_NEXT = {"b": "be", "be": "b", "nb": "nbe", "nbe": "nb"}
_X87_FLAT = re.compile(
    r"f(?:chs|abs|sqrt|xch|rndint|ldcw)$|f(?:add|sub|mul|div)r?[sl]?$|fi(?!st|ld)"
)
# Operations that are easily taken for one another; each way.
_CONFUSED = (
    ("add", "sub"), ("and", "or"), ("xor", "or"), ("sar", "shr"), ("shl", "shr"), ("sal", "shr"),
    ("inc", "dec"), ("adc", "add"), ("sbb", "sub"), ("rol", "ror"), ("movs", "movz"),
    ("padd", "psub"), ("pand", "por"), ("pxor", "por"), ("addss", "subss"), ("addsd", "subsd"),
    ("addps", "subps"), ("addpd", "subpd"), ("maxs", "mins"), ("maxp", "minp"), ("psrl", "psra"),
    ("pmaxu", "pminu"), ("pmaxs", "pmins"), ("punpckl", "punpckh"), ("pcmpgt", "pcmpeq"),
    ("fadd", "fsub"), ("fsubr", "fsub"), ("fmul", "fdiv"), ("fdivr", "fdiv"), ("fiadd", "fisub"),
    ("fimul", "fidiv"), ("fchs", "fabs"), ("fld1", "fldz"),
)  # fmt: skip
_OTHER_OPERATION = {a: b for pair in reversed(_CONFUSED) for a, b in (pair[::-1], pair)}
_BY_LENGTH = sorted(_OTHER_OPERATION, key=len, reverse=True)
_WIDE = re.compile(r"(mov|add|sub|and|or|xor|lea|shl|sal|shr|sar|imul|neg|not|cmp|test|inc|dec)q$")
_NUMBER = re.compile(r"\$(-?\d+)$")
_CONTROL = re.compile(r"(call|jmp|ret|push|pop|leave|nop|endbr|ud2|rep|notrack|lock|bnd)")
_SMALL = {name: "e" + name[1:] if name[1:].isalpha() else f"{name}d" for name in
          (parent for parent, _ in PARTS.values()) if name[0] == "r"}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Mutant:
    """A body with one instruction changed; `what` tells how."""

    fragment: Fragment
    what: str


def mutants(fragment: Fragment, most: int, seed: int) -> tuple[Mutant, ...]:
    """At most `most` mutants, of every kind as many as there are to be had; the same each time."""
    numbers = random.Random(seed)
    kinds: dict[str, list[Mutant]] = {}
    for at, statement in enumerate(fragment.body):
        if statement[0] == "\t" and statement[1] != ".":
            for kind, other in _variants(statement):
                kinds.setdefault(kind, []).append(_changed(fragment, at, statement, other))
    for found in kinds.values():
        numbers.shuffle(found)
    turns = itertools.chain.from_iterable(itertools.zip_longest(*kinds.values()))
    return tuple(itertools.islice((m for m in turns if m is not None), most))


def _changed(fragment: Fragment, at: int, statement: str, other: str) -> Mutant:
    body = (*fragment.body[:at], *([other] if other else []), *fragment.body[at + 1 :])
    before, after = (" ".join(s.split()) for s in (statement, other))
    what = f"`{before}` became `{after}`" if other else f"`{before}` left out"
    return Mutant(dataclasses.replace(fragment, body=body), what)


def _variants(statement: str) -> Iterator[tuple[str, str]]:
    """(kind, other statement or "" to leave it out) for one instruction."""
    name, rest = split_statement(statement.strip())
    operands = split_operands(rest)
    conditional = _CONDITIONAL.match(name)
    if conditional is not None and conditional[1] == "fcmov":
        yield from _x87_moves(conditional[2], rest)
        return
    if conditional is not None and conditional[2] in _OPPOSITE:
        head, condition, tail = conditional.groups()
        for kind, table in (("opposite", _OPPOSITE), ("next", _NEXT), ("sign", _OTHER_SIGN)):
            if condition in table:
                yield kind, f"\t{head}{table[condition]}{tail}\t{rest}"
        if head == "cmov":
            yield "drop", ""
        return
    if _CONTROL.match(name) or "%rsp" in rest or "%rbp" in rest:
        return
    if name[0] != "f" or _X87_FLAT.match(name):
        yield "drop", ""
    number = _NUMBER.match(operands[0]) if operands else None
    if number is not None:
        for step in (1, -1):
            changed = f"${int(number[1]) + step}"
            yield "constant", f"\t{name}\t{', '.join((changed, *operands[1:]))}"
    other = _operation(name)
    if other:
        yield "operation", f"\t{other}\t{rest}"
    narrow = _narrow(name, operands)
    if narrow:
        yield "width", narrow


def _x87_moves(condition: str, rest: str) -> Iterator[tuple[str, str]]:
    for kind, table in (("opposite", _X87_OPPOSITE), ("next", _X87_NEXT)):
        if condition in table:
            yield kind, f"\tfcmov{table[condition]}\t{rest}"
    yield "drop", ""


def _operation(name: str) -> str:
    vector = name[1:] if name.startswith("v") else name
    for start in _BY_LENGTH:
        # What follows is a suffix, not the rest of another mnemonic.
        if vector.startswith(start) and len(vector) - len(start) <= 2:
            return name[: len(name) - len(vector)] + _OTHER_OPERATION[start] + vector[len(start) :]
    return ""


def _narrow(name: str, operands: Sequence[str]) -> str:
    """The same on 32 bits, where all operands are registers and numbers (`lea` apart)."""
    wide = _WIDE.match(name)
    if wide is None:
        return ""
    fixed = 1 if wide[1] == "lea" else 0
    changed = list(operands[:fixed])
    for operand in operands[fixed:]:
        small = _SMALL.get(operand[1:]) if operand.startswith("%") else None
        if small is None and operand not in ("%cl",) and not _NUMBER.match(operand):
            return ""
        changed.append(f"%{small}" if small else operand)
    return f"\t{wide[1]}l\t{', '.join(changed)}"
