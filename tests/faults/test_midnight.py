"""A window that ends while requests run: each belongs to the day on which it came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from analytics import budgets, ledger, reports
from analytics.lookup import Connection
from analytics.models import Budget, BudgetWindow
from analytics.values import Held, Refused, Span
from tests.analytics import books
from tests.analytics.books import Book

pytestmark = pytest.mark.faults
ZONES = ["UTC", "Pacific/Kiritimati", "Etc/GMT+12", "Europe/Berlin", "America/Santiago"]


@pytest.fixture
def connect(transactional_db: None) -> Iterator[Callable[[], Connection]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(books.connect())


def _span(budget: Budget, moment: datetime) -> Span:
    terms = next(each for each in reports.budget_terms() if each.budget_id == budget.pk)
    return budgets.span(terms, moment)


def _stands(budget: Budget, span: Span) -> tuple[int, int]:
    window = BudgetWindow.objects.get(budget=budget, starts_at=span.starts_at)
    return int(window.settled), int(window.held)


@pytest.mark.parametrize("zone", ZONES)
def test_midnight_opens_a_new_window_and_keeps_the_old(
    zone: str, connect: Callable[[], Connection]
) -> None:
    book, connection = Book.open(), connect()
    budget = book.budget(10, window="day", time_zone=zone)
    midnight = _span(budget, datetime.now(UTC)).ends_at
    before = _span(budget, midnight - timedelta(microseconds=1))
    after = _span(budget, midnight)
    assert before.ends_at == after.starts_at == midnight

    evening = books.hold(8, before)
    assert isinstance(ledger.hold(connection, book.origin(), evening), Held)
    assert isinstance(ledger.hold(connection, book.origin(), books.hold(8, before)), Refused)
    morning = books.hold(8, after)
    assert isinstance(ledger.hold(connection, book.origin(), morning), Held)

    ledger.settle(connection, [books.settlement(evening.attempt_id, 7)])
    assert _stands(budget, before) == (7, 0), "settled after midnight, spent on the old day"
    assert _stands(budget, after) == (0, 8)
    ledger.settle(connection, [books.settlement(morning.attempt_id, 5)])
    assert _stands(budget, after) == (5, 0)
    assert _stands(budget, before) == (7, 0)
    assert ledger.checks(connection) == []
