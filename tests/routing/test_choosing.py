"""The decide stage over HTTP: aliases, conversations that stay, trying out, full budgets."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson
import pytest
from redis.exceptions import ConnectionError as RedisAway

from analytics.models import Budget, Exchange, Price
from routing import seats, stakes, vitals
from routing.models import Backend, Policy
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.routing import inside
from tests.routing.inside import Heard, Inside

pytestmark = pytest.mark.django_db(transaction=True)

TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
ASKED = {"role": "user", "content": "What is a kora?"}
TALKED = [ASKED, {"role": "assistant", "content": "A harp."}, {"role": "user", "content": "More!"}]
LOOP = [
    ASKED,
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "a harp"},
]


@pytest.fixture
def team(transactional_db: None) -> Iterator[Team]:
    vitals._vitals.clear()
    stakes.forget()
    seats.forget()
    for pattern in ("kora:seat:*", "kora:tried:*"):
        for key in seats._connected().scan_iter(pattern):
            seats.do("DEL", key)  # teams of other tests had the same numbers
    for name, quality, price in (("small", 0.50, 1), ("big", 0.53, 9)):
        Price.objects.create(backend=name, price_in=price, price_out=price, price_cached_in=price)
        Backend.objects.create(
            name=name, kind="sandbox", model="toy", quality=quality, capabilities=["tools"],
            options={"first_token_ms": 0, "token_ms": 0},
        )  # fmt: skip
    organisation = Organisation.objects.create(name="Acme")
    yield Team.objects.create(organisation=organisation, name="red")
    seats.forget()


class Client:
    def __init__(self, kora: Inside, team: Team) -> None:
        self.kora, self.team = kora, team
        self.headers = self.key()

    def key(self, models: list[str] | None = None) -> list[tuple[bytes, bytes]]:
        name = f"app {models}"
        issued = keys.issue(self.team, name=name, scopes=[Scope.INFER], allowed_models=models or [])
        return [(b"authorization", f"Bearer {issued.text}".encode())]

    def say(self, **settings: Any) -> None:
        Policy.objects.create(
            team=self.team, number=Policy.objects.count() + 1, state="published",
            content={"rules": [], "settings": settings},
        )  # fmt: skip
        self.kora.refresh()

    def ask(self, messages: list[Any] | None = None, model: str = "auto", **more: Any) -> Heard:
        extras = {"cache": "no-cache", **more.pop("kora", {})}
        headers = more.pop("headers", self.headers)
        body = {"model": model, "messages": messages or [ASKED], "max_tokens": 20, **more}
        heard = self.kora.ask(orjson.dumps({**body, "kora": extras}), headers=headers)
        self.kora.settle()
        return heard

    def get(self, path: str) -> Any:
        return self.kora.ask(method="GET", path=path, headers=self.headers).json()


@pytest.fixture
def client(team: Team) -> Iterator[Client]:
    with inside.opened() as opened:
        yield Client(opened, team)


def receipt(heard: Heard) -> dict[str, Any]:
    told: dict[str, Any] = Exchange.objects.get(pk=heard.headers["x-kora-request-id"]).receipt
    return told


def who(heard: Heard) -> tuple[str, str]:
    assert heard.status == 200, heard.body
    return heard.headers["x-kora-backend"], heard.headers["x-kora-reason"]


def test_a_score_is_told_with_its_parts_and_chances(client: Client) -> None:
    heard = client.ask()
    assert who(heard) == ("big", "policy:best-value")
    told = {each["backend"]: each for each in receipt(heard)["candidates"]}
    assert told["big"]["score"] > told["small"]["score"]
    for each in told.values():
        assert each["score"] == pytest.approx(sum(each["parts"].values()), abs=1e-5)
        assert Decimal(each["expected_cost"]) > 0
    assert (told["big"]["propensity"], told["small"]["propensity"]) == (1.0, 0.0)
    observed = receipt(heard)["exploring"]
    assert observed["mode"] == "observe"
    assert sum(observed["would"].values()) == pytest.approx(1)


def test_weights_of_the_team_decide(client: Client) -> None:
    client.say(weights={"auto": {"usd": 5_000}})
    assert who(client.ask()) == ("small", "policy:best-value")
    assert who(client.ask(model="auto:best")) == ("big", "policy:best-feasible")


def test_an_alias_is_a_model_of_the_team(client: Client) -> None:
    client.say(aliases={"thrift": {"use": "auto:cheap"}, "grand": {"only": ["big"]}})
    assert who(client.ask(model="thrift")) == ("small", "policy:cheapest-feasible")
    assert who(client.ask(model="grand")) == ("big", "policy:best-value")
    listed = [each["id"] for each in client.get("/v1/models")["data"]]
    assert {"thrift", "grand", "auto", "small"} <= set(listed)
    assert client.get("/v1/models/thrift")["owned_by"] == "kora"
    assert client.ask(model="unheard-of").error["code"] == "model_not_found"
    bound = client.ask(model="grand", headers=client.key(["small"]))
    assert (bound.error["code"], bound.error["relaxations"]) == ("infeasible", [])
    assert who(client.ask(model="grand", headers=client.key(["grand"])))[0] == "big"


def test_an_alias_demands_and_the_caller_cannot_relax_it(client: Client) -> None:
    client.say(aliases={"fine": {"constraints": {"min_quality": 0.99}}})
    error = client.ask(model="fine").error
    assert (error["code"], error["binding"], error["relaxations"]) == (
        "infeasible",
        "min-quality",
        [],
    )


def test_a_conversation_stays_with_its_backend(client: Client) -> None:
    assert who(client.ask(model="small", kora={"session": "s1"}))[0] == "small"
    heard = client.ask(TALKED, kora={"session": "s1"})
    assert who(heard) == ("small", "policy:sticky")
    assert receipt(heard)["session"]["backend"] == "small"
    assert receipt(heard)["exploring"]["why_not"] == "session"
    assert who(client.ask(TALKED, kora={"session": "s2"})) == ("big", "policy:best-value")


def test_without_a_session_its_beginning_tells_a_conversation(client: Client) -> None:
    assert who(client.ask(TALKED, model="small"))[0] == "small"
    seats.forget()  # another web process finds it in Redis
    on = [*TALKED, {"role": "assistant", "content": "It has 21 strings."}, ASKED]
    assert who(client.ask(on)) == ("small", "policy:sticky")
    other = [{"role": "user", "content": "Another beginning"}, *TALKED[1:]]
    assert who(client.ask(other))[0] == "big"
    client.say(sticky={"enabled": False})
    assert who(client.ask(on))[0] == "big"


def test_a_tool_loop_stays_whatever_another_backend_is_worth(client: Client) -> None:
    Backend.objects.filter(name="big").update(quality=1.0)
    client.kora.refresh()
    assert who(client.ask(model="small", tools=TOOLS))[0] == "small"
    heard = client.ask(LOOP, tools=TOOLS)
    assert who(heard) == ("small", "policy:sticky")
    assert receipt(heard)["session"]["in_loop"]
    assert who(client.ask(tools=TOOLS))[0] == "big"


def test_another_teams_conversation_is_another(client: Client) -> None:
    other = Client(client.kora, Team.objects.create(
        organisation=client.team.organisation, name="blue"))  # fmt: skip
    assert who(client.ask(model="small", kora={"session": "s9"}))[0] == "small"
    assert who(other.ask(TALKED, kora={"session": "s9"}))[0] == "big"


def test_without_redis_nobody_stays_and_everybody_is_answered(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert who(client.ask(model="small", kora={"session": "s3"}))[0] == "small"

    def away() -> Any:
        raise RedisAway("gone")

    monkeypatch.setattr(seats, "_connected", away)
    assert who(client.ask(TALKED, kora={"session": "s3"})) == ("big", "policy:best-value")
    monkeypatch.undo()
    assert who(client.ask(TALKED, kora={"session": "s3"}))[0] == "big", "not asked again at once"


def test_others_are_tried_within_the_share_until_the_days_money_is_gone(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.say(
        weights={"auto": {"usd": 500}},
        explore={"mode": "apply", "share": 0.2, "sharpness": 0, "usd_a_day": 0.00001},
    )
    monkeypatch.setattr(random, "random", lambda: 0.9999)
    heard = client.ask(max_tokens=100)
    assert who(heard) == ("big", "policy:explored")
    told = receipt(heard)
    chances = {each["backend"]: each["propensity"] for each in told["candidates"]}
    assert told["propensity"] == chances["big"] == pytest.approx(0.2)
    assert sum(chances.values()) == 1.0
    spent = client.ask(max_tokens=100)
    assert who(spent) == ("small", "policy:best-value"), "the day's money is spent"
    assert receipt(spent)["exploring"]["mode"] == "observe"
    stakes.forget()  # as another web process: it reads the sum in Redis
    assert who(client.ask(max_tokens=100))[0] == "small"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"kora": {"min_quality": 0.4}}, "min-quality"),
        ({"stream": True, "kora": {"max_latency_ms": 20_000}}, "deadline"),
        ({"messages": LOOP, "tools": TOOLS}, "tool-loop"),
    ],
)
def test_who_asks_for_something_definite_is_not_tried_on(
    client: Client, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], why: str
) -> None:
    client.say(explore={"mode": "apply", "share": 0.5})
    monkeypatch.setattr(random, "random", lambda: 0.9999)
    heard = client.ask(**more)
    assert who(heard)[1] == "policy:best-value"
    assert receipt(heard)["exploring"] == {"mode": "apply", "why_not": why}


def test_a_budget_without_room_for_the_chosen_is_served_by_a_cheaper_backend(
    client: Client, team: Team
) -> None:
    Budget.objects.create(
        organisation=team.organisation, name="little", scope="team", scope_id=str(team.pk),
        limit_usd=Decimal("0.0001"),
    )  # fmt: skip
    client.kora.refresh()
    heard = client.ask()
    assert who(heard) == ("small", "fallback:budget")
    chances = {each["backend"]: each["propensity"] for each in receipt(heard)["candidates"]}
    assert chances == {"small": 1.0, "big": 0.0}, "nothing was drawn"
    refused = client.ask(max_tokens=4000)
    assert refused.error["code"] == "budget_exceeded"


def test_asking_for_the_route_leaves_nothing_to_chance(client: Client) -> None:
    client.say(explore={"mode": "apply", "share": 0.5, "sharpness": 0})
    body = orjson.dumps({"model": "auto", "messages": [ASKED], "max_tokens": 20})
    for _ in range(6):
        told = client.kora.ask(body, headers=client.headers, path="/v1/route").json()
        assert told["backend"] == "big"
