"""The working copy of rules through the control plane."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from analytics.models import Exchange
from routing.models import Rule
from teams.models import AuditRow, Organisation, Role, Scope, Team
from tests.teams.conftest import as_key, as_member, member_of, operator

DENY = {"deny": "Not here."}


@pytest.fixture
def red(db: None) -> Team:
    return Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")


@pytest.fixture
def blue(red: Team) -> Team:
    return Team.objects.create(organisation=red.organisation, name="blue")


@pytest.fixture
def engineer(red: Team) -> APIClient:
    return as_member(member_of(red, Role.ENGINEER))


def make(client: APIClient, name: str, **said: Any) -> dict[str, Any]:
    answer = client.post("/api/rules/", {"name": name, "then": DENY, **said}, format="json")
    assert answer.status_code == 201, answer.json()
    made: dict[str, Any] = answer.json()
    return made


def names(client: APIClient, asked: str = "team=red") -> list[str]:
    return [rule["name"] for rule in client.get(f"/api/rules/?{asked}").json()["results"]]


def test_rules_stand_in_the_order_in_which_they_were_made_or_placed(engineer: APIClient) -> None:
    for name in ("one", "two", "three"):
        make(engineer, name)
    make(engineer, "first", position=1)
    assert names(engineer) == ["first", "one", "two", "three"]
    third = Rule.objects.get(name="three")
    engineer.patch(f"/api/rules/{third.pk}/", {"position": 2}, format="json")
    assert names(engineer) == ["first", "three", "one", "two"]


def test_one_call_puts_them_in_another_order_and_leaves_one_audit_row(engineer: APIClient) -> None:
    ids = [make(engineer, name)["id"] for name in ("one", "two", "three")]
    wanted = {"rules": [ids[2], ids[0]]}
    answer = engineer.post("/api/rules/reorder/?team=red", wanted, format="json")
    assert [rule["name"] for rule in answer.json()] == ["three", "one", "two"]
    row = AuditRow.objects.get(action="reorder")
    assert row.before == {"rules": ["one", "two", "three"]}


def test_what_is_no_rule_of_this_scope_cannot_be_put_in_order(engineer: APIClient) -> None:
    for wrong in ([12345], [make(engineer, "one")["id"]] * 2):
        answer = engineer.post("/api/rules/reorder/", {"rules": wrong}, format="json")
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "rules"


def test_a_change_of_what_somebody_else_changed_is_refused(engineer: APIClient) -> None:
    made = make(engineer, "one")
    place = f"/api/rules/{made['id']}/"
    seen = engineer.get(place)["ETag"]
    engineer.patch(place, {"enabled": False}, format="json")
    answer = engineer.patch(place, {"enabled": True}, format="json", HTTP_IF_MATCH=seen)
    assert answer.status_code == 412


def test_every_write_leaves_an_audit_row(engineer: APIClient) -> None:
    made = make(engineer, "one")
    engineer.patch(f"/api/rules/{made['id']}/", {"enabled": False}, format="json")
    engineer.delete(f"/api/rules/{made['id']}/")
    rows = {row.action: row for row in AuditRow.objects.filter(subject="rule")}
    assert rows.keys() == {"create", "update", "delete"}
    assert rows["update"].after == {"enabled": False}


def test_a_name_stands_once_in_a_scope(engineer: APIClient) -> None:
    make(engineer, "one")
    answer = engineer.post("/api/rules/", {"name": "one", "then": DENY}, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "name"


def test_everyones_rules_are_the_operators(engineer: APIClient, red: Team) -> None:
    operating = as_member(operator())
    make(operating, "for-all", team=None)
    make(engineer, "one")
    assert names(engineer, "everyone=true") == ["for-all"]
    asked = {"name": "mine", "team": None, "then": DENY}
    assert engineer.post("/api/rules/", asked, format="json").status_code == 403
    place = f"/api/rules/{Rule.objects.get(name='for-all').pk}/"
    assert engineer.patch(place, {"enabled": False}, format="json").status_code == 403
    order = engineer.post("/api/rules/reorder/?everyone=true", {"rules": []}, format="json")
    assert order.status_code == 403


def test_another_teams_rules_do_not_exist(engineer: APIClient, blue: Team) -> None:
    theirs = make(as_key(blue, Scope.MANAGE), "theirs")
    assert names(engineer, "") == []
    for method in ("get", "patch", "delete"):
        assert getattr(engineer, method)(f"/api/rules/{theirs['id']}/").status_code == 404
    assert engineer.post("/api/rules/reorder/?team=blue", {"rules": []}).status_code == 404


def test_a_rule_stays_in_its_team(engineer: APIClient, red: Team) -> None:
    made = make(engineer, "one")
    operating = as_member(operator())
    answer = operating.patch(f"/api/rules/{made['id']}/", {"team": None}, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "team"


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"when": {"all": [{"signal": "turns", "more_than": "x"}]}}, "when.all[0].more_than"),
        ({"when": {"signal": "colour", "is": "red"}}, "when.signal"),
        ({"then": {"denny": "x"}}, "then.denny"),
        ({"then": {}}, "then"),
        ({"name": "a b"}, "name"),
        ({"where": {}}, "where"),
    ],
)
def test_a_mistake_is_refused_with_its_place(
    engineer: APIClient, said: dict[str, Any], param: str
) -> None:
    asked = {"name": "one", "then": DENY, **said}
    answer = engineer.post("/api/rules/", asked, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_what_rules_make_of_each_other_is_said_at_the_rule(engineer: APIClient) -> None:
    make(engineer, "all")
    make(engineer, "code", when={"signal": "code", "is": True}, then={"use": "nobody"})
    (code,) = engineer.get("/api/rules/?name=code").json()["results"]
    kinds = {(found["kind"], found["with_rule"], found["place"]) for found in code["findings"]}
    assert ("unreachable", "all", "rules.code.when") in kinds
    assert ("unknown-backend", "", "rules.code.then.use") in kinds
    assert {found["level"] for found in code["findings"]} == {"warning"}


def test_says_how_often_a_rule_held_of_late(engineer: APIClient, red: Team) -> None:
    make(engineer, "one")
    for held in (["one"], ["other", "one"], []):
        Exchange.objects.create(team=red, model_asked="auto", receipt={"rules": {"held": held}})
    (shown,) = engineer.get("/api/rules/?hits=true").json()["results"]
    assert shown["hits"] == 2
    (plain,) = engineer.get("/api/rules/").json()["results"]
    assert plain["hits"] is None
