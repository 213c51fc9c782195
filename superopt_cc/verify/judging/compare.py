"""Where and how a rewrite's results differ from the target's (design 5.5).

Comparison is byte by byte over whole results; only when bytes differ is the first differing
case taken apart.
"""

from __future__ import annotations

import dataclasses
import signal
import struct
from collections.abc import Callable, Sequence

from superopt_cc.types import Reason
from superopt_cc.verify.running.layout import CALL_BYTES, RESULT, SLOT_GUARD, Arena, Placed, padded
from superopt_cc.verify.running.runner import BROKEN_NAMES, End, Run, Status

_FIELDS = ("status", "signal", "rax", "rdx", "xmm0", "xmm0_high", "xmm1", "xmm1_high", "broken",
           "mxcsr", "calls", "call_hash", "st0", "st0_high", "st1", "st1_high")  # fmt: skip
_RESULTS = ("rax", "rdx", "xmm0", "xmm0_high", "xmm1", "xmm1_high", "st0", "st0_high", "st1",
            "st1_high", "ymm0", "ymm0_high")  # fmt: skip
_CALLER_FRAME = 1 << BROKEN_NAMES.index("the caller's frame")
_RSP = 1 << BROKEN_NAMES.index("%rsp")
_CALL = struct.Struct("<19Q")
_WRITE, NO_ADDRESS = 2, 4
MISALIGNED = "a misaligned access, or one at an impossible address"
_BROKEN_AT = 8 * 8


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What both codes did on one case: raw results, where it lay, and the rewrite's diagnosis."""

    expected: bytes
    got: bytes
    placed: Placed
    diag: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """The first case that differs: its index in the batch, why, and both sides in words.

    `other` is a second case where the difference is between two inputs (design 5.10).  `seen` is
    what `telling` puts into the words of C; a trace leaves none.
    """

    index: int
    reason: Reason
    detail: str
    expected: str
    got: str
    other: int | None = None
    seen: Seen | None = dataclasses.field(default=None, compare=False, repr=False)


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
    st0: int
    st0_high: int
    st1: int
    st1_high: int
    ymm0: int
    ymm0_high: int

    @staticmethod
    def of(result: bytes) -> Fields:
        return Fields(*RESULT.unpack_from(result))

    @property
    def whole_vector(self) -> int:
        """All 32 bytes of a result in the first vector register."""
        return self.xmm0 | self.xmm0_high << 64 | self.ymm0 << 128 | self.ymm0_high << 192


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """One case of a batch as both codes left it, and what addresses mean."""

    expected: Run
    got: Run
    index: int
    arena: Arena
    text: tuple[int, int]
    one: Fields
    other: Fields

    @property
    def ends_alike(self) -> bool:
        """Only then is there anything to compare beyond how they ended."""
        return (self.one.status, self.one.signal) == (self.other.status, self.other.signal)

    @property
    def faults(self) -> bool:
        """Did the rewrite touch or jump to what is not there?"""
        signals = (signal.SIGSEGV, signal.SIGBUS)
        return (
            not self.ends_alike
            and self.other.status == Status.SIGNAL
            and self.other.signal in signals
        )

    def differs(self, reason: Reason, detail: str, expected: str, got: str) -> Difference:
        diag = tuple(int(word) for word in self.got.diags[self.index])
        placed = self.got.batch.placed[self.index]
        results = self.expected.result(self.index), self.got.result(self.index)
        return Difference(
            self.index, reason, detail, expected, got, None, Seen(*results, placed, diag)
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """One rule of design 5.5 and 5.3: what must be alike after a run."""

    check: Callable[[Pair], Difference | None]

    @property
    def name(self) -> str:
        return self.check.__name__


def first_difference(
    expected: Run,
    got: Run,
    arena: Arena,
    text: tuple[int, int],
    rules: Sequence[Comparison] | None = None,
) -> Difference | None:
    """Compare two runs of the same batch by `COMPARISONS`; None when all cases agree."""
    if got.end == End.FINISHED and expected.results == got.results:
        return None
    rules = COMPARISONS if rules is None else rules
    for index in range(got.done):
        found = difference_at(expected, got, index, arena, text, rules)
        if found is not None:
            return found
    if got.end == End.DIED:
        name = signal_name(got.signal) if got.signal < 256 else "the runner's memory is destroyed"
        return Difference(got.done, Reason.CRASH, f"the test process died: {name}", "returns", name)
    if got.end == End.WALL:
        return Difference(got.done, Reason.TIMEOUT, "does not end", "returns", "does not end")
    return None


def difference_at(
    expected: Run, got: Run, index: int, arena: Arena, text: tuple[int, int],
    rules: Sequence[Comparison] | None = None,
) -> Difference | None:  # fmt: skip
    """Compare one case that both runs finished."""
    one, other = expected.result(index), got.result(index)
    if one == other:
        return None
    fields = Fields.of(one), Fields.of(other)
    if not fields[1].broken & ~fields[0].broken and _without_state(one) == _without_state(other):
        return None  # gcc's code, not the rewrite, leaves something in use
    pair = Pair(expected, got, index, arena, text, *fields)
    return _explain(pair, COMPARISONS if rules is None else rules)


def _without_state(result: bytes) -> bytes:
    """A result but for what of the machine's state was not kept."""
    return result[:_BROKEN_AT] + result[_BROKEN_AT + 8 :]


def _explain(pair: Pair, rules: Sequence[Comparison]) -> Difference | None:
    for rule in rules:
        found = rule.check(pair)
        if found is not None:
            return found
    if any(rule.check(pair) for rule in COMPARISONS):
        return None  # what a rule says that was left out
    return pair.differs(Reason.MEMORY, "what was recorded differs", "", "")


def ends_where_the_target_ends(pair: Pair) -> Difference | None:
    if pair.ends_alike or pair.other.status != Status.TIMEOUT:
        return None
    return pair.differs(Reason.TIMEOUT, "does not end", *_endings(pair))


def stays_in_its_code(pair: Pair) -> Difference | None:
    rip = int(pair.got.diags[pair.index][1])
    if not pair.faults or pair.text[0] <= rip < pair.text[1]:
        return None
    return pair.differs(Reason.CRASH, f"jumps to {rip:#x}", *_endings(pair))


def touches_nothing_beside_the_objects(pair: Pair) -> Difference | None:
    address, rip = (int(word) for word in pair.got.diags[pair.index][:2])
    if not pair.faults or not pair.text[0] <= rip < pair.text[1]:
        return None
    flags = int(pair.got.diags[pair.index][5])
    where = f"makes {MISALIGNED}"
    if not flags & NO_ADDRESS:
        near = _near(address, pair.arena, pair.got.batch.placed[pair.index])
        where = f"{'writes' if flags & _WRITE else 'reads'} {near}"
    return pair.differs(Reason.ACCESS, where, _describe(pair.one), where)


def traps_where_the_target_traps(pair: Pair) -> Difference | None:
    signals = Status.SIGNAL in (pair.one.status, pair.other.status)
    if pair.ends_alike or pair.faults or not signals or pair.other.status == Status.TIMEOUT:
        return None
    says = _endings(pair)
    return pair.differs(Reason.TRAP, f"{says[1]}; gcc's code {says[0]}", *says)


def leaves_as_the_target_leaves(pair: Pair) -> Difference | None:
    """By a return, or by a call that does not come back."""
    signals = {pair.one.status, pair.other.status} & {Status.SIGNAL, Status.TIMEOUT}
    if pair.ends_alike or signals:
        return None
    says = _endings(pair)
    return pair.differs(Reason.CALLS, f"{says[1]}; gcc's code {says[0]}", *says)


def keeps_the_stack_pointer(pair: Pair) -> Difference | None:
    return _state(pair, Reason.CRASH, _RSP)


def keeps_the_callers_frame(pair: Pair) -> Difference | None:
    found = _state(pair, Reason.MEMORY, _CALLER_FRAME)
    return found and dataclasses.replace(found, detail="writes into the caller's frame")


def keeps_the_machine_state(pair: Pair) -> Difference | None:
    """design 5.3: callee-saved registers, direction flag, control words, empty x87 stack."""
    return _state(pair, Reason.ABI, ~(_RSP | _CALLER_FRAME))


def has_the_stack_aligned_at_calls(pair: Pair) -> Difference | None:
    for number, one, other in _differing_calls(pair):
        if one[0] == other[0] and one[1] != other[1] and not one[1] & 1:
            detail = f"call {number + 1} is made with a misaligned stack"
            return pair.differs(Reason.ABI, detail, "aligned", "misaligned")
    return None


def makes_the_same_calls(pair: Pair) -> Difference | None:
    for number, one, other in _differing_calls(pair):
        what = "goes to another function" if one[0] != other[0] else "has other arguments"
        if one[0] != other[0] or one[2:18] != other[2:18]:
            return pair.differs(
                Reason.CALLS, f"call {number + 1} {what}",
                f"arguments {_short(one)}", f"arguments {_short(other)}",
            )  # fmt: skip
    counts = pair.one.calls, pair.other.calls
    if pair.ends_alike and counts[0] != counts[1]:
        return pair.differs(
            Reason.CALLS, "calls out differ", f"{counts[0]} calls", f"{counts[1]} calls"
        )
    return None


def shows_callees_the_same_memory(pair: Pair) -> Difference | None:
    """design 5.5: what an outsider can reach is compared at every call out."""
    for number, one, other in _differing_calls(pair):
        if one[:18] == other[:18]:
            return pair.differs(
                Reason.CALLS, f"call {number + 1} finds other memory contents",
                f"arguments {_short(one)}", f"arguments {_short(other)}",
            )  # fmt: skip
    alike = pair.one.calls == pair.other.calls and not _differing_calls(pair)
    if pair.ends_alike and alike and pair.one.call_hash != pair.other.call_hash:
        return pair.differs(Reason.CALLS, "a later call differs", "", "")
    return None


def returns_the_same_bits(pair: Pair) -> Difference | None:
    for name in _RESULTS:
        one, other = getattr(pair.one, name), getattr(pair.other, name)
        if pair.ends_alike and one != other:
            where = f"another result in {name.split('_')[0]}"
            return pair.differs(Reason.RESULT, where, f"{one:#x}", f"{other:#x}")
    return None


def raises_the_same_float_flags(pair: Pair) -> Difference | None:
    one, other = pair.one.mxcsr, pair.other.mxcsr
    if not pair.ends_alike or one == other:
        return None
    says = f"flags {one:#04x}", f"flags {other:#04x}"
    return pair.differs(Reason.RESULT, "other floating-point exception flags", *says)


def leaves_the_same_memory(pair: Pair) -> Difference | None:
    if not pair.ends_alike:
        return None
    one, other = pair.expected.result(pair.index), pair.got.result(pair.index)
    at = RESULT.size
    for number, first, length in pair.expected.batch.placed[pair.index].dumps:
        for i in range(length):
            if one[at + i] != other[at + i]:
                name = f"object {number}" if isinstance(number, int) else "the program's data"
                return pair.differs(
                    Reason.MEMORY, f"byte {first + i} of {name} differs",
                    f"{one[at + i]:#04x}", f"{other[at + i]:#04x}",
                )  # fmt: skip
        at += padded(length)
    return None


# In the order in which they are asked: how it ended, machine state, calls, results, memory.
COMPARISONS: tuple[Comparison, ...] = tuple(
    map(
        Comparison,
        (
            ends_where_the_target_ends,
            stays_in_its_code,
            touches_nothing_beside_the_objects,
            traps_where_the_target_traps,
            leaves_as_the_target_leaves,
            keeps_the_stack_pointer,
            keeps_the_callers_frame,
            keeps_the_machine_state,
            has_the_stack_aligned_at_calls,
            makes_the_same_calls,
            shows_callees_the_same_memory,
            returns_the_same_bits,
            raises_the_same_float_flags,
            leaves_the_same_memory,
        ),
    )
)


# What holds where C leaves the results undefined (design 5.6).
LENIENT = tuple(
    rule
    for rule in COMPARISONS
    if rule.check
    in (
        ends_where_the_target_ends,
        stays_in_its_code,
        touches_nothing_beside_the_objects,
        traps_where_the_target_traps,
        keeps_the_stack_pointer,
        keeps_the_callers_frame,
        keeps_the_machine_state,
    )
)


def _endings(pair: Pair) -> tuple[str, str]:
    return _describe(pair.one), _describe(pair.other)


def _state(pair: Pair, reason: Reason, mask: int) -> Difference | None:
    wrong = pair.other.broken & ~pair.one.broken & mask
    if not pair.ends_alike or not wrong:
        return None
    names = ", ".join(n for bit, n in enumerate(BROKEN_NAMES) if wrong >> bit & 1)
    detail = f"{names} not as the ABI demands at the end"
    return pair.differs(reason, detail, "kept", f"changed: {names}")


def _differing_calls(pair: Pair) -> list[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    """(number, gcc's call, the rewrite's call) of the first recorded pair that differs."""
    if not pair.ends_alike:
        return []
    ones, others = _calls(pair.expected, pair.index), _calls(pair.got, pair.index)
    both = enumerate(zip(ones, others, strict=False))
    return [(n, one, other) for n, (one, other) in both if one != other][:1]


def _describe(fields: Fields) -> str:
    status = Status(fields.status)
    if status == Status.SIGNAL:
        return f"raises {signal_name(fields.signal)}"
    return {
        Status.RETURNED: "returns",
        Status.TIMEOUT: "does not end",
        Status.NORETURN: "ends in a call that does not return",
    }.get(status, status.name.lower())


def _near(address: int, arena: Arena, placed: Placed) -> str:
    for number, place in enumerate(placed.places):
        if abs(address - place) < SLOT_GUARD:
            return f"at byte {address - place} of object {number}, which gcc's code does not touch"
    base, data = arena.data
    if base - 4096 <= address < base + len(data) + 4096:
        return f"beside the program's data at {address:#x}"
    return f"at {address:#x}, outside every object"


def _calls(run: Run, index: int) -> list[tuple[int, ...]]:
    return calls_of(run.result(index), run.batch.placed[index])


def calls_of(result: bytes, placed: Placed) -> list[tuple[int, ...]]:
    """The calls that one result recorded (struct call of csrc/runner.h), as numbers."""
    start = RESULT.size + sum(padded(n) for _, _, n in placed.dumps)
    count = min(Fields.of(result).calls, (len(result) - start) // CALL_BYTES)
    return [_CALL.unpack_from(result, start + i * CALL_BYTES) for i in range(count)]


def _short(call: tuple[int, ...]) -> str:
    return ", ".join(f"{v:#x}" for v in call[2:8])


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
