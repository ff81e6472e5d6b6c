"""Off-policy estimates: exact where they must be, and loud where little is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from routing.simulating import estimators
from routing.simulating.estimators import Logged, Overlap

HOW = [estimators.inverse_propensity, estimators.self_normalised, estimators.doubly_robust]
FREEDOM = {5: 2.571, 10: 2.228, 30: 2.042, 100: 1.984}


def logged(count: int = 2_000, seed: int = 1, **said: Any) -> tuple[Logged, float]:
    """Four arms of known means, tried with known chances; and the truth about another policy."""
    chance = np.random.default_rng(seed)
    means = np.array([0.2, 0.4, 0.6, 0.8])
    old, new = np.array([0.7, 0.1, 0.1, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])
    guess = means * 0.5 + 0.3
    done = chance.choice(4, size=count, p=old)
    reward = (chance.random(count) < means[done]).astype(float)
    whole = {
        "reward": reward,
        "propensity": old[done],
        "target": new[done],
        "expected": guess[done],
        "expected_target": np.full(count, float(new @ guess)),
        "supported": np.ones(count),
        "doubt": np.zeros(count),
        **said,
    }
    return Logged(**whole), float(new @ means)


@pytest.mark.parametrize("how", HOW)
def test_the_interval_holds_the_truth_in_nineteen_of_twenty(how: Any) -> None:
    held = 0
    for seed in range(100):
        log, truth = logged(seed=seed)
        found = how(log)
        held += found.low <= truth <= found.high
    assert held >= 90


@pytest.mark.parametrize("how", HOW)
def test_the_policy_that_was_followed_is_worth_what_it_brought(how: Any) -> None:
    log, _ = logged()
    same = Logged(
        reward=log.reward,
        propensity=log.propensity,
        target=log.propensity,
        expected=log.expected,
        expected_target=log.expected,
        supported=log.supported,
        doubt=log.doubt,
    )
    found = how(same)
    assert found.value == pytest.approx(float(log.reward.mean()))
    assert found.effective == pytest.approx(log.reward.size)
    assert found.warning == ""


def test_self_normalising_tells_a_constant_reward_exactly() -> None:
    log, _ = logged(reward=np.full(2_000, 0.7))
    assert estimators.self_normalised(log).value == pytest.approx(0.7)
    assert estimators.inverse_propensity(log).value != pytest.approx(0.7, abs=1e-6)


def test_a_good_model_makes_the_interval_narrower() -> None:
    log, _ = logged()
    plain, helped = estimators.inverse_propensity(log), estimators.doubly_robust(log)
    assert helped.high - helped.low < plain.high - plain.low


def test_what_was_never_tried_is_said_and_widens_the_interval() -> None:
    log, _ = logged(supported=np.full(2_000, 0.5), doubt=np.full(2_000, 0.1))
    sure, _ = logged()
    told, known = estimators.doubly_robust(log), estimators.doubly_robust(sure)
    assert told.warning == "no-overlap"
    assert told.high - told.low == pytest.approx(known.high - known.low + 2 * 1.96 * 0.1, rel=1e-3)


def test_few_requests_are_said_to_be_few() -> None:
    log, _ = logged(count=20)
    assert estimators.doubly_robust(log).warning == "too-few"


@pytest.mark.parametrize(("freedom", "point"), FREEDOM.items())
def test_small_samples_have_students_intervals(freedom: int, point: float) -> None:
    terms = np.array([-1.0, 1.0] * 500)
    low, high = estimators.interval(terms, freedom + 1.0)
    error = float(terms.std(ddof=1)) / np.sqrt(terms.size)
    assert (high - low) / 2 / error == pytest.approx(point, rel=0.03)


def test_no_requests_tell_nothing() -> None:
    assert estimators.mean(np.array([])).count == 0
    found = estimators.total(np.array([1.0, 1.0, 1.0]), Overlap(effective=3.0))
    assert (found.value, found.low, found.high) == (3.0, 3.0, 3.0)


def test_no_interval_reaches_beyond_what_is_possible() -> None:
    wide = estimators.mean(np.array([-1.0, 1.0, 1.0]))
    assert wide.low < -1 and wide.high > 1
    held = wide.within(least=-1.0, most=1.0)
    assert (held.low, held.value, held.high) == (-1.0, wide.value, 1.0)


def test_of_no_request_nothing_is_concluded() -> None:
    assert estimators.mean(np.array([])).warning == "too-few"


def test_a_few_terms_among_many_that_are_alike_make_no_endless_interval() -> None:
    terms = np.full(157, 1e-12)
    terms[0] = 0.001
    terms += np.random.default_rng(1).normal(size=157) * 1e-13
    found = estimators.mean(terms)
    assert found.low <= found.value <= found.high
    assert found.high - found.low < 0.001
