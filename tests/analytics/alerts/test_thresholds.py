"""Which thresholds a budget has, and which are reached."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from analytics.alerts import thresholds

NAMED = [{"percent": 80, "action": "prefer-local"}, {"percent": 60.5, "action": "alert"}]


@pytest.mark.parametrize(
    ("soft", "percents"),
    [
        ([], [50, 80, 100]),
        (NAMED, [60.5, 80, 100]),
        ([{"percent": 100, "action": "block"}], [100]),
        ([{"percent": 120, "action": "alert"}], [100, 120]),
    ],
)
def test_of(soft: list[dict[str, Any]], percents: list[float]) -> None:
    assert [float(each.percent) for each in thresholds.of(soft)] == percents


@pytest.mark.parametrize(
    ("used", "limit", "percents"),
    [
        ("0", "10", []),
        ("4.999999999999", "10", []),
        ("5", "10", [50]),
        ("9.99", "10", [50, 80]),
        ("10", "10", [50, 80, 100]),
        ("11", "10", [50, 80, 100]),
        ("0", "0", []),
        ("1", "0", []),
        ("0.000000000001", "0.000000000002", [50]),
    ],
)
def test_reached(used: str, limit: str, percents: list[int]) -> None:
    found = thresholds.reached(thresholds.of([]), Decimal(used), Decimal(limit))
    assert [int(each.percent) for each in found] == percents


def test_a_soft_limit_says_what_it_does_and_the_whole_is_critical() -> None:
    found = {int(each.percent): each for each in thresholds.of(NAMED)}
    assert (found[80].action, found[80].severity) == ("prefer-local", "warning")
    assert (found[100].action, found[100].severity) == ("", "critical")
