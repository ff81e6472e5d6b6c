"""Rules over HTTP: what they refuse, answer and narrow, and what the receipts say of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import openai
import orjson
import pytest
from django.db.models import Max

from analytics.models import Budget, BudgetWindow, Exchange, LedgerRow, Price
from inference.words import EngineError, Failure
from routing import asides, embedders, judges, likes, purses, questions
from routing.asides import Aside
from routing.models import Backend, Policy
from routing.rules import effects
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.routing import inside, meaning
from tests.routing.inside import Heard, Inside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def team(transactional_db: None) -> Team:
    for name, quality, price in (("small", 0.3, 1), ("big", 0.9, 9)):
        Price.objects.create(backend=name, price_in=1, price_out=price, price_cached_in=1)
        Backend.objects.create(name=name, kind="sandbox", model="toy", quality=quality)
    organisation = Organisation.objects.create(name="Acme")
    return Team.objects.create(organisation=organisation, name="red")


class Client:
    def __init__(self, kora: Inside, team: Team) -> None:
        self.kora, self.team = kora, team
        self.text = keys.issue(team, name="app", scopes=[Scope.INFER]).text
        self.headers = [(b"authorization", f"Bearer {self.text}".encode())]
        self.number = Policy.objects.aggregate(last=Max("number"))["last"] or 0

    def publish(self, *rules: dict[str, Any], team: Team | None = None, **settings: Any) -> None:
        """Of the team, unless there is none: then everyone's."""
        self.number += 1
        named = [{"name": f"r{index}", "enabled": True, **rule} for index, rule in enumerate(rules)]
        Policy.objects.create(
            team=team, number=self.number, state="published",
            content={"rules": named, "settings": settings},
        )  # fmt: skip
        self.kora.refresh()

    def ask(self, text: str = "hello", path: str = "chat/completions", **more: Any) -> Heard:
        headers = [(f"x-kora-{k.replace('_', '-')}".encode(), v.encode())
                   for k, v in more.pop("extras", {}).items()]  # fmt: skip
        body = {"model": "auto:cheap", "messages": [{"role": "user", "content": text}], **more}
        if path == "completions":
            body["prompt"] = body.pop("messages")[0]["content"]
        if path == "embeddings":
            body["input"] = body.pop("messages")[0]["content"]
        return self.kora.ask(
            orjson.dumps(body), headers=[*self.headers, *headers], path=f"/v1/{path}"
        )


@pytest.fixture
def client(team: Team) -> Iterator[Client]:
    purses.forget()
    with inside.opened() as opened:
        yield Client(opened, team)


def receipt(heard: Heard) -> Exchange:
    return Exchange.objects.get(pk=heard.headers["x-kora-request-id"])


