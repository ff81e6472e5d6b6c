"""A worker that goes silent in the middle: settled at what it had streamed when last heard."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from django.db.models import F

from analytics import ledger
from analytics.lookup import Connection
from analytics.models import Attempt, Budget, BudgetWindow, LedgerRow, Price
from analytics.values import Held, Progress
from tests.analytics import books
from tests.analytics.books import Book


def running(connection: Connection, book: Book, budget: Budget, amount: str = "4") -> UUID:
    wanted = books.hold(amount, books.span(budget))
    assert ledger.hold(connection, book.origin(), wanted) == Held()
    ledger.claim(connection, [wanted.attempt_id], worker="w", lease_s=15)
    return wanted.attempt_id


def said(attempt: UUID, cost: str, tokens: int) -> Progress:
    return Progress(attempt_id=attempt, cost=Decimal(cost), tokens=tokens)


def silence(connection: Connection) -> None:
    Attempt.objects.update(lease_until=F("created_at"))
    ledger.sweep(connection, open_limit_s=600)


def test_a_silent_run_is_settled_at_what_it_streamed(book: Book, connection: Connection) -> None:
    budget = book.budget(10)
    attempt = running(connection, book, budget)
    assert ledger.renew(connection, [said(attempt, "1.25", 40)], lease_s=15) == {attempt}
    silence(connection)
    row = LedgerRow.objects.get()
    assert (row.cost, row.completion_tokens) == (Decimal("1.25"), 40)
    assert (row.estimated, row.unconfirmed, row.note) == (True, True, ledger.SO_FAR)
    window = BudgetWindow.objects.get()
    assert (window.settled, window.held) == (Decimal("1.25"), 0)
    assert ledger.checks(connection) == []


def test_one_that_never_said_a_word_is_settled_at_its_hold(
    book: Book, connection: Connection
) -> None:
    attempt = running(connection, book, book.budget(10))
    ledger.renew(connection, [Progress(attempt_id=attempt)], lease_s=15)
    silence(connection)
    row = LedgerRow.objects.get()
    assert (row.cost, row.note) == (4, ledger.UNCONFIRMED)


def test_progress_only_grows_and_many_are_told_in_one_trip(
    book: Book, connection: Connection
) -> None:
    budget = book.budget(100)
    some = [running(connection, book, budget) for _ in range(3)]
    ledger.renew(connection, [said(each, "2", 9) for each in some], lease_s=15)
    ledger.renew(connection, [said(each, "1", 5) for each in some[:2]], lease_s=15)
    assert set(Attempt.objects.values_list("so_far", "so_far_tokens")) == {(Decimal(2), 9)}


def test_the_worker_that_was_only_slow_puts_it_right(book: Book, connection: Connection) -> None:
    budget = book.budget(10)
    origin, wanted = book.origin(), books.hold("4", books.span(budget))
    ledger.hold(connection, origin, wanted)
    ledger.claim(connection, [wanted.attempt_id], worker="w", lease_s=15)
    ledger.renew(connection, [said(wanted.attempt_id, "1", 30)], lease_s=15)
    silence(connection)
    told = books.settlement(wanted.attempt_id, "2.5", completion_tokens=70)
    assert ledger.adopt(connection, origin, wanted, told) == "correction"
    assert BudgetWindow.objects.get().settled == Decimal("2.5")
    assert sum(LedgerRow.objects.values_list("completion_tokens", flat=True)) == 70
    assert ledger.checks(connection) == []


@pytest.mark.parametrize("tokens", [0, 12])
def test_our_own_seconds_stay_what_counts_where_only_they_cost(
    book: Book, connection: Connection, tokens: int
) -> None:
    price = Price.objects.create(
        backend="mini", price_in=0, price_out=0, price_cached_in=0, price_compute_s="0.1"
    )
    attempt = running(connection, book, book.budget(10))
    Attempt.objects.filter(pk=attempt).update(price=price)
    ledger.renew(connection, [said(attempt, "0.5", tokens)], lease_s=15)
    silence(connection)
    assert LedgerRow.objects.get().note == ledger.UNTIMED
