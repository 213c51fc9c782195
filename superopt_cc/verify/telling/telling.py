"""A difference in the words of C: what the rewrite did, and what gcc's code does instead."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from superopt_cc.cases import Answer, Case, Ref
from superopt_cc.errors import Ineligible
from superopt_cc.types import Reason
from superopt_cc.verify.job import Facts
from superopt_cc.verify.judging.compare import (
    MISALIGNED,
    NO_ADDRESS,
    Difference,
    Fields,
    Seen,
    calls_of,
    signal_name,
)
from superopt_cc.verify.running.frames import NO_FRAMES
from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.layout import RESULT, SLOT_BYTES, SLOT_GUARD, padded
from superopt_cc.verify.running.runner import BROKEN_NAMES, Status
from superopt_cc.verify.signature import abi
from superopt_cc.verify.signature.ctype import Function, size_of
from superopt_cc.verify.telling.render import MOST, Named, Words, objects_of

_FLAGS = ("invalid", "denormal", "divide-by-zero", "overflow", "underflow", "inexact")
_ACCESS = re.compile(r"(reads|writes) (?:at )?byte (-?\d+) of object (\d+).*")
_OTHER_ACCESS = re.compile(r"(reads|writes) (.*?)(, (near|which) .*)?")
_PAST = {"reads": "read", "writes": "wrote"}
_WRITE = 2
_SHOWN_CALLS = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """`got` continues "the rewrite ...", in the past; `expected` "gcc's code ..."; `given` says
    what the world did meanwhile."""

    got: str
    expected: str
    given: str = ""


def tell(
    facts: Facts, locations: Sequence[abi.Location], case: Case, found: Difference,
    image: Image | None = None,
) -> Told:  # fmt: skip
    """Both sides of a difference; with `image` callees and globals are named too."""
    names = objects_of(facts, locations, case)
    if found.seen is None:
        return _told_by_trace(found, names, case)
    return _Teller(facts, locations, case, found, found.seen, names, image).tell()


def _told_by_trace(found: Difference, names: Mapping[int, Named], case: Case) -> Told:
    for text in (found.detail, found.got):
        inside = _ACCESS.fullmatch(text)
        if inside:
            kind, at, number = inside.group(1), int(inside.group(2)), int(inside.group(3))
            return Told(f"{_PAST[kind]} {_byte(names, case, number, at)}", "does not")
        outside = _OTHER_ACCESS.fullmatch(text)
        if outside and found.reason is Reason.ACCESS:
            return Told(f"{_PAST[outside.group(1)]} {outside.group(2)}", "does not")
    return Told(found.got, found.expected)


def _byte(names: Mapping[int, Named], case: Case, number: int, at: int) -> str:
    named = names.get(number, Named(f"object {number}", None, 0))
    blob = case.objects[number]
    return f"byte {at - named.at} of {named.name} ({len(blob.data) - named.at} bytes)"


@dataclasses.dataclass(frozen=True)
class _Teller:
    facts: Facts
    locations: Sequence[abi.Location]
    case: Case
    found: Difference
    seen: Seen
    names: Mapping[int, Named]
    image: Image | None

    def tell(self) -> Told:
        one, other = Fields.of(self.seen.expected), Fields.of(self.seen.got)
        given = self._given()
        if (one.status, one.signal) != (other.status, other.signal):
            fault = self.found.reason is Reason.ACCESS
            expected = "does not" if fault else self._end(one, past=False)
            return Told(self._end(other, past=True), expected, given)
        if other.broken & ~one.broken and self.found.reason is not Reason.RESULT:
            wrong = other.broken & ~one.broken
            names = [name for bit, name in enumerate(BROKEN_NAMES) if wrong >> bit & 1]
            return Told(f"changed {', '.join(names)}", "does not", given)
        if self.found.reason in (Reason.CALLS, Reason.ABI):
            return dataclasses.replace(self._calls(one, other), given=given)
        if self.found.reason is Reason.RESULT:
            return dataclasses.replace(self._result(one, other), given=given)
        return dataclasses.replace(self._memory(), given=given)

    # How it ended

    def _end(self, fields: Fields, *, past: bool) -> str:
        status = Status(fields.status)
        if status == Status.RETURNED:
            value = self._returned(fields)
            return f"{'returned' if past else 'returns'}{' ' + value if value else ''}"
        if status == Status.TIMEOUT:
            return "did not end" if past else "does not end"
        if status == Status.NORETURN:
            return f"{'ended' if past else 'ends'} in a call that does not return"
        if past and self.found.reason is Reason.ACCESS:
            return self._fault()
        if past and self.found.reason is Reason.CRASH:
            return f"jumped to {self.seen.diag[1]:#x}"
        if status == Status.SIGNAL:
            return f"{'raised' if past else 'raises'} {signal_name(fields.signal)}"
        return status.name.lower()

    def _fault(self) -> str:
        address, kind = self.seen.diag[0], "wrote" if self.seen.diag[5] & _WRITE else "read"
        if self.seen.diag[5] & NO_ADDRESS:
            return f"made {MISALIGNED}"
        for number, place in enumerate(self.seen.placed.places):
            if -SLOT_GUARD < address - place < SLOT_GUARD + SLOT_BYTES:
                return f"{kind} {_byte(self.names, self.case, number, address - place)}"
        name = self._global(address)
        return f"{kind} {name}" if name else f"{kind} at {address:#x}, outside every object"

    # What it returned

    def _result(self, one: Fields, other: Fields) -> Told:
        values = self._returned(other), self._returned(one)
        if values[0] == values[1] and one.mxcsr != other.mxcsr:
            return Told(f"raised {_flags(other.mxcsr)}", f"raises {_flags(one.mxcsr)}")
        if values[0] == values[1]:
            return Told(f"returned {self.found.got}", f"returns {self.found.expected}")
        return Told(f"returned {values[0]}", f"returns {values[1]}")

    def _returned(self, fields: Fields) -> str:
        index = self.facts.returns
        if index is None:
            return ""
        registers = {
            "rax": fields.rax,
            "rdx": fields.rdx,
            "xmm0": fields.xmm0 | fields.xmm0_high << 64,
            "xmm1": fields.xmm1 | fields.xmm1_high << 64,
            "ymm0": fields.whole_vector,
            "st(0)": fields.st0 | fields.st0_high << 64,
            "st(1)": fields.st1 | fields.st1_high << 64,
        }
        try:
            data = abi.result_bytes(registers, self.facts.types, index)
        except Ineligible:  # in memory, where it is compared as an object
            return ""
        return self._words().value(index, data)

    def _words(self) -> Words:
        return Words(self.facts, self.locations, self.case, self.seen.placed)

    # What it called

    def _calls(self, one: Fields, other: Fields) -> Told:
        ours = calls_of(self.seen.expected, self.seen.placed)
        theirs = calls_of(self.seen.got, self.seen.placed)
        for i, (mine, his) in enumerate(zip(ours, theirs, strict=False)):
            if mine[0] == his[0] and mine[1] != his[1] and not mine[1] & 1:
                name = self._callee(his[0])[0]
                return Told(f"called {name} with a misaligned stack", "does not")
            if mine[:1] + mine[2:18] != his[:1] + his[2:18]:
                order = f" in call {i + 1}" if i else ""
                return Told(f"called {self._call(his)}{order}", f"calls {self._call(mine)}")
            if mine != his:
                call = self._call(his)
                return Told(f"called {call} with other contents of memory", "does not")
        if one.calls == other.calls:
            return Told("made other calls later on", "does not")
        more = theirs if len(theirs) > len(ours) else ours
        at = min(len(ours), len(theirs))
        which = f", among them {self._call(more[at])}" if at < len(more) else ""
        return Told(
            f"made {_count(other.calls)}{which * (more is theirs)}",
            f"makes {_count(one.calls)}{which * (more is ours)}",
        )

    def _callee(self, number: int) -> tuple[str, Function | None]:
        if self.image is None or number >= len(self.image.callees):
            return f"callee {number}", None
        symbol = self.image.callees[number].name
        name = self.image.harness.stubs.get(symbol, symbol)
        index = self.facts.callees.get(name)
        kind = self.facts.types[index] if index is not None else None
        return name, kind if isinstance(kind, Function) else None

    def _call(self, call: tuple[int, ...]) -> str:
        name, kind = self._callee(call[0])
        return f"{name}({', '.join(self._arguments(call, kind))})"

    def _arguments(self, call: tuple[int, ...], kind: Function | None) -> list[str]:
        integers, vectors = call[2:8], call[9:17]
        try:
            places = abi.assign(self.facts.types, kind.parameters) if kind is not None else None
        except Ineligible:
            places = None
        if kind is None or places is None:
            return [self._words().address(v) if v else "0" for v in integers]
        shown: list[str] = []
        for location, index in zip(places, kind.parameters, strict=True):
            words = [
                (integers if w.kind == "int" else vectors)[w.number].to_bytes(8, "little")
                for w in location.words if w.kind in ("int", "sse")
            ]  # fmt: skip
            if any(word.kind == "stack" or word.bits > 64 for word in location.words):
                words = []
            value = b"".join(words)
            frames = self.image.frames if self.image is not None else NO_FRAMES
            inner = frames.name(int.from_bytes(value[:8], "little"))
            shown.append(inner or self._words().value(index, value) if words else "...")
        return shown

    def _given(self) -> str:
        """What the callees answered."""
        calls = calls_of(self.seen.expected, self.seen.placed)[:_SHOWN_CALLS]
        if not calls or not self.case.answers:
            return ""
        last = len(self.case.answers) - 1
        parts = [
            self._answer(call, self.case.answers[min(i, last)]) for i, call in enumerate(calls)
        ]
        return f"where {', '.join(parts)}: "

    def _answer(self, call: tuple[int, ...], answer: Answer) -> str:
        name, kind = self._callee(call[0])
        if not answer.returns:
            return f"{name} does not return"
        if kind is None or kind.returns is None:
            value = ""
        elif isinstance(answer.rax, Ref):
            where = answer.rax.object
            known = self.names.get(where) if isinstance(where, int) else None
            value = f" a pointer to {known.name if known else where}"
        else:
            registers = {
                "rax": answer.rax,
                "rdx": answer.rdx,
                "xmm0": int.from_bytes(answer.xmm0, "little"),
                "xmm1": int.from_bytes(answer.xmm1, "little"),
                "st(0)": int.from_bytes(answer.xmm0, "little"),
                "st(1)": int.from_bytes(answer.xmm1, "little"),
            }
            data = abi.result_bytes(registers, self.facts.types, kind.returns)
            value = " " + self._words().value(kind.returns, data)
        changes = " and changes memory" if answer.stores else ""
        return f"{name} returns{value}{changes}"

    # What it left in memory

    def _memory(self) -> Told:
        at = RESULT.size
        for number, first, length in self.seen.placed.dumps:
            one, other = (r[at : at + length] for r in (self.seen.expected, self.seen.got))
            at += padded(length)
            if one == other:
                continue
            if isinstance(number, int):
                return self._object(number, first, one, other)
            return self._data(one, other)
        return Told("left other memory", "does not")

    def _object(self, number: int, first: int, one: bytes, other: bytes) -> Told:
        named = self.names.get(number, Named(f"object {number}", None, 0))
        size = len(self.case.objects[number].data)
        wrong = next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b) + first
        if not 0 <= wrong < size:
            return Told(f"wrote {_byte(self.names, self.case, number, wrong)}", "does not")
        start = max(named.at, 0) - first
        return self._contents(
            named.name, named.type, one[start : size - first], other[start : size - first]
        )

    def _contents(self, name: str, index: int | None, one: bytes, other: bytes) -> Told:
        """Both contents; of long ones the first elements that differ."""
        types, words = self.facts.types, self._words()
        size = max(size_of(types, index), 1) if index is not None else 1
        if one == other:
            return Told(f"left other bytes before {name}", "does not")
        if len(one) <= size * MOST:
            sides = (words.elements(index, data) for data in (other, one))
            got, expected = (f"{name}={side}" for side in sides)
            return Told(f"left {got}", f"leaves {expected}")
        at = next(i for i in range(0, len(one), size) if one[i : i + size] != other[i : i + size])
        got, expected = (
            f"{name}[{at // size}]={words.value(index, data[at : at + size])}"
            for data in (other, one)
        )
        return Told(f"left {got}", f"leaves {expected}")

    def _data(self, one: bytes, other: bytes) -> Told:
        wrong = next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
        for name, index, at, size in self._globals():
            if at <= wrong < at + size:
                sides = (self._words().value(index, d[at : at + size]) for d in (other, one))
                got, expected = (f"{name}={side}" for side in sides)
                return Told(f"left {got}", f"leaves {expected}")
        return Told(f"left {other[wrong]:#04x} in byte {wrong} of the program's data",
                    f"leaves {one[wrong]:#04x}")  # fmt: skip

    def _globals(self) -> list[tuple[str, int, int, int]]:
        """(name, type, offset in the data, size) of each variable."""
        if self.image is None:
            return []
        base = self.image.arena.data[0]
        return [
            (name, index, self.image.arena.symbols[name] - base, size_of(self.facts.types, index))
            for name, index in self.facts.globals.items()
            if name in self.image.arena.symbols
        ]

    def _global(self, address: int) -> str:
        base = self.image.arena.data[0] if self.image is not None else 0
        for name, _, at, size in self._globals():
            if -64 <= address - base - at < size + 64:
                return f"byte {address - base - at} of {name} ({size} bytes)"
        return ""


def _flags(bits: int) -> str:
    names = [name for i, name in enumerate(_FLAGS) if bits >> i & 1]
    return f"the floating-point flags {', '.join(names)}" if names else "no floating-point flag"


def _count(calls: int) -> str:
    return f"{calls} call" if calls == 1 else f"{calls} calls"
