"""What the benchmark of experiments counts is counted right."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.routing import experiments


def test_the_fixed_test_is_as_long_as_textbooks_say() -> None:
    assert experiments.fixed_size((0.5, 0.6), "thumbs", power=0.8) == 385
    assert experiments.fixed_size((0.5, 0.6), "scores") < experiments.fixed_size(
        (0.5, 0.6), "thumbs"
    )


def test_an_interval_of_a_share_has_it_inside() -> None:
    low, high = experiments.wilson(50, 1_000)
    assert low == pytest.approx(0.0381, abs=2e-3)
    assert high == pytest.approx(0.0654, abs=2e-3)


def test_who_is_better_is_named_and_when() -> None:
    better, worse = np.ones((1, 200)), np.zeros((1, 200))
    first, second = experiments._won(better, worse, 1)
    assert 1 < first[0] < 50
    assert np.isinf(second[0])
    never = experiments._won(worse, worse, 1)
    assert np.isinf(never[0][0])
    assert np.isinf(never[1][0])
