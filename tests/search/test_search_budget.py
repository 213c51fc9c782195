"""A function's seconds include what its command spent before the search."""

from __future__ import annotations

import time

import pytest

from superopt_cc.search.budget import Budget
from superopt_cc.settings import Settings


def test_starting_up_is_paid_from_the_budget() -> None:
    settings = Settings(budget=10.0)
    fresh = Budget.start(settings, time.monotonic())
    late = Budget.start(settings, time.monotonic() - 3.0)
    assert fresh.left() == pytest.approx(10.0, abs=0.2)
    assert late.left() == pytest.approx(7.0, abs=0.2)
    assert late.proposing_deadline() < fresh.proposing_deadline()


def test_half_of_a_budget_is_left_however_long_starting_took() -> None:
    late = Budget.start(Settings(budget=2.0), time.monotonic() - 60.0)
    assert late.left() == pytest.approx(1.0, abs=0.2)


def test_making_inputs_ends_before_verifying_must() -> None:
    budget = Budget.start(Settings(budget=1.0), time.monotonic() - 60.0)
    assert (
        budget.limits().seconds <= budget.verifying_deadline(found=False) - time.monotonic() + 0.1
    )
