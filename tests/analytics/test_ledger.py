"""What each verb of the book promises, one at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection as django_connection

from analytics import ledger, tasks
from analytics.lookup import Connection
from analytics.models import Attempt, Budget, BudgetWindow, Exchange, LedgerRow, Price
from analytics.values import Held, Origin, Outcome, Progress, Refused, Settlement
from tests.analytics import books
from tests.analytics.books import Book


def held(connection: Connection, origin: Origin, amount: str, *budgets: Budget) -> UUID:
    wanted = books.hold(amount, *(books.span(budget) for budget in budgets))
    assert ledger.hold(connection, origin, wanted) == Held()
    return wanted.attempt_id


def window(budget: Budget) -> BudgetWindow:
    return BudgetWindow.objects.get(budget=budget)


def test_a_hold_stands_in_every_window(book: Book, connection: Connection) -> None:
    budgets = [book.budget(10), book.budget(5)]
    origin = book.origin(tags={"a": "b"}, end_user="ann")
    attempt = Attempt.objects.get(pk=held(connection, origin, "4", *budgets))
    assert [window(budget).held for budget in budgets] == [4, 4]
    assert attempt.window_ids == [window(budget).pk for budget in budgets]
    exchange = Exchange.objects.get(pk=origin.exchange_id)
    assert (exchange.state, exchange.tags, exchange.end_user) == ("open", {"a": "b"}, "ann")
    assert ledger.checks(connection) == []


def test_a_refused_hold_says_which_window_and_changes_none(
    book: Book, connection: Connection
) -> None:
    wide, narrow = book.budget(10), book.budget(5)
    narrower = book.budget(4, name="narrower")
    origin = book.origin()
    answer = ledger.hold(
        connection, origin, books.hold("5.000000000001", *map(books.span, (narrower, narrow, wide)))
    )
    assert answer == Refused(
        budget_id=narrower.pk,
        budget="narrower",
        scope="team",
        scope_id=str(book.team.pk),
        limit_usd=Decimal(4),
        settled=Decimal(0),
        held=Decimal(0),
        resets_at=books.ENDS,
    )
    assert [window(budget).held for budget in (wide, narrow, narrower)] == [0, 0, 0]
    assert not Attempt.objects.exists()
    assert Exchange.objects.get(pk=origin.exchange_id).state == "open"


def test_the_limit_in_the_table_decides(book: Book, connection: Connection) -> None:
    budget = book.budget(1)
    held(connection, book.origin(), "1", budget)
    Budget.objects.filter(pk=budget.pk).update(limit_usd=2)
    held(connection, book.origin(), "1", budget)
    assert isinstance(
        ledger.hold(connection, book.origin(), books.hold("0.1", books.span(budget))), Refused
    )


@pytest.mark.parametrize("terms", [{"mode": "shadow"}, {"enabled": False}])
def test_a_budget_that_only_watches_never_refuses(
    book: Book, connection: Connection, terms: dict[str, object]
) -> None:
    wanted = books.hold("7", books.span(book.budget(1, **terms)))
    answer = ledger.hold(connection, book.origin(), wanted)
    assert isinstance(answer, Held)
    assert len(answer.shadow) == ("mode" in terms)
    assert Attempt.objects.get().state == "held"
    assert ledger.checks(connection) == []


def test_what_costs_nothing_goes_through_a_spent_budget(book: Book, connection: Connection) -> None:
    budget = book.budget(1)
    attempt = held(connection, book.origin(), "1", budget)
    ledger.settle(connection, [books.settlement(attempt, 3)])
    held(connection, book.origin(), "0", budget)


def test_a_budget_deleted_meanwhile_holds_nothing(book: Book, connection: Connection) -> None:
    gone, kept = book.budget(1), book.budget(1)
    attempt = books.hold("1", books.span(gone), books.span(kept))
    gone_id, span = gone.pk, books.span(gone)
    gone.delete()
    assert ledger.hold(connection, book.origin(), attempt) == Held()
    assert window(kept).held == 1
    assert not BudgetWindow.objects.filter(budget_id=gone_id).exists()
    assert ledger.hold(connection, book.origin(), books.hold("9", span)) == Held()


def test_settling_after_a_budget_was_deleted(book: Book, connection: Connection) -> None:
    budget = book.budget(1)
    attempt = held(connection, book.origin(), "1", budget)
    budget.delete()
    assert ledger.settle(connection, [books.settlement(attempt, 1)]) == {attempt}


def test_an_attempt_is_claimed_once_and_only_while_its_lease_lasts(
    book: Book, connection: Connection
) -> None:
    fresh, stale = books.hold(1), books.hold(1, lease_s=-1)
    for hold in (fresh, stale):
        ledger.hold(connection, book.origin(), hold)
    ids = [stale.attempt_id, fresh.attempt_id, uuid4()]
    assert ledger.claim(connection, ids, worker="one", lease_s=5) == {fresh.attempt_id}
    assert ledger.claim(connection, ids, worker="two", lease_s=5) == set()
    assert Attempt.objects.get(pk=fresh.attempt_id).worker == "one"


def test_renewing_lasts_until_the_end(book: Book, connection: Connection) -> None:
    attempt = held(connection, book.origin(), "1")
    assert ledger.renew(connection, [Progress(attempt_id=attempt)], lease_s=60) == {attempt}
    until = Attempt.objects.get(pk=attempt).lease_until
    assert timedelta(seconds=50) < until - datetime.now(UTC) < timedelta(seconds=61)
    ledger.release(connection, [attempt])
    assert ledger.renew(connection, [Progress(attempt_id=attempt)], lease_s=60) == set()


def test_a_settlement_moves_what_was_held_to_what_was_spent(
    book: Book, connection: Connection
) -> None:
    budget, origin = book.budget(10), book.origin(tags={"a": "b"}, end_user="ann")
    attempt = held(connection, origin, "4", budget)
    told = books.settlement(
        attempt, "0.000000000037", prompt_tokens=3, completion_tokens=2, cached_tokens=1, note="n"
    )
    assert ledger.settle(connection, [told]) == {attempt}
    assert (window(budget).held, window(budget).settled) == (0, Decimal("0.000000000037"))
    row = LedgerRow.objects.get()
    assert (row.kind, row.attempt_id, row.team, row.tags) == (
        "settlement",
        attempt,
        book.team.name,
        {"a": "b"},
    )
    assert (row.cost, row.prompt_tokens, row.note) == (told.cost, 3, "n")
    exchange = Exchange.objects.get()
    assert (exchange.cost, exchange.prompt_tokens, exchange.cached_tokens) == (told.cost, 3, 1)
    assert ledger.checks(connection) == []


def test_computing_of_our_own_is_in_attempt_and_ledger(book: Book, connection: Connection) -> None:
    attempts = [held(connection, book.origin(), "4") for _ in range(2)]
    told = books.settlement(attempts[0], 1, compute_s=Decimal("0.123456789"))
    ledger.settle(connection, [told, books.settlement(attempts[1], 1)])
    took = [Attempt.objects.get(pk=attempt).compute_s for attempt in attempts]
    booked = LedgerRow.objects.order_by("id").values_list("compute_s", flat=True)
    assert took == sorted(booked, reverse=True) == [told.compute_s, 0]


def test_settling_again_changes_nothing(book: Book, connection: Connection) -> None:
    attempt = held(connection, book.origin(), "4", book.budget(10))
    twice = [books.settlement(attempt, 1), books.settlement(attempt, 2)]
    assert ledger.settle(connection, twice) == {attempt}
    assert ledger.settle(connection, twice) == set()
    assert ledger.release(connection, [attempt]) == set()
    assert [row.cost for row in LedgerRow.objects.all()] == [1]
    assert ledger.checks(connection) == []


def test_more_than_was_held_is_the_truth(book: Book, connection: Connection) -> None:
    budget = book.budget(10)
    attempt = held(connection, book.origin(), "4", budget)
    ledger.settle(connection, [books.settlement(attempt, 40)])
    assert (window(budget).held, window(budget).settled) == (0, 40)
    refused = ledger.hold(connection, book.origin(), books.hold("0.01", books.span(budget)))
    assert isinstance(refused, Refused)


def test_every_attempt_of_a_request_is_on_its_receipt(book: Book, connection: Connection) -> None:
    origin = book.origin()
    first, second = books.hold(1, number=1), books.hold(1, number=2)
    for hold in (first, second):
        ledger.hold(connection, origin, hold)
    ledger.settle(connection, [books.settlement(second.attempt_id, 2, prompt_tokens=20)])
    ledger.settle(connection, [books.settlement(first.attempt_id, 1, prompt_tokens=10)])
    exchange = Exchange.objects.get()
    assert (exchange.cost, exchange.prompt_tokens) == (3, 20)


def test_a_release_gives_back_what_was_held(book: Book, connection: Connection) -> None:
    budget = book.budget(4)
    attempt = held(connection, book.origin(), "4", budget)
    assert ledger.release(connection, [attempt, uuid4()], failure="refused") == {attempt}
    assert ledger.settle(connection, [books.settlement(attempt, 1)]) == set()
    assert Attempt.objects.get().failure == "refused"
    held(connection, book.origin(), "4", budget)


def test_only_what_nobody_claimed_is_withdrawn(book: Book, connection: Connection) -> None:
    claimed, unclaimed = held(connection, book.origin(), "1"), held(connection, book.origin(), "1")
    ledger.claim(connection, [claimed], worker="w", lease_s=9)
    assert ledger.withdraw(connection, [claimed, unclaimed], failure="bus") == {unclaimed}
    assert Attempt.objects.get(pk=claimed).state == "running"


def test_a_hit_is_receipt_and_ledger_row_in_one(book: Book, connection: Connection) -> None:
    origin = book.origin(end_user="nul\0here")
    outcome = books.answered(saved=Decimal("0.5"), prompt_tokens=7, receipt={"said": "a\0b"})
    for _ in range(2):
        ledger.record_hit(connection, origin, outcome, note="exact")
    exchange, row = Exchange.objects.get(), LedgerRow.objects.get()
    assert (exchange.state, exchange.saved, exchange.receipt) == (
        "answered",
        Decimal("0.5"),
        {"said": "a\ufffdb"},
    )
    assert (row.kind, row.cost, row.saved, row.prompt_tokens) == ("hit", 0, Decimal("0.5"), 7)
    assert row.end_user == "nul\ufffdhere"
    assert ledger.checks(connection) == []


def test_a_hit_may_save_a_request_whose_attempts_failed(book: Book, connection: Connection) -> None:
    origin = book.origin()
    attempt = held(connection, origin, "1")
    ledger.settle(connection, [books.settlement(attempt, 1, prompt_tokens=3)])
    ledger.record_hit(connection, origin, books.answered(saved=Decimal(2)))
    exchange = Exchange.objects.get()
    assert (exchange.state, exchange.cost, exchange.saved) == ("answered", 1, 2)
    assert ledger.checks(connection) == []


def test_many_hits_in_one_go_are_as_many_one_by_one(book: Book, connection: Connection) -> None:
    outcome = books.answered(
        saved=Decimal("0.000000000001"),
        prompt_tokens=3,
        first_content_ms=1.5,
        receipt={"said": "a\0b", "cost": Decimal("0.1")},
    )
    one, two = book.origin(tags={"a": "b"}, end_user="nul\0"), book.origin(tags={"a": "b"})
    ledger.record_hit(connection, one, outcome, note="n")
    many = [(two, outcome, "n"), (two, books.answered(), "again"), (one, outcome, "n")]
    ledger.record_hits(connection, [*many, *((book.origin(), outcome, "") for _ in range(20))])
    ledger.record_hits(connection, [])
    assert LedgerRow.objects.filter(kind="hit").count() == 22
    names = ("tags", "status", "saved", "prompt_tokens", "first_content_ms", "receipt", "tier")
    rows = Exchange.objects.filter(pk__in=[one.exchange_id, two.exchange_id]).values(*names)
    assert rows[0] == rows[1]
    booked = LedgerRow.objects.filter(note="n").values("saved", "tags", "team", "backend", "cost")
    assert len(booked) == 2
    assert booked[0] == booked[1]
    assert ledger.checks(connection) == []


def test_closing_writes_how_it_ended_once(book: Book, connection: Connection) -> None:
    origin = book.origin()
    attempt = held(connection, origin, "1")
    ledger.settle(connection, [books.settlement(attempt, 1, prompt_tokens=3)])
    assert ledger.close(connection, origin, books.answered(reason="policy", attempts=1))
    assert not ledger.close(connection, origin, Outcome(state="failed", status=502))
    exchange = Exchange.objects.get()
    assert (exchange.state, exchange.reason, exchange.cost, exchange.prompt_tokens) == (
        "answered",
        "policy",
        1,
        3,
    )


def test_closing_a_request_that_never_held(book: Book, connection: Connection) -> None:
    failed = Outcome(state="failed", status=403, error_code="not_allowed")
    assert ledger.close(connection, book.origin(), failed)
    assert Exchange.objects.get().error_code == "not_allowed"


def test_a_sweep_ends_what_its_owner_left(book: Book, connection: Connection) -> None:
    budget, origin = book.budget(10), book.origin()
    unclaimed = books.hold(1, books.span(budget), number=1, lease_s=-1)
    silent = books.hold(2, books.span(budget), number=2)
    alive = books.hold(4, books.span(budget), number=3)
    for hold in (unclaimed, silent, alive):
        ledger.hold(connection, origin, hold)
    ledger.claim(connection, [silent.attempt_id], worker="dead", lease_s=-1)
    assert ledger.sweep(connection, open_limit_s=0) == ledger.Swept(released=1, settled=1)
    assert ledger.sweep(connection, open_limit_s=0) == ledger.Swept()
    assert (window(budget).held, window(budget).settled) == (4, 2)
    row = LedgerRow.objects.get()
    assert (row.cost, row.unconfirmed, row.estimated, row.note) == (
        2,
        True,
        True,
        ledger.UNCONFIRMED,
    )
    assert ledger.checks(connection) == []


PER_SECOND = Decimal("0.00001")


@pytest.mark.parametrize(("held_usd", "token_usd", "is_timed"),
                         [("1", 0, True), ("0.00001", 0, False), ("1", 5, False)])  # fmt: skip
def test_seconds_of_our_own_that_nobody_counted_are_those_until_the_last_sign_of_life(
    book: Book, connection: Connection, held_usd: str, token_usd: int, is_timed: bool
) -> None:
    """Never more than the hold, and no guess where a provider may bill tokens."""
    price = Price.objects.create(
        backend="mini", price_in=0, price_out=token_usd, price_cached_in=0,
        price_compute_s=PER_SECOND,
    )  # fmt: skip
    budget = book.budget(10)
    held = replace(books.hold(held_usd, books.span(budget)), price_id=price.pk)
    ledger.hold(connection, book.origin(), held)
    ledger.claim(connection, [held.attempt_id], worker="dead", lease_s=-1)
    Attempt.objects.update(
        created_at=datetime.now(UTC) - timedelta(seconds=60),
        lease_until=datetime.now(UTC) - timedelta(seconds=20),
    )
    assert ledger.sweep(connection, open_limit_s=600, lease_s=15).settled == 1
    row = LedgerRow.objects.get()
    assert (row.unconfirmed, row.estimated) == (True, True)
    if is_timed:
        assert 29.9 < row.compute_s < 30.1, "40 s of leases, two thirds of the last unused"
        assert row.cost == row.compute_s * PER_SECOND
        assert row.note == ledger.UNTIMED
    else:
        assert (row.cost, row.compute_s) == (Decimal(held_usd), 0)
    assert (window(budget).held, window(budget).settled) == (0, row.cost)
    assert ledger.checks(connection) == []


def test_a_request_nobody_ends_is_lost_and_may_still_be_found(
    book: Book, connection: Connection
) -> None:
    origin = book.origin(at=datetime.now(UTC) - timedelta(seconds=60))
    attempt = held(connection, origin, "1")
    assert ledger.sweep(connection, open_limit_s=30).lost == 0
    ledger.release(connection, [attempt])
    assert ledger.sweep(connection, open_limit_s=90).lost == 0
    assert ledger.sweep(connection, open_limit_s=30).lost == 1
    assert (Exchange.objects.get().state, Exchange.objects.get().status) == ("lost", 503)
    assert ledger.close(connection, origin, books.answered())
    assert Exchange.objects.get().state == "answered"


def test_a_request_whose_web_process_died_is_lost_soon_after_its_last_attempt(
    book: Book, connection: Connection
) -> None:
    attempt = held(connection, book.origin(), "1")
    assert ledger.sweep(connection, open_limit_s=600, forgotten_s=0).lost == 0
    ledger.settle(connection, [books.settlement(attempt, "1")])
    assert ledger.sweep(connection, open_limit_s=600).lost == 0
    assert ledger.sweep(connection, open_limit_s=600, forgotten_s=0).lost == 1


def test_the_ledger_is_never_edited(book: Book, connection: Connection) -> None:
    ledger.record_hit(connection, book.origin(), books.answered())
    for forbidden in (
        "UPDATE analytics_ledgerrow SET note = 'other'",
        "DELETE FROM analytics_ledgerrow",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(forbidden.encode())


@pytest.mark.parametrize(
    ("wound", "complaint"),
    [
        ("UPDATE analytics_budgetwindow SET settled = settled + 1", "settled"),
        ("UPDATE analytics_budgetwindow SET held = held + 1", "held"),
        ("UPDATE analytics_exchange SET cost = cost + 1", "receipt"),
        ("UPDATE analytics_attempt SET state = 'released'", "settlement"),
    ],
)
def test_checks_find_a_wrong_figure(
    book: Book, connection: Connection, wound: str, complaint: str
) -> None:
    attempt = held(connection, book.origin(), "1", book.budget(10))
    ledger.settle(connection, [books.settlement(attempt, 1)])
    connection.execute(wound.encode())
    assert complaint in " ".join(ledger.checks(connection))


def test_settlements_of_nobody(connection: Connection) -> None:
    unknown = Settlement(attempt_id=uuid4(), cost=Decimal(1))
    assert ledger.settle(connection, [unknown]) == set()
    assert ledger.settle(connection, []) == set()


def test_the_command_says_whether_the_books_balance(
    book: Book, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    held(connection, book.origin(), "1", book.budget(10))
    call_command("books", "--check")
    assert "balance" in capsys.readouterr().out
    BudgetWindow.objects.update(held=2)
    with pytest.raises(CommandError, match="1 figures"):
        call_command("books", "--check")
    assert "says held 2" in capsys.readouterr().out


def test_the_sweep_runs_as_a_task(book: Book, connection: Connection) -> None:
    attempt = books.hold(1, lease_s=-1)
    ledger.hold(connection, book.origin(), attempt)
    tasks.sweep()
    assert Attempt.objects.get().state == "released"


def test_the_sweeper_connects_with_every_word_of_the_databases_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Above all with its `sslmode`, which a check of the name alone would not miss."""
    given = django_connection.settings_dict["OPTIONS"]
    words = {**given, "application_name": "the book", "sslmode": "disable"}
    monkeypatch.setitem(django_connection.settings_dict, "OPTIONS", words)
    with tasks.connect() as connection:
        assert connection.info.get_parameters()["sslmode"] == "disable"
        assert connection.info.get_parameters()["application_name"] == "the book"


def test_a_database_that_is_away_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(django_connection.settings_dict, "HOST", "/nonexistent")
    with pytest.raises(CommandError, match="does not answer"):
        call_command("books", "--check")
