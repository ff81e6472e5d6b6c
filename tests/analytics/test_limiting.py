"""What limits a key is shown as the book will say it, whatever budgets stand above each other."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from analytics import budgets, ledger, limiting, reports
from analytics.limiting import Limit
from analytics.lookup import Connection
from analytics.models import Budget, BudgetOverride, BudgetWindow
from analytics.values import Held, Hold, Refused
from teams.models import ApiKey
from tests.analytics import books
from tests.analytics.books import Book

HIERARCHIES = 500
LEAST = Decimal("0.000000000001")
TAGS = {"project": "x"}
PERIODS = ("day", "week", "month", "quarter", "year", "total")


def key_of(book: Book) -> ApiKey:
    return ApiKey.objects.create(
        team=book.team, name="k", public=f"p{book.team.pk}", digest="0" * 64, last_four="0000"
    )


def hierarchy(book: Book, key: ApiKey, dice: random.Random, now: datetime) -> list[Budget]:
    """One to six budgets of all scopes, some spent, some raised, suspended or only watching."""
    targets = {
        "organisation": str(book.team.organisation_id),
        "team": str(book.team.pk),
        "key": str(key.pk),
        "tag": dice.choice(["project=x", "project=y"]),
    }
    made = []
    for _ in range(dice.randint(1, 6)):
        scope = dice.choice(list(targets))
        budget = book.budget(
            dice.choice([0, 1, 2, 5, 10]) if dice.random() < 0.7 else dice.randint(1, 10),
            scope=scope,
            scope_id=targets[scope],
            window=dice.choice(PERIODS),
            time_zone=dice.choice(["UTC", "Asia/Tokyo", "America/St_Johns"]),
            mode=dice.choice(["enforce", "enforce", "enforce", "shadow"]),
            enabled=dice.random() < 0.9,
        )
        _live(budget, dice, now)
        made.append(budget)
    return made


def _live(budget: Budget, dice: random.Random, now: datetime) -> None:
    span = budgets.span(reports.terms_of(budget), now)
    if dice.random() < 0.7:
        spent = Decimal(dice.randint(0, 4_000_000)) / 10**6
        BudgetWindow.objects.create(
            budget=budget, starts_at=span.starts_at, ends_at=span.ends_at, settled=spent
        )
    if dice.random() < 0.3:
        BudgetOverride.objects.create(
            budget=budget,
            limit_usd=dice.choice([0, 3, 20]),
            starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(hours=dice.choice([-0.5, 5])),
            reason="r",
        )


def hold(book: Book, key: ApiKey, amount: Decimal, now: datetime) -> Hold:
    terms = budgets.applying(
        reports.budget_terms(),
        organisation_id=book.team.organisation_id,
        team_id=book.team.pk,
        key_id=key.pk,
        tags=TAGS,
    )
    return books.hold(amount, *(budgets.span(each, now) for each in terms))


@pytest.mark.timeout(400)
def test_the_limit_shown_is_the_limit_that_refuses(book: Book, connection: Connection) -> None:
    dice, key, refusals = random.Random(6), key_of(book), 0
    for number in range(HIERARCHIES):
        now = datetime.now(UTC)
        made = hierarchy(book, key, dice, now)
        shown = limiting.tightest(limiting.of(key, TAGS, now))
        refusals += _agrees(book, connection, shown, key, now)
        Budget.objects.filter(pk__in=[each.pk for each in made]).delete()
        assert Budget.objects.count() == 0, number
    assert refusals > HIERARCHIES / 2


def _agrees(
    book: Book, connection: Connection, shown: Limit | None, key: ApiKey, now: datetime
) -> bool:
    """A little more than is free is refused in that name; exactly that has room."""
    if shown is None:
        free = ledger.hold(connection, book.origin(), hold(book, key, Decimal(10**6), now))
        assert isinstance(free, Held)
        return False
    more = shown.standing.free + LEAST
    refused = ledger.hold(connection, book.origin(), hold(book, key, more, now))
    assert isinstance(refused, Refused)
    assert refused.budget_id == shown.budget.pk
    assert refused.limit_usd == shown.standing.limit_usd
    assert (refused.settled, refused.held) == (shown.standing.settled, shown.standing.held)
    if not shown.standing.suspended:
        fits = ledger.hold(connection, book.origin(), hold(book, key, shown.standing.free, now))
        assert isinstance(fits, Held)
    return True
