"""Test inputs for a search, with gcc's own results on them.

Many proposals are wrong almost everywhere, so the first inputs are plain random ones; the rest are
edges, the target's constants with their neighbours, and arguments that are near each other.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

from superopt_cc.propose.mutate import child
from superopt_cc.propose.mutate.scope import Argument, OutOfScope, Scope
from superopt_cc.propose.mutate.wire import FLAGS, MASK64, NUMBERS, Inputs
from superopt_cc.verify.making.values import integer_edges

QUICK = 32
_COUNT, _LEAST = 640, 48
_RANDOM_FIRST = 12
_NEAR = 0.3  # so often an argument is near another
_ADDRESS = 0x2E71_3000_0000
_SLOT, _SLOTS = 1024, 16


def make_tests(scope: Scope, seed: int, extra: Sequence[Sequence[int]] = ()) -> Inputs:
    """Inputs on which the target returns, those that differ most in their results first.

    `extra` are arguments that must be among them.  Raises OutOfScope where there are too few.
    """
    numbers = random.Random(seed)
    rows = [list(row) for row in extra]
    rows += [_row(scope, number, numbers) for number in range(_COUNT)]
    states = tuple(_state(scope.arguments, row, numbers) for row in rows)
    arena = numbers.randbytes(_SLOT * _SLOTS) if scope.loads else b""
    tests = Inputs(states, scope.outs, address=_ADDRESS if arena else 0, arena=arena)
    ran = child.run(tests, [scope.bytes])[0]
    kept = [
        (state, tuple(after[NUMBERS[name]] for name, _ in scope.outs))
        for state, after in zip(states, ran, strict=False)
        if after is not None
    ]
    if len(kept) < _LEAST:
        raise OutOfScope("gcc's code returns on too few inputs")
    kept = _spread(kept, scope.outs)
    return dataclasses.replace(
        tests, states=tuple(s for s, _ in kept), expected=tuple(e for _, e in kept), quick=QUICK
    )


_Row = tuple[tuple[int, ...], tuple[int, ...]]


def _spread(kept: list[_Row], outs: Sequence[tuple[str, int]]) -> list[_Row]:
    """Turn by turn one of each result, so that no few inputs agree."""
    groups: dict[tuple[int, ...], list[_Row]] = {}
    for row in kept:
        masked = tuple(value & mask for value, (_, mask) in zip(row[1], outs, strict=True))
        groups.setdefault(masked, []).append(row)
    ordered: list[_Row] = []
    waiting = list(groups.values())
    while waiting:
        ordered += [group.pop(0) for group in waiting]
        waiting = [group for group in waiting if group]
    return ordered


def _row(scope: Scope, number: int, numbers: random.Random) -> list[int]:
    """A value for each argument; some are near others."""
    values = [_value(scope, a, number, numbers) for a in scope.arguments]
    for i, argument in enumerate(scope.arguments):
        j = numbers.randrange(len(values))
        if number < _RANDOM_FIRST or numbers.random() > _NEAR:
            continue
        if argument.pointer and scope.arguments[j].pointer:
            values[i] = values[j]
        elif not argument.pointer and not scope.arguments[j].pointer:
            values[i] = (values[j] + numbers.choice((0, 0, 1, -1))) * numbers.choice((1, 1, 1, -1))
    return values


def _value(scope: Scope, argument: Argument, number: int, numbers: random.Random) -> int:
    if argument.boolean:
        return numbers.randrange(2)
    if argument.pointer and scope.loads:
        return _ADDRESS + _SLOT * numbers.randrange(1, _SLOTS - 1) + 64 * numbers.randrange(8)
    if number < _RANDOM_FIRST:
        return numbers.getrandbits(64)
    choice = numbers.randrange(8)
    if choice < 2:
        return numbers.choice(integer_edges(max(argument.bits // 8, 1)))
    if choice < 4 and scope.constants:
        return numbers.choice(scope.constants) + numbers.choice((-1, 0, 0, 1))
    if choice < 6:  # of any length, of either sign
        value = numbers.getrandbits(numbers.randint(1, 64))
        return value if numbers.randrange(2) else -value
    return 1 << numbers.randrange(argument.bits) if choice == 6 else numbers.getrandbits(64)


def _state(
    arguments: Sequence[Argument], row: Sequence[int], numbers: random.Random
) -> tuple[int, ...]:
    """Registers at entry: noise wherever no type defines a bit."""
    state = [numbers.getrandbits(64) for _ in range(16)]
    state[FLAGS] = numbers.getrandbits(16) & 0x40D7  # of the flags, and of what makes overflow
    for argument, value in zip(arguments, row, strict=True):
        mask = (1 << argument.bits) - 1
        place = NUMBERS[argument.register]
        state[place] = (state[place] & ~mask & MASK64) | (value & mask)
    return tuple(state)
