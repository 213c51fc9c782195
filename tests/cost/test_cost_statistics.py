"""Statistics on synthetic numbers: no clock anywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest

from superopt_cc.cost.statistics import (
    bootstrap,
    geometric_mean,
    rough_interval,
    round_gain,
    weighted_gains,
)


def test_geometric_mean_of_a_doubling_and_a_halving_is_one() -> None:
    assert geometric_mean([2.0, 0.5]) == pytest.approx(1.0)


@pytest.mark.parametrize("ratios", [[], [1.0, 0.0], [-1.0]])
def test_geometric_mean_refuses_what_has_none(ratios: list[float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        geometric_mean(ratios)


def test_equal_gains_have_an_interval_of_no_width() -> None:
    found = bootstrap(np.full(32, math.log(1.25)), seed=3)
    assert (found.low, found.middle, found.high) == pytest.approx((1.25, 1.25, 1.25))


def test_same_seed_gives_the_same_interval() -> None:
    gains = np.random.default_rng(1).normal(0.1, 0.05, 32)
    assert bootstrap(gains, seed=5) == bootstrap(gains, seed=5)


def test_interval_covers_the_true_speedup_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for trial in range(200):
        found = bootstrap(rng.normal(math.log(1.1), 0.05, 36), seed=trial)
        covered += found.low <= 1.1 <= found.high
    assert 175 <= covered <= 200


def test_interval_narrows_with_more_placements() -> None:
    rng = np.random.default_rng(4)
    few, many = rng.normal(0.0, 0.1, 8), rng.normal(0.0, 0.1, 128)
    wide, narrow = bootstrap(few, seed=1), bootstrap(many, seed=1)
    assert narrow.high - narrow.low < wide.high - wide.low


def test_slower_is_told_as_slower() -> None:
    found = bootstrap(np.full(16, math.log(0.5)), seed=1)
    assert found.middle == pytest.approx(0.5)


def test_one_placement_says_nothing() -> None:
    with pytest.raises(ValueError, match="placements"):
        bootstrap(np.array([0.3]), seed=1)


def test_one_interrupted_round_does_not_decide() -> None:
    target = np.array([200, 200, 200, 200, 200], dtype=np.uint64)
    other = np.array([100, 100, 90_000, 100, 100], dtype=np.uint64)
    assert math.exp(round_gain(target, other)) == pytest.approx(2.0)


def test_no_rounds_are_no_number() -> None:
    nothing = np.array([], dtype=np.uint64)
    assert math.isnan(round_gain(nothing, nothing))


def test_weights_follow_the_share_of_cases() -> None:
    gains = np.array([[0.0, 1.0], [0.5, 0.5]])
    assert weighted_gains(gains, np.array([3.0, 1.0])) == pytest.approx([0.25, 0.5])


def test_rough_interval_spans_all_placements() -> None:
    found = rough_interval([math.log(0.5), math.log(2.0)])
    assert found is not None
    assert (found.low, found.middle, found.high) == pytest.approx((0.5, 1.0, 2.0))
    assert rough_interval([]) is None
