"""Intents by the control plane: written, learned, reported and tried out, each team its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from routing import embedders, tasks
from routing.faces import intent_serializers, recognition
from routing.intents import knowing
from routing.models import TeamIntent
from teams.models import AuditRow, Organisation, Role, Scope, Team
from tests.analytics import books
from tests.routing.meaning import Words
from tests.routing.test_recognising import PARKING, REFUNDS
from tests.teams.conftest import as_key, as_member, member_of

pytestmark = pytest.mark.django_db(transaction=True)

REFUND = {"name": "refund", "examples": list(REFUNDS)}


@pytest.fixture(autouse=True)
def words(monkeypatch: pytest.MonkeyPatch) -> Iterator[Words]:
    embedders._house = made = Words()
    monkeypatch.setattr(tasks, "ask_to_teach", lambda: None)
    knowing.forget()
    yield made
    knowing.forget()
    embedders.close()


@pytest.fixture
def red() -> Team:
    return Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")


@pytest.fixture
def client(red: Team) -> APIClient:
    return as_key(red, Scope.MANAGE)


def make(client: APIClient, **fields: Any) -> dict[str, Any]:
    answer = client.post("/api/intents/", {**REFUND, **fields}, format="json")
    assert answer.status_code == 201, answer.json()
    made: dict[str, Any] = answer.json()
    return made


def learn(words: Words) -> None:
    tasks.teach_intents()
    with books.connect() as connection:
        knowing.look(connection, words.name, every_s=0)


def test_an_intent_is_made_changed_and_taken_away_with_rows_in_the_audit(
    client: APIClient,
) -> None:
    made = make(client, examples=[*REFUNDS, f" {REFUNDS[0]} "])
    assert made["examples"] == list(REFUNDS)  # the same sentence twice teaches nothing
    assert (made["team"], made["enabled"], made["too_few"]) == ("red", True, False)
    place = f"/api/intents/{made['id']}/"
    changed = client.patch(place, {"examples": ["money back"]}, format="json")
    assert changed.json()["too_few"] is True
    stale = client.patch(place, {"enabled": False}, format="json", HTTP_IF_MATCH='"old"')
    assert stale.status_code == 412
    assert client.delete(place, HTTP_IF_MATCH=changed.headers["ETag"]).status_code == 204
    assert list(AuditRow.objects.order_by("at").values_list("action", flat=True)) == [
        "create",
        "update",
        "delete",
    ]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"name": "has spaces"}, "name"),
        ({"examples": []}, "examples"),
        ({"examples": ["a" * (intent_serializers.LONGEST_EXAMPLE + 1)]}, "examples"),
        ({"examples": ["a"] * (intent_serializers.MOST_EXAMPLES + 1)}, "examples"),
        ({"examples": ["  "]}, "examples"),
        ({"sample": ["a"]}, "sample"),
        ({"team": "nobody"}, "team"),
    ],
)
def test_what_cannot_be_an_intent_is_refused_with_its_place(
    client: APIClient, fields: dict[str, Any], where: str
) -> None:
    answer = client.post("/api/intents/", {**REFUND, **fields}, format="json")
    assert answer.status_code == 400
    assert where in answer.content.decode()


def test_names_are_a_team_s_own_and_once_each(client: APIClient, red: Team) -> None:
    make(client)
    assert client.post("/api/intents/", REFUND, format="json").status_code == 400
    blue = Team.objects.create(organisation=red.organisation, name="blue")
    other = as_key(blue, Scope.MANAGE)
    made = make(other)
    assert client.get(f"/api/intents/{made['id']}/").status_code == 404
    assert [row["team"] for row in client.get("/api/intents/").json()["results"]] == ["red"]
    answer = client.patch(f"/api/intents/{made['id']}/", {"enabled": False}, format="json")
    assert answer.status_code == 404


def test_there_is_a_bound_on_how_many(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intent_serializers, "MOST_INTENTS", 1)
    make(client)
    assert client.post("/api/intents/", {**REFUND, "name": "b"}, format="json").status_code == 400


def test_a_viewer_reads_and_tries_and_does_not_write(red: Team) -> None:
    viewer = as_member(member_of(red, Role.VIEWER))
    assert viewer.get("/api/intents/report/").status_code == 200
    assert viewer.post("/api/intents/try/", {"text": "hi"}, format="json").status_code == 200
    assert viewer.post("/api/intents/train/", {}, format="json").status_code == 403
    assert viewer.post("/api/intents/", REFUND, format="json").status_code == 403


def test_the_report_says_what_is_confused_and_where_examples_are_missing(
    client: APIClient, words: Words
) -> None:
    assert client.get("/api/intents/report/").json()["state"] == recognition.NOTHING
    make(client)
    make(client, name="parking", examples=list(PARKING))
    make(client, name="rare", examples=["refund my order garage", "parking money"])
    assert client.get("/api/intents/report/").json()["state"] == recognition.LEARNING
    learn(words)
    said = client.get("/api/intents/report/?team=red").json()
    assert said["state"] == recognition.LEARNED
    assert said["few"] == [{"intent": "rare", "examples": 2, "at_least": 5}]
    by_name = {row["intent"]: row for row in said["intents"]}
    assert by_name["refund"]["recall"] >= 0.5
    assert by_name["rare"]["too_few"] is True
    assert {row["intent"] for row in by_name["rare"]["taken_for"]} <= {
        "refund", "parking", "(none)",
    }  # fmt: skip
    table = said["table"]
    assert table["columns"] == ["parking", "rare", "refund", "(none)"]
    assert sum(sum(row["counts"]) for row in table["rows"]) == said["examples"] == 14


def test_a_text_is_tried_out_with_what_speaks_for_it(client: APIClient, words: Words) -> None:
    make(client)
    make(client, name="parking", examples=list(PARKING))
    learn(words)
    said = client.post(
        "/api/intents/try/", {"text": "refund the order, money back"}, format="json"
    ).json()
    assert (said["intent"], said["by"]) == ("refund", "examples")
    assert said["own"]["best"][0]["intent"] == "refund"
    assert len(said["own"]["best"]) == 3
    assert said["own"]["is_stranger"] is False
    assert len(said["shipped"]["best"]) == 3
    by_rule = client.post(
        "/api/intents/try/", {"text": "Translate this to German: salt"}, format="json"
    ).json()
    assert (by_rule["intent"], by_rule["by_rule"]) == ("translation", "translation")


def test_training_is_asked_for_by_those_who_may(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(tasks, "ask_to_teach", lambda: asked.append(True))
    make(client)
    answer = client.post("/api/intents/train/", {}, format="json")
    assert answer.status_code == 202
    assert answer.json()["look_at"].endswith("/api/intents/report/?team=red")
    assert asked == [True, True]
    assert TeamIntent.objects.count() == 1
    assert AuditRow.objects.filter(action="train intents").count() == 1
