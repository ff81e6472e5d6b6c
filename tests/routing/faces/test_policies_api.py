"""Versions through the control plane: publish, compare, bring back, and whose they are."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from routing.models import Policy
from routing.publishing import in_force, loading
from teams.models import AuditRow, Organisation, Role, Scope, Team
from tests.routing.faces.test_rules_api import DENY, make, names
from tests.teams.conftest import as_key, as_member, member_of, operator


@pytest.fixture
def red(db: None) -> Team:
    return Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")


@pytest.fixture
def engineer(red: Team) -> APIClient:
    return as_member(member_of(red, Role.ENGINEER))


def draft_of(client: APIClient, asked: str = "team=red") -> dict[str, Any]:
    (found,) = client.get(f"/api/policies/?state=draft&{asked}").json()["results"]
    whole: dict[str, Any] = client.get(f"/api/policies/{found['id']}/").json()
    return whole


def publish(client: APIClient, asked: str = "team=red", **said: Any) -> dict[str, Any]:
    draft = draft_of(client, asked)
    answer = client.post(f"/api/policies/{draft['id']}/publish/", said, format="json")
    assert answer.status_code == 200, answer.json()
    made: dict[str, Any] = answer.json()
    return made


def test_a_draft_follows_its_rules_and_becomes_a_version(engineer: APIClient, red: Team) -> None:
    make(engineer, "one")
    draft = draft_of(engineer)
    assert [rule["name"] for rule in draft["content"]["rules"]] == ["one"]
    assert [change["kind"] for change in draft["changes"]] == ["added"]
    made = publish(engineer, note="The first")
    assert (made["id"], made["state"], made["in_force"]) == (draft["id"], "published", True)
    assert (made["note"], made["published_by"]) == ("The first", "engineer@red.test")
    assert in_force.of(loading.load({}), red.pk).number == made["number"]
    after = draft_of(engineer)
    assert (after["id"] != draft["id"], after["changes"]) == (True, [])
    assert after["based_on"] == made["number"]


def test_what_was_published_stays_as_it_was(engineer: APIClient) -> None:
    made = publish(engineer)
    make(engineer, "later")
    whole = engineer.get(f"/api/policies/{made['id']}/").json()
    assert whole["content"]["rules"] == []
    again = engineer.post(f"/api/policies/{made['id']}/publish/", {}, format="json")
    assert again.status_code == 400


def test_publishing_leaves_one_row_that_says_what_changed(engineer: APIClient) -> None:
    make(engineer, "one")
    made = publish(engineer)
    row = AuditRow.objects.get(action="publish", subject="policy")
    assert row.after["in_force"] == made["number"]
    assert row.after["changes"] == ["added rule one"]


def test_who_looked_at_another_version_may_not_publish(engineer: APIClient) -> None:
    first = publish(engineer)
    draft = draft_of(engineer)
    place = f"/api/policies/{draft['id']}/publish/"
    assert engineer.post(place, {"based_on": 0}, format="json").status_code == 412
    seen = engineer.get(f"/api/policies/{draft['id']}/")["ETag"]
    make(engineer, "meanwhile")
    assert engineer.post(place, {}, format="json", HTTP_IF_MATCH=seen).status_code == 412
    answer = engineer.post(place, {"based_on": first["number"]}, format="json")
    assert answer.status_code == 200


def test_an_older_version_comes_back_as_a_new_one(engineer: APIClient) -> None:
    make(engineer, "one")
    first = publish(engineer)
    make(engineer, "two")
    second = publish(engineer)
    answer = engineer.post(f"/api/policies/{first['id']}/rollback/", {}, format="json")
    third = answer.json()
    assert third["number"] > second["number"]
    assert (third["restores"], third["in_force"]) == (first["number"], True)
    assert third["content"] == first["content"]
    assert names(engineer) == ["one"]
    assert draft_of(engineer)["changes"] == []


def test_a_draft_is_no_version_to_bring_back(engineer: APIClient) -> None:
    draft = draft_of(engineer)
    answer = engineer.post(f"/api/policies/{draft['id']}/rollback/", {}, format="json")
    assert answer.status_code == 400


def test_compares_any_two_of_a_scope(engineer: APIClient, red: Team) -> None:
    first = publish(engineer)
    make(engineer, "one")
    draft = draft_of(engineer)
    place = f"/api/policies/{draft['id']}/diff/?with="
    found = engineer.get(f"{place}{first['id']}").json()["changes"]
    assert [(change["kind"], change["name"]) for change in found] == [("added", "one")]
    everyones = Policy.objects.get(team=None, state="draft").pk
    for wrong in ("", "x", str(everyones)):
        assert engineer.get(f"{place}{wrong}").status_code == 400


def test_settings_are_a_working_copy_with_an_etag(engineer: APIClient) -> None:
    place = "/api/policies/settings/?team=red"
    seen = engineer.get(place)["ETag"]
    asked = {"settings": {"time_zone": "Europe/Berlin"}}
    answer = engineer.patch(place, asked, format="json", HTTP_IF_MATCH=seen)
    assert answer.json()["settings"] == {"time_zone": "Europe/Berlin"}
    assert engineer.patch(place, asked, format="json", HTTP_IF_MATCH=seen).status_code == 412
    row = AuditRow.objects.get()
    assert (row.action, row.after) == ("settings", {"time_zone": "Europe/Berlin"})
    away = engineer.patch(place, {"settings": {"time_zone": None}}, format="json")
    assert away.json()["settings"] == {}


def test_a_name_in_the_settings_that_nobody_has_is_reported(engineer: APIClient) -> None:
    """Misspelt, it would do nothing, and nobody would know."""
    said = {
        "baseline": "gone",
        "aliases": {"help": {"only": ["nobody"]}, "fine": {"use": "auto"}},
        "weights": {"auto": {"usd": 2}, "help": {"usd": 1}, "atuo": {"usd": 3}},
        "explore": {"routes": {"auto:bets": "bypass"}},
        "cascade": {"verify": ["model"], "model": "gone"},
    }
    place = "/api/policies/settings/?team=red"
    answer = engineer.patch(place, {"settings": said}, format="json")
    assert answer.status_code == 200, answer.json()
    assert {each["place"]: each["level"] for each in answer.json()["findings"]} == dict.fromkeys(
        [
            "settings.baseline",
            "settings.cascade.model",
            "settings.aliases.help.only",
            "settings.weights.atuo",
            "settings.explore.routes.auto:bets",
        ],
        "warning",
    )
    assert draft_of(engineer)["findings"] == answer.json()["findings"]
    publish(engineer)


@pytest.mark.parametrize(
    ("settings", "param"),
    [
        ({"time_zone": "Europe/Nowhere"}, "settings.time_zone"),
        ({"wieghts": {}}, "settings.wieghts"),
        ({"weights": 3}, "settings.weights"),
        ({"weights": {"auto": {"usd": -1}}}, "settings.weights.auto.usd"),
        ({"rewards": {"fun": 1}}, "settings.rewards.fun"),
        ({"words": {"slang": ["("]}}, "settings.words.slang[0]"),
    ],
)
def test_a_setting_that_nobody_reads_is_refused_where_it_stands(
    engineer: APIClient, settings: dict[str, Any], param: str
) -> None:
    answer = engineer.patch(
        "/api/policies/settings/?team=red", {"settings": settings}, format="json"
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_a_team_publishes_its_own_scope_and_no_other(engineer: APIClient, red: Team) -> None:
    blue = Team.objects.create(organisation=red.organisation, name="blue")
    theirs = publish(as_key(blue, Scope.MANAGE), "team=blue")
    everyones = draft_of(engineer, "everyone=true")["id"]
    assert engineer.get(f"/api/policies/{theirs['id']}/").status_code == 404
    assert engineer.post(f"/api/policies/{theirs['id']}/rollback/").status_code == 404
    assert engineer.post(f"/api/policies/{everyones}/publish/").status_code == 403
    assert engineer.get("/api/policies/settings/?team=blue").status_code == 404
    mine = publish(engineer)
    assert mine["number"] > theirs["number"]
    standing = loading.load({})
    assert in_force.of(standing, blue.pk).number == theirs["number"]


def test_who_only_reads_publishes_nothing(red: Team) -> None:
    viewer = as_member(member_of(red, Role.VIEWER))
    draft = draft_of(viewer)
    assert viewer.post(f"/api/policies/{draft['id']}/publish/").status_code == 403
    asked: dict[str, Any] = {"settings": {}}
    assert viewer.patch("/api/policies/settings/", asked, format="json").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_two_who_publish_at_once_make_two_versions_one_after_the_other(
    transactional_db: None,
) -> None:
    red = Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")
    key = as_key(red, Scope.MANAGE, Scope.OPERATE)
    make(key, "mine")
    drafts = [draft_of(key, asked)["id"] for asked in ("team=red", "everyone=true")]
    answers: list[Any] = []

    def one(draft: int) -> None:
        answers.append(key.post(f"/api/policies/{draft}/publish/", {}, format="json"))
        connection.close()

    threads = [threading.Thread(target=one, args=(draft,)) for draft in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = sorted(answer.json()["number"] for answer in answers)
    assert second == first + 1


def test_the_operator_publishes_everyones(engineer: APIClient, red: Team) -> None:
    operating = as_member(operator())
    make(operating, "for-all", team=None, then=DENY)
    made = publish(operating, "everyone=true")
    assert made["team"] is None
    assert in_force.of(loading.load({}), red.pk).number == made["number"]
