"""Experiments over HTTP: who is in which arm, what the receipts say, and how one ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from analytics.models import Exchange, Price
from routing.experiments import following
from routing.models import Backend, Experiment, ExperimentPoint, Outcome, Policy, Rule
from teams.models import AuditRow, Organisation, Role, Team
from tests.routing import inside
from tests.routing.inside import Heard
from tests.routing.test_ruled import Client
from tests.teams.conftest import as_member, member_of

pytestmark = pytest.mark.django_db(transaction=True)
ARMS = [{"name": "today"}, {"name": "big", "then": {"only": ["big"]}}]


@pytest.fixture
def team(transactional_db: None) -> Team:
    for name, quality, price in (("small", 0.3, 1), ("big", 0.9, 9)):
        Price.objects.create(backend=name, price_in=1, price_out=price, price_cached_in=1)
        Backend.objects.create(name=name, kind="sandbox", model="toy", quality=quality)
    return Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")


@pytest.fixture
def client(team: Team) -> Iterator[Client]:
    with inside.opened() as opened:
        yield Client(opened, team)


@pytest.fixture
def engineer(team: Team) -> APIClient:
    return as_member(member_of(team, Role.ENGINEER))


def begin(client: Client, **said: Any) -> Experiment:
    made = Experiment.objects.create(
        team=client.team, state="running", started_at=datetime.now(UTC) - timedelta(hours=1),
        **{"name": "bigger", "arms": ARMS, **said},
    )  # fmt: skip
    client.kora.refresh()
    return made


def arm(heard: Heard) -> str:
    told = Exchange.objects.get(pk=heard.headers["x-kora-request-id"]).receipt
    return str(told.get("experiment", {}).get("arm", ""))


def ask_as(client: Client, session: str, **more: Any) -> Heard:
    return client.ask(f"hello {session}", extras={"session": session}, **more)


def test_sessions_are_split_and_each_stays_in_its_arm(client: Client) -> None:
    begin(client)
    first = {str(n): ask_as(client, str(n)) for n in range(12)}
    names = {n: arm(heard) for n, heard in first.items()}
    assert set(names.values()) == {"today", "big"}
    for n, heard in first.items():
        backend = {"today": "small", "big": "big"}[names[n]]
        assert heard.headers["x-kora-backend"] == backend
        assert heard.headers["x-kora-reason"] == f"experiment:bigger/{names[n]}"
        again = client.ask(f"and now, {n}?", extras={"session": n})
        assert arm(again) == names[n]
    client.kora.settle()
    assert set(Outcome.objects.values_list("experiment", flat=True)) == {
        "bigger/today", "bigger/big",
    }  # fmt: skip
    told = Exchange.objects.first()
    assert told is not None
    assert told.receipt["experiment"]["propensity"] == 0.5
    assert told.receipt["experiment"]["by"] == "session"


def test_nobody_is_moved_who_was_told_where_to_go(client: Client) -> None:
    begin(client, arms=[{"name": "today"}, {"name": "big", "then": {"use": "big"}, "share": 900}])
    client.publish({"when": {"signal": "tags.vip", "exists": True}, "then": {"use": "small"}})
    assert arm(client.ask("plain")) == "big"
    for heard in (
        client.ask("by rule", extras={"tags": "vip=1"}),
        client.ask("named", model="small"),
        client.ask("loop", messages=[
            {"role": "user", "content": "x"},
            {"role": "assistant", "tool_calls": [{"id": "1", "type": "function",
             "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": "42"}]),
    ):  # fmt: skip
        assert heard.status == 200
        assert heard.headers["x-kora-backend"] == "small"
        assert arm(heard) == ""


def test_an_arm_never_breaks_a_hard_constraint(client: Client) -> None:
    begin(
        client, arms=[{"name": "today"}, {"name": "big", "then": {"only": ["big"]}, "share": 900}]
    )
    client.publish({"when": {}, "then": {"avoid": ["big"]}})
    heard = client.ask("hello")
    assert heard.headers["x-kora-backend"] == "small"
    told = Exchange.objects.get().receipt["experiment"]
    assert (told["arm"], told["left"]) == ("big", "infeasible")
    client.kora.settle()
    assert Outcome.objects.get().experiment == ""


def outcomes(experiment: Experiment, name: str, share: float, count: int, **more: Any) -> None:
    good = np.random.default_rng(5).random(count) < share
    begun = datetime.now(UTC) - timedelta(minutes=30)
    Outcome.objects.bulk_create(
        Outcome(
            team_id=experiment.team_id, backend="x", experiment=f"{experiment.name}/{name}",
            at=begun + timedelta(seconds=n / 10),
            **{"parts": {"thumb": float(fine)}, "cost": 0.01, "total_ms": 100.0, **more},
        )
        for n, fine in enumerate(good)
    )  # fmt: skip


def test_the_best_arm_is_found_and_promoted_with_one_call(
    client: Client, engineer: APIClient
) -> None:
    made = begin(client)
    outcomes(made, "today", 0.4, 600)
    outcomes(made, "big", 0.8, 600)
    assert following.read_all() == 1
    made.refresh_from_db()
    assert (made.state, made.winner) == ("decided", "big"), made.reading
    assert made.reading["arms"]["big"]["reward"]["low"] > 0.6
    assert "at most 0.05" in made.why
    assert ExperimentPoint.objects.count() == 1
    assert following.read_all() == 0, "it has ended"
    answer = engineer.post(f"/api/experiments/{made.pk}/promote/", {}, format="json")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["experiment"]["state"] == "promoted"
    rule = Rule.objects.get()
    assert rule.then == {"only": ["big"], "continue": True}
    assert (
        Policy.objects.get(number=answer.json()["number"]).content["rules"][0]["name"] == rule.name
    )
    client.kora.refresh()
    assert client.ask("hello").headers["x-kora-backend"] == "big"
    assert AuditRow.objects.filter(action="promote").count() == 1
    again = engineer.post(f"/api/experiments/{made.pk}/promote/", {}, format="json")
    assert again.status_code == 400


def test_a_guardrail_gives_an_arms_traffic_to_the_first(client: Client) -> None:
    arms = [*ARMS, {"name": "small", "then": {"only": ["small"]}}]
    made = begin(client, guardrails={"cost_usd": 0.05}, arms=arms)
    for name in ("today", "small"):
        outcomes(made, name, 0.5, 50)
    outcomes(made, "big", 0.5, 50, cost=0.2)
    following.read_all()
    made.refresh_from_db()
    assert [each.get("stopped", "") for each in made.arms] == ["", "cost_usd", ""]
    assert made.state == "running"
    client.kora.refresh()
    assert {arm(ask_as(client, str(n))) for n in range(10)} == {"today", "small"}
    client.kora.settle()
    assert following.read_all() == 1
    assert following.read_all() == 0, "nothing new"


def test_the_last_arm_that_breaks_its_guardrail_ends_it(client: Client) -> None:
    made = begin(client, guardrails={"cost_usd": 0.05})
    outcomes(made, "today", 0.5, 50)
    outcomes(made, "big", 0.5, 50, cost=0.2)
    following.read_all()
    made.refresh_from_db()
    assert (made.state, made.winner) == ("stopped", "")
    assert made.why == "Guardrails stopped every arm but today."


def test_an_experiment_is_made_started_stopped_and_read(team: Team, engineer: APIClient) -> None:
    said = {"name": "bigger", "arms": ARMS, "guardrails": {"p95_ms": 900}}
    made = engineer.post("/api/experiments/", said, format="json")
    assert made.status_code == 201, made.json()
    place = f"/api/experiments/{made.json()['id']}/"
    assert engineer.post(f"{place}stop/", {}, format="json").status_code == 400
    assert engineer.post(f"{place}start/", {}, format="json").json()["state"] == "running"
    refused = engineer.patch(place, {"delta": 0.1}, format="json")
    assert refused.status_code == 400, "while it runs nobody changes what it asks"
    assert engineer.post(f"{place}stop/", {}, format="json").json()["state"] == "stopped"
    assert engineer.patch(place, {"delta": 0.1}, format="json").status_code == 200
    stale = engineer.patch(place, {"delta": 0.2}, format="json", HTTP_IF_MATCH=made["ETag"])
    assert stale.status_code == 412
    assert engineer.get(f"{place}points/").json() == []
    assert set(AuditRow.objects.values_list("action", flat=True)) >= {"start", "stop", "create"}


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"arms": [{"name": "a"}]}, "arms"),
        ({"arms": [{"name": "a"}, {"name": "a"}]}, "arms"),
        ({"arms": [{"name": "a"}, {"name": "b", "then": {"deny": "x"}}]}, "arms[1].then.deny"),
        ({"arms": [{"name": "a"}, {"name": "b", "then": {"us": "x"}}]}, "arms[1].then.us"),
        ({"arms": [{"name": "a"}, {"name": "b", "share": 0}]}, "arms[1].share"),
        ({"when": {"signal": "nothing", "is": 1}}, "when.signal"),
        ({"guardrails": {"errors": 2}}, "guardrails.errors"),
        ({"guardrails": {"p99": 2}}, "guardrails.p99"),
        ({"metric": "late"}, "metric"),
    ],
)
def test_mistakes_are_refused_with_their_place(
    team: Team, engineer: APIClient, said: dict[str, Any], place: str
) -> None:
    answer = engineer.post("/api/experiments/", {"name": "e", "arms": ARMS, **said}, format="json")
    assert answer.status_code == 400, answer.json()
    assert place in str(answer.json()), answer.json()


@pytest.mark.parametrize("then", [{"only": ["bgi"]}, {"avoid": ["bgi"]}, {"use": "bgi"}])
def test_an_arm_that_names_nobody_is_not_started(
    team: Team, engineer: APIClient, then: dict[str, Any]
) -> None:
    arms = [{"name": "today"}, {"name": "big", "then": then}]
    made = engineer.post("/api/experiments/", {"name": "e", "arms": arms}, format="json").json()
    refused = engineer.post(f"/api/experiments/{made['id']}/start/", {}, format="json")
    assert refused.json()["error"]["param"] == "arms[1].then"
    assert "no bgi" in refused.json()["error"]["message"]
    Backend.objects.create(name="bgi", kind="sandbox", model="toy")
    assert engineer.post(f"/api/experiments/{made['id']}/start/", {}).status_code == 200


def test_a_running_experiment_is_not_removed_and_says_what_it_is(
    team: Team, engineer: APIClient
) -> None:
    row = Experiment.objects.create(team=team, name="e", state="running", arms=ARMS)
    place = f"/api/experiments/{row.pk}/"
    assert "stop it first" in engineer.delete(place).json()["error"]["message"]
    again = engineer.post(f"{place}start/", {}, format="json").json()["error"]["message"]
    assert again == "It is running; only what is draft or stopped can be started."
    engineer.post(f"{place}stop/", {}, format="json")
    assert engineer.delete(place).status_code == 204


def test_a_name_that_cannot_stand_in_a_reason_is_refused_in_words(engineer: APIClient) -> None:
    refused = engineer.post("/api/experiments/", {"name": "a b/c", "arms": ARMS}, format="json")
    assert refused.json()["error"]["message"] == "name: Letters, digits, - and _, at most 40."
