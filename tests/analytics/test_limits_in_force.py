"""Which limit a hold meets: overrides, suspension, shadow, edits, and who is counted as refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics import budgets, ledger, reports
from analytics.lookup import Connection
from analytics.models import Attempt, Budget, BudgetOverride, BudgetWindow
from analytics.values import Held, Refused
from tests.analytics import books
from tests.analytics.books import Book

HOUR = timedelta(hours=1)


def override(budget: Budget, limit: str, starts: timedelta, ends: timedelta) -> BudgetOverride:
    now = datetime.now(UTC)
    return BudgetOverride.objects.create(
        budget=budget,
        limit_usd=Decimal(limit),
        starts_at=now + starts,
        ends_at=now + ends,
        reason="the fair",
    )


def ask(
    connection: Connection, book: Book, amount: str, *some: Budget, **words: Any
) -> Held | Refused:
    wanted = books.hold(amount, *map(books.span, some), **words)
    return ledger.hold(connection, book.origin(), wanted)


def refused_in(budget: Budget) -> int:
    return BudgetWindow.objects.get(budget=budget).refused


def test_the_newest_override_in_force_is_the_limit(book: Book, connection: Connection) -> None:
    budget = book.budget(1)
    override(budget, "5", -HOUR, HOUR)
    override(budget, "3", -HOUR, HOUR)
    override(budget, "100", HOUR, 2 * HOUR)
    override(budget, "100", -2 * HOUR, -HOUR)
    assert ask(connection, book, "3", budget) == Held()
    answer = ask(connection, book, "0.1", budget)
    assert isinstance(answer, Refused)
    assert (answer.limit_usd, answer.held, answer.reason) == (Decimal(3), Decimal(3), "the fair")
    assert answer.until is not None
    assert answer.until > datetime.now(UTC)


def test_an_override_that_ends_leaves_what_was_spent(book: Book, connection: Connection) -> None:
    budget = book.budget(1)
    raised = override(budget, "5", -HOUR, HOUR)
    assert ask(connection, book, "4", budget) == Held()
    BudgetOverride.objects.filter(pk=raised.pk).update(ends_at=datetime.now(UTC))
    answer = ask(connection, book, "0.1", budget)
    assert isinstance(answer, Refused)
    assert (answer.limit_usd, answer.held, answer.until) == (Decimal(1), Decimal(4), None)


def test_an_override_may_also_lower(book: Book, connection: Connection) -> None:
    budget = book.budget(10)
    override(budget, "2", -HOUR, HOUR)
    assert isinstance(ask(connection, book, "3", budget), Refused)


@pytest.mark.parametrize("by_override", [False, True])
@pytest.mark.parametrize("amount", ["0", "1"])
def test_a_limit_of_nothing_suspends_what_is_free_as_well(
    book: Book, connection: Connection, by_override: bool, amount: str
) -> None:
    budget, wide = book.budget(9 if by_override else 0), book.budget(100)
    if by_override:
        override(budget, "0", -HOUR, HOUR)
    answer = ask(connection, book, amount, wide, budget)
    assert isinstance(answer, Refused)
    assert (answer.budget_id, answer.limit_usd) == (budget.pk, Decimal(0))
    assert not Attempt.objects.exists()


def test_editing_a_limit_keeps_what_was_spent(book: Book, connection: Connection) -> None:
    budget = book.budget(10)
    wanted = books.hold("6", books.span(budget))
    assert ledger.hold(connection, book.origin(), wanted) == Held()
    ledger.settle(connection, [books.settlement(wanted.attempt_id, "6")])
    for limit, fits in (("5", False), ("7", True)):
        Budget.objects.filter(pk=budget.pk).update(limit_usd=Decimal(limit))
        answer = ask(connection, book, "1", budget)
        assert isinstance(answer, Held) == fits
        assert BudgetWindow.objects.get(budget=budget).settled == 6


def test_who_found_no_room_is_counted_once(book: Book, connection: Connection) -> None:
    narrow, wide = book.budget(1), book.budget(10)
    origin = book.origin()
    for amount, counts in (("5", False), ("3", False), ("2", True)):
        wanted = books.hold(amount, books.span(narrow), books.span(wide), counts=counts)
        assert isinstance(ledger.hold(connection, origin, wanted), Refused)
    assert (refused_in(narrow), refused_in(wide)) == (1, 0)
    assert ledger.checks(connection) == []


def test_a_shadow_budget_tells_and_counts_whom_it_would_have_refused(
    book: Book, connection: Connection
) -> None:
    shadow = book.budget(1, mode="shadow", name="dry run")
    answer = ask(connection, book, "2", shadow, book.budget(10))
    assert isinstance(answer, Held)
    (told,) = answer.shadow
    assert (told.budget, told.limit_usd, told.held) == ("dry run", Decimal(1), Decimal(0))
    assert (refused_in(shadow), BudgetWindow.objects.get(budget=shadow).held) == (1, 2)
    again = ask(connection, book, "2", shadow, number=2)
    assert isinstance(again, Held)
    assert again.shadow
    assert refused_in(shadow) == 1, "another attempt is the same request"


def test_all_windows_or_none(book: Book, connection: Connection) -> None:
    some = [book.budget(limit) for limit in (5, 1, 5, 2)]
    assert isinstance(ask(connection, book, "1.5", *some), Refused)
    assert [BudgetWindow.objects.get(budget=each).held for each in some] == [0, 0, 0, 0]
    assert [refused_in(each) for each in some] == [0, 1, 0, 0]


def test_a_process_of_the_release_before_meets_the_same_limits(
    book: Book, connection: Connection
) -> None:
    """Its holds name the old function, which gives six columns."""
    budget = book.budget(0)
    starts, ends = books.STARTS, books.ENDS
    origin = book.origin()
    row = connection.execute(
        "SELECT * FROM kora_hold(%s::uuid, %s::timestamptz, %s::bigint, %s::text, 'p', 'k', '', "
        "'', '{}'::jsonb, 'auto', false, 1, gen_random_uuid(), 1, 'b', 'cloud', 1::numeric, "
        "NULL::bigint, 15::float8, ARRAY[%s]::bigint[], ARRAY[%s]::timestamptz[], "
        "ARRAY[%s]::timestamptz[])",
        (origin.exchange_id, origin.at, origin.team_id, origin.team, budget.pk, starts, ends),
    ).fetchone()
    assert row is not None
    assert row == (budget.pk, "cap", 0, 0, 0, ends)


def test_where_a_budget_stands(book: Book, connection: Connection) -> None:
    now = datetime.now(UTC)
    budget = book.budget(1)
    raised = override(budget, "5", -HOUR, HOUR)
    span = budgets.span(reports.terms_of(budget), now)
    wanted = books.hold("4", span)
    assert ledger.hold(connection, book.origin(), wanted) == Held()
    found = reports.standings([budget], datetime.now(UTC))[budget.pk]
    assert (found.limit_usd, found.held, found.free) == (Decimal(5), Decimal(4), Decimal(1))
    assert found.override == raised
    assert [each.limit_usd for each in reports.budget_terms()] == [5]
    BudgetOverride.objects.update(ends_at=now)
    ended = reports.standings([budget], now)[budget.pk]
    assert (ended.limit_usd, ended.left, ended.free) == (Decimal(1), Decimal(-3), Decimal(0))
    assert ended.override is None
