"""Each threshold is told once for its window: over midnights in any zone, restarts and workers."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from analytics import budgets, reports
from analytics.alerts import watching
from analytics.models import (
    Alert,
    Budget,
    BudgetOutlook,
    BudgetOverride,
    BudgetWindow,
    Channel,
    Delivery,
)
from analytics.pacing.forecast import Forecast
from tests.analytics.books import Book

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def book(db: None) -> Book:
    return Book.open()


def spend(budget: Budget, usd: str, at: datetime = NOON, **more: Any) -> None:
    found = budgets.span(reports.terms_of(budget), at)
    BudgetWindow.objects.update_or_create(
        budget=budget,
        starts_at=found.starts_at,
        defaults={"ends_at": found.ends_at, "settled": Decimal(usd), **more},
    )


def titles(**which: Any) -> list[str]:
    return list(Alert.objects.filter(**which).order_by("id").values_list("title", flat=True))


def percents(**which: Any) -> list[str]:
    return [each.body["percent"] for each in Alert.objects.filter(**which).order_by("id")]


def test_thresholds_are_told_as_they_are_reached_and_never_again(book: Book) -> None:
    budget = book.budget(10)
    for usd in ("4.99", "5", "7.99", "8.5", "8.6", "10", "10"):
        spend(budget, usd)
        watching.watch(NOON)
    assert percents() == ["50", "80", "100"]
    first = Alert.objects.get(body__percent="50")
    assert (first.team_id, first.kind, first.severity) == (book.team.pk, "budget", "info")
    assert first.body["spent_usd"] == "5"
    assert first.body["ends_at"] == "2026-04-01T00:00:00+00:00"


def test_soft_limits_replace_the_usual_thresholds_and_say_what_they_do(book: Book) -> None:
    soft = [{"percent": 70, "action": "prefer-local"}, {"percent": 90, "action": "alert"}]
    budget = book.budget(10, soft_limits=soft)
    spend(budget, "9.5")
    watching.watch(NOON)
    assert percents() == ["70", "90"]
    assert Alert.objects.get(body__percent="70").body["action"] == "prefer-local"


def test_what_is_held_counts_and_a_hold_that_comes_and_goes_is_told_once(book: Book) -> None:
    budget = book.budget(10)
    for held in ("6", "0", "6"):
        spend(budget, "0", held=Decimal(held))
        watching.watch(NOON)
    assert len(titles()) == 1
    spend(budget, "0", held=Decimal(0))
    watching.watch(NOON)
    assert Alert.objects.get().resolved_at is not None


def test_refusals_are_told_though_the_cap_was_never_reached(book: Book) -> None:
    cap, shadow = book.budget(10, name="cap"), book.budget(10, name="s", mode="shadow")
    spend(cap, "4", refused=3)
    spend(shadow, "4", refused=1)
    watching.watch(NOON)
    watching.watch(NOON)
    assert titles() == [
        "The budget “cap” refuses requests",
        "The budget “s” would refuse requests (shadow mode)",
    ]


def test_suspended_paused_and_unspent_budgets_are_silent(book: Book) -> None:
    spend(book.budget(0), "0", refused=4)
    spend(book.budget(10, enabled=False), "10")
    book.budget(10)
    watching.watch(NOON)
    assert titles() == []


def test_a_raised_limit_ends_the_alert_and_is_told_when_it_is_reached_too(book: Book) -> None:
    budget = book.budget(10)
    spend(budget, "8")
    watching.watch(NOON)
    BudgetOverride.objects.create(
        budget=budget,
        limit_usd=100,
        starts_at=NOON,
        ends_at=NOON + timedelta(days=2),
        reason="launch",
    )
    watching.watch(NOON)
    assert percents(resolved_at=None) == []
    spend(budget, "50")
    watching.watch(NOON)
    assert percents() == ["50", "80", "50"]
    assert Alert.objects.get(resolved_at=None).body["until"] == "2026-03-12T12:00:00+00:00"


def test_an_edited_limit_that_is_still_reached_is_not_told_again(book: Book) -> None:
    budget = book.budget(10)
    spend(budget, "8.5")
    watching.watch(NOON)
    Budget.objects.filter(pk=budget.pk).update(limit_usd=Decimal("10.5"))
    watching.watch(NOON)
    assert percents(resolved_at=None) == ["50", "80"]
    assert percents() == ["50", "80"]


def foretell(budget: Budget, exhausted_at: str | None, at: datetime = NOON) -> None:
    span = budgets.span(reports.terms_of(budget), at)
    found = Forecast(
        usd=14.5,
        low_usd=11,
        high_usd=18,
        exhausted_at=datetime.fromisoformat(exhausted_at) if exhausted_at else None,
    )
    BudgetOutlook.objects.update_or_create(
        budget=budget,
        defaults={
            "first_hour": span.starts_at,
            "foretold_for": span.starts_at,
            "forecast": found.as_json() | {"until": span.ends_at.isoformat()},
        },
    )


def test_a_forecast_is_told_once_with_its_newest_words_and_ends_with_its_truth(book: Book) -> None:
    budget = book.budget(10, name="March", time_zone="Asia/Tokyo")
    spend(budget, "2")
    for moment in ("2026-03-22T20:00:00+00:00", "2026-03-24T20:00:00+00:00"):
        foretell(budget, moment)
        watching.watch(NOON)
    assert titles() == ["The budget “March” is used up on 25 March at this rate"]
    alert = Alert.objects.get()
    assert (alert.kind, alert.body["expected_usd"]) == ("forecast", "14.5")
    foretell(budget, None)
    watching.watch(NOON)
    assert titles(resolved_at=None) == []
    foretell(budget, "2026-03-23T20:00:00+00:00")
    watching.watch(NOON)
    assert len(titles(resolved_at=None)) == len(titles()) == 1


def test_a_forecast_is_over_when_the_money_is_or_the_window(book: Book) -> None:
    budget = book.budget(10)
    foretell(budget, "2026-03-22T20:00:00+00:00")
    spend(budget, "2")
    watching.watch(NOON)
    spend(budget, "10")
    watching.watch(NOON)
    assert titles(kind="forecast", resolved_at=None) == []
    spend(budget, "2")
    watching.watch(NOON)
    watching.watch(NOON + timedelta(days=40))
    assert titles(resolved_at=None) == []


ZONES = [
    ("Pacific/Kiritimati", "2026-03-10T10:00Z"),  # UTC+14
    ("Etc/GMT+12", "2026-03-10T12:00Z"),
    ("Europe/Berlin", "2026-03-28T23:00Z"),  # before the day of 23 hours
    ("Europe/Berlin", "2026-03-29T22:00Z"),  # after it
    ("Europe/Berlin", "2026-10-25T23:00Z"),  # after the day of 25 hours
    ("America/Sao_Paulo", "2018-11-04T03:00Z"),  # a midnight that does not exist
    ("America/Havana", "2026-11-01T04:00Z"),  # one that comes twice
    ("Australia/Lord_Howe", "2026-04-05T13:30Z"),
]


@pytest.mark.parametrize(("zone", "midnight"), ZONES)
def test_over_midnight_each_day_is_told_once(book: Book, zone: str, midnight: str) -> None:
    """Watched each minute from an hour before midnight to an hour after, by two workers of which
    one is a little behind; the day before is spent up in its last seconds."""
    turn = datetime.fromisoformat(midnight).astimezone(UTC)
    budget = book.budget(10, window="day", time_zone=zone)
    spend(budget, "6", turn - timedelta(hours=1))
    for minute in range(-60, 61):
        now = turn + timedelta(minutes=minute)
        if minute == 0:
            spend(budget, "10", turn - timedelta(seconds=1))
        if minute == 30:
            spend(budget, "9", now)
        watching.watch(now)
        watching.watch(now - timedelta(seconds=40))
    days: dict[str, list[str]] = {}
    for alert in Alert.objects.order_by("id"):
        days.setdefault(alert.body["starts_at"], []).append(alert.body["percent"])
    assert sorted(days.values(), key=len) == [["50", "80"], ["50", "80", "100"]]
    today = turn.isoformat(timespec="seconds")
    assert percents(resolved_at=None, body__starts_at=today) == ["50", "80"]
    assert percents(resolved_at=None) == ["50", "80"]


def test_who_was_away_over_midnight_tells_late_but_not_of_last_week(book: Book) -> None:
    budget = book.budget(10, window="day")
    midnight = datetime(2026, 3, 11, tzinfo=UTC)
    spend(budget, "8", midnight - timedelta(hours=1))
    watching.watch(midnight + timedelta(days=7))
    assert titles() == []
    watching.watch(midnight + timedelta(minutes=10))
    watching.watch(midnight + timedelta(minutes=11))
    assert percents() == ["50", "80"]
    assert percents(resolved_at=None) == []


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_tell_once(transactional_db: None) -> None:
    book = Book.open()
    budget = book.budget(10)
    whose = {"organisation": book.team.organisation, "team": book.team}
    Channel.objects.create(name="c", kind="webhook", address="https://a.test", **whose)
    spend(budget, "10")
    together = threading.Barrier(4)
    wrong: list[BaseException] = []

    def work() -> None:
        together.wait()
        try:
            watching.watch(NOON)
        except BaseException as error:
            wrong.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []
    assert sorted(percents()) == ["100", "50", "80"]
    assert Delivery.objects.count() == 3


def test_whose_alert_it_is_follows_the_budget(book: Book) -> None:
    for scope, scope_id in (("tag", "a=b"), ("organisation", str(book.team.organisation_id))):
        spend(book.budget(10, scope=scope, scope_id=scope_id), "5")
    watching.watch(NOON)
    assert set(Alert.objects.values_list("team", flat=True)) == {None}


def test_refusals_are_over_once_there_is_room_and_told_again_when_somebody_is_refused_again(
    book: Book,
) -> None:
    budget = book.budget(10)
    for refused, limit, is_open in ((2, 10, True), (5, 10, True), (5, 50, False), (5, 50, False)):
        Budget.objects.filter(pk=budget.pk).update(limit_usd=limit)
        spend(budget, "4", refused=refused)
        watching.watch(NOON)
        assert Alert.objects.filter(resolved_at=None).exists() is is_open
    assert Alert.objects.get().body["refused"] == 5
    spend(budget, "4", refused=6)
    watching.watch(NOON)
    watching.watch(NOON)
    assert [each.key.rpartition("@")[2] for each in Alert.objects.order_by("id")] == ["10", "50"]
    assert Alert.objects.get(resolved_at=None).body["limit_usd"] == "50"
