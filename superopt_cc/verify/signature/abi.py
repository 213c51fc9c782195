"""The System V x86-64 calling convention: where parameters lie, what a result defines.

Scalars, and structures and unions of C; other classes of types make a function ineligible under
the type's name (design 4.2).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from superopt_cc.errors import Ineligible
from superopt_cc.verify.signature.ctype import (
    EXTENDED,
    Array,
    Bool,
    CType,
    Enum,
    Float,
    Form,
    Int,
    Pointer,
    Struct,
    TypeTable,
    Unsupported,
    align_of,
    is_vector,
    size_of,
)

INTEGER_REGISTERS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
SSE_REGISTERS = tuple(f"xmm{n}" for n in range(8))
_FREE = {"int": len(INTEGER_REGISTERS), "sse": len(SSE_REGISTERS)}
_WORD = (1 << 64) - 1
_BEHIND = "behind"  # the ABI's SSEUP: the upper half of the register before
_X87 = "x87"
_X87_REGISTERS = ("st(0)", "st(1)")
_X87_BITS = (64, 16)  # of the two words that one takes in memory


@dataclasses.dataclass(frozen=True, slots=True)
class Location:
    """Where one parameter, or a part of one, lies.

    `kind` is "int" (register `INTEGER_REGISTERS[number]`), "sse" (`SSE_REGISTERS[number]`),
    "stack" (8-byte word `number` above the return address) or "parts" (a structure or whatever
    takes more than one place: see `parts`, in the order of its bytes).  `bits` are what the type
    defines; everything above them in the register or word is noise.  More than 64 are the whole
    of a vector register, more than 128 with its upper half.
    """

    kind: str
    number: int
    bits: int
    parts: tuple[Location, ...] = ()

    @property
    def register(self) -> str | None:
        """The register's name; None on the stack and for structures."""
        if self.kind not in ("int", "sse"):
            return None
        return (INTEGER_REGISTERS if self.kind == "int" else SSE_REGISTERS)[self.number]

    @property
    def words(self) -> tuple[Location, ...]:
        """The places of a scalar (itself) or structure."""
        return self.parts if self.kind == "parts" else (self,)


def _class_of(kind: CType) -> tuple[str, int]:
    """("int", "sse" or "x87", bits defined).  Raises Ineligible for anything but a scalar."""
    if isinstance(kind, Bool):
        # _Bool's whole byte is defined: callers must pass 0 or 1 in 8 bits.
        return "int", 8
    if isinstance(kind, (Int, Enum, Pointer)):
        return "int", kind.size * 8
    if kind == EXTENDED:
        return _X87, sum(_X87_BITS)
    if isinstance(kind, Float):
        return "sse", kind.size * 8
    if isinstance(kind, Unsupported):
        raise Ineligible(kind.what)
    raise Ineligible("odd-type", type(kind).__name__)


