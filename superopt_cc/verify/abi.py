"""The System V x86-64 calling convention for scalars: where parameters lie, what a result defines.

Other classes of types make a function ineligible under the type's name (design 4.2).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from superopt_cc.errors import Ineligible
from superopt_cc.verify.ctype import (
    Bool,
    CType,
    Enum,
    Float,
    Int,
    Pointer,
    Struct,
    TypeTable,
    Unsupported,
)

INTEGER_REGISTERS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
SSE_REGISTERS = tuple(f"xmm{n}" for n in range(8))


@dataclasses.dataclass(frozen=True, slots=True)
class Location:
    """Where one parameter lies.

    `kind` is "int" (register `INTEGER_REGISTERS[number]`), "sse" (`SSE_REGISTERS[number]`) or
    "stack" (8-byte word `number` above the return address).  `bits` are what the type defines;
    everything above them in the register or word is noise.
    """

    kind: str
    number: int
    bits: int

    @property
    def register(self) -> str | None:
        """The register's name; None on the stack."""
        if self.kind == "stack":
            return None
        return (INTEGER_REGISTERS if self.kind == "int" else SSE_REGISTERS)[self.number]


def _class_of(kind: CType) -> tuple[str, int]:
    """("int" or "sse", bits defined).  Raises Ineligible for anything but a scalar."""
    if isinstance(kind, Bool):
        # _Bool's whole byte is defined: callers must pass 0 or 1 in 8 bits.
        return "int", 8
    if isinstance(kind, (Int, Enum, Pointer)):
        return "int", kind.size * 8
    if isinstance(kind, Float):
        return "sse", kind.size * 8
    if isinstance(kind, Struct):
        raise Ineligible("struct-by-value", kind.name)
    if isinstance(kind, Unsupported):
        raise Ineligible(kind.what)
    raise Ineligible("odd-type", type(kind).__name__)


def assign(types: TypeTable, parameters: Sequence[int]) -> tuple[Location, ...]:
    """The location of each parameter (type indices), in order.  Raises Ineligible."""
    free = {"int": len(INTEGER_REGISTERS), "sse": len(SSE_REGISTERS)}
    used = {"int": 0, "sse": 0, "stack": 0}
    locations: list[Location] = []
    for index in parameters:
        kind, bits = _class_of(types[index])
        if used[kind] == free[kind]:
            kind = "stack"
        locations.append(Location(kind, used[kind], bits))
        used[kind] += 1
    return tuple(locations)


def returned(types: TypeTable, index: int | None) -> tuple[str | None, int]:
    """(register, bits that the type defines) of a result; (None, 0) for void.

    Raises Ineligible for results that are not scalar.
    """
    if index is None:
        return None, 0
    kind, bits = _class_of(types[index])
    return ("rax" if kind == "int" else "xmm0"), bits
