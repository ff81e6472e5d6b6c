"""Two attempts at once: however they end, there is one answer and nothing is left behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator
from decimal import Decimal
from typing import Any

import orjson
import pytest

from analytics import ledger
from analytics.models import Attempt, Exchange, LedgerRow, Price
from inference.words import Call, EngineError, Event, Failure, Target
from routing import gauges, hedging, promises, vitals
from routing.failover import hedging as deciding
from routing.models import Backend, Idempotent
from routing.paces import Around
from teams.models import Organisation, Team
from tests.analytics import books
from tests.routing import inside
from tests.routing.hosting import Engines, Hosted
from tests.routing.inside import Heard
from tests.routing.test_ruled import Client
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)
ON: dict[str, Any] = {"enabled": True, "max_extra_usd": 1000, "share": 1.0}
AFTER_S = 0.1
"""Of silence a second backend is asked."""


class Scripted(Hosted):
    """Does what the question says for its backend: after how many seconds, and what then."""

    async def run(self, target: Target, call: Call) -> AsyncGenerator[Event, None]:
        plan = orjson.loads(call.body["messages"][-1]["content"])
        wait_s, what = plan[target.name]
        await asyncio.sleep(wait_s)
        if what == "fail":
            raise EngineError(Failure.SERVER, "it broke")
        async for event in super().run(target, call):
            yield event
            if what == "cut":
                raise EngineError(Failure.CUT, "it broke off")


@pytest.fixture
def team(transactional_db: None) -> Team:
    vitals._vitals.clear()
    gauges.forget()
    hedging.forget()
    for name, quality in (("one", 0.9), ("two", 0.5)):
        Price.objects.create(backend=name, price_in=1, price_out=9, price_cached_in=1)
        Backend.objects.create(
            name=name,
            kind="local",
            model=f"{name}:q8_0",
            quality=quality,
            options={"reply": name * 8, "first_token_ms": 1},
        )
    organisation = Organisation.objects.create(name="Acme")
    return Team.objects.create(organisation=organisation, name="red")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is predicted: a second one is asked soon."""
    monkeypatch.setattr(deciding, "moment_s", lambda *_, **__: AFTER_S)
    monkeypatch.setattr(
        promises, "p_late", lambda way, candidate, elapsed_s: 0.9 if elapsed_s else 0.1
    )


@pytest.fixture
def client(impatient: None, believing: Client) -> Client:
    return believing


@pytest.fixture
def believing(team: Team) -> Iterator[Client]:
    """One that goes by what is predicted."""
    host = Scripted(slots=200)
    host.running |= {"one:q8_0": 0, "two:q8_0": 0}
    with inside.opened(Engines(host)) as opened:
        eventually(lambda: gauges.of("one:q8_0").places is not None, within_s=5, what="gauges")
        made = Client(opened, team)
        made.publish(hedge=ON, team=team)
        yield made


def asked(client: Client, one: Any, two: Any, **more: Any) -> Heard:
    extras = {"cache": "no-cache", **more.pop("extras", {})}
    text = orjson.dumps({"one": one, "two": two}).decode()
    return client.ask(text, model="auto:best", extras=extras, **more)


def in_order(client: Client) -> None:
    """Every hold has ended, nobody waits for anything, the book agrees with itself."""
    eventually(
        lambda: not Attempt.objects.filter(state__in=["held", "running"]).exists(),
        within_s=10,
        what="the end of every hold",
    )
    client.kora.settle()
    assert client.kora.room.switchboard.waiting == 0
    assert {vital.in_flight for vital in vitals.everything().values()} <= {0}
    with books.connect() as connection:
        assert ledger.checks(connection) == []


