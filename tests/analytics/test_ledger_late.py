"""A settlement without a live hold is booked once, as the worker says, and never dropped."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any
from uuid import UUID

import psycopg
import pytest

from analytics import ledger
from analytics.lookup import Connection
from analytics.models import Attempt, Budget, BudgetWindow, Exchange, LedgerRow
from analytics.values import Held, Hold, Origin, Settlement
from tests.analytics import books
from tests.analytics.books import Book

TOKENS = {"prompt_tokens": 7, "completion_tokens": 5, "cached_tokens": 2, "reasoning_tokens": 1}
USED = TOKENS | {"compute_s": Decimal("0.75")}


def swept(
    connection: Connection, origin: Origin, amount: str, *budgets: Budget, claimed: bool = True
) -> Hold:
    """A hold that a sweeper has ended: by its guess if a worker had claimed it, else freed."""
    wanted = books.hold(amount, *map(books.span, budgets), lease_s=60 if claimed else -1)
    assert ledger.hold(connection, origin, wanted) == Held()
    if claimed:
        ledger.claim(connection, [wanted.attempt_id], worker="silent", lease_s=-1)
    ledger.sweep(connection, open_limit_s=600)
    return wanted


def windows(*budgets: Budget) -> list[tuple[Any, Any]]:
    found = [BudgetWindow.objects.get(budget=budget) for budget in budgets]
    return [(window.settled, window.held) for window in found]


def rows(attempt_id: UUID) -> list[tuple[str, Decimal]]:
    found = LedgerRow.objects.filter(attempt_id=attempt_id).order_by("id")
    return list(found.values_list("kind", "cost"))


def test_a_hold_that_a_crash_lost_is_booked_all_the_same(
    book: Book, connection: Connection
) -> None:
    budgets, origin = [book.budget(10), book.budget(1)], book.origin(tags={"a": "b"}, end_user="x")
    lost = books.hold(1, *map(books.span, budgets))
    told = books.settlement(lost.attempt_id, 3, **USED)
    assert ledger.settle(connection, [told]) == set()
    assert ledger.adopt(connection, origin, lost, told) == "settlement"
    assert ledger.adopt(connection, origin, lost, told) == ""
    assert windows(*budgets) == [(3, 0), (3, 0)]
    attempt, row, exchange = Attempt.objects.get(), LedgerRow.objects.get(), Exchange.objects.get()
    assert (attempt.state, attempt.amount, attempt.cost) == ("settled", 0, 3)
    assert (row.kind, row.cost, row.note, row.tags, row.unconfirmed) == (
        "settlement",
        3,
        ledger.LATE[0],
        {"a": "b"},
        False,
    )
    assert (exchange.pk, exchange.state, exchange.cost) == (origin.exchange_id, "open", 3)
    assert {name: getattr(row, name) for name in USED} == USED
    assert attempt.compute_s == row.compute_s
    assert exchange.completion_tokens == 5
    assert ledger.checks(connection) == []


def test_the_request_of_a_lost_hold_ends_like_any_other(book: Book, connection: Connection) -> None:
    """Its web process closes it, before or after; without one the sweep calls it lost."""
    old = datetime.now(UTC) - timedelta(seconds=60)
    before, after, never = (book.origin(at=old) for _ in range(3))
    assert ledger.close(connection, before, books.answered(prompt_tokens=7))
    for origin in (before, after, never):
        lost = books.hold(1)
        told = books.settlement(lost.attempt_id, 1, prompt_tokens=7)
        assert ledger.adopt(connection, origin, lost, told) == "settlement"
    assert ledger.close(connection, after, books.answered(prompt_tokens=7))
    assert ledger.sweep(connection, open_limit_s=30) == ledger.Swept(lost=1)
    found = Exchange.objects.values_list("id", "state", "cost", "prompt_tokens")
    assert set(found) == {
        (before.exchange_id, "answered", 1, 7),
        (after.exchange_id, "answered", 1, 7),
        (never.exchange_id, "lost", 1, 7),
    }
    assert ledger.checks(connection) == []


@pytest.mark.parametrize("cost", ["0.25", "4", "9"])
def test_a_guess_of_the_sweeper_is_put_right_by_one_correction(
    book: Book, connection: Connection, cost: str
) -> None:
    budgets, origin = [book.budget(10), book.budget(5)], book.origin()
    guessed = swept(connection, origin, "4", *budgets)
    told = books.settlement(guessed.attempt_id, cost, **TOKENS)
    assert ledger.settle(connection, [told]) == set()
    assert ledger.adopt(connection, origin, guessed, told) == "correction"
    assert ledger.adopt(connection, origin, guessed, books.settlement(told.attempt_id, 1)) == ""
    difference = Decimal(cost) - 4
    assert rows(guessed.attempt_id) == [("settlement", 4), ("correction", difference)]
    assert windows(*budgets) == [(Decimal(cost), 0)] * 2
    exchange, attempt = Exchange.objects.get(), Attempt.objects.get()
    assert (exchange.cost, exchange.completion_tokens) == (Decimal(cost), 5)
    assert (attempt.cost, attempt.amount, attempt.failure) == (Decimal(cost), 4, "")
    correction = LedgerRow.objects.get(kind="correction")
    assert (correction.unconfirmed, correction.note) == (False, ledger.LATE[2])
    assert correction.completion_tokens == 5
    assert ledger.checks(connection) == []


def test_a_hold_that_the_sweeper_freed_is_booked_when_its_worker_speaks(
    book: Book, connection: Connection
) -> None:
    """The crash lost the claim and not the hold, so that it looked as if nobody ran it."""
    budget, origin = book.budget(10), book.origin()
    freed = swept(connection, origin, "4", budget, claimed=False)
    assert windows(budget) == [(0, 0)]
    told = books.settlement(freed.attempt_id, 3)
    assert ledger.adopt(connection, origin, freed, told) == "settlement"
    assert windows(budget) == [(3, 0)]
    assert LedgerRow.objects.get().note == ledger.LATE[1]
    assert ledger.checks(connection) == []


@pytest.mark.parametrize("ending", ["settled", "unconfirmed", "released", "withdrawn", "running"])
def test_what_its_owner_ended_stays(book: Book, connection: Connection, ending: str) -> None:
    budget, origin = book.budget(10), book.origin()
    wanted = books.hold("4", books.span(budget))
    ledger.hold(connection, origin, wanted)
    told = books.settlement(wanted.attempt_id, 3, unconfirmed=ending == "unconfirmed")
    if ending == "withdrawn":
        ledger.withdraw(connection, [wanted.attempt_id], failure="timeout")
    elif ending == "released":
        ledger.release(connection, [wanted.attempt_id], failure="server")
    elif ending != "running":
        ledger.settle(connection, [told])
    before, settled = windows(budget), rows(wanted.attempt_id)
    other = books.settlement(wanted.attempt_id, 1)
    for late in (told, other):
        assert ledger.adopt(connection, origin, wanted, late) == ""
    assert (windows(budget), rows(wanted.attempt_id)) == (before, settled)
    assert ledger.checks(connection) == []


def test_a_lost_hold_of_a_budget_that_is_gone(book: Book, connection: Connection) -> None:
    gone, kept = book.budget(10), book.budget(10)
    lost = books.hold(1, books.span(gone), books.span(kept))
    gone.delete()
    told = books.settlement(lost.attempt_id, 1)
    assert ledger.adopt(connection, book.origin(), lost, told) == "settlement"
    assert windows(kept) == [(1, 0)]
    assert ledger.checks(connection) == []


def test_the_receipt_keeps_the_tokens_of_the_last_attempt(
    book: Book, connection: Connection
) -> None:
    origin, last = book.origin(), books.hold(1, number=2)
    early = swept(connection, origin, "1")
    ledger.hold(connection, origin, last)
    ledger.settle(connection, [books.settlement(last.attempt_id, 1, prompt_tokens=9)])
    late = books.settlement(early.attempt_id, 2, prompt_tokens=4)
    assert ledger.adopt(connection, origin, early, late) == "correction"
    assert (Exchange.objects.get().prompt_tokens, Exchange.objects.get().cost) == (9, 3)
    assert ledger.checks(connection) == []


def test_two_attempts_under_one_number_are_said_not_swallowed(
    book: Book, connection: Connection
) -> None:
    origin, first, second = book.origin(), books.hold(1), books.hold(1)
    ledger.hold(connection, origin, first)
    with pytest.raises(psycopg.errors.UniqueViolation):
        ledger.adopt(connection, origin, second, books.settlement(second.attempt_id, 1))
    assert ledger.checks(connection) == []


@pytest.mark.parametrize("known", ["lost", "swept"])
def test_from_everywhere_at_once_it_is_booked_once(
    book: Book, connection: Connection, known: str
) -> None:
    budgets = [book.budget(1000), book.budget(1000)]
    made: list[tuple[Origin, Hold]] = []
    for number in range(12):
        origin = book.origin()
        spans = map(books.span, budgets[:: -1 if number % 2 else 1])
        lost = books.hold(2, *spans)
        made.append(
            (origin, swept(connection, origin, "2", *budgets) if known == "swept" else lost)
        )
    start = Barrier(6)

    def adopt(seed: int) -> int:
        with books.connect() as own:
            start.wait()
            ordered = made[seed * 2 :] + made[: seed * 2]
            told = [(o, h, books.settlement(h.attempt_id, 1)) for o, h in ordered]
            return sum(bool(ledger.adopt(own, *each)) for each in told)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(adopt, range(6))) == len(made)
    assert windows(*budgets) == [(12, 0), (12, 0)]
    assert ledger.checks(connection) == []


def test_sweepers_and_late_workers_beside_each_other(
    book: Book, connect: Callable[[], Connection]
) -> None:
    """Whoever comes first, each attempt ends at what its worker said."""
    budget, owner = book.budget(1000), connect()
    made = [(book.origin(), books.hold(2, books.span(budget))) for _ in range(30)]
    for origin, hold in made:
        ledger.hold(owner, origin, hold)
    ids = [hold.attempt_id for _, hold in made]
    ledger.claim(owner, ids[:20], worker="w", lease_s=-1)
    Attempt.objects.filter(pk__in=ids[20:]).update(lease_until=datetime(2026, 1, 1, tzinfo=UTC))

    def sweep(_: int) -> None:
        with books.connect() as own:
            ledger.sweep(own, open_limit_s=600)

    def settle(origin: Origin, hold: Hold) -> None:
        told: Settlement = books.settlement(hold.attempt_id, 1)
        with books.connect() as own:
            if not ledger.settle(own, [told]):
                assert ledger.adopt(own, origin, hold, told)

    with ThreadPoolExecutor(6) as pool:
        sweeps = [pool.submit(sweep, number) for number in range(3)]
        late = [pool.submit(settle, *each) for each in made]
        for future in sweeps + late:
            future.result()
    assert windows(budget) == [(30, 0)]
    assert not Attempt.objects.exclude(state="settled", cost=1).exists()
    assert ledger.checks(owner) == []
