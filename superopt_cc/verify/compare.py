"""Where and how a rewrite's results differ from the target's (design 5.5).

Comparison is byte by byte over whole results; only when bytes differ is the first differing
case taken apart.
"""

from __future__ import annotations

import dataclasses
import signal
import struct

from superopt_cc.types import Reason
from superopt_cc.verify.layout import CALL_BYTES, RESULT, SLOT_GUARD, Arena, Placed, padded
from superopt_cc.verify.runner import BROKEN_NAMES, End, Run, Status

_FIELDS = ("status", "signal", "rax", "rdx", "xmm0", "xmm0_high", "xmm1", "xmm1_high", "broken",
           "mxcsr", "calls", "call_hash")  # fmt: skip
_CALLER_FRAME = 1 << BROKEN_NAMES.index("the caller's frame")
_RSP = 1 << BROKEN_NAMES.index("%rsp")
_CALL = struct.Struct("<18Q")
_WRITE = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """The first case that differs: its index in the batch, why, and both sides in words.

    `other` is a second case where the difference is between two inputs (design 5.10).
    """

    index: int
    reason: Reason
    detail: str
    expected: str
    got: str
    other: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Fields:
    """The fixed part of one result (struct result of csrc/runner.h)."""

    status: int
    signal: int
    rax: int
    rdx: int
    xmm0: int
    xmm0_high: int
    xmm1: int
    xmm1_high: int
    broken: int
    mxcsr: int
    calls: int
    call_hash: int

    @staticmethod
    def of(result: bytes) -> Fields:
        return Fields(*RESULT.unpack_from(result))


def first_difference(
    expected: Run, got: Run, arena: Arena, text: tuple[int, int]
) -> Difference | None:
    """Compare two runs of the same batch; None when all cases agree."""
    if got.end == End.FINISHED and expected.results == got.results:
        return None
    for index in range(got.done):
        one, other = expected.result(index), got.result(index)
        if one != other:
            return _explain(expected, got, index, arena, text)
    if got.end == End.DIED:
        name = _signal_name(got.signal) if got.signal < 256 else "the runner's memory is destroyed"
        return Difference(got.done, Reason.CRASH, f"the test process died: {name}", "returns", name)
    if got.end == End.WALL:
        return Difference(got.done, Reason.TIMEOUT, "does not end", "returns", "does not end")
    return None


def _explain(
    expected: Run, got: Run, index: int, arena: Arena, text: tuple[int, int]
) -> Difference:
    one, other = Fields.of(expected.result(index)), Fields.of(got.result(index))
    if other.status != one.status or other.signal != one.signal:
        return _by_status(one, other, got, index, arena, text)
    if other.broken & ~one.broken:
        return _by_state(one, other, index)
    if (other.calls, other.call_hash) != (one.calls, one.call_hash):
        return _by_calls(expected, got, index)
    for name in ("rax", "rdx", "xmm0", "xmm0_high", "xmm1", "xmm1_high"):
        if getattr(one, name) != getattr(other, name):
            return Difference(
                index, Reason.RESULT, f"another result in {name.split('_')[0]}",
                f"{getattr(one, name):#x}", f"{getattr(other, name):#x}",
            )  # fmt: skip
    if one.mxcsr != other.mxcsr:
        return Difference(
            index, Reason.RESULT, "other floating-point exception flags",
            f"MXCSR flags {one.mxcsr:#04x}", f"MXCSR flags {other.mxcsr:#04x}",
        )  # fmt: skip
    return _by_memory(expected, got, index)


def _describe(fields: Fields) -> str:
    status = Status(fields.status)
    if status == Status.SIGNAL:
        return f"raises {_signal_name(fields.signal)}"
    return {
        Status.RETURNED: "returns",
        Status.TIMEOUT: "does not end",
        Status.NORETURN: "ends in a call that does not return",
    }.get(status, status.name.lower())


