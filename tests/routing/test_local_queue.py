"""A queue of our own: its bound, its refusals, its seconds in the book, its prompts kept apart."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.conf import settings
from redis import Redis

from analytics import ledger
from analytics.models import Attempt, Exchange, LedgerRow, Price
from routing import bus, catalog, engine_room, gauges, switchboard, tasks, vitals
from routing.failover import breakers
from routing.fairness import waiting as waiting_calls
from routing.models import Backend, Health
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.analytics import books
from tests.routing import hosting, inside
from tests.routing.hosting import Engines, Hosted
from tests.routing.inside import Heard, Inside
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)

A_SECOND = Decimal("0.01")
SLOW = {"first_token_ms": 30_000}


@pytest.fixture
def team() -> Team:
    organisation = Organisation.objects.create(name="Acme")
    return Team.objects.create(organisation=organisation, name="red")


@pytest.fixture
def key(team: Team) -> str:
    vitals._vitals.clear()
    gauges.forget()
    return keys.issue(team, name="app", scopes=[Scope.INFER]).text


def mini(**fields: Any) -> Backend:
    Price.objects.create(
        backend="mini", price_in=0, price_out=0, price_cached_in=0, price_compute_s=A_SECOND
    )
    return Backend.objects.create(name="mini", kind="local", model="mini:q8_0", **fields)


def ask(
    kora: Inside, key: str, model: str = "auto:local", body: bytes = b"", **headers: str
) -> Heard:
    told = [(b"authorization", f"Bearer {key}".encode())]
    told += [(f"x-kora-{name}".encode(), text.encode()) for name, text in headers.items()]
    return kora.ask(body or asking(model), headers=told)


def asking(model: str, **fields: Any) -> bytes:
    messages = [{"role": "user", "content": "hello"}]
    return orjson.dumps({"model": model, "messages": messages, "max_tokens": 200, **fields})


def is_well(name: str) -> bool:
    """Other tests' backends of that name are none of this one's."""
    backend = catalog.current().backend(name)
    return backend is not None and breakers.of(backend).clean


def known(*, full: bool) -> None:
    """The web process has seen the gauges say so."""
    eventually(
        lambda: gauges.of("mini:q8_0").places is not None and gauges.of("mini:q8_0").full is full,
        within_s=5,
        what="the gauges",
    )


def in_order() -> bool:
    with books.connect() as connection:
        return ledger.checks(connection) == [] and not Attempt.objects.filter(
            state__in=["held", "running"]
        )


def test_seconds_are_in_receipt_ledger_and_cost(key: str, team: Team) -> None:
    mini()
    host = Hosted()
    with inside.opened(Engines(host)) as kora:
        heard = ask(kora, key)
        again = ask(kora, key)
        receipt = kora.ask(
            method="GET",
            path=f"/v1/requests/{heard.headers['x-kora-request-id']}",
            headers=[(b"authorization", f"Bearer {key}".encode())],
        ).json()
    assert host.loaded == ["mini:q8_0"], "warm before the first call"
    assert [(call.domain, call.priority) for call in host.calls] == [(str(team.pk), 0)]
    spent = Decimal(str(hosting.COMPUTE_S)) * A_SECOND
    assert heard.headers["x-kora-tier"] == "local"
    assert Decimal(heard.headers["x-kora-cost"]) == spent
    assert Decimal(again.headers["x-kora-saved"]) == spent
    attempt = Attempt.objects.get()
    assert (attempt.cost, float(attempt.compute_s)) == (spent, hosting.COMPUTE_S)
    assert attempt.amount > attempt.cost
    assert receipt["ledger"][0]["compute_s"] == hosting.COMPUTE_S
    assert receipt["receipt"]["attempts"][0]["compute_s"] == hosting.COMPUTE_S
    assert in_order()


def test_the_weightiest_is_loaded_first_and_embedders_are_not(key: str) -> None:
    mini(weight=2.0)
    for name, words in (
        ("first", {"weight": 3.0}),
        ("vectors", {"capabilities": ["embeddings"]}),
        ("off", {"enabled": False}),
        ("last", {}),
    ):
        Backend.objects.create(name=name, kind="local", model=name, **words)
    host = Hosted()
    with inside.opened(Engines(host)):
        eventually(lambda: len(host.loaded) > 2, within_s=5, what="the warm start")
    assert host.loaded == ["first", "mini:q8_0", "last"]


@pytest.mark.parametrize("state", ["taken-out", "failed"])
def test_only_what_was_given_up_is_asked_for_again(
    key: str, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(engine_room, "LOOK_AGAIN_S", 0.1)
    mini()
    host = Hosted()
    with inside.opened(Engines(host)):
        known(full=False)
        assert host.loaded == ["mini:q8_0"]
        host.state = state
        eventually(lambda: len(host.loaded) > 1, within_s=5, what="another try")
        eventually(lambda: not gauges.of("mini:q8_0").served, within_s=5, what="the gauges")


def test_what_local_models_cannot_do_is_asked_of_another_backend(key: str) -> None:
    """Their engine is well all the same, and only without another the client has to change it."""
    mini()
    Price.objects.create(backend="toy", price_in=99999, price_out=99999, price_cached_in=9)
    with inside.opened(Engines(Hosted())) as kora:
        known(full=False)
        alone = [ask(kora, key, body=asking("auto", n=17)) for _ in range(6)]
        Backend.objects.create(name="toy", kind="sandbox", model="toy")
        catalog.refresh()
        heard = ask(kora, key, body=asking("auto", n=17))
    assert {each.status for each in alone} == {400}
    assert (alone[0].error["code"], alone[0].error["param"]) == ("invalid_request", "n")
    assert "at most 16" in alone[0].error["message"]
    assert alone[0].error["failure"] == "unsupported"
    assert is_well("mini")
    assert (heard.headers["x-kora-backend"], heard.headers["x-kora-reason"]) == (
        "toy",
        "fallback:unsupported",
    )
    attempts = Attempt.objects.filter(backend="mini")
    assert set(attempts.values_list("state", "failure")) == {("released", "unsupported")}
    assert in_order()


def test_a_refusal_by_the_engine_is_taken_to_the_next_backend_and_counts_as_no_failure(
    key: str,
) -> None:
    mini()
    Backend.objects.create(name="toy", kind="sandbox", model="toy")
    Price.objects.create(backend="toy", price_in=99999, price_out=99999, price_cached_in=9)
    with inside.opened(Engines(Hosted(slots=0, bound=1))) as kora:
        known(full=False)
        heard = ask(kora, key, "auto", cache="no-store")
        refused = [ask(kora, key) for _ in range(6)]
    assert (heard.headers["x-kora-backend"], heard.headers["x-kora-reason"]) == (
        "toy",
        "fallback:busy",
    )
    attempts = Attempt.objects.filter(exchange_id=heard.headers["x-kora-request-id"])
    assert list(attempts.order_by("number").values_list("state", "failure")) == [
        ("released", "busy"),
        ("settled", ""),
    ]
    assert {each.error["code"] for each in refused} == {"queue_full"}
    assert {each.headers["retry-after"] for each in refused} == {"7"}
    assert is_well("mini")
    assert LedgerRow.objects.count() == 1
    assert in_order()


def test_beyond_the_bound_the_router_says_so_itself(key: str) -> None:
    mini(options={}, max_parallel=100)
    with inside.opened(Engines(Hosted(slots=0, wait_s=41.2))) as kora:
        known(full=True)
        heard = ask(kora, key)
    assert (heard.status, heard.error["code"], heard.headers["retry-after"]) == (
        429,
        "queue_full",
        "42",
    )
    assert not Attempt.objects.exists()
    (candidate,) = Exchange.objects.get().receipt["candidates"]
    assert (candidate["excluded"], candidate["places"], candidate["wait_s"]) == ("busy", 0, 41.2)


def test_a_cancelled_call_costs_what_it_probably_took(key: str) -> None:
    mini(options=SLOW)
    host = Hosted(prefill_tps=1000.0, decode_tps=1000.0)
    with inside.opened(Engines(host)) as kora, ThreadPoolExecutor(1) as pool:
        leaves = kora.run(_event())
        headers = [(b"authorization", f"Bearer {key}".encode())]
        asked = pool.submit(
            kora.run, kora.asking(asking("auto:local"), headers=headers, leaves=leaves)
        )
        eventually(lambda: host.running.get("mini:q8_0") == 1, within_s=5, what="a running call")
        kora.run(_set(leaves))
        asked.result(10)
        eventually(LedgerRow.objects.exists, within_s=5, what="a settlement")
        assert host.running == {"mini:q8_0": 0}
        row = LedgerRow.objects.get()
        path = f"/v1/requests/{row.exchange_id}"
        (told,) = kora.ask(method="GET", path=path, headers=headers).json()["receipt"]["attempts"]
    assert (Decimal(told["cost"]), told["outcome"]) == (row.cost, "cancelled")
    assert told["compute_s"] == pytest.approx(float(row.compute_s), abs=1e-6)
    assert told["tokens"] == row.prompt_tokens + row.completion_tokens
    assert row.estimated
    assert row.cost == row.compute_s * A_SECOND
    assert 0 < row.compute_s <= Decimal(row.prompt_tokens) / 1000
    eventually(in_order, within_s=5, what="the end of every hold")


def test_a_test_call_is_made_by_the_engine_that_has_the_model(key: str) -> None:
    backend, host = mini(), Hosted()
    with inside.opened(Engines(host)):
        eventually(lambda: bool(host.loaded), within_s=5, what="the warm start")
        tasks.probe_backend(backend.pk)
        assert [call.body["max_tokens"] for call in host.calls] == [1]
        host.slots = 0
        tasks.probe_backend(backend.pk)
    health = Health.objects.get(backend=backend)
    assert (health.state, health.message) == ("failing", "server: no room")
    assert not LedgerRow.objects.exists()


def test_without_a_local_worker_another_backend_answers_or_the_refusal_names_it(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchboard, "NO_WORKER_S", 0.0)
    monkeypatch.setattr(switchboard, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(gauges, "KNOWN_FOR_S", -1.0)  # or the router would know before
    mini()
    Backend.objects.create(name="toy", kind="sandbox", model="toy")
    Price.objects.create(backend="toy", price_in=99999, price_out=99999, price_cached_in=9)
    with inside.opened() as kora:
        heard = ask(kora, key, "auto")
        refused = ask(kora, key)
    assert heard.headers["x-kora-reason"] == "fallback:no-worker"
    assert (refused.status, "local worker" in refused.error["message"]) == (503, True)
    eventually(in_order, within_s=5, what="the end of every hold")


def test_a_call_that_died_with_its_worker_goes_on_as_soon_as_that_is_known(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before the lease of its hold is over; one that still waits in the queue goes on."""
    monkeypatch.setattr(switchboard, "LOOK_EVERY_S", 0.1)
    mini()
    Backend.objects.create(name="toy", kind="sandbox", model="toy")
    Price.objects.create(backend="toy", price_in=99999, price_out=99999, price_cached_in=9)
    redis = Redis.from_url(settings.SERVICES.redis_url)
    redis.delete(waiting_calls.mouth("local"))
    state = orjson.dumps({"queue": "local", "beat": 1, "models": []})
    with inside.opened() as kora, ThreadPoolExecutor(1) as pool:
        redis.set(bus.worker_key("local.dying.1"), state, px=3000)
        known_as_alive = lambda: gauges._now.alive  # noqa: E731
        eventually(known_as_alive, within_s=1, what="the worker")
        asking = pool.submit(ask, kora, key, "auto", cache="no-store")
        taken = redis.blpop([waiting_calls.mouth("local")], timeout=5)
        heard = asking.result(10)
        monkeypatch.setattr(switchboard, "NO_WORKER_S", 2.0)
        redis.set(bus.worker_key("local.dying.2"), state, px=1000)
        eventually(known_as_alive, within_s=1, what="the other worker")
        waited = ask(kora, key, "auto", cache="no-store")
        redis.delete(waiting_calls.mouth("local"))
    redis.close()
    assert taken
    assert heard.headers["x-kora-reason"] == "fallback:unclaimed"
    assert waited.headers["x-kora-reason"] == "fallback:no-worker"
    eventually(in_order, within_s=5, what="the end of every hold")


def test_backends_without_a_worker_come_last(key: str) -> None:
    mini()
    Backend.objects.create(name="toy", kind="sandbox", model="toy")
    Price.objects.create(backend="toy", price_in=99999, price_out=99999, price_cached_in=9)
    with inside.opened() as kora:
        eventually(lambda: not gauges.of("mini:q8_0").served, within_s=5, what="the gauges")
        heard = ask(kora, key, "auto")
    assert (heard.headers["x-kora-backend"], heard.headers["x-kora-attempts"]) == ("toy", "1")


async def _event() -> asyncio.Event:
    return asyncio.Event()


async def _set(event: asyncio.Event) -> None:
    event.set()
