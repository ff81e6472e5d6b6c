"""Forecasts of spend: where a window ends, between which figures, and on which day it is empty."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from analytics.pacing import forecast, profile
from analytics.pacing.forecast import Window

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGINS, ENDS = datetime(2027, 6, 1, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC)


def steady(days: float, usd: float = 1.0) -> list[profile.Hour]:
    return [(BEGINS + n * HOUR, usd) for n in range(int(days * 24))]


def window(limit: float, spent: float) -> Window:
    return Window(limit_usd=limit, spent_usd=spent, ends_at=ENDS)


def test_at_this_rate_it_is_empty_on_the_23rd() -> None:
    now = BEGINS + 10 * DAY
    found = forecast.foretell(window(540.0, 240.0), steady(10), profile.UNIFORM, now)
    assert found is not None
    assert found.usd == pytest.approx(720, rel=0.01)
    assert found.exhausted_at is not None
    assert found.exhausted_at.day == 23
    assert found.earliest is not None
    assert now < found.earliest < found.exhausted_at


def test_where_the_money_lasts_nothing_is_reached() -> None:
    now = BEGINS + 10 * DAY
    found = forecast.foretell(window(5000.0, 240.0), steady(10), profile.UNIFORM, now)
    assert found is not None
    assert (found.exhausted_at, found.earliest) == (None, None)
    assert found.low_usd < found.usd < found.high_usd < 5000


def test_what_is_gone_is_gone_now() -> None:
    now = BEGINS + 10 * DAY
    found = forecast.foretell(window(200.0, 240.0), steady(10), profile.UNIFORM, now)
    assert found is not None
    assert found.exhausted_at == now


@pytest.mark.parametrize("hours", [[], steady(1 / 24)])
def test_of_a_first_hour_nothing_is_foretold(hours: list[profile.Hour]) -> None:
    now = BEGINS + HOUR
    assert forecast.foretell(window(100.0, 1.0), hours, profile.UNIFORM, now) is None


def test_the_end_of_the_window_is_certain() -> None:
    found = forecast.foretell(window(1000.0, 720.0), steady(30), profile.UNIFORM, ENDS)
    assert found is not None
    assert found.low_usd == found.usd == found.high_usd == 720.0


def test_a_working_week_is_no_reason_to_expect_less_after_a_weekend() -> None:
    """On a Monday at midnight the last two days were quiet, and the next five will not be."""

    def usd(at: datetime) -> float:
        return 2.0 if at.weekday() < 5 else 0.1

    past = [(BEGINS - 28 * DAY + n * HOUR, 0.0) for n in range(28 * 24 + 13 * 24)]
    hours = [(at, usd(at)) for at, _ in past]
    now = BEGINS + 13 * DAY
    assert now.weekday() == 0
    usual = profile.learned(hours)
    truth = sum(usd(now + n * HOUR) for n in range(17 * 24))
    found = forecast.foretell(window(9e9, 100.0), hours, usual, now)
    assert found is not None
    assert found.usd == pytest.approx(100 + truth, rel=0.06)
    assert found.low_usd < 100 + truth < found.high_usd


def test_eighty_of_a_hundred_months_end_between_its_figures() -> None:
    inside, many = 0, 150
    for seed in range(many):
        chance = random.Random(seed)
        daily = [chance.lognormvariate(0, 0.5) for _ in range(58)]
        hours = [
            (BEGINS - 28 * DAY + n * HOUR, daily[n // 24] * chance.expovariate(1.0))
            for n in range(58 * 24)
        ]
        known = 38 * 24
        now, spent = BEGINS + 10 * DAY, sum(usd for _, usd in hours[28 * 24 : known])
        past = hours[:known]
        found = forecast.foretell(window(9e9, spent), past, profile.learned(past), now)
        assert found is not None
        truth = spent + sum(usd for _, usd in hours[known:])
        inside += found.low_usd <= truth <= found.high_usd
    assert 0.7 * many <= inside <= 0.92 * many