def attempts(heard: Heard) -> dict[str, str]:
    told = Exchange.objects.get(pk=heard.headers["x-kora-request-id"]).receipt["attempts"]
    return {each["backend"]: each["outcome"] for each in told}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("one", "two", "who", "outcomes"),
    [
        ([0.3, "ok"], [5, "ok"], "one", {"one": "answered", "two": "hedge-lost"}),
        ([5, "ok"], [0, "ok"], "two", {"one": "hedge-lost", "two": "answered"}),
        ([0.2, "fail"], [0.4, "ok"], "two", {"one": "server", "two": "answered"}),
        ([0.5, "ok"], [0, "fail"], "one", {"one": "answered", "two": "server"}),
        ([0, "ok"], [0, "ok"], "one", {"one": "answered"}),
    ],
)
def test_the_first_to_give_content_wins(
    client: Client, stream: bool, one: Any, two: Any, who: str, outcomes: dict[str, str]
) -> None:
    heard = asked(client, one, two, stream=stream)
    assert (heard.status, heard.complete) == (200, True), heard
    assert heard.headers["x-kora-backend"] == who
    assert (who * 2).encode() in heard.body.replace(b" ", b"")
    assert attempts(heard) == outcomes
    won = heard.headers["x-kora-reason"] == hedging.WON
    assert won is (who == "two")
    in_order(client)
    if len(outcomes) == 1:
        return
    receipt = Exchange.objects.get(pk=heard.headers["x-kora-request-id"]).receipt
    hedge = receipt["hedge"]
    assert (hedge["beside"], hedge["second"], hedge["won"]) == ("one", "two", won)
    lost = [name for name, outcome in outcomes.items() if outcome == "hedge-lost"]
    assert [each.backend for each in Attempt.objects.filter(failure="hedge-lost")] == lost
    assert {row.note for row in LedgerRow.objects.filter(backend__in=lost)} <= {"hedge-lost"}


def test_a_receipt_says_what_its_loser_cost_though_that_was_settled_later(client: Client) -> None:
    heard = asked(client, [5, "ok"], [0, "ok"])
    request_id = heard.headers["x-kora-request-id"]
    in_order(client)
    path = f"/v1/requests/{request_id}"
    told = client.kora.ask(method="GET", path=path, headers=client.headers).json()
    costs = {each["backend"]: Decimal(each["cost"]) for each in told["receipt"]["attempts"]}
    booked = {row.backend: row.cost for row in LedgerRow.objects.filter(exchange_id=request_id)}
    assert costs == booked
    assert costs["one"] > 0
    assert sum(costs.values()) == Decimal(told["cost"])


def test_both_failures_fall_back_as_usual(client: Client) -> None:
    heard = asked(client, [0.2, "fail"], [0.05, "fail"], extras={"max-latency-ms": "3000"})
    assert heard.status in (502, 504), heard
    assert len(heard.error["attempts"]) >= 2
    in_order(client)


def test_the_deadline_ends_both(client: Client) -> None:
    heard = asked(client, [5, "ok"], [5, "ok"], extras={"max-latency-ms": "500"})
    assert heard.status == 504
    in_order(client)


@pytest.mark.parametrize("keyed", [False, True])
def test_a_client_that_leaves_ends_both_unless_it_may_come_again(
    client: Client, keyed: bool
) -> None:
    body = {
        "model": "auto:best",
        "messages": [{"role": "user", "content": '{"one": [2, "ok"], "two": [9, "ok"]}'}],
    }
    named = [(b"idempotency-key", b"a")] if keyed else []

    loop, leaves = client.kora._loop, asyncio.Event()
    asking = client.kora.asking(
        orjson.dumps(body), headers=[*client.headers, *named], leaves=leaves
    )
    heard = asyncio.run_coroutine_threadsafe(asking, loop)
    eventually(lambda: Attempt.objects.count() == 2, within_s=10, what="two attempts")
    loop.call_soon_threadsafe(leaves.set)
    heard.result(10)
    in_order(client)
    assert Attempt.objects.count() == 2
    if keyed:
        assert Idempotent.objects.get().state == "answered"
        again = client.kora.ask(orjson.dumps(body), headers=[*client.headers, *named])
        assert again.headers["x-kora-idempotent"] == "replayed"
        assert b"oneone" in again.body
    assert Attempt.objects.count() == 2


