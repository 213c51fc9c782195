"""A case in the words of C: `f(n=3, p={1, 2, 3})`."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping, Sequence

from superopt_cc.cases import Case, Ref, Word
from superopt_cc.verify.job import Facts
from superopt_cc.verify.making import extended
from superopt_cc.verify.running.layout import Placed
from superopt_cc.verify.signature.abi import Location, width
from superopt_cc.verify.signature.ctype import (
    Array,
    Bool,
    Enum,
    Field,
    Float,
    Form,
    Int,
    Pointer,
    Struct,
    TypeTable,
    size_of,
)

MOST = 24
_DEEP = 3
_MASK = (1 << 64) - 1
_ROUNDING = ("", "rounding down", "rounding up", "rounding toward zero")
_FLUSHED = 0x8040
_NONE: Mapping[int, Ref] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class Named:
    """What C calls a memory object: an expression, and the type found at byte `at` of it."""

    name: str
    type: int | None
    at: int


def objects_of(facts: Facts, locations: Sequence[Location], case: Case) -> Mapping[int, Named]:
    """The objects of a case by the expression that leads there: `p`, `p->next`, `p[3]`."""
    found: dict[int, Named] = {}
    waiting: list[tuple[Word, int, str]] = []
    for number, (parameter, location) in enumerate(zip(facts.parameters, locations, strict=True)):
        if location.kind in ("int", "stack"):
            word = (case.ints if location.kind == "int" else case.stack)[location.number]
            waiting.append((word, parameter.type, name_of(facts, number)))
    for name, at, ref in case.global_pointers:
        type_, way = _way(facts.types, facts.globals.get(name), at)
        waiting.append((ref, type_, name + way.replace("->", ".").removesuffix("[0]")))
    while waiting:
        word, index, name = waiting.pop(0)
        kind = facts.types[index] if index >= 0 else None
        if not isinstance(word, Ref) or isinstance(word.object, str) or word.object in found:
            continue
        inner = kind.to if isinstance(kind, Pointer) else None
        found[word.object] = Named(name, inner, word.offset)
        for at, ref in case.objects[word.object].pointers:
            type_, way = _way(facts.types, inner, at - word.offset)
            waiting.append((ref, type_, f"{name}{way}"))
    return found


def name_of(facts: Facts, number: int) -> str:
    """What the source calls a parameter."""
    return facts.parameters[number].name or f"arg{number + 1}"


def _way(types: TypeTable, index: int | None, at: int) -> tuple[int, str]:
    """Type and way in C of what lies at byte `at` behind a pointer to type `index`."""
    if index is None or not size_of(types, index) or at < 0:
        return -1, f" at {at:+d}"
    number, at = divmod(at, size_of(types, index))
    way = f"[{number}]" if number else ""
    first = not way
    while True:
        kind = types[index]
        if isinstance(kind, Array) and size_of(types, kind.element):
            number, at = divmod(at, size_of(types, kind.element))
            index, way = kind.element, f"{way}[{number}]"
        elif isinstance(kind, Struct):
            inside = [f for f in kind.fields if f.offset <= at and f.bits is None]
            if not inside:
                return -1, way
            member = max(inside, key=lambda f: f.offset)
            way += f"{'->' if first else '.'}{member.name}"
            index, at = member.type, at - member.offset
        else:
            return index, way or "[0]"
        first = False


@dataclasses.dataclass(frozen=True)
class Words:
    """Values of one case in C's notation; `placed` tells which addresses mean which objects."""

    facts: Facts
    locations: Sequence[Location]
    case: Case
    placed: Placed | None = None

    def call(self) -> str:
        """The call; long arrays are cut, addresses are named, not numbered."""
        parts = [
            f"{name}={self._argument(name, parameter.type, location)}"
            for name, parameter, location in zip(
                (name_of(self.facts, n) for n in range(len(self.facts.parameters))),
                self.facts.parameters,
                self.locations,
                strict=True,
            )
        ]
        return f"{self.facts.source_name or self.facts.name}({', '.join(parts)}){self._setting()}"

    def _setting(self) -> str:
        """What the call does not show: globals, and how the processor is set."""
        given: list[str] = []
        for name, data in list(self.case.globals.items())[:4]:
            if name in self.facts.globals:
                slots = {at: ref for n, at, ref in self.case.global_pointers if n == name}
                value = self.value(self.facts.globals[name], data, slots)
                given.append(f"{name}={value}")
        if self.case.mxcsr >> 13 & 3:
            given.append(_ROUNDING[self.case.mxcsr >> 13 & 3])
        if self.case.mxcsr & _FLUSHED:
            given.append("subnormals flushed to zero")
        return f" [{', '.join(given)}]" if given else ""

    def _argument(self, name: str, index: int, location: Location) -> str:
        if location.kind == "parts":
            slots: dict[int, Ref] = {}
            data = b""
            for part in location.parts:
                data += self._part(part, slots, len(data))
            return self.value(index, data, slots)
        if location.kind == "sse":
            return self.value(index, self.case.floats[location.number])
        word = (self.case.ints if location.kind == "int" else self.case.stack)[location.number]
        if not isinstance(word, Ref):
            return self.value(index, (word & _MASK).to_bytes(8, "little"))
        if isinstance(word.object, str):
            return f"&{word.object}" + (f"+{word.offset}" if word.offset else "")
        first = objects_of(self.facts, self.locations, self.case)[word.object]
        kind = self.facts.types[index]
        if first.name == name:
            return self._pointed(kind, word, 0)
        far = word.offset - first.at
        size = size_of(self.facts.types, first.type) if first.type is not None else 1
        if far % max(size, 1):
            return f"(char *){first.name}{far:+d}"
        return first.name + (f"{far // max(size, 1):+d}" if far else "")

    def _part(self, location: Location, slots: dict[int, Ref], at: int) -> bytes:
        """One part of a value that takes several."""
        if location.kind == "sse":
            return self.case.floats[location.number][: width(location.bits)]
        word = (self.case.ints if location.kind == "int" else self.case.stack)[location.number]
        if isinstance(word, Ref):
            slots[at] = word
            return bytes(8)
        return (word & _MASK).to_bytes(8, "little")

    def _pointed(self, kind: object, ref: Ref, depth: int) -> str:
        """What a pointer points to."""
        if isinstance(ref.object, str):
            return f"&{ref.object}" + (f"+{ref.offset}" if ref.offset else "")
        blob = self.case.objects[ref.object]
        if not blob.data:
            return "<no bytes touched>"
        if depth > _DEEP:
            return "{...}"
        to = kind.to if isinstance(kind, Pointer) else None
        start, skipped = max(ref.offset, 0), ""
        if ref.offset < 0:
            size = max(size_of(self.facts.types, to) if to is not None else 1, 1)
            start = ref.offset % size
            skipped = f"<from byte {start - ref.offset}> "
        slots = {at - start: inner for at, inner in blob.pointers if at >= start}
        one = to is not None and isinstance(self.facts.types[to], Struct)
        if one and not skipped and len(blob.data) - start <= size_of(self.facts.types, to or 0):
            return f"&{self.value(to, blob.data[start:], slots, depth)}"
        again = f" {blob.times} times" if blob.times > 1 else ""
        return skipped + self.elements(to, blob.data[start:], slots, depth) + again

    def elements(
        self, index: int | None, data: bytes, slots: Mapping[int, Ref] = _NONE, depth: int = 0
    ) -> str:
        """An array of objects of type `index`."""
        types = self.facts.types
        size = max(size_of(types, index), 1) if index is not None else 1
        count = len(data) // size
        most = max(MOST >> 2 * depth, 1)  # or what lists of lists show grows without end
        shown = [
            self.value(index, data[i * size : (i + 1) * size],
                       {at - i * size: ref for at, ref in slots.items()}, depth)
            for i in range(min(count, most))
        ]  # fmt: skip
        if count > most:
            shown.append(f"... {count} in all")
        rest = data[count * size :]
        if rest and index is not None and isinstance(types[index], Struct):
            inside = {at - count * size: ref for at, ref in slots.items()}
            shown.append(self.value(index, rest, inside, depth))
        elif rest:
            shown.append(f"+{len(rest)} bytes {rest.hex()}")
        return "{" + ", ".join(shown) + "}"

    def value(
        self, index: int | None, data: bytes, slots: Mapping[int, Ref] = _NONE, depth: int = 0
    ) -> str:
        """One object of type `index`; its pointers at `slots` are followed."""
        types = self.facts.types
        kind = types[index] if index is not None and index >= 0 else Int(1, signed=False)
        number = int.from_bytes(data, "little")
        if isinstance(kind, Bool):
            return {0: "false", 1: "true"}.get(data[0], str(data[0])) if data else "?"
        if isinstance(kind, (Int, Enum)):
            return str(int.from_bytes(data[: kind.size], "little", signed=kind.signed))
        if isinstance(kind, Float):
            return _float(data[: kind.size])
        if isinstance(kind, Pointer):
            if 0 in slots:
                return self._pointed(kind, slots[0], depth + 1)
            return self.address(number & _MASK)
        if isinstance(kind, Array) and kind.form == Form.COMPLEX:
            size = size_of(types, kind.element)
            return " + ".join((_float(data[:size]), f"{_float(data[size : 2 * size])}i"))
        if isinstance(kind, Array):
            return self.elements(kind.element, data, slots, depth)
        if isinstance(kind, Struct) and not kind.union:
            there = [f for f in kind.fields if f.offset + size_of(types, f.type) <= len(data)]
            inner = [f".{f.name}={self._member(f, data, slots, depth)}" for f in there]
            return "{" + ", ".join(inner) + "}"
        return data.hex()

    def _member(self, field: Field, data: bytes, slots: Mapping[int, Ref], depth: int) -> str:
        if field.bits is None:
            size = size_of(self.facts.types, field.type) or len(data) - field.offset
            inside = {at - field.offset: ref for at, ref in slots.items() if at >= field.offset}
            return self.value(field.type, data[field.offset :][:size], inside, depth)
        first, width = field.bits
        return str(int.from_bytes(data, "little") >> first & ((1 << width) - 1))

    def address(self, number: int) -> str:
        """A pointer's value: into which object it points, if into any."""
        if number == 0:
            return "NULL"
        places = self.placed.places if self.placed is not None else ()
        names = objects_of(self.facts, self.locations, self.case)
        for which, (place, blob) in enumerate(zip(places, self.case.objects, strict=False)):
            if place <= number <= place + len(blob.data):
                named = names.get(which, Named(f"object {which}", None, 0))
                offset = number - place - named.at
                return named.name + (f"{offset:+d}" if offset else "")
        return f"{number:#x}"


def _float(data: bytes) -> str:
    if len(data) == extended.SIZE:
        return extended.text(data)
    if len(data) not in (4, 8):
        return data.hex()
    value = struct.unpack("<f" if len(data) == 4 else "<d", data)[0]
    text = repr(value)
    return f"{text} /* {data[::-1].hex()} */" if value != value else text


def render_call(facts: Facts, locations: Sequence[Location], case: Case) -> str:
    """The call of a case in C's terms."""
    return Words(facts, locations, case).call()
