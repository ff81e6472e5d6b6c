"""Outlooks of budgets: hours of the ledger, anchors of paced ones, and what is foretold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from analytics import budgets, outlooks, reports, tasks
from analytics.models import Budget, BudgetOutlook, BudgetScope, BudgetWindow, LedgerRow
from teams import keys
from teams.models import ApiKey, Team
from tests.analytics.books import Book

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGINS = datetime(2027, 6, 1, tzinfo=UTC)
NOW = BEGINS + 10 * DAY + HOUR / 2


@pytest.fixture
def book(db: None) -> Book:
    return Book.open()


def row(book: Book, at: datetime, cost: float = 1.0, **facts: Any) -> LedgerRow:
    plain = {
        "kind": "settlement", "exchange_id": uuid4(), "attempt_id": uuid4(),
        "team_id": book.team.pk, "team": book.team.name, "tier": "cloud", "backend": "sandbox",
        "model_asked": "auto", "cost": Decimal(str(cost)), "at": at,
    }  # fmt: skip
    return LedgerRow(**{**plain, **facts})


def steady(book: Book, begin: datetime, end: datetime, **facts: Any) -> None:
    """A dollar an hour."""
    many = (end - begin) // HOUR
    LedgerRow.objects.bulk_create(row(book, begin + n * HOUR, **facts) for n in range(many))


def window(budget: Budget, settled: float, now: datetime = NOW) -> None:
    span = budgets.span(reports.terms_of(budget), now)
    BudgetWindow.objects.update_or_create(
        budget=budget, starts_at=span.starts_at,
        defaults={"ends_at": span.ends_at, "settled": Decimal(str(settled))},
    )  # fmt: skip


def look(now: datetime = NOW) -> None:
    outlooks.look(reports.budget_terms(), now)


def test_a_standing_says_on_which_day_the_money_is_gone(book: Book) -> None:
    made = book.budget(540, window="month")
    steady(book, BEGINS - 20 * DAY, BEGINS + 10 * DAY)
    window(made, 240.0)
    assert reports.standings([made], NOW)[made.pk].forecast is None
    look()
    told = reports.standings([made], NOW)[made.pk].forecast
    assert told is not None
    assert told["exhausted_at"].startswith("2027-06-23")
    assert Decimal(told["low_usd"]) < Decimal(told["expected_usd"]) < Decimal(told["high_usd"])
    assert told["until"].startswith("2027-07-01")


def test_a_forecast_of_last_month_is_none_of_this_one(book: Book) -> None:
    made = book.budget(540, window="month")
    steady(book, BEGINS, BEGINS + 10 * DAY)
    look()
    assert reports.standings([made], NOW)[made.pk].forecast
    assert reports.standings([made], NOW + 30 * DAY)[made.pk].forecast is None


def test_money_without_end_is_foretold_for_three_months(book: Book) -> None:
    made = book.budget(1000, window="total")
    steady(book, BEGINS, BEGINS + 10 * DAY)
    window(made, 240.0)
    look()
    told = reports.standings([made], NOW)[made.pk].forecast
    assert told is not None
    assert told["exhausted_at"].startswith("2027-07-1")


def test_where_nothing_was_ever_spent_nothing_is_kept(book: Book) -> None:
    book.budget(10)
    look()
    assert not BudgetOutlook.objects.exists()


def test_each_look_reads_only_the_hours_that_ended_since(book: Book) -> None:
    made = book.budget(540)
    steady(book, BEGINS, BEGINS + 2 * DAY)
    look(BEGINS + 2 * DAY)
    steady(book, BEGINS + 2 * DAY, BEGINS + 3 * DAY, cost=2.0)
    look(BEGINS + 3 * DAY + HOUR / 3)
    known = BudgetOutlook.objects.get(budget=made)
    assert known.hours == [1.0] * 48 + [2.0] * 24
    look(BEGINS + 90 * DAY)
    known.refresh_from_db()
    assert len(known.hours) == outlooks.KEPT_HOURS
    assert known.first_hour + len(known.hours) * HOUR == BEGINS + 90 * DAY


@pytest.mark.parametrize("scope", BudgetScope.values)
def test_every_scope_counts_its_own_spend_and_nobody_elses(book: Book, scope: str) -> None:
    key: ApiKey = keys.issue(book.team, name="app").key
    other = Team.objects.create(organisation=book.team.organisation, name="other")
    stranger = Book.open()
    mine = {"key_public": key.public, "tags": {"app": "crm", "x": "y"}}
    rows = [
        row(book, BEGINS, 1, **mine),
        row(book, BEGINS, 2, key_public="somebody", tags={"app": "shop"}),
        row(Book(team=other), BEGINS, 4, **{**mine, "tags": {}}),
        row(stranger, BEGINS, 8, **mine),
    ]
    LedgerRow.objects.bulk_create(rows)
    ids = {
        "organisation": book.team.organisation_id, "team": book.team.pk, "key": key.pk,
        "tag": "app=crm",
    }  # fmt: skip
    made = book.budget(100, scope=scope, scope_id=str(ids[scope]))
    look()
    hours = BudgetOutlook.objects.get(budget=made).hours
    assert sum(hours) == {"organisation": 7, "team": 3, "key": 1, "tag": 1}[scope]


def test_a_paced_budget_is_steered_from_its_last_anchor(book: Book) -> None:
    made = book.budget(540, window="month", paced=True)
    steady(book, BEGINS, BEGINS + 10 * DAY)
    window(made, 240.0)
    look()
    (terms,) = reports.budget_terms()
    anchor = terms.plan.anchor
    assert anchor is not None
    assert (anchor.at, anchor.spent_usd) == (NOW, 240.0)
    assert anchor.log > 0, "it is ahead of its plan"
    shown = reports.standings([made], NOW)[made.pk].pace
    assert shown is not None
    assert (shown.weight > 1, shown.planned_usd, shown.spent_usd) == (True, 240.0, 240.0)
    look(NOW + HOUR)
    assert reports.budget_terms()[0].plan.anchor == anchor, "a young anchor stays"
    look(NOW + DAY)
    later = reports.budget_terms()[0].plan.anchor
    assert later is not None
    assert later.at == NOW + DAY


def test_budgets_that_are_not_paced_have_no_anchor(book: Book) -> None:
    book.budget(540, window="month")
    steady(book, BEGINS, BEGINS + 10 * DAY)
    look()
    assert BudgetOutlook.objects.get().anchor_at is None


def test_the_background_worker_looks_ahead_by_itself(book: Book) -> None:
    made = book.budget(540, window="month", paced=True)
    now = datetime.now(UTC)
    steady(book, now - 3 * DAY, now)
    window(made, 72.0, now)
    tasks.look_ahead()
    assert "analytics.tasks.look_ahead" in {each["task"] for each in tasks.BEAT.values()}
    standing = reports.standings([made], now)[made.pk]
    assert standing.forecast
    assert standing.pace
