"""The operations that enumeration knows, and which of them a target's search uses."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator

from superopt_cc.assembly.decode import Imm
from superopt_cc.propose.mutate.scope import Argument, Scope
from superopt_cc.propose.mutate.wire import Leaf, Operation


class Kind(enum.IntEnum):
    """In the order of csrc/mutate_values.h."""

    ADD = 0
    SUB = 1
    AND = 2
    OR = 3
    XOR = 4
    IMUL = 5
    MULHU = 6
    MULHS = 7
    SHL = 8
    SHR = 9
    SAR = 10
    ROL = 11
    SHLV = 12
    SHRV = 13
    SARV = 14
    NEG = 15
    NOT = 16
    BSWAP = 17
    ZX8 = 18
    ZX16 = 19
    ZX32 = 20
    SX8 = 21
    SX16 = 22
    SX32 = 23
    POPCNT = 24
    TZCNT = 25
    LZCNT = 26
    BLSR = 27
    BLSI = 28
    ANDN = 29
    LEA = 30
    CMP = 31
    TEST = 32
    CMOV = 33
    SETCC = 34
    SBBSELF = 35
    ADC = 36
    SBB = 37


CONDITIONS = {2: "b", 3: "ae", 4: "e", 5: "ne", 6: "be", 7: "a", 8: "s", 9: "ns",
              10: "p", 11: "np", 12: "l", 13: "ge", 14: "le", 15: "g"}  # fmt: skip
# A conditional move comes with its operands in both orders, so one of each pair is enough.
CHOICES = (2, 4, 6, 8, 10, 12, 14)
_PARITY = (10, 11)

_EVERYWHERE = (
    Kind.CMP, Kind.TEST, Kind.ADD, Kind.SUB, Kind.AND, Kind.OR, Kind.XOR, Kind.NEG, Kind.NOT,
    Kind.SHL, Kind.SHR, Kind.SAR, Kind.SBBSELF, Kind.ADC, Kind.SBB,
)  # fmt: skip
_NEEDS = {
    Kind.POPCNT: "__POPCNT__", Kind.TZCNT: "__BMI__", Kind.LZCNT: "__LZCNT__",
    Kind.BLSR: "__BMI__", Kind.BLSI: "__BMI__", Kind.ANDN: "__BMI__",
}  # fmt: skip
# What appears in a search because the target does something of the kind.
_HINTS = {
    Kind.ROL: ("rol", "ror", "shl", "shld", "shrd"), Kind.BSWAP: ("bswap", "shl", "rol", "ror"),
    Kind.IMUL: ("imul", "mul", "lea", "shl", "add"), Kind.SHLV: ("shl", "shlx", "sal"),
    Kind.SHRV: ("shr", "shrx"), Kind.SARV: ("sar", "sarx"),
}  # fmt: skip
_SPELLED = {
    Kind.ADD: ("add", "lea", "inc", "dec"), Kind.SUB: ("sub", "lea"), Kind.AND: ("and",),
    Kind.OR: ("or",), Kind.XOR: ("xor",), Kind.IMUL: ("imul",), Kind.NEG: ("neg",),
    Kind.NOT: ("not",), Kind.SHL: ("shl", "sal"), Kind.SHR: ("shr",), Kind.SAR: ("sar",),
    Kind.ROL: ("rol", "ror"), Kind.LEA: ("lea",),
    Kind.ADC: ("adc", "setb"), Kind.SBB: ("sbb",), Kind.MULHU: ("imul", "mul"),
    Kind.BSWAP: ("bswap",), Kind.SHLV: ("shl",), Kind.SHRV: ("shr",), Kind.SARV: ("sar",),
}  # fmt: skip
_VARIABLE = (Kind.SHLV, Kind.SHRV, Kind.SARV)
_MOST_CONSTANTS, _MOST_LEAVES = 10, 22
_MANY = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Pass:
    """One search: the width in bytes of its operations.

    With `extended` arguments that are narrower are extended first, as their types are signed.  A
    `narrow` one has but the kinds of operations and the constants of the target: it goes deeper.
    """

    width: int
    extended: bool = False
    narrow: bool = False


def passes(scope: Scope) -> tuple[Pass, ...]:
    """The searches that a target gets, cheapest first."""
    bits = [a.bits for a in scope.arguments]
    if scope.outs[0][1] >> 32 and all(b == 64 for b in bits):
        return (Pass(8),)
    found = [Pass(8)] if scope.outs[0][1] >> 32 or 64 in bits else [Pass(4)]
    if any(b < 32 for b in bits):
        found.append(Pass(4, extended=True))
    return (*found, Pass(8, extended=True))


def operations(scope: Scope, search: Pass) -> tuple[Operation, ...]:
    """All that a search uses."""
    every = tuple(_operations(scope, search.width))
    if not search.narrow:
        return every
    names = {item.name for item in scope.code}
    kinds = {kind for kind, spelled in _SPELLED.items() if names & set(spelled)}
    if any(name.startswith(("cmov", "j")) for name in names):
        kinds |= {Kind.CMOV, Kind.CMP, Kind.TEST}
    if scope.outs[0][1] <= 0xFF or any(name.startswith("set") for name in names) or _is_bit(scope):
        kinds |= {Kind.SETCC, Kind.CMP, Kind.TEST}
    return tuple(o for o in every if o.kind in kinds)


def _is_bit(scope: Scope) -> bool:
    """Does the code end by masking all but one bit?"""
    last = scope.body[-1] if scope.body else None
    return last is not None and last.name == "and" and last.operands[-1] == Imm(1, 4)


def _operations(scope: Scope, width: int) -> Iterator[Operation]:
    names = {item.name for item in scope.code}
    many = len(scope.body) >= _MANY  # parity is what long code computes
    for kind in _EVERYWHERE:
        yield Operation(kind, width)
    for kind, macro in _NEEDS.items():
        if macro in scope.isa:
            yield Operation(kind, width)
    for kind, hints in _HINTS.items():
        if names & set(hints) and (kind not in _VARIABLE or _by_register(scope)):
            yield Operation(kind, width)
    for scale in (1, 2, 3):
        yield Operation(Kind.LEA, width, scale)
    yield from (Operation(Kind.CMOV, width, c) for c in CHOICES if many or c not in _PARITY)
    yield from (Operation(Kind.SETCC, 4, c) for c in CONDITIONS if many or c not in _PARITY)
    if names & {"mul", "imul"} and width == 8:
        yield from (Operation(Kind.MULHU, 8), Operation(Kind.MULHS, 8))
    out = scope.outs[0][1].bit_length()
    for bits, zero, sign in ((8, Kind.ZX8, Kind.SX8), (16, Kind.ZX16, Kind.SX16)):
        if bits == out:
            yield from (Operation(zero, 4), Operation(sign, width))
    if width == 8 and out > 32:
        yield from (Operation(Kind.ZX32, 8), Operation(Kind.SX32, 8))


def _by_register(scope: Scope) -> bool:
    return any("cl" in i.text or i.name.endswith("x") for i in scope.code)


def leaves(scope: Scope, search: Pass) -> tuple[Leaf, ...]:
    """Arguments, what is read through them, constants."""
    found = [_argument(a, search) for a in scope.arguments]
    found += scope.loads[: _MOST_LEAVES - len(found) - _MOST_CONSTANTS]
    known = constants(scope)
    if search.narrow:
        carries = any(o.kind in (Kind.ADC, Kind.SBB) for o in operations(scope, search))
        own = [c for c in known if c in scope.constants] or known[:1]
        known = [*own, *([0] if carries and 0 not in own else [])]
    found += [Leaf(constant) for constant in known]
    return tuple(found)


def _argument(argument: Argument, search: Pass) -> Leaf:
    """Extended where it is narrower than the operations, once for all."""
    if not search.extended or argument.bits >= 8 * search.width:
        return Leaf(register=argument.register)
    size = argument.bits // 8
    return Leaf(register=argument.register, size=size, signed=argument.signed)


def constants(scope: Scope) -> list[int]:
    """The target's own first; then what arithmetic on words goes by."""
    bits = max((a.bits for a in scope.arguments), default=64)
    own = [c for c in scope.constants if not _is_count(scope, c)]
    common = [1, -1, 0, bits - 1, *(-c for c in own), *(c - 1 for c in own), *(c + 1 for c in own),
              *(~c for c in own), 2, 1 << (bits - 1)]  # fmt: skip
    merged = dict.fromkeys((*own[: _MOST_CONSTANTS - 3], *common))
    return list(merged)[:_MOST_CONSTANTS]


def _is_count(scope: Scope, constant: int) -> bool:
    """Is it but a shift's count?"""
    return 1 < constant < 64 and constant in _counts(scope)


def _counts(scope: Scope) -> set[int]:
    shifts = ("shl", "shr", "sar", "rol", "ror", "shld", "shrd", "sal")
    texts = [item for item in scope.code if item.name in shifts]
    return {o.value for item in texts for o in item.operands if isinstance(o, Imm)}


def shifts(scope: Scope, search: Pass) -> tuple[tuple[int, int], ...]:
    """Widths and counts worth trying."""
    bits = 8 * search.width
    own = _counts(scope)
    found = dict.fromkeys((1, bits - 1, *sorted(own), *(a.bits for a in scope.arguments)))
    found |= dict.fromkeys((scope.outs[0][1].bit_length() - 1, *(bits - c for c in sorted(own))))
    return tuple((search.width, count) for count in found if 0 < count < bits)[:10]
