"""What an answer cost is in the book, also when the database forgot who was running it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest

from analytics import ledger
from analytics.models import Attempt, Budget, BudgetWindow, Exchange, LedgerRow, Price
from routing import papers
from routing.clerk import Clerk
from routing.models import Backend
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.analytics import books
from tests.analytics.books import Book
from tests.routing import inside
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)

SLOW = {"first_token_ms": 600, "token_ms": 1}
BODY = {"model": "slow", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def key() -> str:
    organisation = Organisation.objects.create(name="Acme")
    team = Team.objects.create(organisation=organisation, name="red")
    Budget.objects.create(
        organisation=organisation, name="cap", scope="team", scope_id=str(team.pk), limit_usd=5
    )
    Price.objects.create(backend="slow", price_in=1, price_out=2, price_cached_in=1)
    Backend.objects.create(name="slow", kind="sandbox", model="slow", options=SLOW)
    return keys.issue(team, name="app", scopes=[Scope.INFER]).text


def crash() -> None:
    """What had not reached the disk is gone: request, hold and what stood in the window."""
    LedgerRow.objects.all().delete()
    Attempt.objects.all().delete()
    Exchange.objects.all().delete()
    BudgetWindow.objects.all().delete()


def silence() -> None:
    """The worker's lease ends, and the sweeper settles at the worst case."""
    with books.connect() as connection:
        connection.execute("UPDATE analytics_attempt SET lease_until = now()")
        assert ledger.sweep(connection, open_limit_s=600).settled == 1


@pytest.mark.parametrize(
    ("trouble", "kinds"), [(crash, ["settlement"]), (silence, ["settlement", "correction"])]
)
def test_the_cost_of_an_answer_outlives(
    key: str, trouble: Callable[[], None], kinds: list[str]
) -> None:
    headers = [(b"authorization", f"Bearer {key}".encode()), (b"x-kora-tags", b"a=b")]
    with inside.opened() as kora, ThreadPoolExecutor(1) as pool:
        asking = pool.submit(kora.ask, orjson.dumps(BODY), headers=headers)
        running = Attempt.objects.filter(state="running")
        eventually(running.exists, within_s=5, what="a running call")
        trouble()
        assert asking.result(10).status == 200
        eventually(Exchange.objects.filter(state="answered").exists, within_s=5, what="an end")
    rows, exchange = LedgerRow.objects.order_by("id"), Exchange.objects.get()
    assert [row.kind for row in rows] == kinds
    assert {row.price_id for row in rows} == {Price.objects.get().pk}
    spent = exchange.prompt_tokens * Decimal("1e-6") + exchange.completion_tokens * Decimal("2e-6")
    assert sum(row.cost for row in rows) == exchange.cost == spent > 0
    assert BudgetWindow.objects.get().settled == spent
    assert exchange.tags == {"a": "b"}
    with books.connect() as connection:
        assert ledger.checks(connection) == []


def settle(*told: tuple[Any, Any]) -> list[bool | BaseException]:
    clerk = Clerk(worker="w", lease_s=15)
    clerk.start()

    async def ask() -> list[bool | BaseException]:
        asked = [clerk.settle(settlement, packed) for settlement, packed in told]
        return await asyncio.gather(*asked, return_exceptions=True)

    try:
        return asyncio.run(ask())
    finally:
        clerk.stop(patience_s=5)
        assert not [thread for thread in threading.enumerate() if thread.name == "clerk"]


def packed(book: Book, **words: Any) -> papers.Packed:
    facts: dict[str, Any] = {"backend": "sandbox", "tier": "cloud", "price_id": None, "spans": []}
    said = {"origin": book.origin(), "number": 1, **facts, **words}
    found: papers.Packed = orjson.loads(orjson.dumps(said))
    return found


def test_one_that_cannot_be_booked_takes_no_other_with_it() -> None:
    book = Book.open()
    live, origin = books.hold(1), book.origin()
    with books.connect() as connection:
        ledger.hold(connection, origin, live)
        nobody, lost = uuid4(), uuid4()
        taken = packed(book, origin=origin)
        answers = settle(
            (books.settlement(live.attempt_id, 1), {}),
            (books.settlement(nobody, 1), {}),
            (books.settlement(uuid4(), 1), taken),
            (books.settlement(lost, 1), packed(book)),
        )
        assert [answer for answer in answers if isinstance(answer, bool)] == [True, False, True]
        assert isinstance(answers[2], psycopg.errors.UniqueViolation)
        assert ledger.checks(connection) == []
    assert set(LedgerRow.objects.values_list("attempt_id", flat=True)) == {live.attempt_id, lost}
