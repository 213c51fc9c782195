"""The bytes of a timing job and of its records: the other end of csrc/timer.h."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from superopt_cc.errors import RunnerError

_MAGIC = 0x31524D4954504F53
_LAST = 2**64 - 1
_RECORD = struct.Struct("<5Q")


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One call: address of its words, and [writable, writable_end) that it alone may write."""

    words: int
    writable: int
    writable_end: int


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """Calls timed together; [begin, end) is all their memory, the writable part is restored."""

    first_call: int
    calls: int
    stride: int
    begin: int
    end: int
    writable: int
    writable_end: int
    first_setting: int
    settings: int


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """`size` bytes copied from arena address `source` to image address `to` before a run."""

    to: int
    source: int
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class Code:
    """A function or other range of the image: address and length in bytes."""

    at: int
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class Visit:
    """Rounds over `functions` functions from `first_function` on: see `struct visit`."""

    loop: int
    first_function: int
    functions: int
    first_block: int
    blocks: int
    start: int
    step: int
    cold: int
    rounds: int
    stack_offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Milliseconds: for the whole run, for one visit before it counts as endless; and the
    microseconds after which a visit starts no further round."""

    deadline_ms: int
    visit_ms: int
    visit_us: int


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """What came of one visit: cycles[round, function].

    `discarded` runs of a block were interrupted and made again; `steal` in ticks of all of it.
    """

    visit: int
    cycles: NDArray[np.uint64]
    discarded: int
    steal: int


class Ending(Enum):
    """How the child ended; the values are those of `enum ending`."""

    ENDED = 0
    CRASHED = 1
    TIMED_OUT = 2
    NOT_STARTED = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """All records of one run and its end; `running` indexes the function that ran last."""

    records: tuple[Record, ...]
    ending: Ending
    signal: int
    running: int


@dataclasses.dataclass(frozen=True, slots=True)
class Memory:
    """The arena with its tables, and the image's ranges that a cold call finds evicted."""

    base: int
    data: bytes
    calls: Sequence[Call]
    blocks: Sequence[Block]
    settings: Sequence[Setting]
    colds: Sequence[Code]


def _table(rows: Iterable[Sequence[int]]) -> bytes:
    return np.array([v for row in rows for v in row], dtype="<u8").tobytes()


def encode_job(
    memory: Memory,
    functions: Sequence[Code],
    visits: Sequence[Visit],
    limits: Limits,
    *,
    core: int,
    seed: int,
    stack_bytes: int,
    probe_loop: int,
) -> bytes:
    """The job's bytes.  `functions[0]` is the target; `probe_loop` the address of any loop."""
    tables = (memory.calls, memory.blocks, memory.settings, memory.colds, functions, visits)
    head = (
        _MAGIC, core, seed, memory.base, len(memory.data), stack_bytes, limits.deadline_ms,
        limits.visit_ms, limits.visit_us, probe_loop, *(len(t) for t in tables),
    )  # fmt: skip
    parts = [_table([head])]
    for table in (memory.calls, memory.blocks, memory.settings):
        parts.append(_table(_values(row) for row in table))
    parts.append(_table((c.at, c.at + c.size) for c in memory.colds))
    parts.append(_table(_values(f) for f in functions))
    parts.append(_table(_values(v) for v in visits))
    return b"".join(parts) + memory.data


def _values(row: Call | Block | Setting | Code | Visit) -> tuple[int, ...]:
    return tuple(getattr(row, name) for name in type(row).__slots__)


def decode_run(data: bytes) -> Run:
    """Read all records.  Raises RunnerError when the last one is missing or a length is wrong."""
    records: list[Record] = []
    at = 0
    while len(data) - at >= _RECORD.size:
        visit, rounds, functions, discarded, steal = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if visit == _LAST:
            return Run(tuple(records), Ending(rounds), functions, discarded)
        count = rounds * functions
        if len(data) - at < 8 * count:
            break
        cycles = np.frombuffer(data, dtype="<u8", count=count, offset=at)
        records.append(
            Record(visit, cycles.reshape(rounds, functions).astype(np.uint64), discarded, steal)
        )
        at += 8 * count
    raise RunnerError("superopt-timer died in the middle of its answer")
