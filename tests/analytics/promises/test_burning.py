"""What is left of an error budget, and when it burns too fast."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from analytics.promises import burning
from analytics.promises.burning import Hour
from analytics.promises.values import Promise

NOW = datetime(2026, 5, 20, 12, 30, tzinfo=UTC)
PROMISE = Promise(sla_id=1, team_id=1, name="p", total_ms=1000, percentile=95.0)


def hours(*missed: int, each: int = 100, promise: Promise = PROMISE) -> list[Hour]:
    """The newest first: so many misses of a hundred requests."""
    begins = NOW.replace(minute=0)
    target = promise.targets[0]
    return [
        Hour(
            at=begins - timedelta(hours=back),
            requests=each,
            counted={target: each},
            misses={target: number},
        )
        for back, number in enumerate(missed)
    ]


def verdict(some: list[Hour], promise: Promise = PROMISE, before: str = burning.CALMLY) -> str:
    found = burning.reached(promise, some, NOW)
    return burning.verdict(promise, found, lately=some[0].requests, before=before)


def test_exactly_what_is_allowed_burns_at_one_and_leaves_nothing() -> None:
    [found] = burning.reached(PROMISE, hours(*[5] * 48), NOW)
    assert found.attained == pytest.approx(0.95)
    assert found.left == pytest.approx(0.0)
    assert found.burns == pytest.approx({"1h": 1.0, "6h": 1.0, "3d": 1.0})


def test_hours_before_the_window_are_over() -> None:
    short = Promise(sla_id=1, team_id=1, name="p", total_ms=1000, window_days=1)
    [found] = burning.reached(short, hours(*[0] * 30, *[100] * 30), NOW)
    assert found.missed == 0
    assert found.left == 1.0


@pytest.mark.parametrize(
    ("some", "expected"),
    [
        (hours(0, 0, 0), "calm"),
        (hours(*[60] * 8), "fast"),
        (hours(60, 60, *[0] * 20), "fast"),
        (hours(60, 0, *[0] * 20), "calm"),
        (hours(*[8] * 72), "slow"),
        (hours(*[0] * 10, *[60] * 10), "calm"),
        (hours(3, 3, 0, each=3), "calm"),
    ],
    ids=["well", "all of it", "two hours", "half an hour", "a little too much", "over", "too few"],
)
def test_fast_is_much_in_an_hour_and_in_six(some: list[Hour], expected: str) -> None:
    assert verdict(some) == expected


def test_fast_stays_fast_until_the_last_hour_is_within_its_budget() -> None:
    assert verdict(hours(8, 8, *[60] * 4), before="fast") == "fast"
    assert verdict(hours(2, 2, *[60] * 4), before="fast") != "fast"


def test_a_strict_promise_burns_by_multiples() -> None:
    strict = Promise(sla_id=1, team_id=1, name="p", availability=99.9)
    assert verdict(hours(2, 2, 2, 2, 2, 2, 2, promise=strict), strict) == "fast"


def test_without_requests_nothing_is_broken() -> None:
    [found] = burning.reached(PROMISE, [], NOW)
    assert found.attained is None
    assert found.kept
