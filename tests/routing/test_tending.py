"""Open breakers: what the console says, whom alerts tell, what probes find."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from redis import Redis

from analytics.models import Alert
from routing import catalog, condition, connections, targets, tending
from routing.failover import breakers, circuits
from routing.failover.circuits import Circuit
from routing.models import Backend, BackendKey, Health
from routing.policy.values import UNPRICED
from teams.models import Organisation
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
