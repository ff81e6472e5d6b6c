"""Open breakers: what the console says, whom alerts tell, what probes find."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone
from redis import Redis

from analytics import ledger, reports
from analytics.models import Alert, Attempt, Exchange, LedgerRow, Price
from analytics.values import PriceTag
from routing import (
    allowances,
    catalog,
    condition,
    connections,
    probing,
    targets,
    tasks,
    tending,
)
from routing.failover import breakers, circuits
from routing.failover.circuits import Circuit
from routing.models import Backend, BackendKey, Health
from routing.policy.values import UNPRICED
from teams.models import Member, Organisation
from tests.analytics import books
from tests.inference import provider
from tests.inference.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store(transactional_db: None) -> Iterator[Redis]:
    Organisation.objects.create(name="Acme")
    with Redis.from_url(settings.SERVICES.redis_url) as client:
        client.delete(breakers.KEY)
        yield client
        client.delete(breakers.KEY)
    breakers.forget()
    connections.drop()


@pytest.fixture
def upstream(settings: Any) -> Iterator[Provider]:
    settings.KORA_ALLOW_PRIVATE_UPSTREAMS = frozenset({"127.0.0.1"})
    with provider.in_thread() as serving:
        yield serving
    targets._known.clear()
    connections.drop()


def made(**facts: Any) -> Backend:
    return Backend.objects.create(**{"name": "out", "kind": "sandbox", "model": "m", **facts})


def opened(store: Redis, row: Backend, *, ago_s: float = 1.0, why: str = "server") -> None:
    now = time.time()
    circuit = Circuit(
        version=row.updated_at.isoformat(), name=row.name, is_open=True, why=why,
        until=now + 10, open_s=10, opened_at=now - ago_s, changed_at=now - 1,
    )  # fmt: skip
    store.hset(breakers.KEY, str(row.pk), circuits.write(circuit))


def closed(store: Redis, row: Backend) -> None:
    well = Circuit(version=row.updated_at.isoformat(), name=row.name)
    store.hset(breakers.KEY, str(row.pk), circuits.write(well))


def standing(store: Redis, row: Backend) -> str:
    raw: Any = store.hget(breakers.KEY, str(row.pk))
    return circuits.state(circuits.read(raw), time.time())


def test_the_console_says_that_a_breaker_is_open_and_that_it_is_not_any_more(store: Redis) -> None:
    row = made()
    opened(store, row)
    assert tending.tend() == 1
    shown = condition.of(Backend.objects.select_related("health").get())
    assert (shown.word, shown.look, shown.state) == ("breaker open", "bad", "failing")
    assert "server" in shown.message
    assert not catalog.card(Backend.objects.get(), UNPRICED).failing, "else nobody tries it"
    closed(store, row)
    assert tending.tend() == 0
    assert (Health.objects.get().state, Health.objects.get().message) == ("healthy", "")


def test_what_a_test_has_said_stands(store: Redis) -> None:
    row = made()
    Health.objects.create(backend=row, state="failing", message="server: no", checked_at=None)
    opened(store, row)
    tending.tend()
    assert Health.objects.get().message == "server: no"


def test_people_are_told_after_a_minute_once_and_told_that_it_is_over(store: Redis) -> None:
    row = made()
    opened(store, row, ago_s=30)
    tending.tend()
    assert not Alert.objects.exists()
    opened(store, row, ago_s=90)
    for _ in range(2):
        tending.tend()
    alert = Alert.objects.get()
    assert (alert.kind, alert.severity, alert.resolved_at) == ("backend", "critical", None)
    assert "out" in alert.title
    closed(store, row)
    tending.tend()
    assert Alert.objects.get().resolved_at is not None


def test_a_refused_key_is_told_until_it_is_mended(store: Redis) -> None:
    row = made(kind="cloud")
    key = BackendKey.objects.create(
        backend=row, label="second", secret_sealed="x", refused_at=timezone.now(), refusal="402"
    )
    tending.tend()
    assert "second" in Alert.objects.get().title
    BackendKey.objects.filter(pk=key.pk).update(refused_at=None)
    tending.tend()
    assert Alert.objects.get().resolved_at is not None


@pytest.mark.parametrize(
    ("path", "state"), [("ok", circuits.HALF_OPEN), ("gone", circuits.OPEN)], ids=["well", "away"]
)
def test_a_probe_that_costs_nothing_decides_whether_somebody_may_try_it_early(
    store: Redis, upstream: Provider, path: str, state: str
) -> None:
    address = upstream.api_base(path) if path == "ok" else "http://127.0.0.1:9/v1"
    row = made(kind="openai-compatible", api_base=address)
    opened(store, row)
    tending.tend()
    assert standing(store, row) == state


def test_settings_that_were_changed_are_not_judged_by_what_was_before(store: Redis) -> None:
    row = made()
    opened(store, row)
    row.save()
    assert tending.tend() == 0


# Probes that are paid

WORST = Decimal("0.065")
"""Of one at the prices below: 64 tokens read, one written."""


def priced(row: Backend) -> None:
    Price.objects.create(backend=row.name, price_in=1000, price_out=1000, price_cached_in=1000)


def paid(row: Backend) -> None:
    """As a worker of the queue `cloud` does it."""
    tending.probe(row.pk)


def made_to_pay(store: Redis, usd: float, **facts: Any) -> Backend:
    options = {"token_ms": 0, **facts.pop("options", {}), allowances.OPTION: usd}
    row = made(options=options, **facts)
    priced(row)
    opened(store, row)
    store.delete(f"{tending.TURN}{row.pk}")
    return row


def in_order() -> None:
    with books.connect() as connection:
        assert ledger.checks(connection) == []


def test_one_paid_token_lets_somebody_try_it_early_and_stands_in_the_book(store: Redis) -> None:
    row = made_to_pay(store, 1)
    tending.tend(pay=paid)
    assert standing(store, row) == circuits.HALF_OPEN
    booked = LedgerRow.objects.get()
    assert (booked.kind, booked.tier, booked.backend) == ("settlement", "judge", "out")
    assert (booked.note, booked.completion_tokens, booked.team) == ("probe", 1, "KORA")
    told = Exchange.objects.get()
    assert (told.state, told.reason, told.cost) == ("answered", "judge:probe", booked.cost)
    assert 0 < booked.cost <= WORST
    in_order()


def test_nothing_is_spent_that_nobody_allowed(store: Redis) -> None:
    row = made_to_pay(store, 0)
    tending.tend(pay=paid)
    assert standing(store, row) == circuits.OPEN
    assert not Exchange.objects.exists()


def test_nothing_is_spent_where_nobody_knows_what_it_costs(store: Redis) -> None:
    row = made_to_pay(store, 1)
    Price.objects.all().delete()
    tending.tend(pay=paid)
    assert standing(store, row) == circuits.OPEN
    assert not Exchange.objects.exists()


def test_a_days_probes_stay_within_their_allowance_worst_case_included(store: Redis) -> None:
    row = made_to_pay(store, float(WORST))
    for _ in range(3):
        opened(store, row)
        store.delete(f"{tending.TURN}{row.pk}")
        tending.tend(pay=paid)
    assert LedgerRow.objects.count() == 1, "what is left has no room for another at its worst"
    assert standing(store, row) == circuits.OPEN
    yesterday = timezone.now() - timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE analytics_ledgerrow DISABLE TRIGGER USER")
        cursor.execute("UPDATE analytics_ledgerrow SET at = %s", [yesterday])
        cursor.execute("ALTER TABLE analytics_ledgerrow ENABLE TRIGGER USER")
    store.delete(f"{tending.TURN}{row.pk}")
    tending.tend(pay=paid)
    assert LedgerRow.objects.count() == 2, "another day, another allowance"


def test_what_is_held_for_one_counts_until_it_is_settled(store: Redis) -> None:
    row = made_to_pay(store, float(WORST))
    with books.connect() as mine:
        ledger.hold(mine, probing._origin(row), probing._hold(row, _price()))
    tending.tend(pay=paid)
    assert Attempt.objects.count() == 1


def _price() -> PriceTag:
    return reports.prices_in_force(timezone.now())["out"]


def test_it_is_asked_no_more_often_than_its_breaker_rests(store: Redis) -> None:
    row = made_to_pay(store, 1)
    asked = []

    def pay(one: Backend) -> None:
        asked.append(one.name)
        paid(one)

    for _ in range(4):
        opened(store, row)
        tending.tend(pay=pay)
        tending.probe(row.pk)
    assert (asked, Exchange.objects.count()) == (["out"], 1)


def test_one_that_fails_again_is_left_alone_and_costs_what_its_provider_bills(
    store: Redis,
) -> None:
    row = made_to_pay(store, 1, options={"fail": "server_error"})
    tending.tend(pay=paid)
    assert standing(store, row) == circuits.OPEN
    assert not LedgerRow.objects.filter(cost__gt=0).exists()
    assert (Attempt.objects.get().state, Attempt.objects.get().failure) == ("released", "server")
    assert Exchange.objects.get().state == "failed"
    in_order()


def test_one_that_refuses_what_is_asked_is_there_again(store: Redis) -> None:
    row = made_to_pay(store, 1, options={"fail": "context"})
    tending.tend(pay=paid)
    assert standing(store, row) == circuits.HALF_OPEN


def test_one_that_is_silent_is_charged_for_what_it_may_have_read(
    store: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "CALL_S", 0.2)
    row = made_to_pay(store, 1, options={"first_token_ms": 60_000})
    tending.tend(pay=paid)
    assert standing(store, row) == circuits.OPEN
    booked = LedgerRow.objects.get()
    assert (booked.note, booked.estimated, booked.unconfirmed) == ("probe", True, True)
    assert booked.cost > 0
    in_order()


def test_a_provider_with_a_list_of_models_is_asked_for_nothing(
    store: Redis, upstream: Provider
) -> None:
    address = upstream.api_base("ok")
    row = made_to_pay(store, 1, kind="openai-compatible", api_base=address, options={})
    tending.tend(pay=paid)
    assert standing(store, row) == circuits.HALF_OPEN
    assert not Exchange.objects.exists()


def test_a_provider_without_a_list_of_models_is_asked_for_a_token(
    store: Redis, upstream: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_list(exchange: provider.Exchange) -> None:
        if exchange.seen.body:
            await provider.ok(exchange)
        else:
            await exchange.error(404, "not_found", "no such page")

    monkeypatch.setitem(provider.SCENARIOS, "no_list", no_list)
    address = upstream.api_base("no_list")
    row = made_to_pay(store, 1, kind="openai-compatible", api_base=address)
    tending.tend(pay=paid)
    assert standing(store, row) == circuits.HALF_OPEN
    assert upstream.seen[-1].body["max_tokens"] == 1
    assert Exchange.objects.get().reason == "judge:probe"


def test_one_that_a_request_may_try_already_is_not_asked_for_money(store: Redis) -> None:
    row = made_to_pay(store, 1)
    raw: Any = store.hget(breakers.KEY, str(row.pk))
    rested = replace(circuits.read(raw), until=time.time() - 1)
    store.hset(breakers.KEY, str(row.pk), circuits.write(rested))
    tending.tend(pay=paid)
    assert not Exchange.objects.exists()


def test_the_task_sends_it_to_a_worker_that_has_the_engines(
    store: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = made_to_pay(store, 1)
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.probe_for_money, "apply_async", lambda **how: sent.append(how))
    assert tasks.tend_breakers() == 1
    assert [(each["args"], each["queue"]) for each in sent] == [([row.pk], "cloud")]
    tasks.probe_for_money(row.pk)
    assert standing(store, row) == circuits.HALF_OPEN


def test_operators_see_what_was_asked_and_that_no_team_paid(store: Redis, client: Client) -> None:
    row = made_to_pay(store, 1)
    tending.tend(pay=paid)
    client.force_login(
        Member.objects.create_superuser("o@example.com"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    page = client.get(f"/requests/{Exchange.objects.get().pk}/").content.decode()
    assert "asked for one token to see whether it is well again" in page
    told = client.get(f"/api/requests/{Exchange.objects.get().pk}/").json()
    assert [each["backend"] for each in told["receipt"]["attempts"]] == [row.name]
    spend = client.get("/api/reports/spend/?group_by=team").json()
    assert [each["team"] for each in spend["rows"]] == ["KORA"]
