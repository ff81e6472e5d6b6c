"""Loose deadlines over HTTP: who waits for a busy model of our own, how long, and what it saved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson
import pytest

from analytics.models import Attempt, Exchange, Price
from routing import deferral, gauges, vitals
from routing.models import Backend
from teams.models import Organisation, Team
from tests.routing import inside
from tests.routing.hosting import Engines, Hosted
from tests.routing.inside import Heard
from tests.routing.test_ruled import Client
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def team(transactional_db: None) -> Team:
    vitals._vitals.clear()
    gauges.forget()
    Price.objects.create(
        backend="mini", price_in=0, price_out=0, price_cached_in=0,
        price_compute_s=Decimal("0.000001"),
    )  # fmt: skip
    Backend.objects.create(name="mini", kind="local", model="mini:q8_0", quality=0.5)
    Price.objects.create(backend="big", price_in=10, price_out=90, price_cached_in=1)
    Backend.objects.create(name="big", kind="sandbox", model="toy", quality=0.5)
    return Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")


@pytest.fixture
def host() -> Hosted:
    """Full, and it says so."""
    made = Hosted(slots=0, wait_s=20.0, prefill_tps=1000.0, decode_tps=1000.0)
    made.running["mini:q8_0"] = 0
    return made


@pytest.fixture
def client(team: Team, host: Hosted) -> Iterator[Client]:
    with inside.opened(Engines(host)) as opened:
        full(True)
        yield Client(opened, team)


def full(wanted: bool) -> None:
    eventually(
        lambda: gauges.of("mini:q8_0").places is not None and gauges.of("mini:q8_0").full is wanted,
        within_s=5,
        what="the gauges",
    )


def idle(host: Hosted) -> None:
    host.slots = 4
    host.says["wait_s"] = 0.0


def ahead(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def ask(client: Client, seconds: float, text: str = "hello", model: str = "auto:cheap") -> Heard:
    extras = {"deadline": ahead(seconds)}
    return client.ask(text, model=model, max_tokens=50, extras=extras)


def test_with_time_it_waits_until_our_own_is_idle_and_says_what_that_saved(
    client: Client, host: Hosted
) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, client, 120)
        eventually(lambda: deferral.waiting() == 1, within_s=5, what="a waiting request")
        assert not Attempt.objects.exists(), "nothing is held for whoever waits"
        idle(host)
        heard = asked.result(30)
    assert heard.status == 200, heard
    assert heard.headers["x-kora-backend"] == "mini"
    told = Exchange.objects.get().receipt["deferred"]
    assert (told["for"], told["until"]) == ("mini", "idle")
    assert told["waited_s"] > 0
    assert Decimal(told["saved_usd"]) > 0
    assert deferral.waiting() == 0


@pytest.mark.parametrize("seconds", [None, 3.0])
def test_without_time_it_is_decided_at_once(client: Client, seconds: float | None) -> None:
    heard = client.ask("hello", max_tokens=50) if seconds is None else ask(client, seconds)
    assert heard.headers["x-kora-backend"] == "big"
    assert "deferred" not in Exchange.objects.get().receipt


def test_where_it_stays_busy_somebody_else_answers_in_time(client: Client) -> None:
    heard = ask(client, 12)
    assert heard.status == 200, heard
    assert heard.headers["x-kora-backend"] == "big"
    told = Exchange.objects.get().receipt["deferred"]
    assert told["until"] == "latest"
    assert "saved_usd" not in told, "waiting was for nothing"


def test_where_only_our_own_may_answer_it_waits_instead_of_being_refused(
    client: Client, host: Hosted
) -> None:
    assert client.ask("now", model="auto:local").error["code"] == "queue_full"
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, client, 120, "later", "auto:local")
        eventually(lambda: deferral.waiting() == 1, within_s=5, what="a waiting request")
        idle(host)
        assert asked.result(30).headers["x-kora-backend"] == "mini"


def test_a_client_that_leaves_waits_no_longer(client: Client) -> None:
    leaves = client.kora.run(_event())
    headers = [*client.headers, (b"x-kora-deadline", ahead(120).encode())]
    body = {"model": "auto:cheap", "messages": [{"role": "user", "content": "hello"}]}
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(
            client.kora.run,
            client.kora.asking(orjson.dumps(body), headers=headers, leaves=leaves),
        )
        eventually(lambda: deferral.waiting() == 1, within_s=5, what="a waiting request")
        client.kora.run(_set(leaves))
        asked.result(10)
    assert deferral.waiting() == 0
    assert Exchange.objects.get().state == "cancelled"


def test_no_more_wait_than_may(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferral, "MOST_WAITING", 0)
    assert ask(client, 120).headers["x-kora-backend"] == "big"


def test_a_deadline_that_is_over_is_refused(client: Client) -> None:
    heard = ask(client, -1)
    assert (heard.status, heard.error["code"]) == (504, "deadline_exceeded")
    assert not Attempt.objects.exists()


async def _event() -> asyncio.Event:
    return asyncio.Event()


async def _set(event: asyncio.Event) -> None:
    event.set()
