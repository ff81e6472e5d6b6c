"""The usual week: what it is learned from, and how much of it lies in a span."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.pacing import profile

MONDAY = datetime(2027, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
moments = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001
    datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
weeks = st.lists(st.floats(0, 100), min_size=168, max_size=168)


def weeks_of(many: int, usd: object) -> list[profile.Hour]:
    hours = (MONDAY + HOUR * n for n in range(168 * many))
    return [(at, float(usd(at))) for at in hours]  # type: ignore[operator]


@given(weeks, moments, moments, moments)
def test_spans_add_up_and_no_time_runs_backwards(
    shares: list[float], a: datetime, b: datetime, c: datetime
) -> None:
    usual, (first, middle, last) = profile.of(shares), sorted((a, b, c))
    both = usual.between(first, middle) + usual.between(middle, last)
    assert both == pytest.approx(usual.between(first, last), abs=1e-3)
    assert usual.between(last, first) == 0 or first == last


@given(weeks, moments)
def test_a_week_is_168_average_hours_wherever_it_begins(shares: list[float], at: datetime) -> None:
    assert profile.of(shares).between(at, at + 168 * HOUR) == pytest.approx(168, abs=1e-3)


def test_without_history_every_hour_is_alike() -> None:
    assert profile.learned([]) == profile.UNIFORM
    assert profile.learned(weeks_of(1, lambda at: 0)) == profile.UNIFORM
    assert profile.UNIFORM.between(MONDAY, MONDAY + 5.5 * HOUR) == pytest.approx(5.5)


def test_it_learns_working_hours_and_weekends() -> None:
    def usd(at: datetime) -> float:
        return 10.0 if at.weekday() < 5 and 8 <= at.hour < 18 else 0.5

    usual = profile.learned(weeks_of(8, usd))
    tuesday = MONDAY + 24 * HOUR
    noon = usual.between(tuesday + 12 * HOUR, tuesday + 13 * HOUR)
    night = usual.between(tuesday + 2 * HOUR, tuesday + 3 * HOUR)
    saturday = usual.between(tuesday + 108 * HOUR, tuesday + 109 * HOUR)
    assert noon > 5 * night
    assert noon > 2 * saturday


def test_after_two_days_the_hours_of_a_day_are_known_and_days_are_still_alike() -> None:
    usual = profile.learned(weeks_of(1, lambda at: 10 if at.hour == 12 else 1)[:48])
    noons = [usual.between(MONDAY + n * HOUR, MONDAY + (n + 1) * HOUR) for n in (12, 36, 132)]
    assert min(noons) > 2
    assert max(noons) / min(noons) < 2


def test_one_launch_is_not_what_is_usual() -> None:
    quiet = weeks_of(2, lambda at: 1)
    wild = [(at, 1000.0 if n == 30 else usd) for n, (at, usd) in enumerate(quiet)]
    usual = profile.learned(wild)
    launch = MONDAY + 30 * HOUR
    assert usual.between(launch, launch + HOUR) < 20


@pytest.mark.parametrize(
    "shares", [[], [1.0] * 7, [0.0] * 168, [-1.0] + [1.0] * 167, [math.nan] * 168]
)
def test_what_is_no_profile_means_uniform(shares: list[float]) -> None:
    assert profile.of(shares) == profile.UNIFORM
