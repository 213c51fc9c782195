"""What is proved of branches and registers, held against native runs of random functions."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
from random_branches import Ran, Rows, ran

from superopt_cc.assembly.registers import GPR
from superopt_cc.verify.proofs.infeasible import infeasible, states_before
from superopt_cc.verify.proofs.ranges import LEFT, OPPOSITE, State
from superopt_cc.verify.proofs.zones import NONE

FUNCTIONS, INPUTS = 45, 60
# Rows of an instruction that are looked at, and those of them for which the flags are as well.
ROWS, FLAGS = 30, 1
Values = np.typing.NDArray[np.longdouble]


def values(registers: Rows) -> Values:
    """The variables of a zone in each row.  Extended precision holds 64 bits and a sign."""
    found = np.zeros((len(registers), 1 + 3 * len(GPR)), dtype=np.longdouble)
    found[:, 1::3] = registers.astype(np.uint32).view(np.int32)
    found[:, 2::3] = 2 * found[:, 1::3]
    found[:, 3::3] = registers.view(np.int64)
    return found


def holds(state: State, mine: Values) -> np.typing.NDArray[np.bool_]:
    """For each row: is it one of the state's?"""
    bounds = state.zone.bounds[:LEFT, :LEFT]
    within = mine[:, :, None] - mine[:, None, :] <= bounds[None, :, :]
    return np.asarray((within | (bounds >= NONE)).all(axis=(1, 2)))


def conditions(flags: int) -> list[str]:
    """All conditions that hold."""
    carry, zero, sign, over = (bool(flags >> bit & 1) for bit in (0, 6, 7, 11))
    told = {"e": zero, "l": sign != over, "le": zero or sign != over, "b": carry,
            "be": carry or zero, "s": sign}  # fmt: skip
    return [name if held else OPPOSITE[name] for name, held in told.items()]


def denied(states: list[State], flags: int, mine: Values) -> list[str]:
    """Conditions that hold in a row although none of its states admits them."""
    fitting = [s for s in states if holds(s, mine).all()]
    found = []
    for condition in conditions(flags):
        assumed = [s for s in (s.copy() for s in fitting) if s.assume(condition)]
        if not any(holds(s, mine).all() for s in assumed):
            found.append(condition)
    return found


def check_edges(one: Ran) -> int:
    """How many edges and instructions are proved out of reach; none of them was seen."""
    places = [i.address for i in one.body]
    proved = infeasible(one.body, places[0])
    for rows in one.runs:
        path = [places[int(n)] for n in rows[:, 0]]
        assert not proved.edges & set(itertools.pairwise(path)), text(one)
        assert not proved.addresses & set(path), text(one)
    return len(proved.edges)


def check_states(one: Ran, chance: random.Random) -> int:
    """How many rows were held against what is claimed before their instruction."""
    before = states_before(one.body, one.body[0].address, apart=chance.random() < 0.5)
    every = np.concatenate(one.runs)
    count = 0
    for position, item in enumerate(one.body):
        rows = every[every[:, 0] == position]
        rows = rows[chance.sample(range(len(rows)), min(len(rows), ROWS))]
        states, mine = before.get(item.address, []), values(np.ascontiguousarray(rows[:, 2:]))
        held = np.any([holds(s, mine) for s in states], axis=0) if states else np.zeros(len(rows))
        assert held.all(), f"registers before {item.text}\n{text(one)}"
        for row, own in zip(rows[:FLAGS], mine[:FLAGS], strict=True):
            wrong = denied(states, int(row[1]), own[None, :])
            assert not wrong, f"{wrong} before {item.text}\n{text(one)}"
        count += len(rows)
    return count


def text(one: Ran) -> str:
    return "\n".join(f"{i.address:x} {i.text}" for i in one.body)


def test_native_runs_of_random_functions_contradict_no_claim(tmp_path: Path) -> None:
    chance = random.Random(3)
    functions = ran(tmp_path, 3, FUNCTIONS, INPUTS)
    # The programs are of use: much is proved, and most of the rest is executed.
    assert sum(check_edges(one) for one in functions) > FUNCTIONS // 2
    assert sum(check_states(one, chance) for one in functions) > 100 * FUNCTIONS
