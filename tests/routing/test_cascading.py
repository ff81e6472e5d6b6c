"""Cascades over HTTP: an answer of our own first, and one better backend where it does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import openai
import orjson
import pytest

from analytics.models import Attempt, Exchange, LedgerRow, Price
from caching.models import Entry
from routing import gauges, vitals
from routing.models import Backend, Outcome
from teams.models import Organisation, Team
from tests.routing import inside
from tests.routing.hosting import Engines, Hosted
from tests.routing.inside import Heard
from tests.routing.test_ruled import Client
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)
JSON: Any = {"response_format": {"type": "json_object"}}
ON = {"enabled": True}


class Ours(Hosted):
    """Says what it was told to say, whatever it is asked."""

    async def run(self, target: Any, call: Any) -> Any:
        call.body.pop("response_format", None)
        async for event in super().run(target, call):
            yield event


@pytest.fixture
def team(transactional_db: None) -> Team:
    vitals._vitals.clear()
    gauges.forget()
    Price.objects.create(
        backend="mini",
        price_in=0,
        price_out=0,
        price_cached_in=0,
        price_compute_s=Decimal("0.0001"),
    )
    Backend.objects.create(
        name="mini",
        kind="local",
        model="mini:q8_0",
        quality=0.4,
        options={"reply": "no json at all"},
        capabilities=["json_schema"],
    )
    Price.objects.create(backend="big", price_in=1, price_out=9, price_cached_in=1)
    Backend.objects.create(
        name="big",
        kind="sandbox",
        model="toy",
        quality=0.9,
        options={"reply": '{"a": 1}'},
        capabilities=["json_schema"],
    )
    organisation = Organisation.objects.create(name="Acme")
    return Team.objects.create(organisation=organisation, name="red")  # fmt: skip


@pytest.fixture
def client(team: Team) -> Iterator[Client]:
    host = Ours(slots=4)
    host.running["mini:q8_0"] = 0
    with inside.opened(Engines(host)) as opened:
        eventually(lambda: gauges.of("mini:q8_0").places is not None, within_s=5, what="gauges")
        made = Client(opened, team)
        made.publish(cascade=ON, team=team)
        yield made


def behave(client: Client, name: str, **options: Any) -> None:
    row = Backend.objects.get(name=name)
    row.options = options
    row.save()
    client.kora.refresh()


def cascade(heard: Heard) -> dict[str, Any]:
    told: dict[str, Any] = receipt(heard).receipt["cascade"]
    return told


def receipt(heard: Heard) -> Exchange:
    return Exchange.objects.get(pk=heard.headers["x-kora-request-id"])


def test_an_answer_of_our_own_that_holds_is_served(client: Client) -> None:
    heard = client.ask("hello", model="auto:best", max_tokens=50)
    assert heard.status == 200, heard
    assert heard.headers["x-kora-backend"] == "mini"
    assert heard.headers["x-kora-reason"] == "cascade:first"
    told = cascade(heard)
    assert (told["first"], told["became"], told["score"]) == ("mini", "served", 1.0)
    assert set(told["checks"]) == {"complete", "format", "code", "language"}
    client.kora.settle()
    assert Outcome.objects.get().parts["verifier"] == 1.0


@pytest.mark.parametrize("stream", [False, True])
def test_one_that_does_not_is_escalated_once_and_both_are_in_the_book(
    client: Client, stream: bool
) -> None:
    heard = client.ask("Give me JSON.", model="auto:best", max_tokens=50, stream=stream, **JSON)
    assert heard.status == 200, heard
    assert heard.headers["x-kora-backend"] == "big"
    assert heard.headers["x-kora-reason"] == "cascade:escalated"
    assert heard.headers["x-kora-attempts"] == "2"
    assert b"no json at all" not in heard.body
    if stream:
        events = [e.removeprefix(b"data: ") for e in heard.body.strip().split(b"\n\n")]
        deltas = [orjson.loads(e)["choices"] for e in events[:-1]]
        text = "".join(c[0]["delta"].get("content") or "" for c in deltas if c)
    else:
        text = heard.json()["choices"][0]["message"]["content"]
    assert orjson.loads(text) == {"a": 1}
    told = cascade(heard)
    assert (told["became"], told["failed"], told["score"]) == ("escalated", "format", 0.0)
    legs = Attempt.objects.order_by("number")
    assert [each.state for each in legs] == ["settled", "settled"]
    costs = {row.backend: row.cost for row in LedgerRow.objects.filter(kind="settlement")}
    booked = receipt(heard)
    assert booked.cost == sum(costs.values())
    assert [each["outcome"] for each in booked.receipt["attempts"]] == ["answered"] * 2
    client.kora.settle()
    assert Outcome.objects.get().backend == "mini"
    assert Outcome.objects.get().parts["verifier"] == 0.0


def test_where_nobody_better_can_answer_it_is_kept_but_not_remembered(client: Client) -> None:
    behave(client, "big", fail="server_error")
    heard = client.ask("Give me JSON.", model="auto:best", max_tokens=50, **JSON)
    assert heard.status == 200, heard
    assert heard.headers["x-kora-backend"] == "mini"
    assert heard.headers["x-kora-reason"] == "cascade:unverified"
    assert cascade(heard)["became"] == "kept"
    client.kora.settle()
    assert not Entry.objects.exists()
    assert not Attempt.objects.filter(state__in=["held", "running"]).exists()


def test_a_stream_that_breaks_off_is_escalated_before_anybody_has_read_of_it(
    client: Client,
) -> None:
    options = {"reply": "one two three four five", "fail": "cut", "fail_after": 3}
    behave(client, "mini", **options)
    heard = client.ask("hello", model="auto:best", max_tokens=50, stream=True)
    assert heard.headers["x-kora-reason"] == "cascade:escalated"
    assert b"three" not in heard.body
    assert heard.body.endswith(b"data: [DONE]\n\n")


def test_who_named_a_backend_or_has_no_time_gets_no_cascade(client: Client) -> None:
    assert client.ask("a", model="big").headers["x-kora-reason"] == "policy:named-model"
    hurried = client.ask("b", model="auto:best", extras={"max_latency_ms": "900"})
    assert hurried.headers["x-kora-reason"] == "policy:best-feasible"
    client.publish(cascade={"intents": ["translation"]}, team=client.team)
    assert client.ask("c", model="auto:best").headers["x-kora-backend"] == "big"


def test_a_rule_switches_it_on_for_what_it_holds_of(client: Client) -> None:
    rule = {"when": {"signal": "tags.cheap", "exists": True}, "then": {"cascade": ON}}
    client.publish(rule, team=client.team)
    assert client.ask("a", model="auto:best").headers["x-kora-backend"] == "big"
    cheap = client.ask("b", model="auto:best", extras={"tags": "cheap=1"})
    assert cheap.headers["x-kora-reason"] == "cascade:first"


@pytest.mark.parametrize(("word", "became"), [("GOOD", "served"), ("BAD", "escalated")])
def test_another_model_is_asked_on_the_days_money(client: Client, word: str, became: str) -> None:
    Backend.objects.create(
        name="judge", kind="sandbox", model="toy", quality=0.1, options={"reply": word}
    )
    Price.objects.create(backend="judge", price_in=1, price_out=1, price_cached_in=1)
    wanted = {"verify": ["complete", "model"], "model": "judge"}
    client.publish(cascade=wanted, team=client.team)
    heard = client.ask("hello", model="auto:best", max_tokens=50)
    assert cascade(heard)["became"] == became
    assert Exchange.objects.filter(tier="judge", backend="judge").count() == 1


def test_a_route_that_is_only_asked_for_says_who_would_answer_first(client: Client) -> None:
    messages = [{"role": "user", "content": "hello"}]
    body = orjson.dumps({"model": "auto:best", "messages": messages, "max_tokens": 50})
    heard = client.kora.ask(body, headers=client.headers, path="/v1/route")
    assert heard.json()["reason"] == "cascade:first"
    assert (heard.json()["backend"], heard.json()["fallbacks"]) == ("mini", ["big"])


@pytest.mark.parametrize("stream", [False, True])
def test_openais_client_sees_one_answer(client: Client, stream: bool) -> None:
    key = client.headers[0][1].decode().removeprefix("Bearer ")
    text = client.kora.run(_by_sdk(client, key, stream=stream))
    assert orjson.loads(text) == {"a": 1}
    assert Attempt.objects.count() == 2


async def _by_sdk(client: Client, key: str, *, stream: bool) -> str:
    gateway: Any = client.kora.gateway
    transport = httpx.ASGITransport(app=gateway)
    async with (
        httpx.AsyncClient(transport=transport) as wire,
        openai.AsyncOpenAI(api_key=key, base_url="http://kora/v1", http_client=wire) as sdk,
    ):
        asked: Any = {
            "model": "auto:best",
            "messages": [{"role": "user", "content": "Give me JSON."}],
            "max_tokens": 50,
            **JSON,
        }
        if not stream:
            whole = await sdk.chat.completions.create(**asked)
            return whole.choices[0].message.content or ""
        pieces = await sdk.chat.completions.create(**asked, stream=True)
        return "".join([
            each.choices[0].delta.content or "" async for each in pieces if each.choices
        ])  # fmt: skip