def test_a_denied_request_is_refused_with_the_rules_message(client: Client) -> None:
    client.publish(
        {"name": "no-secrets", "when": {"signal": "question", "contains": "password"},
         "then": {"deny": "Ask the help desk."}},
    )  # fmt: skip
    refused = client.ask("What is my PASSWORD?")
    assert refused.error == {
        "message": "Ask the help desk.", "type": "permission_error", "code": "not_allowed",
        "param": None,
    }  # fmt: skip
    assert refused.status == 403
    assert refused.headers["x-kora-reason"] == "rule:no-secrets"
    assert refused.headers["x-kora-policy"] == str(client.number)
    booked = receipt(refused)
    assert (booked.state, booked.status, booked.reason) == ("failed", 403, "rule:no-secrets")
    assert booked.receipt["rules"] == {"held": ["no-secrets"], "deny": "Ask the help desk."}
    assert booked.receipt["facts"] == {}, "what the user wrote is in no receipt"
    assert client.ask("hello").status == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_rules_answer_asks_no_model(client: Client, stream: bool) -> None:
    client.publish(
        {"name": "hours", "when": {"signal": "question", "contains": "opening"},
         "then": {"reply": "For {{tags.shop}}: 9 to 5."}},
        team=client.team,
    )  # fmt: skip
    heard = client.ask("Opening hours?", stream=stream, n=2, extras={"tags": "shop=Ulm"})
    assert heard.status == 200
    assert heard.headers["x-kora-tier"] == "rule"
    assert heard.headers["x-kora-reason"] == "rule:hours"
    assert heard.headers["x-kora-attempts"] == "0"
    assert "x-kora-cache-age" not in heard.headers
    assert "x-kora-backend" not in heard.headers
    if stream:
        *events, done = heard.body.strip().split(b"\n\n")
        chunks = [orjson.loads(event.removeprefix(b"data: ")) for event in events]
        texts = ["".join(c["delta"].get("content", "") for chunk in chunks
                         for c in chunk["choices"] if c["index"] == n) for n in (0, 1)]  # fmt: skip
        assert done == b"data: [DONE]"
        assert chunks[-1]["usage"]["cost"] == "0.000000000"
    else:
        texts = [choice["message"]["content"] for choice in heard.json()["choices"]]
        assert heard.headers["x-kora-cost"] == "0.000000000"
    assert texts == ["For Ulm: 9 to 5."] * 2
    booked = receipt(heard)
    assert (booked.tier, booked.reason, booked.cost) == ("rule", "rule:hours", 0)
    assert booked.policy == client.number
    assert booked.receipt["facts"] == {"form": "chat", "tags.shop": "Ulm"}
    assert "cache" not in booked.receipt
    assert LedgerRow.objects.get(exchange_id=booked.pk).kind == "hit"


def test_a_text_to_go_on_from_is_answered_in_its_own_shape(client: Client) -> None:
    client.publish({"then": {"reply": "so it was."}})
    heard = client.ask("And", path="completions")
    assert heard.json()["object"] == "text_completion"
    assert heard.json()["choices"][0]["text"] == "so it was."


def test_a_decision_asked_for_tells_what_the_rules_said(client: Client) -> None:
    client.publish({"name": "hi", "when": {"signal": "turns", "is": 1}, "then": {"reply": "Hi."}})
    told = client.ask(path="route").json()
    assert (told["tier"], told["reason"]) == ("rule", "rule:hi")
    assert told["receipt"]["rules"] == {"held": ["hi"], "reply": True}
    assert not Exchange.objects.exists()


def test_use_takes_the_place_of_the_model_asked_for(client: Client) -> None:
    client.publish({"name": "big", "then": {"use": "big"}}, team=client.team)
    heard = client.ask()
    assert heard.headers["x-kora-backend"] == "big"
    assert receipt(heard).model_asked == "auto:cheap"
    client.publish({"name": "small", "then": {"use": "small"}})
    assert client.ask().headers["x-kora-backend"] == "small", "everyone's wins"


@pytest.mark.parametrize(
    "then", [{"only": ["big"]}, {"avoid": ["small"]}, {"set": {"min_quality": 0.8}}]
)
def test_no_answer_comes_from_whom_a_rule_excludes(client: Client, then: dict[str, Any]) -> None:
    assert client.ask().headers["x-kora-backend"] == "small"
    client.publish({"then": then}, team=client.team)
    heard = client.ask()
    assert heard.headers["x-kora-tier"] == "cloud", "small's stored answer does not do either"
    assert heard.headers["x-kora-backend"] == "big"
    again = client.ask()
    assert (again.headers["x-kora-tier"], again.headers["x-kora-backend"]) == ("exact", "big")


def test_constraints_of_a_rule_and_of_the_caller_hold_together(client: Client) -> None:
    client.publish({"then": {"set": {"max_cost": "0.5"}, "cache": {"mode": "no-store"}}})
    refused = client.ask(extras={"max-cost": "0.000000001"})
    assert refused.error["binding"] == "max-cost"
    client.publish({"then": {"set": {"max_cost": "0.000000001"}}})
    refused = client.ask(extras={"max-cost": "0.5"})
    assert refused.error["binding"] == "max-cost"
    assert refused.error["relaxations"] == []
    assert "Rules that held: r0." in refused.error["message"]


