"""A case in the words of C: `f(n=3, p={1, 2, 3})`."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from superopt_cc.cases import Case, Ref, Word
from superopt_cc.verify.abi import Location
from superopt_cc.verify.ctype import (
    Array,
    Bool,
    Enum,
    Field,
    Float,
    Int,
    Pointer,
    Struct,
    TypeTable,
    size_of,
)
from superopt_cc.verify.job import Facts

_MOST = 24


def render_call(facts: Facts, locations: Sequence[Location], case: Case) -> str:
    """The call in C's terms; long arrays are cut, addresses are named, not numbered."""
    parts: list[str] = []
    for number, (parameter, location) in enumerate(zip(facts.parameters, locations, strict=True)):
        if location.kind == "parts":
            data = b"".join(_part(word, case) for word in location.parts)
            value = _bytes(facts.types, parameter.type, data)
        elif location.kind == "sse":
            value = _bytes(facts.types, parameter.type, case.floats[location.number])
        else:
            source = case.ints if location.kind == "int" else case.stack
            value = _word(facts, parameter.type, source[location.number], case)
        parts.append(f"{parameter.name or f'arg{number + 1}'}={value}")
    return f"{facts.name}({', '.join(parts)})"


def _part(location: Location, case: Case) -> bytes:
    """Eight bytes of a structure passed by value; a pointer shows as null here."""
    if location.kind == "sse":
        return case.floats[location.number][:8]
    word = (case.ints if location.kind == "int" else case.stack)[location.number]
    return (0 if isinstance(word, Ref) else word).to_bytes(8, "little")


def _word(facts: Facts, index: int, word: Word, case: Case) -> str:
    if not isinstance(word, Ref):
        size = size_of(facts.types, index)
        return _bytes(facts.types, index, (word & ((1 << 64) - 1)).to_bytes(8, "little")[:size])
    if isinstance(word.object, str):
        return f"&{word.object}" + (f"+{word.offset}" if word.offset else "")
    blob = case.objects[word.object]
    earlier = [
        w for w in (*case.ints, *case.stack) if isinstance(w, Ref) and w.object == word.object
    ]
    shared = f" /* object {word.object} at {word.offset:+d} */" if len(earlier) > 1 else ""
    kind = facts.types[index]
    element = kind.to if isinstance(kind, Pointer) else None
    if not blob.data:
        return f"<no bytes touched>{shared}"
    if word.offset < 0:
        return f"<from byte {-word.offset}> {_elements(facts.types, element, blob.data)}{shared}"
    return _elements(facts.types, element, blob.data[word.offset :]) + shared


def _elements(types: TypeTable, index: int | None, data: bytes) -> str:
    size = max(size_of(types, index), 1) if index is not None else 1
    count = len(data) // size
    shown = [
        _bytes(types, index, data[i * size : (i + 1) * size]) for i in range(min(count, _MOST))
    ]
    if count > _MOST:
        shown.append(f"... {count} in all")
    if len(data) % size:
        shown.append(f"+{len(data) % size} bytes {data[count * size :].hex()}")
    return "{" + ", ".join(shown) + "}"


def _member(types: TypeTable, field: Field, data: bytes) -> str:
    if field.bits is None:
        return _bytes(types, field.type, data[field.offset :][: size_of(types, field.type)])
    first, width = field.bits
    return str(int.from_bytes(data, "little") >> first & ((1 << width) - 1))


def _bytes(types: TypeTable, index: int | None, data: bytes) -> str:
    kind = types[index] if index is not None else Int(1, signed=False)
    number = int.from_bytes(data, "little")
    if isinstance(kind, Bool):
        return "true" if number == 1 else "false" if number == 0 else str(number)
    if isinstance(kind, (Int, Enum)):
        return str(int.from_bytes(data[: kind.size], "little", signed=kind.signed))
    if isinstance(kind, Float):
        value = struct.unpack("<f" if kind.size == 4 else "<d", data[: kind.size])[0]
        return repr(value)
    if isinstance(kind, Pointer):
        return "NULL" if number == 0 else f"{number:#x}"
    if isinstance(kind, Array):
        return _elements(types, kind.element, data)
    if isinstance(kind, Struct) and not kind.union:
        inner = [f".{f.name}={_member(types, f, data)}" for f in kind.fields]
        return "{" + ", ".join(inner) + "}"
    return data.hex()
