"""What code costs by a table: first aim of a search, whose end is real timing."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from superopt_cc.assembly.decode import Imm, Instruction, Mem
from superopt_cc.assembly.effects import effects

_TABLE = Path(__file__).with_name("costs.table")
# A cycle of latency weighs as much as two instructions.
_LATENCY, _COUNT = 2, 1


@functools.cache
def _rows() -> tuple[tuple[str, int], ...]:
    rows: list[tuple[str, int]] = []
    for line in _TABLE.read_text(encoding="ascii").splitlines():
        *names, latency = line.split("#")[0].split() or [""]
        rows += [(name, int(latency)) for name in names]
    return tuple(rows)


@functools.cache
def _by_name(name: str) -> int:
    for row, latency in _rows():
        if row == name or (row.endswith("*") and name.startswith(row[:-1])):
            return latency
    return 1


def latency(item: Instruction) -> int:
    """Cycles until the result is there."""
    cycles = _by_name(item.name)
    if item.name in ("shl", "shr", "sar", "rol", "ror") and not isinstance(item.operands[-1], Imm):
        cycles = 2  # by %cl
    reads = any(isinstance(o, Mem) for o in item.operands) and item.name not in ("lea", "nop")
    return cycles + (_by_name("load") if reads else 0)


def alone(item: Instruction) -> int:
    """An instruction's own price, wherever it stands."""
    return _LATENCY * latency(item) + _COUNT


def together(code: Sequence[Instruction]) -> int:
    """The price of straight-line code: its longest chain and its number of instructions."""
    ready: dict[str, int] = {}
    longest = count = 0
    for item in code:
        effect = effects(item)
        if effect.category in ("nop", "ret"):
            continue
        flags = ["flags"] if effect.flags_read else []
        start = max((ready.get(name, 0) for name in (*effect.reads, *flags)), default=0)
        done = start + latency(item)
        written = ["flags"] if effect.flags_written or effect.flags_kept else []
        for name in (*effect.writes, *written):
            ready[name] = done
        longest, count = max(longest, done), count + 1
    return _LATENCY * longest + _COUNT * count