def test_who_is_sent_to_models_of_our_own_is_not_told_to_ask_for_others(client: Client) -> None:
    client.publish({"name": "in-house", "then": {"use": "auto:local"}})
    refused = client.ask()
    assert (refused.error["binding"], refused.error["relaxations"]) == ("locality", [])
    client.publish({"name": "typo", "then": {"use": "bigg"}})
    refused = client.ask()
    assert "there is no 'bigg'" in refused.error["message"]
    assert "Rules that held: typo." in refused.error["message"]


def test_what_a_rule_says_of_stored_answers_holds(client: Client) -> None:
    client.publish({"then": {"cache": {"mode": "no-store"}}})
    client.ask()
    assert client.ask(extras={"cache": "no-cache"}).headers["x-kora-tier"] == "cloud"
    client.publish()
    assert client.ask().headers["x-kora-tier"] == "cloud", "nothing had been stored"
    assert client.ask().headers["x-kora-tier"] == "exact"
    client.publish({"then": {"cache": {"mode": "no-cache"}}})
    assert client.ask().headers["x-kora-tier"] == "cloud"
    refused = client.ask(extras={"cache": "only"})
    assert refused.error["binding"] == "cache-only"
    assert refused.error["relaxations"] == [{"constraint": "cache", "needed": "default"}]
    client.publish({"then": {"cache": {"mode": "only"}}})
    assert client.ask("Never asked before").error["relaxations"] == [], "it is the rule's"


def test_a_full_budget_is_something_a_rule_can_ask(client: Client) -> None:
    budget = Budget.objects.create(
        organisation=client.team.organisation, name="team", scope="team",
        scope_id=str(client.team.pk), limit_usd=10, window="total",
    )  # fmt: skip
    client.publish(
        {"name": "save", "when": {"signal": "budget_used", "at_least": 0.8},
         "then": {"deny": "Later."}}
    )  # fmt: skip
    first = client.ask()
    assert first.status == 200
    assert receipt(first).receipt["facts"] == {"budget_used": 0.0}
    BudgetWindow.objects.filter(budget=budget).update(settled=Decimal(9))
    purses.forget()
    assert client.ask().headers["x-kora-reason"] == "rule:save"


def test_time_health_and_the_body_can_be_asked(client: Client) -> None:
    now = datetime.now(UTC)
    client.publish(
        {"name": "all", "when": {"all": [
            {"signal": "health.small", "is": "healthy"},
            {"signal": "health.nobody", "exists": False},
            {"signal": "metadata.app", "is": "crm"},
            {"signal": "weekday", "in": [now.strftime("%A").lower()]},
            {"signal": "system", "contains": "brief"},
            {"signal": "key", "is": "app"},
            {"signal": "team", "is": "red"},
            {"signal": "stream", "is": False},
            {"signal": "queue_s.small", "exists": False},
         ]}, "then": {"reply": "yes"}},
    )  # fmt: skip
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    heard = client.ask(messages=messages, metadata={"app": "crm"})
    assert heard.headers["x-kora-tier"] == "rule"
    assert "metadata.app" not in receipt(heard).receipt["facts"]


def test_vectors_are_refused_but_never_answered_by_rules(client: Client) -> None:
    client.publish({"name": "no", "then": {"deny": "No vectors."}})
    assert client.ask(path="embeddings", model="small").error["message"] == "No vectors."


def test_sets_of_words_and_sentences_can_be_asked(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedders, "_house", meaning.Words())
    likes.forget()
    client.publish(
        {"name": "money", "when": {"signal": "words.money", "is": True}, "then": {"reply": "m"}},
        {"name": "bye", "when": {"signal": "like.leaving", "at_least": 0.9},
         "then": {"reply": "b"}},
        {"name": "none", "when": {"signal": "words.unknown", "exists": True},
         "then": {"reply": "n"}},
        words={"money": ["refund", r"money\s+back"]},
        like={"leaving": ["cancel subscription", "close account"]},
    )  # fmt: skip
    assert client.ask("I want my MONEY  back").headers["x-kora-reason"] == "rule:money"
    left = client.ask("Please close my account")
    assert left.headers["x-kora-reason"] == "rule:bye"
    assert receipt(left).receipt["facts"]["like.leaving"] >= 0.9
    other = receipt(client.ask("Where is my parcel"))
    assert other.tier == "cloud"
    assert other.receipt["facts"]["words.money"] is False
    assert other.receipt["facts"]["like.leaving"] < 0.5
    assert other.receipt["facts"]["words.unknown"] is None


