"""Intervals that may be looked at any time."""

from __future__ import annotations

import numpy as np
import pytest

from routing.experiments import intervals

RUNS, LENGTH, DELTA = 300, 800, 0.1


@pytest.mark.parametrize("mean", [0.05, 0.5, 0.9])
def test_the_mean_is_outside_at_any_moment_no_more_often_than_delta(mean: float) -> None:
    chance = np.random.default_rng(7)
    values = (chance.random((RUNS, LENGTH)) < mean).astype(float)
    low, high = intervals.bounded(values, DELTA)
    outside = ((low > mean) | (high < mean)).any(axis=1).mean()
    assert outside <= DELTA
    assert (high - low)[:, -1].mean() < 0.25, "and it says something in the end"


def test_little_variance_makes_it_narrow() -> None:
    steady = intervals.of_shares(np.full(400, 0.7), 0.05)
    shaky = intervals.of_shares(np.tile([0.4, 1.0], 200), 0.05)
    assert steady.low is not None
    assert steady.high is not None
    assert shaky.low is not None
    assert shaky.high is not None
    assert steady.high - steady.low < (shaky.high - shaky.low) / 2


def test_nothing_is_claimed_of_nothing() -> None:
    assert intervals.of_shares(np.empty(0), 0.05).low is None
    assert intervals.of_amounts(np.ones(3), 0.05).low is None


def test_amounts_without_a_bound_have_their_mean_inside() -> None:
    chance, outside = np.random.default_rng(3), 0
    for _ in range(100):
        values = chance.lognormal(0, 1, 2_000)
        looks = [intervals.of_amounts(values[:n], DELTA) for n in range(100, 2_001, 100)]
        outside += any(
            look.low is not None and not look.low <= np.exp(0.5) <= (look.high or 0)
            for look in looks
        )
    assert outside <= 10


@pytest.mark.parametrize(("ratio", "expected"), [(2.0, [0.0, 1.0]), (0.5, [0.5])])
def test_each_value_stands_against_as_many_of_the_other_as_fall_to_it(
    ratio: float, expected: list[float]
) -> None:
    first, second = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.5, 0.0])
    if ratio < 1:
        second = np.array([0.5, 0.5, 0.0])
        first = first[:1]
    assert intervals.paired(first, second, ratio).tolist() == expected
