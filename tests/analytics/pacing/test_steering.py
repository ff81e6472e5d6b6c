"""λ: 1 on plan, more ahead of it, the same in every process, and back to 1 when it may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.pacing import steering
from analytics.pacing.steering import Anchor, Course, Plan

BEGINS, ENDS = datetime(2027, 6, 1, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONTH = Course(limit_usd=720.0, starts_at=BEGINS, ends_at=ENDS)
"""A dollar an hour."""
shares = st.floats(0, 1.2)


def weight(course: Course, spent_usd: float, now: datetime) -> float:
    return steering.pace(course, spent_usd, now).weight


def with_anchor(course: Course, anchor: Anchor) -> Course:
    return replace(course, plan=Plan(anchor=anchor))


def test_on_plan_a_dollar_weighs_what_it_weighs() -> None:
    noon = BEGINS + 10.5 * DAY
    assert weight(MONTH, steering.planned_usd(MONTH, noon), noon) == 1.0
    assert weight(MONTH, 0.0, noon) == 1.0, "money that is left is not thrown away"


def test_the_plan_ends_just_below_the_limit() -> None:
    assert steering.planned_usd(MONTH, BEGINS) == 0
    assert steering.planned_usd(MONTH, ENDS) == pytest.approx(720 * 0.99)
    assert steering.planned_usd(MONTH, ENDS + DAY) == pytest.approx(720 * 0.99)


def test_a_flood_is_answered_within_the_hour() -> None:
    now = BEGINS + 15 * DAY
    spent = steering.planned_usd(MONTH, now)
    assert weight(MONTH, spent + 40.0, now + HOUR) > 3


def test_an_hour_that_is_a_little_too_dear_is_no_reason_for_alarm() -> None:
    now = BEGINS + 15 * DAY
    assert weight(MONTH, steering.planned_usd(MONTH, now) + 1.5, now) < 1.1


@given(shares, shares, st.floats(0.0, 0.999))
def test_who_spent_more_never_gets_a_lighter_dollar(a: float, b: float, gone: float) -> None:
    now, (less, more) = BEGINS + gone * 30 * DAY, sorted((a * 720, b * 720))
    assert 1.0 <= weight(MONTH, less, now) <= weight(MONTH, more, now) <= steering.MOST * 1.000001


@given(shares, st.floats(0.0, 0.999))
def test_anchoring_changes_the_plan_but_not_what_a_dollar_weighs_now(
    spent: float, gone: float
) -> None:
    now = BEGINS + gone * 30 * DAY
    anchor = steering.anchored(MONTH, spent * 720, now)
    after = with_anchor(MONTH, anchor)
    assert weight(after, spent * 720, now) == pytest.approx(weight(MONTH, spent * 720, now))
    if anchor.at == now:
        assert steering.planned_usd(after, now) == pytest.approx(spent * 720)


def test_a_young_anchor_stays() -> None:
    first = steering.anchored(MONTH, 10.0, BEGINS + HOUR)
    course = with_anchor(MONTH, first)
    assert steering.anchored(course, 11.0, first.at + HOUR) is first
    assert steering.anchored(course, 30.0, first.at + DAY).at == first.at + DAY


def test_an_anchor_of_another_window_counts_for_nothing() -> None:
    old = Anchor(at=BEGINS - DAY, spent_usd=700.0, log=5.0)
    assert weight(with_anchor(MONTH, old), 0.0, BEGINS + HOUR) == 1.0
    assert steering.anchored(with_anchor(MONTH, old), 0.0, BEGINS + HOUR).at >= BEGINS


def test_when_the_money_is_gone_only_the_cheapest_is_left() -> None:
    gone = with_anchor(MONTH, Anchor(at=BEGINS + DAY, spent_usd=720.0))
    assert weight(gone, 740.0, BEGINS + 2 * DAY) == pytest.approx(steering.MOST)


def test_a_limit_of_nothing_breaks_nothing() -> None:
    nothing = replace(MONTH, limit_usd=0.0)
    assert weight(nothing, 0.0, BEGINS + DAY) >= 1


def test_a_steady_demand_settles_without_swinging() -> None:
    """Whoever would spend half as much again, and a third less when a dollar weighs double."""
    now, spent, course, seen = BEGINS, 0.0, MONTH, []
    while now < ENDS:
        course = with_anchor(course, steering.anchored(course, spent, now))
        weighs = weight(course, spent, now)
        spent += 1.5 * weighs**-0.585 / 12
        now += HOUR / 12
        seen.append(weighs)
    assert spent == pytest.approx(720, rel=0.02)
    settled = seen[len(seen) // 5 : -len(seen) // 20]
    assert max(settled) / min(settled) < 1.15


def test_a_day_reacts_in_minutes_and_a_year_in_hours() -> None:
    day = replace(MONTH, limit_usd=24.0, ends_at=BEGINS + DAY)
    year = replace(MONTH, limit_usd=8760.0, ends_at=BEGINS + 365 * DAY)
    assert weight(day, 3.0 + 1.0, BEGINS + 3 * HOUR) > 2
    assert weight(year, 2400.0 + 60.0, BEGINS + 100 * DAY) > 2
