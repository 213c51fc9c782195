"""Random moves among instruction sequences, from gcc's code and from nothing.

Schkufza, Sharma, Aiken, "Stochastic Superoptimization", ASPLOS 2013: csrc/mutate_search.c walks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from superopt_cc.assembly.decode import Instruction
from superopt_cc.assembly.effects import effects
from superopt_cc.propose.mutate import child, costs, operations
from superopt_cc.propose.mutate.pool import make_pool, registers_for
from superopt_cc.propose.mutate.scope import Scope
from superopt_cc.propose.mutate.shortest import Found, in_words
from superopt_cc.propose.mutate.wire import Bounds, Entry, Inputs, Kind, search_job

_TICK = 0.01
_SPARE_REGISTERS = 6
_MOST_SLOTS, _LEAST_SLOTS = 32, 6
_ROUNDS = 8
_RESULTS = 24
_OWN = 1 << 59  # operations that only the target has


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """A walk's job, and the pool that its answers number."""

    data: bytes
    pool: tuple[Entry, ...]


def walk(scope: Scope, tests: Inputs, proposals: int, seconds: float, seed: int) -> Iterator[Found]:
    """Sequences that cost less than gcc's, one entry after the other by the table."""
    if not scope.straight or len(scope.body) > _MOST_SLOTS or len(scope.usable) < 2:
        return
    work = job_of(scope, tests, proposals, seconds, seed)
    for record in child.ask(work.data, seconds):
        if record.kind is Kind.FOUND and all(i < len(work.pool) for i in record.words[2:]):
            lines = tuple(work.pool[i].text for i in record.words[2:])
            yield Found(lines, f"found after {in_words(record.words[1])} proposals")


def job_of(scope: Scope, tests: Inputs, proposals: int, seconds: float, seed: int) -> Work:
    """What a walk from straight code is asked for."""
    pool, start = pool_of(scope)
    bounds = Bounds(proposals, max(1, int(seconds / _TICK)), _RESULTS)
    slots, cost = max(len(start), _LEAST_SLOTS), sum(pool[i].cost for i in start)
    return Work(search_job(tests, pool, start, slots, cost, _ROUNDS, bounds, seed), pool)


def pool_of(scope: Scope) -> tuple[tuple[Entry, ...], list[int]]:
    """The entries of a target's walk, and its own code among them."""
    used = {name for item in scope.body for name in (*effects(item).reads, *effects(item).writes)}
    used |= {a.register for a in scope.arguments} | {"rax"}
    registers = registers_for(sorted(used), scope.usable, _SPARE_REGISTERS)
    wide = any(operation_width(item) == 8 for item in scope.body) or scope.outs[0][1] >> 32
    search = operations.passes(scope)[0]
    counts = [count for _, count in operations.shifts(scope, search)]
    constants = operations.constants(scope)
    pool = make_pool(registers, constants, counts, scope.isa, (4, 8) if wide else (4,))
    by_code = {entry.code: i for i, entry in enumerate(pool)}
    own: list[Entry] = []
    start: list[int] = []
    for item, line in zip(scope.body, scope.lines, strict=True):
        if item.code not in by_code:
            by_code[item.code] = len(pool) + len(own)
            own.append(_own(item, line, len(own)))
        start.append(by_code[item.code])
    return (*pool, *own), start


def _own(item: Instruction, line: str, number: int) -> Entry:
    """An instruction of the target that no form of ours has."""
    return Entry(_OWN + number, _OWN + number, costs.alone(item), item.code, line.strip())


def operation_width(item: Instruction) -> int:
    """The widest register that it names."""
    return max((getattr(o, "size", 0) for o in item.operands), default=0)