def _by_status(
    one: Fields, other: Fields, got: Run, index: int, arena: Arena, text: tuple[int, int]
) -> Difference:
    says = (_describe(one), _describe(other))
    if other.status == Status.TIMEOUT:
        return Difference(index, Reason.TIMEOUT, "does not end", *says)
    if other.status == Status.SIGNAL and other.signal in (signal.SIGSEGV, signal.SIGBUS):
        address, rip = int(got.diags[index][0]), int(got.diags[index][1])
        kind = "writes" if int(got.diags[index][5]) & _WRITE else "reads"
        if not text[0] <= rip < text[1]:
            return Difference(index, Reason.CRASH, f"jumps to {rip:#x}", *says)
        where = _near(address, arena, got.batch.placed[index])
        return Difference(index, Reason.ACCESS, f"{kind} {where}", says[0], f"{kind} {where}")
    if other.status == Status.SIGNAL or one.status == Status.SIGNAL:
        return Difference(index, Reason.TRAP, f"{says[1]}; gcc's code {says[0]}", *says)
    return Difference(index, Reason.CALLS, f"{says[1]}; gcc's code {says[0]}", *says)


def _near(address: int, arena: Arena, placed: Placed) -> str:
    for number, place in enumerate(placed.places):
        if abs(address - place) < SLOT_GUARD:
            return f"at byte {address - place} of object {number}, which gcc's code does not touch"
    base, data = arena.data
    if base - 4096 <= address < base + len(data) + 4096:
        return f"beside the program's data at {address:#x}"
    return f"at {address:#x}, outside every object"


def _by_state(one: Fields, other: Fields, index: int) -> Difference:
    wrong = other.broken & ~one.broken
    names = [n for bit, n in enumerate(BROKEN_NAMES) if wrong >> bit & 1]
    detail = f"{', '.join(names)} not as the ABI demands at the end"
    reason = Reason.ABI
    if wrong & _RSP:
        reason = Reason.CRASH
    elif wrong & _CALLER_FRAME:
        reason, detail = Reason.MEMORY, "writes into the caller's frame"
    return Difference(index, reason, detail, "kept", f"changed: {', '.join(names)}")


def _calls(run: Run, index: int) -> list[tuple[int, ...]]:
    result = run.result(index)
    start = RESULT.size + sum(padded(n) for _, _, n in run.batch.placed[index].dumps)
    count = min(Fields.of(result).calls, (len(result) - start) // CALL_BYTES)
    return [_CALL.unpack_from(result, start + i * CALL_BYTES) for i in range(count)]


def _by_calls(expected: Run, got: Run, index: int) -> Difference:
    ones, others = _calls(expected, index), _calls(got, index)
    counts = Fields.of(expected.result(index)).calls, Fields.of(got.result(index)).calls
    for number, (one, other) in enumerate(zip(ones, others, strict=False)):
        if one == other:
            continue
        if one[0] != other[0]:
            what = "goes to another function"
        elif one[1] != other[1] and not one[1] & 1:
            detail = f"call {number + 1} is made with a misaligned stack"
            return Difference(index, Reason.ABI, detail, "aligned", "misaligned")
        elif one[2:17] != other[2:17]:
            what = "has other arguments"
        else:
            what = "finds other memory contents"
        return Difference(index, Reason.CALLS, f"call {number + 1} {what}",
                          f"arguments {_short(one)}", f"arguments {_short(other)}")  # fmt: skip
    return Difference(index, Reason.CALLS, "calls out differ", f"{counts[0]} calls",
                      f"{counts[1]} calls")  # fmt: skip


def _short(call: tuple[int, ...]) -> str:
    return ", ".join(f"{v:#x}" for v in call[2:8])


def _by_memory(expected: Run, got: Run, index: int) -> Difference:
    one, other = expected.result(index), got.result(index)
    at = RESULT.size
    for number, first, length in expected.batch.placed[index].dumps:
        for i in range(length):
            if one[at + i] != other[at + i]:
                name = f"object {number}" if isinstance(number, int) else "the program's data"
                return Difference(
                    index, Reason.MEMORY, f"byte {first + i} of {name} differs",
                    f"{one[at + i]:#04x}", f"{other[at + i]:#04x}",
                )  # fmt: skip
        at += padded(length)
    return Difference(index, Reason.CALLS, "calls out differ", "", "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
