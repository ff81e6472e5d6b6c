"""An API key's life: made, shown once, recognised, rotated, revoked, and never more than given."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from teams import keys
from teams.errors import InvalidKey
from teams.models import ApiKey, Membership, Role, Scope, Team
from tests.teams.conftest import as_key, as_member, member_of


def make(client: APIClient, **fields: Any) -> dict[str, Any]:
    answer = client.post("/api/keys/", {"name": "ci", **fields}, format="json")
    assert answer.status_code == 201, answer.json()
    made: dict[str, Any] = answer.json()
    return made


def test_shows_a_key_once_and_keeps_only_its_hash(owner: APIClient, red: Team) -> None:
    made = make(owner, models=["auto"], ip_ranges=["10.0.0.1/8"])
    secret = made["key"].rsplit("_", 1)[1]
    row = ApiKey.objects.values().get(pk=made["id"])
    assert secret not in str(row)
    assert row["ip_ranges"] == ["10.0.0.0/8"]
    shown = owner.get(f"/api/keys/{made['id']}/").json()
    assert "key" not in shown
    assert "digest" not in shown
    assert shown["models"] == ["auto"]
    assert shown["team"] == red.name
    assert secret not in owner.get("/api/keys/").content.decode()
    assert secret not in owner.get("/api/audit/").content.decode()


def test_recognises_a_key_without_a_query_while_the_revision_is_trusted(
    owner: APIClient, django_assert_num_queries: Any
) -> None:
    made = make(owner)
    keys.trust_until(time.monotonic() + 5)
    assert keys.recognise(made["key"]).key_id == made["id"]
    with django_assert_num_queries(0):
        assert keys.recognise(made["key"]).key_id == made["id"]
        with pytest.raises(InvalidKey):
            keys.recognise(made["key"][:-1] + ("a" if made["key"][-1] != "a" else "b"))
        with pytest.raises(InvalidKey):
            keys.recognise("sk-not-ours")


def test_a_revoked_key_is_refused_and_stays_in_the_list(owner: APIClient) -> None:
    made = make(owner)
    assert owner.post(f"/api/keys/{made['id']}/revoke/").json()["revoked_at"]
    keys.forget_all()
    with pytest.raises(InvalidKey):
        keys.recognise(made["key"])
    assert owner.get("/api/keys/?revoked=true").json()["results"][0]["id"] == made["id"]
    assert owner.get("/api/keys/?revoked=false").json()["results"] == []
    assert owner.post(f"/api/keys/{made['id']}/rotate/").status_code == 400


def test_rotation_leaves_the_old_key_alive_for_the_overlap_only(owner: APIClient) -> None:
    made = make(owner, models=["auto"])
    answer = owner.post(f"/api/keys/{made['id']}/rotate/", {"overlap_hours": 2}, format="json")
    assert answer.status_code == 201
    successor = answer.json()
    assert successor["models"] == ["auto"]
    assert keys.recognise(successor["key"]).key_id == successor["id"] != made["id"]
    expires = ApiKey.objects.get(pk=made["id"]).expires_at
    assert expires is not None
    assert timedelta(hours=1.9) < expires - datetime.now(UTC) <= timedelta(hours=2)


def test_the_successor_of_a_key_that_expires_lives_as_long_as_it_was_made_for(red: Team) -> None:
    issued = keys.issue(red, name="a week", expires_at=datetime.now(UTC) + timedelta(days=7))
    issued.key.refresh_from_db()
    successor = keys.rotate(issued.key, overlap=timedelta(hours=1)).key
    assert successor.expires_at is not None
    left = successor.expires_at - datetime.now(UTC)
    assert timedelta(days=6.9) < left <= timedelta(days=7)


def test_an_expired_key_is_refused(red: Team) -> None:
    gone = datetime.now(UTC) - timedelta(seconds=1)
    issued = keys.issue(red, name="old", expires_at=gone)
    with pytest.raises(InvalidKey):
        keys.recognise(issued.text)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"ip_ranges": ["300.1.1.1"]}, "ip_ranges"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": ""}, "name"),
        ({"team": "no-such-team"}, "team"),
        ({"requests_per_minute": -1}, "requests_per_minute"),
        ({"rpm": 3}, "rpm"),
    ],
)
def test_names_the_field_that_is_wrong(
    owner: APIClient, fields: dict[str, Any], param: str
) -> None:
    answer = owner.post("/api/keys/", {"name": "ci", **fields}, format="json")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert error["param"] == param
    assert param in error["message"]


def test_ignores_columns_that_nobody_may_set(owner: APIClient) -> None:
    made = make(owner, public="000000000000", created_by="somebody else", revoked_at=None)
    assert made["public"] != "000000000000"
    assert made["created_by"] == "owner@red.test"


@pytest.mark.parametrize(
    ("role", "scopes", "status"),
    [
        (Role.ENGINEER, ["infer"], 201),
        (Role.ENGINEER, ["infer", "manage"], 403),
        (Role.OWNER, ["manage"], 201),
        (Role.OWNER, ["manage", "operate"], 403),
        (Role.FINANCE, ["infer"], 403),
    ],
)
def test_nobody_gives_a_key_more_than_they_have(
    red: Team, role: str, scopes: list[str], status: int
) -> None:
    client = as_member(member_of(red, role))
    answer = client.post("/api/keys/", {"name": "k", "scopes": scopes}, format="json")
    assert answer.status_code == status


def test_an_engineer_cannot_take_over_a_management_key(red: Team) -> None:
    engineer = as_member(member_of(red, Role.ENGINEER))
    strong = keys.issue(red, name="strong", scopes=[Scope.MANAGE]).key
    assert engineer.post(f"/api/keys/{strong.pk}/rotate/").status_code == 403
    changed = engineer.patch(f"/api/keys/{strong.pk}/", {"ip_ranges": []}, format="json")
    assert changed.status_code == 403


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("", 401),
        ("Bearer ", 401),
        ("Bearer sk-1234", 401),
        ("Bearer kora_0123456789ab_" + "x" * 40, 401),
        ("Basic eDp5", 401),
    ],
)
def test_says_who_must_log_in_and_how(db: None, header: str, status: int) -> None:
    answer = APIClient(HTTP_AUTHORIZATION=header).get("/api/keys/")
    assert answer.status_code == status
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.json()["error"]["type"] == "authentication_error"


def test_a_key_for_requests_manages_nothing(red: Team) -> None:
    answer = as_key(red, Scope.INFER).get("/api/keys/")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "not_allowed"


def test_a_management_key_answers_only_from_its_addresses(red: Team) -> None:
    text = keys.issue(red, name="k", scopes=[Scope.MANAGE], ip_ranges=["10.0.0.0/8"]).text
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert client.get("/api/keys/").status_code == 403
    assert client.get("/api/keys/", REMOTE_ADDR="10.1.2.3").status_code == 200


def test_says_which_team_is_missing_when_there_are_two(red: Team, blue: Team) -> None:
    person = member_of(red, Role.OWNER)
    Membership.objects.create(member=person, team=blue, role=Role.ENGINEER)
    client = as_member(person)
    answer = client.post("/api/keys/", {"name": "k"}, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "team"
    assert make(client, team="blue")["team"] == "blue"


def test_a_key_goes_before_its_team_only_if_an_operator_says_so(
    owner: APIClient, operating: APIClient, red: Team
) -> None:
    assert make(owner, priority="low", max_parallel=3)["max_parallel"] == 3
    refused = owner.post("/api/keys/", {"name": "ci", "priority": "high"}, format="json")
    assert refused.status_code == 403
    fields = {"team": red.name, "priority": "high"}
    made = make(operating, **fields)
    assert keys.recognise(made["key"]).priority == "high"


def test_a_key_without_a_priority_has_its_teams_and_knows_its_limits(
    owner: APIClient, operating: APIClient, red: Team
) -> None:
    made = make(owner)
    said = {"requests_per_minute": 7, "max_parallel": 2, "share": 3, "priority": "high"}
    assert owner.patch(f"/api/teams/{red.pk}/", said, format="json").status_code in (403, 428)
    etag = operating.get(f"/api/teams/{red.pk}/").headers["ETag"]
    changed = operating.patch(
        f"/api/teams/{red.pk}/", said, format="json", headers={"If-Match": etag}
    )
    assert changed.status_code == 200, changed.json()
    keys.forget_all()
    caller = keys.recognise(made["key"])
    assert (caller.priority, caller.share, caller.team_max_parallel) == ("high", 3, 2)
    assert caller.team_requests_per_minute == 7


def test_who_called_before_is_known_without_a_query_for_the_order_alone(
    owner: APIClient, django_assert_num_queries: Any
) -> None:
    made = make(owner)
    assert keys.met(made["key"]) is None
    keys.recognise(made["key"])
    keys.forget_all()
    with django_assert_num_queries(0):
        met = keys.met(made["key"])
        assert met is not None
        assert met.key_id == made["id"]
        assert keys.met(made["key"][:-1] + ("a" if made["key"][-1] != "a" else "b")) is None
        for malformed in ("", "sk-not-ours", "kora_x_y"):
            with pytest.raises(InvalidKey):
                keys.met(malformed)