@pytest.mark.parametrize(("one", "who"), [([0.3, "ok"], "one"), ([5, "ok"], "two")])
def test_of_an_idempotent_request_the_winners_answer_is_told_again(
    client: Client, one: Any, who: str
) -> None:
    text = orjson.dumps({"one": one, "two": [0 if who == "two" else 5, "ok"]}).decode()
    body = orjson.dumps(
        {"model": "auto:best", "messages": [{"role": "user", "content": text}], "stream": True}
    )
    headers = [*client.headers, (b"idempotency-key", b"a")]
    first, again = (client.kora.ask(body, headers=headers) for _ in range(2))
    assert first.headers["x-kora-backend"] == who
    assert (again.body, again.headers["x-kora-idempotent"]) == (first.body, "replayed")
    in_order(client)


def test_any_two_courses_end_with_one_answer_and_nothing_left(client: Client) -> None:
    dice = random.Random(6)

    def course() -> list[Any]:
        whats = ("ok", "ok", "ok", "fail", "cut")
        return [dice.choice([0, AFTER_S, 0.15, 0.2, 0.21, 0.3, 2]), dice.choice(whats)]

    bodies = [
        {
            "model": "auto:best",
            "stream": bool(number % 2),
            "messages": [
                {
                    "role": "user",
                    "content": orjson.dumps({"one": course(), "two": course()}).decode(),
                }
            ],
        }
        for number in range(60)
    ]

    async def all_of_them() -> list[Heard]:
        extras = [(b"x-kora-cache", b"no-cache"), (b"x-kora-max-latency-ms", b"4000")]
        asks = [
            client.kora.asking(orjson.dumps(body), headers=[*client.headers, *extras])
            for body in bodies
        ]
        return list(await asyncio.gather(*asks))

    heard = client.kora.run(all_of_them())
    for each in heard:
        assert each.complete
        if each.status == 200 and each.headers["content-type"].startswith("text/event-stream"):
            assert (b"[DONE]" in each.body) != (b"event: error" in each.body)
            assert not (b"oneone" in each.body and b"twotwo" in each.body)
    assert any(each.headers.get("x-kora-reason") == hedging.WON for each in heard)
    in_order(client)


def test_without_money_or_leave_nobody_else_is_asked(client: Client) -> None:
    one, two = [0.3, "ok"], [0, "ok"]
    client.publish(hedge={**ON, "max_extra_usd": 0}, team=client.team)
    assert attempts(asked(client, one, two)) == {"one": "answered"}
    client.publish(hedge={**ON, "enabled": False}, team=client.team)
    assert attempts(asked(client, one, two)) == {"one": "answered"}
    client.publish(hedge={**ON, "share": 0.05}, team=client.team)
    assert len(attempts(asked(client, one, [5, "ok"]))) == 2, "the first of a minute may"
    assert attempts(asked(client, one, two)) == {"one": "answered"}
    client.publish(hedge=ON, team=client.team)
    worst = float(Attempt.objects.filter(backend="one").latest("created_at").amount)
    dear = {"max-cost": f"{worst * 1.5:.12f}"}
    assert attempts(asked(client, one, two, extras=dear)) == {"one": "answered"}
    in_order(client)


def test_a_quick_backend_that_hangs_is_not_waited_for(believing: Client) -> None:
    """By the prediction alone: both are known to be quick, and late is what takes two seconds."""
    around = Around(crowd=0, read=10)
    for name in ("one", "two"):
        for _ in range(40):
            vitals.streamed(name, first_s=0.03, tokens=16, writing_s=0.05, around=around)
    weights = {"auto:best": {"deadline_s": 2}}
    believing.publish(hedge=ON, weights=weights, team=believing.team)
    quick = asked(believing, [0, "ok"], [0, "ok"], max_tokens=20)
    assert attempts(quick) == {"one": "answered"}, "nobody else is asked while all is well"
    heard = asked(believing, [9, "ok"], [0, "ok"], max_tokens=20)
    assert heard.headers["x-kora-reason"] == hedging.WON
    told = Exchange.objects.get(pk=heard.headers["x-kora-request-id"]).receipt["hedge"]
    assert 100 < told["after_ms"] < 2000
    assert told["p_late"] > 0.5 > told["p_late_second"]
    in_order(believing)
