"""A simulation decides as the gateway does: hundreds of requests, decided live and then again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest

from analytics import budgets, reports
from analytics.models import Budget, BudgetWindow, Price
from routing import catalog, purses, vitals
from routing.failover import breakers, circuits
from routing.models import Backend, Policy
from routing.publishing import in_force
from routing.simulating import replaying, worlds
from routing.simulating.records import Record
from routing.simulating.replaying import Under
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.routing import inside
from tests.routing.inside import Inside

pytestmark = pytest.mark.django_db(transaction=True)

POLICIES, REQUESTS = 20, 25
CARDS = {"tiny": (0.2, 0.1), "small": (0.4, 0.5), "middle": (0.6, 2), "big": (0.8, 9)}
MODELS = ("auto", "auto:cheap", "auto:fast", "auto:best", "house", *CARDS)
EXTRAS: dict[str, Any] = {"max-cost": "0.02", "min-quality": 0.5, "max-latency-ms": 3000}
TEXTS = ("hello", "Prove that 2 + 2 = 4, step by step.", "```py\nprint(1)\n``` Why?", "x " * 3000)


@pytest.fixture
def team(transactional_db: None) -> Team:
    for name, (quality, price) in CARDS.items():
        Price.objects.create(backend=name, price_in=price, price_out=price, price_cached_in=0)
        tools = ["tools"] if name != "tiny" else []
        Backend.objects.create(
            name=name, kind="sandbox", model="toy", quality=quality, capabilities=tools,
            context=4_000 if name == "tiny" else 100_000,
        )  # fmt: skip
    return Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")


@pytest.fixture
def kora(team: Team, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
    monkeypatch.setattr(vitals, "_vitals", {})  # what is made to fail here fails nowhere else
    with inside.opened() as opened:
        yield opened


def leaf(chance: random.Random) -> dict[str, Any]:
    return chance.choice([
        {"signal": "code", "is": True},
        {"signal": "turns", "at_least": chance.randint(1, 3)},
        {"signal": "model", "in": chance.sample(MODELS, 2)},
        {"signal": "tags.tier", "is": "gold"},
        {"signal": "tags.tier", "exists": False},
        {"signal": "prompt_tokens", "more_than": chance.randint(5, 3000)},
        {"signal": "question", "contains": chance.choice(["hello", "prove", "why"])},
        {"signal": "hour", "less_than": chance.randint(0, 23)},
        {"signal": f"health.{chance.choice(list(CARDS))}", "is": "failing"},
    ])  # fmt: skip


def condition(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    if depth > 1 or chance.random() < 0.5:
        return leaf(chance)
    kind = chance.choice(["all", "any", "not"])
    if kind == "not":
        return {"not": condition(chance, depth + 1)}
    return {kind: [condition(chance, depth + 1) for _ in range(chance.randint(1, 3))]}


def effect(chance: random.Random) -> dict[str, Any]:
    names = list(CARDS)
    return chance.choice([
        {"use": chance.choice(MODELS)},
        {"only": chance.sample(names, 2)},
        {"avoid": chance.sample(names, 2), "continue": True},
        {"set": {"max_cost": "0.01"}},
        {"set": {"min_quality": 0.5}, "continue": True},
        {"set": {"max_latency_ms": 2000}},
        {"weights": {"usd": chance.choice([1, 1000])}},
        {"explore": {"mode": "apply", "share": 0.3}},
        {"deny": "No."},
        {"reply": "It is {{model}}."},
    ])  # fmt: skip


def content(chance: random.Random) -> dict[str, Any]:
    rules = [
        {"name": f"r{n}", "when": condition(chance), "then": effect(chance), "enabled": True}
        for n in range(chance.randint(0, 5))
    ]
    settings: dict[str, Any] = {"aliases": {"house": {"use": "auto", "avoid": ["big"]}}}
    if chance.random() < 0.6:
        settings["explore"] = {"mode": "apply", "share": 0.2, "sharpness": 5, "usd_a_day": 1e6}
    if chance.random() < 0.5:
        settings["weights"] = {"auto": {"usd": chance.choice([0, 5, 500]), "floor": 0.3}}
    return {"rules": rules, "settings": settings}


def fill(chance: random.Random, team: Team) -> None:
    """A budget that is more or less full, and asks for thrift."""
    Budget.objects.all().delete()
    purses.forget()
    action = chance.choice(["alert", "prefer-local", "cheaper"])
    made = Budget.objects.create(
        organisation=team.organisation, name="cap", scope="team", scope_id=str(team.pk),
        limit_usd=1_000, window="year", paced=chance.random() < 0.7,
        soft_limits=[{"percent": 50, "action": action}],
    )  # fmt: skip
    span = budgets.span(reports.terms_of(made), datetime.now(UTC))
    BudgetWindow.objects.create(
        budget=made, starts_at=span.starts_at, ends_at=span.ends_at,
        settled=chance.choice([0, 300, 700, 950]),
    )  # fmt: skip


def request(chance: random.Random) -> dict[str, Any]:
    turns = [{"role": "user", "content": chance.choice(TEXTS)}]
    if chance.random() < 0.3:
        turns += [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Why?"}]
    extras: dict[str, Any] = {"cache": "no-cache"}
    for name, said in EXTRAS.items():
        if chance.random() < 0.15:
            extras[name] = said
    if chance.random() < 0.3:
        extras["tags"] = "tier=gold"
    body: dict[str, Any] = {"model": chance.choice(MODELS), "messages": turns, "kora": extras}
    if chance.random() < 0.3:
        body["max_tokens"] = chance.choice([10, 5_000])
    if chance.random() < 0.2:
        body["tools"] = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    return body


def disturb(chance: random.Random) -> None:
    name = chance.choice(list(CARDS))
    if chance.random() < 0.3:
        known = catalog.current().backend(name)
        assert known is not None
        for _ in range(circuits.IN_A_ROW):
            breakers.failed(known, "server", began=breakers.now(), retry_after_s=None)
    else:
        vitals.answered(name, chance.uniform(0.05, 4.0))


def as_record(team: Team, body: dict[str, Any], told: dict[str, Any], number: int) -> Record:
    """As the book would have kept it."""
    receipt = told["receipt"]
    tried = told.get("tier") not in ("rule", None)
    return Record(
        exchange_id=uuid4(),
        at=datetime.now(UTC),
        team_id=team.pk,
        team=team.name,
        key="app",
        user="",
        session="",
        tags={"tier": "gold"} if "tags" in body["kora"] else {},
        model=body["model"],
        streamed=False,
        state="answered",
        error_code="",
        tier=told.get("tier", ""),
        backend=told.get("backend", ""),
        reason=told.get("reason", ""),
        policy=number,
        usd=0.0,
        total_s=1.0,
        receipt={**receipt, "attempts": [{"backend": told["backend"]}] if tried else []},
    )


def test_every_choice_is_made_again(kora: Inside, team: Team) -> None:
    chance = random.Random(7)
    text = keys.issue(team, name="app", scopes=[Scope.INFER]).text
    headers = [(b"authorization", f"Bearer {text}".encode())]
    number, seen = 1_000, {replaying.DECIDED: 0, replaying.ANSWERED: 0, replaying.REFUSED: 0}
    for _ in range(POLICIES):
        number += 1
        said = content(chance)
        Policy.objects.create(team=team, number=number, state="published", content=said)
        fill(chance, team)
        kora.refresh()
        world = worlds.load()
        standing = in_force.of(catalog.current().policies, team.pk)
        whens = {rule["name"]: rule["when"] for rule in said["rules"]}
        under = Under(standing=standing, own=whens)
        for _ in range(REQUESTS):
            disturb(chance)
            body = request(chance)
            heard = kora.ask(orjson.dumps(body), headers=headers, path="/v1/route")
            if heard.status != 200:  # refused, which has no receipt here
                continue
            told = heard.json()
            record = as_record(team, body, orjson.loads(orjson.dumps(told)), number)
            again = replaying.replay(record, under, world)
            if told["tier"] == "rule":
                assert (again.kind, again.why) == (replaying.ANSWERED, told["reason"])
            else:
                assert again.kind == replaying.DECIDED, (again, body, said)
                assert again.first == told["backend"]
                assert dict(again.chances) == pytest.approx(dict(record.chances), abs=1e-5)
                assert again.why == told["reason"]
            seen[again.kind] += 1
    assert seen[replaying.DECIDED] > 200
    assert seen[replaying.ANSWERED] > 10


def test_a_receipt_of_before_says_too_little(team: Team, kora: Inside) -> None:
    body = {"model": "auto", "messages": [], "kora": {}}
    told = {"tier": "cloud", "backend": "big", "receipt": {"candidates": []}}
    record = as_record(team, body, told, 1)
    again = replaying.replay(record, Under(standing=in_force.NOTHING), worlds.load())
    assert (again.kind, again.why) == (replaying.UNDECIDED, "older-receipt")
