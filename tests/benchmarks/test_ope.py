"""The measurement of off-policy estimates measures what it says: known tables, known chances."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.routing import ope


def test_every_policy_is_a_policy_and_the_log_follows_its_chances() -> None:
    table = ope.synthetic(1)
    guess = table.means
    propensities = ope.logging(guess - table.costs)
    assert propensities.sum(axis=1) == pytest.approx(1.0)
    target = next(ope.targets(table, guess, 1))
    assert target.sum(axis=1) == pytest.approx(1.0)
    logged = ope.log_of(table, propensities, guess, target, 1)
    assert (logged.propensity > 0).all()
    assert set(np.unique(logged.reward)) == {0.0, 1.0}
    assert float(logged.weights.mean()) <= 1.5


def test_intervals_hold_the_truth_of_a_table_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ope, "POLICIES", 20)
    monkeypatch.setattr(ope, "REQUESTS", 800)
    told = ope.one(ope.synthetic(2), 2)["DR"]
    assert sum(held for held, *_ in told) >= 17
