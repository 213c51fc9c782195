"""Simpler neighbours of an input: what `shrink` tries.

An edit changes values in place or takes something away.  Edits of values at different places can
be made together; one that takes something away moves the rest, so it is made alone.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
from collections.abc import Callable, Iterator, Sequence

from superopt_cc.cases import Answer, Case, Manner, Ref, Word
from superopt_cc.verify.job import Facts
from superopt_cc.verify.making import extended
from superopt_cc.verify.signature.abi import Location
from superopt_cc.verify.signature.ctype import (
    EXTENDED,
    Array,
    CType,
    Enum,
    Float,
    Int,
    Struct,
    TypeTable,
    size_of,
)
from superopt_cc.verify.telling.removals import cutter, used_objects, with_refs, without_others
from superopt_cc.verify.telling.render import objects_of

Place = tuple[str, int | str, int, int]
_PLAIN = 0x1F80
# Values of one object, and places to cut it at, that are tried one by one.
_VALUES, _CUTS = 40, 24
_AGAIN, _FIRST = 8, 256
_SCALARS = 512


@dataclasses.dataclass(frozen=True, slots=True)
class Edit:
    """One step; `place` is (part of the case, which, first, beyond), None if nothing combines."""

    apply: Callable[[Case], Case]
    place: Place | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Scalar:
    """A number at byte `at` of an object."""

    at: int
    size: int
    signed: bool = False
    floating: bool = False


def weight(case: Case) -> tuple[int, int]:
    """How much there is to read: memory first, then numbers.  Every accepted step lowers it."""
    blobs = [o for o in case.objects if o.data]
    much = sum(len(o.data) + 16 + 8 * len(o.pointers) for o in blobs)
    much += 4 * len(case.objects) + sum(len(o.before) + len(o.after) for o in case.objects)
    much += sum(32 + sum(8 + len(s.data) for s in a.stores) for a in case.answers)
    much += 16 * sum(isinstance(w, Ref) for w in (*case.ints, *case.stack))
    numbers = [_cost(w) for w in (*case.ints, *case.stack) if not isinstance(w, Ref)]
    numbers += [_cost(int.from_bytes(f, "little"), 8 * len(f)) for f in case.floats]
    numbers += [_content(o.data) for o in blobs] + [_content(d) for d in case.globals.values()]
    numbers += [_cost(a.rax) for a in case.answers if not isinstance(a.rax, Ref)]
    numbers += [not a.returns for a in case.answers] + [case.mxcsr != _PLAIN]
    numbers += [case.manner != Manner.TURN, case.key]
    return much, sum(numbers)


def _cost(word: int, bits: int = 64) -> int:
    value = word & (1 << bits) - 1
    return min(2 * value, 2 * ((1 << bits) - value) + 1)


def _content(data: bytes) -> int:
    """As if all were 4-byte integers: types are not asked."""
    words = (data[i : i + 4] for i in range(0, len(data), 4))
    return sum(_cost(int.from_bytes(word, "little"), 8 * len(word)) for word in words)


def structure(case: Case, facts: Facts, locations: Sequence[Location]) -> Iterator[Edit]:
    """Steps that make an input shorter: fewer objects, elements, nodes, calls; smaller lengths."""
    yield from _whole(case)
    yield from _words(case, facts, locations)
    yield from _cut(case, [element.size for element, _ in _contents(case, facts, locations)])
    yield from _pointers(case)


def contents(case: Case, facts: Facts, locations: Sequence[Location]) -> Iterator[Edit]:
    """Steps that make the numbers in it simpler."""
    places = [
        element.spread(at, blob.data)
        for (element, at), blob in zip(_contents(case, facts, locations), case.objects, strict=True)
    ]
    yield from _everywhere(case, places)
    for number, blob in enumerate(case.objects):
        yield from _zeroed("object", number, blob.data, places[number])
        yield from _values("object", number, blob.data, places[number])
    for name, data in case.globals.items():
        variable = _element(facts.types, facts.globals.get(name)).spread(0, data)
        yield from _zeroed("global", name, data, variable)
        yield from _values("global", name, data, variable)
    yield from _words(case, facts, locations)
    yield from _floats(case)
    yield from _answers(case)


def _contents(
    case: Case, facts: Facts, locations: Sequence[Location]
) -> list[tuple[_Element, int]]:
    """Of what each object is an array, and from which byte on."""
    named = objects_of(facts, locations, case)
    return [
        (_element(facts.types, named[n].type), max(named[n].at, 0))
        if n in named
        else (_element(facts.types, None), 0)
        for n in range(len(case.objects))
    ]


def _whole(case: Case) -> Iterator[Edit]:
    """What is there besides values: noise around objects, unused objects, modes, answers."""
    if case.mxcsr != _PLAIN:
        yield Edit(lambda c: dataclasses.replace(c, mxcsr=_PLAIN), ("mxcsr", 0, 0, 1))
    if case.manner != Manner.TURN:
        turn = functools.partial(dataclasses.replace, manner=Manner.TURN, key=0)
        yield Edit(turn, ("manner", 0, 0, 1))
    if any(o.before or o.after for o in case.objects):
        yield Edit(_bare)
    used = used_objects(case)
    if len(used) < len(case.objects):
        yield Edit(lambda c: without_others(c, used))
    if len(case.answers) > 1:
        yield Edit(lambda c: dataclasses.replace(c, answers=c.answers[:1]))
        yield Edit(lambda c: dataclasses.replace(c, answers=c.answers[:-1]))
    if any(a.stores for a in case.answers):
        quiet = tuple(dataclasses.replace(a, stores=()) for a in case.answers)
        yield Edit(lambda c: dataclasses.replace(c, answers=quiet))


def _bare(case: Case) -> Case:
    objects = tuple(dataclasses.replace(o, before=b"", after=b"") for o in case.objects)
    return dataclasses.replace(case, objects=objects)


# Numbers


def smaller(value: int) -> list[int]:
    """Simpler integers: the simplest first, then ever closer to the value itself."""
    sign, size = (-1 if value < 0 else 1), abs(value)
    wanted = [0, 1, 2, size] if value < 0 else [0, 1, 2]
    wanted += [sign * (size >> n) for n in (32, 16, 8, 4, 2, 1)]
    wanted += [sign * (size - (1 << n)) for n in reversed(range(size.bit_length() - 1))]
    return [v for v in dict.fromkeys(wanted) if 2 * abs(v) + (v < 0) < 2 * size + (value < 0)]


def _floating(data: bytes) -> list[bytes]:
    if len(data) == extended.SIZE:
        return [d for d in extended.simple(data) if d != data]
    form = "<f" if len(data) == 4 else "<d"
    value = struct.unpack(form, data)[0]
    wanted = [0.0, 1.0, 2.0]
    if value == value and abs(value) < 1e6:
        wanted += [float(int(value)), float(int(value / 2))]
    return [d for d in (struct.pack(form, w) for w in wanted) if d != data]


def _words(case: Case, facts: Facts, locations: Sequence[Location]) -> Iterator[Edit]:
    """Integer and pointer arguments."""
    for parameter, location in zip(facts.parameters, locations, strict=True):
        kind = facts.types[parameter.type]
        signed = isinstance(kind, (Int, Enum)) and kind.signed
        if kind == EXTENDED:
            yield from _extended(case, location)
            continue
        if isinstance(kind, Array) and facts.types[kind.element] == EXTENDED:
            continue
        for part in location.words:
            if part.kind not in ("int", "stack"):
                continue
            field = "ints" if part.kind == "int" else "stack"
            word = getattr(case, field)[part.number]
            place = (field, 0, part.number, part.number + 1)
            if isinstance(word, Ref):
                yield Edit(_setter(field, part.number, 0), place)
                continue
            for value in smaller(_as_typed(word, part.bits, signed)):
                yield Edit(_setter(field, part.number, value & (1 << 64) - 1), place)


def _extended(case: Case, location: Location) -> Iterator[Edit]:
    """A long double, in two words on the stack."""
    first = location.parts[0].number
    words = [word for word in case.stack[first : first + 2] if not isinstance(word, Ref)]
    data = b"".join(word.to_bytes(8, "little") for word in words)
    for fresh in extended.simple(data):
        if fresh != data:
            low, high = (int.from_bytes(fresh[i : i + 8], "little") for i in (0, 8))

            def apply(c: Case, low: int = low, high: int = high) -> Case:
                stack = (*c.stack[:first], low, high, *c.stack[first + 2 :])
                return dataclasses.replace(c, stack=stack)

            yield Edit(apply, ("stack", 0, first, first + 2))


def _as_typed(word: int, bits: int, signed: bool) -> int:
    value = word & (1 << bits) - 1
    return value - (1 << bits) if signed and value >> bits - 1 & 1 else value


def _setter(field: str, number: int, value: Word) -> Callable[[Case], Case]:
    def apply(case: Case) -> Case:
        words = list(getattr(case, field))
        words[number] = value
        changed = tuple(words)
        if field == "ints":
            return dataclasses.replace(case, ints=changed)
        return dataclasses.replace(case, stack=changed)

    return apply


def _floats(case: Case) -> Iterator[Edit]:
    for number, vector in enumerate(case.floats):
        simpler = [data for size in (8, 4) for data in _floating(vector[:size])]
        for data in [*simpler, *_fewer_lanes(vector)]:
            fresh = data.ljust(len(vector), b"\0")

            def apply(c: Case, number: int = number, fresh: bytes = fresh) -> Case:
                floats = (*c.floats[:number], fresh, *c.floats[number + 1 :])
                return dataclasses.replace(c, floats=floats)

            yield Edit(apply, ("floats", 0, number, number + 1))


def _fewer_lanes(vector: bytes) -> Iterator[bytes]:
    """A vector with one lane of eight bytes zero, where more than one is not."""
    lanes = [at for at in range(0, len(vector), 8) if any(vector[at : at + 8])]
    for at in lanes[1:]:
        yield vector[:at] + bytes(8) + vector[at + 8 :]
    if lanes[1:]:
        yield vector[: lanes[0]] + bytes(8) + vector[lanes[0] + 8 :]


def _answers(case: Case) -> Iterator[Edit]:
    for number, answer in enumerate(case.answers):
        variants: list[Answer] = []
        if not answer.returns:
            variants.append(dataclasses.replace(answer, returns=True))
        if not isinstance(answer.rax, Ref):
            variants += [
                dataclasses.replace(answer, rax=v)
                for v in smaller(_as_typed(answer.rax, 64, True))[:6]
            ]
        for i in range(len(answer.stores)):
            stores = (*answer.stores[:i], *answer.stores[i + 1 :])
            variants.append(dataclasses.replace(answer, stores=stores))
        for variant in variants[:12]:

            def apply(c: Case, number: int = number, variant: Answer = variant) -> Case:
                answers = (*c.answers[:number], variant, *c.answers[number + 1 :])
                return dataclasses.replace(c, answers=answers)

            yield Edit(apply, ("answers", 0, number, number + 1))


# Contents of memory


@dataclasses.dataclass(frozen=True, slots=True)
class _Element:
    """What an array consists of: so many bytes each, with these numbers in them."""

    size: int
    scalars: tuple[Scalar, ...]

    def spread(self, at: int, data: bytes) -> list[Scalar]:
        """The numbers of an array of such elements from byte `at` on."""
        return [
            dataclasses.replace(s, at=row + s.at)
            for row in range(at, len(data), self.size)
            for s in self.scalars
            if row + s.at + s.size <= len(data)
        ]


def _element(types: TypeTable, index: int | None) -> _Element:
    """The element of an array of a type; single bytes where that is not known."""
    if index is None or not 0 < size_of(types, index) <= _SCALARS * 8:
        return _Element(1, (Scalar(0, 1),))
    found: list[Scalar] = []
    waiting = [(index, 0)]
    while waiting and len(found) < _SCALARS:
        inner, at = waiting.pop(0)
        kind: CType = types[inner]
        if isinstance(kind, Array):
            step = size_of(types, kind.element)
            waiting += [(kind.element, at + i * step) for i in range(kind.count or 0)]
        elif isinstance(kind, Struct) and not kind.union:
            waiting += [(f.type, at + f.offset) for f in kind.fields if f.bits is None]
        elif size_of(types, inner):
            signed = isinstance(kind, (Int, Enum)) and kind.signed
            found.append(Scalar(at, size_of(types, inner), signed, isinstance(kind, Float)))
    return _Element(size_of(types, index), tuple(found))


def _patch(what: str, which: int | str, at: int, fresh: bytes) -> Edit:
    def apply(case: Case) -> Case:
        if isinstance(which, str):
            old = case.globals[which]
            data = old[:at] + fresh + old[at + len(fresh) :]
            return dataclasses.replace(case, globals={**case.globals, which: data})
        blob = case.objects[which]
        data = blob.data[:at] + fresh + blob.data[at + len(fresh) :]
        changed = dataclasses.replace(blob, data=data)
        objects = (*case.objects[:which], changed, *case.objects[which + 1 :])
        return dataclasses.replace(case, objects=objects)

    return Edit(apply, (what, which, at, at + len(fresh)))


def _everywhere(case: Case, places: Sequence[Sequence[Scalar]]) -> Iterator[Edit]:
    """Another number wherever a number stands: objects that must be equal stay so."""
    found: dict[bytes, list[tuple[int, int]]] = {}
    for number, blob in enumerate(case.objects):
        for s in places[number][:_FIRST]:
            found.setdefault(blob.data[s.at : s.at + s.size], []).append((number, s.at))
    again = [(data, at) for data, at in found.items() if len(at) > 1 and any(data)]
    for data, at in again[:_AGAIN]:
        for value in (0, 1, 2):
            fresh = value.to_bytes(len(data), "little")
            if fresh < data or sum(fresh) < sum(data):
                yield Edit(_replacing(at, fresh))


def _replacing(places: Sequence[tuple[int, int]], fresh: bytes) -> Callable[[Case], Case]:
    def apply(case: Case) -> Case:
        for number, at in places:
            case = _patch("object", number, at, fresh).apply(case)
        return case

    return apply


def _zeroed(
    what: str, which: int | str, data: bytes, places: Sequence[Scalar]
) -> Iterator[Edit]:  # fmt: skip
    """All numbers zero, then halves, quarters, ... of them."""
    live = [s for s in places if any(data[s.at : s.at + s.size])]
    parts = 1
    while parts <= min(len(live), 16):
        step = -(-len(live) // parts)
        for i in range(0, len(live), step):
            chunk = live[i : i + step]
            low, high = chunk[0].at, chunk[-1].at + chunk[-1].size
            yield _patch(what, which, low, bytes(high - low))
        parts *= 2


def _values(
    what: str, which: int | str, data: bytes, places: Sequence[Scalar]
) -> Iterator[Edit]:  # fmt: skip
    """Each number simpler by itself."""
    live = [s for s in places if any(data[s.at : s.at + s.size])]
    for scalar in live[:_VALUES]:
        old = data[scalar.at : scalar.at + scalar.size]
        if scalar.floating and scalar.size in (4, 8, extended.SIZE):
            fresh = _floating(old)
        else:
            value = int.from_bytes(old, "little", signed=scalar.signed)
            most = (1 << (8 * scalar.size - scalar.signed)) - 1  # the least number has no positive
            fresh = [
                v.to_bytes(scalar.size, "little", signed=scalar.signed)
                for v in (smaller(value) if len(live) < 8 else smaller(value)[:6])
                if v <= most
            ]
        for candidate in fresh:
            yield _patch(what, which, scalar.at, candidate)


# Taking away


def _pointers(case: Case) -> Iterator[Edit]:
    """Null in the place of each pointer in memory; what it leads to in the place of a node."""
    for number, blob in enumerate(case.objects):
        for _, behind in blob.pointers[:2]:
            if behind.object != number:

                def skip(c: Case, number: int = number, behind: Ref = behind) -> Case:
                    return with_refs(c, lambda r: behind if r.object == number else r)

                yield Edit(skip)
        for at, _ in blob.pointers:

            def apply(c: Case, number: int = number, at: int = at) -> Case:
                old = c.objects[number]
                kept = tuple(p for p in old.pointers if p[0] != at)
                data = old.data[:at] + bytes(8) + old.data[at + 8 :]
                changed = dataclasses.replace(old, data=data, pointers=kept)
                objects = (*c.objects[:number], changed, *c.objects[number + 1 :])
                return dataclasses.replace(c, objects=objects)

            yield Edit(apply, ("object", number, at, at + 8))


def _cut(case: Case, sizes: Sequence[int]) -> Iterator[Edit]:
    """Elements taken out of arrays, together with what counts them."""
    counts = [-(-len(o.data) // size) for o, size in zip(case.objects, sizes, strict=True)]
    for count in sorted(set(counts) - {0}, reverse=True):
        alike = [n for n, c in enumerate(counts) if c == count]
        spans = list(_spans(count))
        for low, high in spans:
            for less in (True, False):
                yield Edit(cutter({n: sizes[n] for n in alike}, low, high, count, less))
        if len(alike) > 1:
            for low, high in spans[:6]:
                for n in alike:
                    yield Edit(cutter({n: sizes[n]}, low, high, count, False))


def _spans(count: int) -> Iterator[tuple[int, int]]:
    """Halves, quarters, ... of so many elements; at most `_CUTS`."""
    step, given = max(count // 2, 1), 0
    while given < _CUTS:
        for low in range(0, count, step):
            yield low, min(low + step, count)
            given += 1
            if given >= _CUTS:
                return
        if step == 1:
            return
        step //= 2
