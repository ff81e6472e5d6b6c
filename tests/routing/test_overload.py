"""More than KORA can carry: who is turned away and what they are told, and what goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import redis as redis_py
from django.conf import settings as django_settings

from analytics.models import Budget, Price
from routing import afterwards, limits
from routing.afterwards import Errand
from routing.fairness.turns import Turn
from routing.models import Backend
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.routing import inside
from tests.routing.inside import Heard, Inside

pytestmark = pytest.mark.django_db(transaction=True)
PLACES = 8


@pytest.fixture
def organisation(transactional_db: None, settings: Any) -> Organisation:
    settings.KORA_IN_FLIGHT_LIMIT = PLACES
    for name, first_ms in (("toy", 0), ("slow", 500)):
        Price.objects.create(backend=name, price_in=1, price_out=2, price_cached_in=1)
        options = {"reply": "one two three", "first_token_ms": first_ms}
        Backend.objects.create(name=name, kind="sandbox", model=name, options=options)
    with redis_py.Redis.from_url(django_settings.SERVICES.redis_url) as client:
        for name in client.scan_iter("kora:limit:*"):
            client.delete(name)
    return Organisation.objects.create(name="Acme")


@pytest.fixture
def kora(organisation: Organisation) -> Iterator[Inside]:
    with inside.opened() as opened:
        yield opened
        assert not opened.room.floor.count


def caller(organisation: Organisation, name: str, **fields: Any) -> list[tuple[bytes, bytes]]:
    team, _ = Team.objects.get_or_create(organisation=organisation, name=name)
    text = keys.issue(team, name="app", scopes=[Scope.INFER], **fields).text
    return [(b"authorization", f"Bearer {text}".encode())]


def body(words: str, model: str = "slow") -> bytes:
    return orjson.dumps({"model": model, "messages": [{"role": "user", "content": words}]})


def ask(kora: Inside, headers: Any, words: str, model: str = "toy") -> Heard:
    return kora.ask(body(words, model), headers=headers)


async def flood(kora: Inside, headers: Any, count: int, mark: str = "f") -> list[Heard]:
    return list(
        await asyncio.gather(
            *(kora.asking(body(f"{mark}{n}"), headers=headers) for n in range(count))
        )
    )


def test_beyond_its_places_a_process_says_when_to_come_again(
    kora: Inside, organisation: Organisation
) -> None:
    headers = caller(organisation, "red")
    ask(kora, headers, "so that the process knows the key")
    heard = kora.run(flood(kora, headers, 3 * PLACES))
    refused = [each for each in heard if each.status == 429]
    assert len(heard) - len(refused) == int(PLACES * 0.9)
    assert {each.error["code"] for each in refused} == {"queue_full"}
    told = sorted(int(each.headers["retry-after-ms"]) for each in refused)
    assert told == sorted(set(told)), "not all at the same moment"
    assert all(int(each.headers["retry-after"]) >= 1 for each in refused)


def test_stored_answers_go_on_while_models_have_no_place(
    kora: Inside, organisation: Organisation
) -> None:
    headers = caller(organisation, "red")
    ask(kora, headers, "stored")

    async def meanwhile() -> tuple[Heard, Heard]:
        flooding = asyncio.create_task(flood(kora, headers, 2 * PLACES))
        await asyncio.sleep(0.3)
        fresh = await kora.asking(body("not stored", "toy"), headers=headers)
        stored = await kora.asking(body("stored", "toy"), headers=headers)
        await flooding
        return fresh, stored

    fresh, stored = kora.run(meanwhile())
    assert fresh.error["code"] == "queue_full"
    assert stored.headers["x-kora-tier"] == "exact"


def test_low_is_turned_away_first_and_high_last(kora: Inside, organisation: Organisation) -> None:
    by_class = {
        name: caller(organisation, "red", priority=name) for name in ("low", "normal", "high")
    }

    async def meanwhile() -> dict[str, int]:
        flooding = asyncio.create_task(flood(kora, by_class["normal"], PLACES // 2))
        await asyncio.sleep(0.25)
        asked = {
            name: await asyncio.wait_for(kora.asking(body(name, "toy"), headers=headers), 10)
            for name, headers in by_class.items()
        }
        await flooding
        return {name: heard.status for name, heard in asked.items()}

    assert kora.run(meanwhile()) == {"low": 429, "normal": 200, "high": 200}


def test_a_flood_leaves_places_for_another_team(kora: Inside, organisation: Organisation) -> None:
    flooding, calm = caller(organisation, "red"), caller(organisation, "blue")

    async def meanwhile() -> list[int]:
        first = asyncio.create_task(flood(kora, calm, 1, "calm"))
        await asyncio.sleep(0.1)
        storm = asyncio.create_task(flood(kora, flooding, 4 * PLACES))
        await asyncio.sleep(0.1)
        second = await kora.asking(body("calm again", "toy"), headers=calm)
        await asyncio.gather(first, storm)
        return [second.status]

    assert kora.run(meanwhile()) == [200]


def test_stored_answers_go_on_when_everything_else_is_gone(
    kora: Inside, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = caller(organisation, "red", requests_per_minute=100)
    ask(kora, headers, "stored")
    team = Team.objects.get(name="red")
    Budget.objects.create(
        name="none", organisation=organisation, scope="team", scope_id=str(team.pk),
        limit_usd="0.000000001", window="total",
    )  # fmt: skip
    kora.refresh()
    refused = ask(kora, headers, "other")
    assert refused.status == 402
    assert ask(kora, headers, "stored").headers["x-kora-tier"] == "exact"
    Budget.objects.all().delete()
    monkeypatch.setattr(kora.room.meter, "_ask", lambda *_: None)
    monkeypatch.setattr(kora.room.switchboard, "send", _bus_lost(kora))
    kora.refresh()
    assert ask(kora, headers, "other").error["code"] == "unavailable"
    assert ask(kora, headers, "stored").headers["x-kora-tier"] == "exact"
    Backend.objects.filter(name="slow").update(enabled=False)


def _bus_lost(kora: Inside) -> Any:
    from routing import switchboard
    from routing.switchboard import Mailbox

    def send(queue: str, attempt_id: str, message: dict[str, Any]) -> Mailbox:
        mailbox = Mailbox(attempt_id, queue)
        kora.room.switchboard._mailboxes[attempt_id] = mailbox
        mailbox.put(switchboard.BUS_LOST)
        return mailbox

    return send


def test_what_is_no_key_costs_no_thread(kora: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Turn] = []
    monkeypatch.setattr(type(kora.room.hands), "admit", lambda *_: asked.append(limits.STRANGERS))
    for text in (b"Bearer sk-1234", b"Bearer kora_x_y", b"Basic abc", b""):
        heard = kora.ask(body("x"), headers=[(b"authorization", text)])
        assert heard.error["code"] == "invalid_api_key"
    assert not asked


@pytest.mark.parametrize(
    ("load", "done"),
    [
        (0.0, ["OUTCOME", "MARK", "NEAR", "SEAT"]),
        (0.2, ["MARK", "NEAR", "SEAT"]),
        (0.3, ["NEAR", "SEAT"]),
        (0.6, ["SEAT"]),
        (1.0, []),
    ],
)
def test_learning_is_left_undone_in_order_before_answering_suffers(
    kora: Inside, monkeypatch: pytest.MonkeyPatch, load: float, done: list[str]
) -> None:
    monkeypatch.setattr(afterwards, "load", lambda _: load)
    begun: list[str] = []

    async def errand(name: str) -> None:
        begun.append(name)

    async def all_of_them() -> None:
        for each in Errand:
            afterwards.soon(kora.room, each, errand(each.name))
        await afterwards.rest()

    kora.run(all_of_them())
    assert begun == done
