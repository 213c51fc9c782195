"""Units and workloads for timing tests: real gcc, real images, real processes."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable

import pytest

from superopt_cc.assembly.fragment import Fragment, own_fragment
from superopt_cc.assembly.unit import Unit, parse_unit
from superopt_cc.cases import Case

CompileUnit = Callable[[str], Unit]
TakeFragment = Callable[[str, str], Fragment]


def _unit(source: str) -> Unit:
    done = subprocess.run(
        ["gcc", "-O2", "-S", "-x", "c", "-", "-o", "-"],
        input=source, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return parse_unit(done.stdout)


@pytest.fixture
def unit() -> CompileUnit:
    """Compile C text into a unit."""
    return _unit


@pytest.fixture
def fragment() -> TakeFragment:
    """Compile C text and take out one function's body."""
    return lambda source, name: own_fragment(_unit(source).function(name))


@pytest.fixture
def numbers() -> tuple[Case, ...]:
    """Two hundred one-argument cases."""
    dice = random.Random(7)
    return tuple(Case(ints=(dice.getrandbits(32),)) for _ in range(200))