def _leaves(types: TypeTable, index: int, at: int) -> list[tuple[int, int, str, int]]:
    """(first byte, bytes, class, bits used of each byte as a mask) of every scalar in a type."""
    kind = types[index]
    if isinstance(kind, Array) and is_vector(kind):
        return _vector(kind, size_of(types, index), at)
    if isinstance(kind, Array):
        step = size_of(types, kind.element)
        return [
            x for i in range(kind.count or 0) for x in _leaves(types, kind.element, at + i * step)
        ]
    if isinstance(kind, Struct):
        found: list[tuple[int, int, str, int]] = []
        for member in kind.fields:
            if member.bits is None:
                found += _leaves(types, member.type, at + member.offset)
            else:
                first, width = member.bits[0] + 8 * at, member.bits[1]
                low, high = first // 8, (first + width + 7) // 8
                used = ((1 << width) - 1) << (first - 8 * low)
                found.append((low, high - low, "int", used))
        return found
    name, bits = _class_of(kind)
    return [(at, bits // 8, name, (1 << bits) - 1)]


def _vector(kind: Array, size: int, at: int) -> list[tuple[int, int, str, int]]:
    """The eight bytes of a vector: the others stay with the first, in one register."""
    if kind.form == Form.WIDE:
        raise Ineligible("vector", f"{size} bytes by value")
    return [(at + i, 8, _BEHIND if i else "sse", _WORD) for i in range(0, size, 8)]


def _words(types: TypeTable, index: int) -> tuple[tuple[str, int], ...] | None:
    """(class, mask of the bits that a member defines) of each register that a value takes; None
    for one that lies in memory: larger than two registers, or with members out of alignment."""
    kind = types[index]
    if isinstance(kind, Struct):
        if not kind.plain or kind.size == 0:
            raise Ineligible("struct-by-value", kind.name)
    elif isinstance(kind, Array) and kind.form == Form.ARRAY:
        raise Ineligible("odd-type", "an array as a value")
    leaves = _leaves(types, index, 0)
    size = size_of(types, index)
    if _packed(types, index) or any(name == _X87 for _, _, name, _ in leaves):
        return None
    if size > 16 and not any(name == _BEHIND for _, _, name, _ in leaves):
        return None
    count = max(-(-size // 8), 1)
    classes, masks = [""] * count, [0] * count
    for at, many, name, used in leaves:
        for i in range(at // 8, (at + many - 1) // 8 + 1):
            classes[i] = _merged(classes[i], name)
            shift = 8 * (at - 8 * i)
            masks[i] |= (used << shift if shift >= 0 else used >> -shift) & _WORD
    if size > 16 and classes != ["sse", *[_BEHIND] * (count - 1)]:
        return None
    if 0 in masks:  # padding alone takes no register, whatever its neighbours do
        raise Ineligible("struct-by-value", "eight bytes that no member lies in")
    if classes[1:] and classes == ["sse", *[_BEHIND] * (count - 1)]:
        return (("sse", sum(mask << 64 * i for i, mask in enumerate(masks))),)
    return tuple(zip(("sse" if c == _BEHIND else c for c in classes), masks, strict=True))


def _merged(one: str, other: str) -> str:
    """The class of eight bytes that two members share."""
    if not one or one == other:
        return other
    return "int" if "int" in (one, other) else "sse"


def _packed(types: TypeTable, index: int) -> bool:
    """Is a member out of its type's alignment?"""
    kind = types[index]
    if isinstance(kind, Array):
        return _packed(types, kind.element)
    if not isinstance(kind, Struct):
        return False
    return any(
        member.bits is None
        and (member.offset % max(align_of(types, member.type), 1) or _packed(types, member.type))
        for member in kind.fields
    )


def x87_results(types: TypeTable, index: int | None) -> int:
    """In how many registers of the x87 stack a result lies.

    Raises Ineligible for structures that lie there.
    """
    kind = types[index] if index is not None else None
    if index is None or kind == EXTENDED:
        return int(index is not None)
    if isinstance(kind, Array) and kind.form == Form.COMPLEX:
        return 2 * (types[kind.element] == EXTENDED)
    small = isinstance(kind, Struct) and kind.size == EXTENDED.size and kind.plain
    if small and any(name == _X87 for _, _, name, _ in _leaves(types, index, 0)):
        raise Ineligible("long-double", "a structure of one as result")
    return 0


def _boundary(types: TypeTable, index: int) -> int:
    """The alignment of an argument on the stack, where what a typedef declares does not count."""
    return size_of(types, index) if is_vector(types[index]) else align_of(types, index)


def assign(types: TypeTable, parameters: Sequence[int]) -> tuple[Location, ...]:
    """The location of each parameter (type indices), in order.  Raises Ineligible."""
    used = {"int": 0, "sse": 0, "stack": 0}

    def take(kind: str, bits: int) -> Location:
        location = Location(kind, used[kind], bits)
        used[kind] += 1
        return location

    def fit(wanted: Sequence[str]) -> bool:
        return all(used[k] + wanted.count(k) <= _FREE[k] for k in ("int", "sse"))

    locations: list[Location] = []
    for index in parameters:
        words = _words(types, index)
        taken = words is not None and fit([name for name, _ in words])
        if not taken and _boundary(types, index) > 8:
            used["stack"] += used["stack"] % 2
            if _boundary(types, index) > 16:
                name = "vector" if is_vector(types[index]) else "struct-by-value"
                raise Ineligible(name, "aligned to more than 16 bytes on the stack")
        if words is not None and taken:
            parts = [take(name, mask.bit_length()) for name, mask in words]
        elif isinstance(types[index], (Array, Struct)) or words is None or len(words) > 1:
            parts = [take("stack", bits) for bits in _stack_bits(types, index)]
        else:
            parts = [take("stack", words[0][1].bit_length())]
        many = isinstance(types[index], (Array, Struct)) or len(parts) > 1
        locations.append(Location("parts", 0, 0, tuple(parts)) if many else parts[0])
    return tuple(locations)


def _stack_bits(types: TypeTable, index: int) -> list[int]:
    """How many bits count of each word that a value takes on the stack."""
    words = -(-size_of(types, index) // 8)
    kind = types[index]
    if kind == EXTENDED or (isinstance(kind, Array) and types[kind.element] == EXTENDED):
        return [*_X87_BITS] * (words // 2)
    return [64] * words


def in_memory(types: TypeTable, index: int | None) -> bool:
    """Is a result of this type written to where a hidden first argument points?

    Raises Ineligible as `returned` does.
    """
    if index is None or not isinstance(types[index], Struct) or x87_results(types, index):
        return False
    return _words(types, index) is None


def returned(types: TypeTable, index: int | None) -> tuple[tuple[str, int], ...]:
    """(register, mask of the bits that the type defines) for each register of a result; empty for
    void.

    Raises Ineligible for types whose results lie elsewhere.
    """
    if index is None:
        return ()
    count = x87_results(types, index)
    if count:
        return tuple((name, (1 << sum(_X87_BITS)) - 1) for name in _X87_REGISTERS[:count])
    words = _words(types, index)
    if words is None:
        raise Ineligible("struct-by-value", "a result in memory")
    free = {"int": ["rax", "rdx"], "sse": ["xmm0", "xmm1"]}
    return tuple((_as_wide(free[kind].pop(0), mask), mask) for kind, mask in words)


def _as_wide(register: str, mask: int) -> str:
    """The name of the whole register, where a value takes the upper half too."""
    return f"y{register[1:]}" if mask >> 128 else register


def width(bits: int) -> int:
    """Bytes of a register or word that hold so many bits."""
    return 32 if bits > 128 else 16 if bits > 64 else 8


def result_bytes(registers: Mapping[str, int], types: TypeTable, index: int) -> bytes:
    """A result of this type, taken from the registers that hold results (%rax to %ymm0)."""
    data = b"".join(
        (registers[name] & mask).to_bytes(width(mask.bit_length()), "little")
        for name, mask in returned(types, index)
    )
    return data[: size_of(types, index)]
