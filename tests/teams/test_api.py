"""The control plane's manners: locking, audit, tenancy, last owners, pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from teams import keys
from teams.models import ApiKey, AuditRow, KeyUse, Member, Membership, Role, Scope, Team
from tests.teams.conftest import as_key, as_member, member_of


def test_a_stale_write_is_refused(owner: APIClient, red: Team) -> None:
    path = f"/api/teams/{red.pk}/"
    tag = owner.get(path).headers["ETag"]
    first = owner.patch(path, {"time_zone": "Europe/Berlin"}, format="json", HTTP_IF_MATCH=tag)
    assert first.status_code == 200
    late = owner.patch(path, {"time_zone": "Asia/Tokyo"}, format="json", HTTP_IF_MATCH=tag)
    assert late.status_code == 412
    assert late.json()["error"]["code"] == "stale"
    assert owner.get(path).json()["time_zone"] == "Europe/Berlin"
    fresh = first.headers["ETag"]
    again = owner.patch(path, {"time_zone": "Asia/Tokyo"}, format="json", HTTP_IF_MATCH=fresh)
    assert again.status_code == 200


def test_being_used_does_not_change_a_keys_tag(owner: APIClient, red: Team) -> None:
    key = keys.issue(red, name="k").key
    before = owner.get(f"/api/keys/{key.pk}/").headers["ETag"]
    KeyUse.objects.create(key=key, last_used_at="2026-01-01T00:00:00Z")
    shown = owner.get(f"/api/keys/{key.pk}/")
    assert shown.json()["last_used_at"]
    assert shown.headers["ETag"] == before


def test_a_stale_delete_is_refused(owner: APIClient, red: Team) -> None:
    key = keys.issue(red, name="k").key
    answer = owner.delete(f"/api/keys/{key.pk}/", HTTP_IF_MATCH='"old"')
    assert answer.status_code == 412
    key.refresh_from_db()
    assert key.revoked_at is None


def writes(client: APIClient) -> list[tuple[str, Any]]:
    """Every kind of write once; each is one action of the audit log."""
    made = client.post("/api/keys/", {"name": "a", "team": "red"}, format="json").json()
    path = f"/api/keys/{made['id']}/"
    client.patch(path, {"name": "b"}, format="json")
    client.post(f"{path}rotate/", {"overlap_hours": 1}, format="json")
    client.post(f"{path}revoke/")
    person = {"email": "New@red.test", "role": "viewer", "team": "red"}
    held = client.post("/api/members/", person, format="json").json()
    client.patch(f"/api/members/{held['id']}/", {"role": "finance"}, format="json")
    client.delete(f"/api/members/{held['id']}/")
    client.post("/api/teams/", {"name": "green"}, format="json")
    return [(made["key"], "key"), (held["password"], "password")]


def test_every_write_leaves_one_row_with_the_difference_and_no_secret(
    operating: APIClient,
) -> None:
    shown_once = writes(operating)
    rows = list(AuditRow.objects.order_by("at"))
    assert [(row.subject, row.action) for row in rows] == [
        ("api key", "create"),
        ("api key", "update"),
        ("api key", "rotate"),
        ("api key", "revoke"),
        ("membership", "create"),
        ("membership", "update"),
        ("membership", "delete"),
        ("team", "create"),
    ]
    assert (rows[1].before, rows[1].after) == ({"name": "a"}, {"name": "b"})
    assert (rows[5].before, rows[5].after) == ({"role": "viewer"}, {"role": "finance"})
    assert all(row.actor.startswith("key test (kora_") for row in rows)
    assert all(row.address == "127.0.0.1" for row in rows)
    assert rows[0].team is not None
    stored = str([(row.before, row.after) for row in rows])
    for secret, _ in shown_once:
        assert secret.rsplit("_", 1)[-1] not in stored
    for digest in ApiKey.objects.values_list("digest", flat=True):
        assert digest not in stored


def test_a_refused_write_leaves_no_row(owner: APIClient) -> None:
    owner.post("/api/keys/", {"name": ""}, format="json")
    owner.post("/api/teams/", {"name": "mine"}, format="json")
    assert not AuditRow.objects.exists()


def test_another_teams_things_are_not_found(owner: APIClient, blue: Team) -> None:
    key = keys.issue(blue, name="theirs").key
    held = Membership.objects.get(member=member_of(blue, Role.OWNER))
    for path in (f"keys/{key.pk}", f"members/{held.pk}", f"teams/{blue.pk}"):
        for verb in (owner.get, owner.patch, owner.delete):
            answer = verb(f"/api/{path}/")
            operators_only = verb == owner.delete and path.startswith("teams")
            assert answer.status_code == (403 if operators_only else 404), (path, verb)
    assert owner.post(f"/api/keys/{key.pk}/revoke/").status_code == 404
    assert owner.post(f"/api/keys/{key.pk}/rotate/").status_code == 404
    created = owner.post("/api/keys/", {"name": "k", "team": "blue"}, format="json")
    missing = owner.post("/api/keys/", {"name": "k", "team": "bluf"}, format="json")
    assert created.status_code == missing.status_code == 400
    assert owner.get("/api/keys/").json()["results"] == []
    assert owner.get("/api/audit/?team=blue").json()["results"] == []


def test_an_operator_sees_every_team(operating: APIClient, blue: Team) -> None:
    assert {team["name"] for team in operating.get("/api/teams/").json()["results"]} == {
        "red",
        "blue",
    }
    made = operating.post("/api/keys/", {"name": "k", "team": "blue"}, format="json")
    assert made.status_code == 201


def test_an_invitation_makes_somebody_who_can_log_in(owner: APIClient, red: Team) -> None:
    answer = owner.post(
        "/api/members/",
        {"email": "Ada@Example.com", "name": "Ada", "role": "viewer"},
        format="json",
    )
    assert answer.status_code == 201
    assert Member.objects.get(email="ada@example.com").check_password(answer.json()["password"])
    again = owner.get(f"/api/members/{answer.json()['id']}/").json()
    assert again["password"] == ""
    twice = owner.post("/api/members/", {"email": "ADA@example.com", "role": "viewer"})
    assert twice.status_code == 400
    assert twice.json()["error"]["param"] == "email"


def test_inviting_a_known_person_keeps_their_password(owner: APIClient, blue: Team) -> None:
    known = member_of(blue, Role.VIEWER)
    old = known.password
    answer = owner.post("/api/members/", {"email": known.email, "role": "viewer", "name": "Eve"})
    assert answer.status_code == 201
    assert answer.json()["password"] == ""
    known.refresh_from_db()
    assert (known.password, known.name) == (old, "")


@pytest.mark.parametrize("write", ["demote", "remove"])
def test_the_last_owner_stays(owner: APIClient, red: Team, write: str) -> None:
    held = Membership.objects.get(team=red, role=Role.OWNER)
    path = f"/api/members/{held.pk}/"
    asked = (
        owner.patch(path, {"role": "viewer"}, format="json")
        if write == "demote"
        else owner.delete(path)
    )
    assert asked.status_code == 409
    assert asked.json()["error"]["code"] == "last_owner"
    assert not AuditRow.objects.exists()
    held.refresh_from_db()
    assert held.role == Role.OWNER
    Membership.objects.create(
        team=red, role=Role.OWNER, member=Member.objects.create_user("second@red.test", "x")
    )
    assert owner.delete(path).status_code == 204


def test_lists_turn_over_by_cursor(owner: APIClient, red: Team) -> None:
    made = [keys.issue(red, name=f"k{number}").key.pk for number in range(5)]
    page = owner.get("/api/keys/?page_size=2").json()
    seen = [row["id"] for row in page["results"]]
    while page["next"]:
        page = owner.get(page["next"]).json()
        seen += [row["id"] for row in page["results"]]
    assert seen == sorted(made, reverse=True)
    named = owner.get("/api/keys/?ordering=name").json()["results"]
    assert [row["name"] for row in named] == [f"k{number}" for number in range(5)]


def test_the_audit_log_is_filtered_and_read_only(owner: APIClient, red: Team) -> None:
    owner.post("/api/keys/", {"name": "a"}, format="json")
    owner.patch(f"/api/teams/{red.pk}/", {"time_zone": "Asia/Tokyo"}, format="json")
    found = owner.get("/api/audit/?subject=team").json()["results"]
    assert [row["after"] for row in found] == [{"time_zone": "Asia/Tokyo"}]
    assert len(owner.get("/api/audit/?from=2020-01-01T00:00:00Z").json()["results"]) == 2
    assert owner.get("/api/audit/?to=2020-01-01T00:00:00Z").json()["results"] == []
    assert owner.get("/api/audit/?from=yesterday").status_code == 400
    assert owner.delete(f"/api/audit/{found[0]['id']}/").status_code in {403, 405}


def test_a_management_key_of_one_team_stays_in_it(red: Team, blue: Team) -> None:
    client = as_key(red, Scope.MANAGE)
    assert [team["name"] for team in client.get("/api/teams/").json()["results"]] == ["red"]
    assert client.post("/api/teams/", {"name": "mine"}).status_code == 403
    assert client.delete(f"/api/teams/{red.pk}/").status_code == 403


def test_a_session_needs_its_csrf_token(red: Team) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(member_of(red, Role.OWNER))
    answer = client.post("/api/keys/", {"name": "k"}, format="json")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "not_allowed"


def test_a_viewer_reads_and_writes_nothing(red: Team) -> None:
    viewer = as_member(member_of(red, Role.VIEWER))
    assert viewer.get("/api/members/").status_code == 200
    assert viewer.patch(f"/api/teams/{red.pk}/", {"time_zone": "UTC"}).status_code == 403


def test_the_schema_is_whole(db: None, tmp_path: Any) -> None:
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(tmp_path / "s.yml"))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/keys/?team=%00", 400),
        ("/api/keys/?revoked=perhaps", 400),
        ("/api/keys/?cursor=cD14", 404),
        ("/api/requests/?cursor=cD14", 404),
    ],
)
def test_what_cannot_be_looked_for_is_the_askers_mistake(
    owner: APIClient, path: str, status: int
) -> None:
    answer = owner.get(path)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["a\0", "x" * 201])
def test_a_key_has_a_name_that_can_be_read(owner: APIClient, name: str) -> None:
    answer = owner.post("/api/keys/", {"name": name, "team": "red"}, format="json")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "name")
