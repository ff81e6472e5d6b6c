"""No interleaving spends above a cap, nobody waits for ever, and a crash leaves the books right."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from uuid import UUID

import psycopg
import pytest
from django.db.models import F

from analytics import ledger
from analytics.lookup import Connection
from analytics.models import Attempt, Budget, BudgetWindow, LedgerRow
from analytics.values import Held
from tests.analytics import books
from tests.analytics.books import Book

CALLERS = 64


def over_the_cap() -> bool:
    spent = F("settled") + F("held")
    return BudgetWindow.objects.filter(budget__limit_usd__lt=spent).exists()


@pytest.mark.parametrize("others", [0, 2])
def test_exactly_as_many_are_admitted_as_there_is_room(
    book: Book, connection: Connection, others: int
) -> None:
    """The windows do not exist yet either, so that making them races too."""
    start = Barrier(CALLERS)

    def call(budgets: list[Budget]) -> bool:
        with books.connect() as own:
            start.wait()
            wanted = books.hold(1, *map(books.span, budgets))
            return ledger.hold(own, book.origin(), wanted) == Held()

    with ThreadPoolExecutor(CALLERS) as pool:
        for _ in range(5):
            budgets = [book.budget(10), *(book.budget(1000) for _ in range(others))]
            orders = [random.sample(budgets, len(budgets)) for _ in range(CALLERS)]
            assert sum(pool.map(call, orders)) == 10
    assert ledger.checks(connection) == []
    assert not over_the_cap()


def test_overlapping_windows_never_wait_for_each_other_in_a_circle(
    book: Book, connection: Connection
) -> None:
    budgets = [book.budget(10**6) for _ in range(5)]

    def work(seed: int) -> None:
        chance = random.Random(seed)
        with books.connect() as own:
            for _ in range(15):
                _batch(own, book, budgets, chance)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(12)))
    assert not Attempt.objects.filter(state__in=["held", "running"]).exists()
    assert ledger.checks(connection) == []


def _batch(
    connection: Connection, book: Book, budgets: list[Budget], chance: random.Random
) -> None:
    """Some holds of two requests over random windows, then all settled or released at once."""
    origins, made = [book.origin(), book.origin()], list[UUID]()
    for number in range(4):
        chosen = chance.sample(budgets, chance.randint(1, 4))
        wanted = books.hold(1, *map(books.span, chosen), number=number)
        assert ledger.hold(connection, origins[number % 2], wanted) == Held()
        made.append(wanted.attempt_id)
    chance.shuffle(made)
    ledger.claim(connection, made, worker="w", lease_s=9)
    ledger.settle(connection, [books.settlement(attempt, 1) for attempt in made[:3]])
    ledger.release(connection, made[3:])


def test_one_attempt_settled_from_everywhere_is_charged_once(
    book: Book, connection: Connection
) -> None:
    budget = book.budget(1000)
    made = [books.hold(1, books.span(budget)) for _ in range(20)]
    for hold in made:
        ledger.hold(connection, book.origin(), hold)

    def settle(seed: int) -> int:
        told = [books.settlement(hold.attempt_id, 1) for hold in made]
        random.Random(seed).shuffle(told)
        with books.connect() as own:
            return len(ledger.settle(own, told))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(settle, range(8))) == len(made)
    assert LedgerRow.objects.count() == len(made)
    assert ledger.checks(connection) == []


def test_sessions_killed_half_way_leave_the_books_right(book: Book, connection: Connection) -> None:
    budgets = [book.budget(20), book.budget(10**6)]

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(10):
            with suppress(psycopg.OperationalError), books.connect() as own:
                _live_dangerously(own, book, budgets, chance)

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(work, seed) for seed in range(8)]
        while not all(future.done() for future in running):
            _kill_somebody(connection)
            assert not over_the_cap()
        for future in running:
            future.result()
    Attempt.objects.update(lease_until=F("created_at"))
    ledger.sweep(connection, open_limit_s=0)
    assert not Attempt.objects.filter(state__in=["held", "running"]).exists()
    assert ledger.checks(connection) == []
    assert not over_the_cap()


def _live_dangerously(
    connection: Connection, book: Book, budgets: list[Budget], chance: random.Random
) -> None:
    wanted = books.hold(1, *map(books.span, budgets))
    if ledger.hold(connection, book.origin(), wanted) == Held():
        ledger.claim(connection, [wanted.attempt_id], worker="w", lease_s=9)
        if chance.random() < 0.5:
            ledger.settle(connection, [books.settlement(wanted.attempt_id, "0.25")])
        elif chance.random() < 0.5:
            ledger.release(connection, [wanted.attempt_id])


def _kill_somebody(connection: Connection) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'books' "
        "AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
    )


def test_sweepers_beside_each_other_and_a_late_owner(
    book: Book, connect: Callable[[], Connection]
) -> None:
    budget, owner = book.budget(1000), connect()
    made = [books.hold(1, books.span(budget), lease_s=0) for _ in range(40)]
    for hold in made:
        ledger.hold(owner, book.origin(), hold)
    Attempt.objects.filter(pk__in=[hold.attempt_id for hold in made[:20]]).update(state="running")

    def sweep(_: int) -> int:
        with books.connect() as own:
            swept = ledger.sweep(own, open_limit_s=600)
            return swept.released + swept.settled

    told = [books.settlement(hold.attempt_id, "0.5") for hold in made]
    with ThreadPoolExecutor(5) as pool:
        sweeps = [pool.submit(sweep, number) for number in range(4)]
        late = pool.submit(ledger.settle, owner, told)
        assert sum(future.result() for future in sweeps) + len(late.result()) == 40
    assert ledger.checks(owner) == []
