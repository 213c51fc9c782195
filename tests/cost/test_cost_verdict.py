"""What counts as faster, decided on synthetic gains."""

from __future__ import annotations

import math

import numpy as np
import pytest

from superopt_cc.cost.plan import COLD, Combination
from superopt_cc.cost.statistics import Interval
from superopt_cc.cost.verdict import Gained, Growth, judge
from superopt_cc.types import Measurement

SIZES = ("0-3", "16-63")
TABLE = tuple(
    Combination(size, order, shape)
    for size in SIZES
    for order in ("random", "steady")
    for shape in ("throughput", "latency")
) + tuple(Combination(size, "random", COLD) for size in SIZES)
SMALL = Growth(40, 60, 0, 0)
LARGE = Growth(40, 4 * 40 + 257, 0, 0)


def measurement(
    ratio: float,
    *,
    slow: dict[str, float] | None = None,
    noise: float = 0.0,
    growth: Growth = SMALL,
    placements: int = 36,
) -> Measurement:
    """Judge gains of `ratio` everywhere but where `slow` names a size, order or shape."""
    gains = np.full((placements, len(TABLE)), math.log(ratio))
    for column, combination in enumerate(TABLE):
        for name, value in (slow or {}).items():
            if name in (combination.stratum, combination.order, combination.shape):
                gains[:, column] = math.log(value)
    copy = np.full_like(gains, math.log(1.0 + noise))
    weights = {"0-3": 0.25, "16-63": 0.75}
    return judge(
        Gained(TABLE, weights, gains, 1), Gained(TABLE, weights, copy, 1), growth, {"cpu": "x"}
    )


def test_a_clear_gain_is_significant_and_complete() -> None:
    found = measurement(1.3)
    assert found.significant
    assert found.slower_in == ()
    assert abs(found.speedup - 1.3) < 1e-9
    assert abs(found.latency - 1.3) < 1e-9
    assert abs(found.throughput - 1.3) < 1e-9
    assert set(found.strata) == set(SIZES)
    assert {"cpu", "cold", "placements", "code bytes"} <= set(found.conditions)


def test_a_gain_within_two_percent_is_not_significant() -> None:
    assert not measurement(1.019).significant


def test_a_gain_within_the_noise_floor_is_not_significant() -> None:
    assert measurement(1.06, noise=0.05).significant
    assert not measurement(1.06, noise=0.07).significant


def test_an_uncertain_copy_raises_the_noise_floor_though_it_is_not_faster() -> None:
    assert Interval(1.0, 0.9, 1.1).seeming_gain == pytest.approx(0.1)
    assert Interval(0.9, 0.8, 1.0).seeming_gain == pytest.approx(0.1)
    assert Interval(0.9, 0.89, 0.91).seeming_gain == pytest.approx(0.01)


def test_a_loss_in_one_size_class_forbids_a_large_gain() -> None:
    found = measurement(2.0, slow={"0-3": 0.97})
    assert found.speedup > 1.5
    assert not found.significant
    assert found.slower_in == ("size 0-3",)


def test_a_loss_in_latency_alone_forbids_a_gain() -> None:
    found = measurement(1.5, slow={"latency": 0.9})
    assert found.slower_in == ("latency",)
    assert not found.significant


def test_a_loss_on_predictable_data_alone_forbids_a_gain() -> None:
    assert measurement(3.0, slow={"steady": 0.8}).slower_in == ("steady",)


def test_grown_code_must_win_cold_calls() -> None:
    assert measurement(1.5, slow={COLD: 0.99}).significant
    assert measurement(1.5, slow={COLD: 0.99}, growth=LARGE).slower_in == (COLD,)
    assert measurement(1.5, slow={COLD: 1.05}, growth=LARGE).significant


def test_new_tables_over_a_kilobyte_are_growth() -> None:
    assert Growth(100, 100, 0, 1025).large
    assert not Growth(100, 100, 0, 1024).large
    assert not Growth(100, 100, 4096, 4096).large


def test_too_few_placements_are_never_significant() -> None:
    assert not measurement(2.0, placements=31).significant


def test_slower_is_not_clamped() -> None:
    found = measurement(0.5)
    assert abs(found.speedup - 0.5) < 1e-9
    assert not found.significant