def test_a_team_cannot_empty_a_set_that_everyones_rules_rest_on(client: Client) -> None:
    client.publish(
        {"name": "secret", "when": {"signal": "words.secret", "is": True},
         "then": {"deny": "Secret."}},
        words={"secret": ["manhattan"]},
    )  # fmt: skip
    client.publish(
        {"name": "own", "when": {"signal": "words.mine", "is": True}, "then": {"reply": "Mine."}},
        team=client.team,
        words={"secret": ["nothing"], "mine": ["brooklyn"]},
        time_zone="Nowhere/Else",
    )
    assert client.ask("Manhattan").headers["x-kora-reason"] == "rule:secret"
    assert client.ask("Brooklyn").headers["x-kora-reason"] == "rule:own"
    client.publish(
        {"when": {"signal": "hour", "exists": True}, "then": {"reply": "It is some hour."}},
        team=client.team,
        time_zone="Nowhere/Else",
    )
    assert client.ask().headers["x-kora-tier"] == "rule"


def test_without_an_embedder_nothing_is_like_anything(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = meaning.Words()
    house.trouble = EngineError(Failure.SERVER, "no file")
    monkeypatch.setattr(embedders, "_house", house)
    likes.forget()
    client.publish(
        {"name": "bye", "when": {"signal": "like.leaving", "at_least": 0}, "then": {"reply": "b"}},
        like={"leaving": ["close account"]},
    )
    assert client.ask("close account").headers["x-kora-tier"] == "cloud"


@pytest.mark.parametrize("then", [{"avoid": ["big"]}, {"only": ["small"]}])
def test_what_kora_asks_for_itself_goes_to_nobody_whom_a_rule_excludes(
    client: Client, then: dict[str, Any]
) -> None:
    wanted, _ = effects.read(then)
    caller = judges.for_team(client.team.pk)
    assert caller
    body = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
    aside = Aside(
        caller=caller,
        prompt=asides.plain(questions.parse(orjson.dumps(body), {})),
        backend="auto:best",
        purpose="shadow",
        about=uuid4(),
        cap_usd=Decimal(1),
    )
    asked = client.kora.run(asides.ask(client.kora.room, aside))
    kept = client.kora.run(asides.ask(client.kora.room, replace(aside, effects=wanted)))
    assert asked
    assert kept
    told = Exchange.objects.order_by("at").values_list("backend", flat=True)
    assert list(told) == ["big", "small"]


def test_openais_sdk_takes_a_rules_word_for_a_models(client: Client) -> None:
    client.publish(
        {"name": "hi", "when": {"signal": "question", "is": "hi"}, "then": {"reply": "Hello."}},
        {"name": "no", "when": {"signal": "question", "is": "no"}, "then": {"deny": "Not this."}},
    )

    async def ask(text: str, **more: Any) -> Any:
        gateway: Any = client.kora.gateway
        transport = httpx.ASGITransport(app=gateway)
        async with openai.AsyncOpenAI(
            base_url="http://kora/v1",
            api_key=client.text,
            max_retries=0,
            http_client=httpx.AsyncClient(transport=transport),
        ) as sdk:
            messages: Any = [{"role": "user", "content": text}]
            made = sdk.chat.completions.create(model="auto", messages=messages, **more)
            answer = await made
            return [chunk async for chunk in answer] if more else answer

    whole = client.kora.run(ask("hi"))
    assert whole.choices[0].message.content == "Hello."
    chunks = client.kora.run(ask("hi", stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello."
    assert chunks[-1].usage.total_tokens == 0
    with pytest.raises(openai.PermissionDeniedError, match=r"Not this\."):
        client.kora.run(ask("no"))
