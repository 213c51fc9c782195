"""The words that csrc/mutate.h describes: jobs in, records out."""

from __future__ import annotations

import dataclasses
import enum
import struct
from collections.abc import Iterator, Sequence

from superopt_cc.errors import RunnerError

_MAGIC = 0x326574617475706D
_WORD = 8
_COMMON = 22
_HEAD = (_COMMON + 17) * _WORD
_MOST_OUTS = 4
MASK64 = (1 << 64) - 1

# A state's word for each register, as the processor numbers them; word 4 holds the flags.
NUMBERS = {
    name: number
    for number, name in enumerate(
        ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
         "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15")
    )
}  # fmt: skip
FLAGS = 4


class Mode(enum.IntEnum):
    """What is asked for."""

    RUN = 1
    SEARCH = 2
    ENUMERATE = 3


class Kind(enum.IntEnum):
    """What a record tells."""

    RAN = 1
    FOUND = 2
    TREE = 3
    END = 4


@dataclasses.dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs, the registers that count, and what gcc's code leaves in them.

    `states` are 16 words each; the first `quick` of them serve all proposals.  `arena` is memory
    that may be read, at `address`.
    """

    states: tuple[tuple[int, ...], ...]
    outs: tuple[tuple[str, int], ...]
    expected: tuple[tuple[int, ...], ...] = ()
    quick: int = 0
    address: int = 0
    arena: bytes = b""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One encoded instruction of a pool.

    `operation` names what it does, `operands` what to: registers in the lowest three bytes (255:
    none), then the shape, then the number of a constant.
    """

    operation: int
    operands: int
    cost: int
    code: bytes
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Leaf:
    """What an expression may begin with: a constant, a register at entry, or memory.

    `size` bytes of it count, extended by their sign if `signed`; 0: all of a register.
    """

    constant: int | None = None
    register: str = ""
    memory: bool = False
    displacement: int = 0
    size: int = 0
    signed: bool = False

    def words(self) -> tuple[int, ...]:
        """As `struct leaf`."""
        if self.constant is not None:
            return 1, self.constant & MASK64, 0, 0, 0
        kind, where = 2 if self.memory else 0, NUMBERS[self.register]
        return kind, where, self.displacement & MASK64, self.size, int(self.signed)


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """A kind at a width in bytes; `variant` is a condition's number or a scale."""

    kind: int
    width: int
    variant: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Bounds:
    """When to stop: proposals or expressions, ticks of 10 ms, results (of each length)."""

    limit: int
    ticks: int
    results: int = 32


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A record's words."""

    kind: Kind
    words: tuple[int, ...]


class _Tables:
    """Tables behind the head, each at a multiple of 16 bytes."""

    def __init__(self) -> None:
        self.data = bytearray(_HEAD)

    def add(self, data: bytes) -> int:
        at = len(self.data)
        self.data += data + bytes(-len(data) % 16)
        return at

    def words(self, words: Sequence[int]) -> int:
        return self.add(struct.pack(f"<{len(words)}Q", *words))


@dataclasses.dataclass(frozen=True, slots=True)
class _Rest:
    """What `struct job` holds behind the fields that every mode uses, in its order."""

    programs: int = 0
    programs_at: int = 0
    pool: int = 0
    pool_at: int = 0
    slots: int = 0
    start_at: int = 0
    start: int = 0
    cost: int = 0
    rounds: int = 0
    leaves: int = 0
    leaves_at: int = 0
    operations: int = 0
    operations_at: int = 0
    shifts: int = 0
    shifts_at: int = 0
    first: int = 0
    depth: int = 0


def _job(
    tables: _Tables, mode: Mode, tests: Inputs, bounds: Bounds, rest: _Rest, seed: int
) -> bytes:
    outs = [NUMBERS[name] for name, _ in tests.outs]
    masks = [mask for _, mask in tests.outs]
    pad = [0] * (_MOST_OUTS - len(outs))
    head = [
        _MAGIC, mode, seed & MASK64, bounds.limit, bounds.ticks, len(tests.states), tests.quick,
        bounds.results, len(outs), *outs, *pad, *masks, *pad,
        tables.words([w for state in tests.states for w in state]),
        tables.words([w for words in tests.expected for w in words]),
        tests.address, len(tests.arena), tables.add(tests.arena), *dataclasses.astuple(rest),
    ]  # fmt: skip
    tables.data[:_HEAD] = struct.pack(f"<{_HEAD // _WORD}Q", *head)
    return bytes(tables.data)


def run_job(tests: Inputs, programs: Sequence[bytes], ticks: int) -> bytes:
    """A job that runs each program, which ends in a return, on every test."""
    tables = _Tables()
    places = [w for code in programs for w in (tables.add(code), len(code))]
    rest = _Rest(programs=len(programs), programs_at=tables.words(places))
    return _job(tables, Mode.RUN, tests, Bounds(0, ticks), rest, 0)


def search_job(
    tests: Inputs, pool: Sequence[Entry], start: Sequence[int], slots: int, cost: int,
    rounds: int, bounds: Bounds, seed: int,
) -> bytes:  # fmt: skip
    """A job that walks among sequences of at most `slots` entries that cost less than `cost`."""
    tables = _Tables()
    entries = b"".join(
        struct.pack("<4Q16s", e.operation, e.operands, e.cost, len(e.code), e.code) for e in pool
    )
    rest = _Rest(
        pool=len(pool), pool_at=tables.add(entries), slots=slots, start_at=tables.words(start),
        start=len(start), cost=cost, rounds=rounds,
    )  # fmt: skip
    return _job(tables, Mode.SEARCH, tests, bounds, rest, seed)


def enumerate_job(
    tests: Inputs, leaves: Sequence[Leaf], operations: Sequence[Operation],
    shifts: Sequence[tuple[int, int]], depths: tuple[int, int], bounds: Bounds,
) -> bytes:  # fmt: skip
    """A job that looks at all expressions of so many operations, at least and at most.

    `shifts` are widths in bytes and counts.
    """
    tables = _Tables()
    kinds = [w for o in operations for w in (o.kind, o.width, o.variant)]
    rest = _Rest(
        leaves=len(leaves), leaves_at=tables.words([w for leaf in leaves for w in leaf.words()]),
        operations=len(operations), operations_at=tables.words(kinds),
        shifts=len(shifts), shifts_at=tables.words([w for shift in shifts for w in shift]),
        first=depths[0], depth=depths[1],
    )  # fmt: skip
    return _job(tables, Mode.ENUMERATE, tests, bounds, rest, 0)


def decode(data: bytes) -> Iterator[Record]:
    """The records of an answer.  Raises RunnerError where it is none."""
    words = struct.unpack(f"<{len(data) // _WORD}Q", data[: len(data) // _WORD * _WORD])
    at = 0
    while at + 2 <= len(words):
        kind, count = words[at], words[at + 1]
        if kind not in Kind.__members__.values() or count > len(words) - at - 2:
            raise RunnerError("superopt-mutate answers nonsense")
        yield Record(Kind(kind), words[at + 2 : at + 2 + count])
        at += 2 + count
