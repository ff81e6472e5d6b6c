"""The console's pages about people, without JavaScript."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from teams import keys
from teams.models import ApiKey, AuditRow, Member, Membership, Role, Scope, Team
from tests.teams.conftest import PASSWORD, member_of, operator

KEY = re.compile(r"kora_[0-9a-f]{12}_[A-Za-z0-9-]{20,}")


def browser_of(member: Member) -> Client:
    client = Client()
    client.force_login(member)
    return client


@pytest.fixture
def owning(red: Team) -> Client:
    return browser_of(member_of(red, Role.OWNER))


def test_a_key_is_seen_once(owning: Client, red: Team) -> None:
    assert owning.get("/keys/new/").status_code == 200
    form = {"name": "ci", "team": red.pk, "scopes": ["infer"], "models": "auto, gpt"}
    answer = owning.post("/keys/new/", form)
    text = KEY.search(answer.content.decode())
    assert text is not None
    assert "no-store" in answer.headers["Cache-Control"]
    assert keys.recognise(text.group()).models == {"auto", "gpt"}
    page = owning.get("/keys/").content.decode()
    assert "ci" in page
    assert KEY.search(page) is None
    row = AuditRow.objects.get()
    assert (row.action, row.actor, row.team) == ("create", "owner@red.test", red)
    assert row.after["digest"] == "(hidden)"
    assert KEY.search(owning.get("/audit/").content.decode()) is None


def test_a_bad_form_comes_back_with_its_words(owning: Client, red: Team) -> None:
    form = {"name": "ci", "team": red.pk, "scopes": ["infer"], "ip_ranges": "everywhere"}
    page = owning.post("/keys/new/", form).content.decode()
    assert "everywhere" in page
    assert "does not appear to be an IPv4 or IPv6 network" in page
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("odd", [{"models": "a\0"}, {"requests_per_minute": 10**12}])
def test_a_form_takes_nothing_that_cannot_be_kept(
    owning: Client, red: Team, odd: dict[str, object]
) -> None:
    answer = owning.post("/keys/new/", {"name": "ci", "team": red.pk, "scopes": ["infer"], **odd})
    assert answer.status_code == 200
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("path", ["/?team=%00", "/keys/?team=%00", "/audit/?actor=%00"])
def test_an_address_that_nothing_could_have_is_refused(owning: Client, path: str) -> None:
    answer = owning.get(path)
    assert answer.status_code == 400
    assert "makes no sense" in answer.content.decode()


def test_rotates_and_revokes(owning: Client, red: Team) -> None:
    old = keys.issue(red, name="ci").key
    assert "overlap" in owning.get(f"/keys/{old.pk}/rotate/").content.decode()
    page = owning.post(f"/keys/{old.pk}/rotate/", {"overlap_hours": "1"}).content.decode()
    assert KEY.search(page)
    assert owning.get(f"/keys/{old.pk}/revoke/").status_code == 200
    assert owning.post(f"/keys/{old.pk}/revoke/").status_code == 302
    old.refresh_from_db()
    assert old.revoked_at is not None
    assert owning.post(f"/keys/{old.pk}/rotate/", {"overlap_hours": "1"}).status_code == 403
    assert set(AuditRow.objects.values_list("action", flat=True)) == {"rotate", "revoke"}


def test_an_engineer_is_not_offered_what_they_may_not_give(red: Team) -> None:
    engineer = browser_of(member_of(red, Role.ENGINEER))
    page = engineer.get("/keys/new/").content.decode()
    assert 'value="infer"' in page
    assert 'value="manage"' not in page
    form = {"name": "k", "team": red.pk, "scopes": ["manage"]}
    assert engineer.post("/keys/new/", form).status_code == 200
    assert not ApiKey.objects.exists()
    strong = keys.issue(red, name="strong", scopes=[Scope.MANAGE]).key
    assert engineer.post(f"/keys/{strong.pk}/rotate/", {"overlap_hours": 1}).status_code == 403


def test_an_invited_person_logs_in_with_the_password_shown(owning: Client, red: Team) -> None:
    form = {"team": red.pk, "email": "New@Red.test", "role": "viewer"}
    page = owning.post("/team/invite/", form).content.decode()
    shown = re.search(r'<code id="password">([^<]+)</code>', page)
    assert shown is not None
    asked = {"username": "new@red.test", "password": shown.group(1)}
    assert Client().post("/login/", asked).status_code == 302
    assert shown.group(1) not in owning.get("/team/").content.decode()
    again = owning.post("/team/invite/", form).content.decode()
    assert "Already a member" in again


def test_an_invitation_begins_with_the_team_on_the_page(owning: Client, red: Team) -> None:
    page = owning.get("/team/?team=red").content.decode()
    assert f'<option value="{red.pk}" selected>red</option>' in page


def test_changes_a_role_and_removes_but_keeps_an_owner(owning: Client, red: Team) -> None:
    held = Membership.objects.get(member=member_of(red, Role.VIEWER))
    owning.post(f"/team/{held.pk}/role/", {"role": "engineer"})
    held.refresh_from_db()
    assert held.role == Role.ENGINEER
    assert owning.get(f"/team/{held.pk}/remove/").status_code == 200
    owning.post(f"/team/{held.pk}/remove/")
    assert not Membership.objects.filter(pk=held.pk).exists()
    last = Membership.objects.get(team=red)
    for path, form in (
        (f"/team/{last.pk}/role/", {"role": "viewer"}),
        (f"/team/{last.pk}/remove/", {}),
    ):
        page = owning.post(path, form, follow=True).content.decode()
        assert "A team needs an owner" in page
    assert Membership.objects.get(team=red).role == Role.OWNER
    assert list(AuditRow.objects.order_by("at").values_list("action", flat=True)) == [
        "update",
        "delete",
    ]


def test_filters_and_turns_over_the_audit_log(owning: Client, red: Team) -> None:
    rows = [
        AuditRow(actor=f"person{number % 2}", action="update", subject="team", team=red)
        for number in range(60)
    ]
    AuditRow.objects.bulk_create(rows)
    page = owning.get("/audit/").content.decode()
    older = re.search(r"cursor=([0-9a-f-]{36})", page)
    assert older is not None
    assert page.count('<td data-label="Who">') == 50
    rest = owning.get(f"/audit/?cursor={older.group(1)}").content.decode()
    assert rest.count('<td data-label="Who">') == 10
    assert "person0" not in owning.get("/audit/?actor=person1").content.decode().split("rows")[1]
    part = owning.get("/audit/", headers={"hx-request": "true", "hx-target": "rows"})
    assert "<html" not in part.content.decode()
    assert "Nothing matches" in owning.get("/audit/?action=explode&cursor=x").content.decode()


def test_a_foreign_team_is_not_found(owning: Client, blue: Team) -> None:
    key = keys.issue(blue, name="theirs").key
    held = Membership.objects.get(member=member_of(blue, Role.OWNER))
    for path in (f"/keys/{key.pk}/revoke/", f"/keys/{key.pk}/rotate/", f"/team/{held.pk}/remove/"):
        assert owning.get(path).status_code == 404
        assert owning.post(path).status_code == 404
    assert "theirs" not in owning.get("/keys/?team=blue").content.decode()
    form = {"name": "k", "team": blue.pk, "scopes": ["infer"]}
    assert owning.post("/keys/new/", form).status_code == 200
    assert not ApiKey.objects.exclude(pk=key.pk).exists()


def test_an_operator_works_in_every_team(blue: Team, red: Team) -> None:
    client = browser_of(operator())
    form = {"name": "k", "team": blue.pk, "scopes": ["infer", "manage", "operate"]}
    assert KEY.search(client.post("/keys/new/", form).content.decode())
    assert PASSWORD not in client.get("/team/").content.decode()


def test_an_operator_sets_what_a_team_may_have_and_others_read_it(
    owning: Client, red: Team
) -> None:
    operating = browser_of(operator())
    assert owning.get(f"/team/{red.pk}/limits/").status_code == 403
    assert operating.get(f"/team/{red.pk}/limits/").status_code == 200
    form = {"requests_per_minute": 90, "tokens_per_minute": "", "share": 3, "priority": "high"}
    wrong = operating.post(f"/team/{red.pk}/limits/", {**form, "share": 0})
    assert "greater than or equal to 1" in wrong.content.decode()
    assert operating.post(f"/team/{red.pk}/limits/", form).status_code == 302
    red.refresh_from_db()
    assert (red.requests_per_minute, red.tokens_per_minute, red.share) == (90, None, 3)
    row = AuditRow.objects.get()
    assert ("priority", "normal", "high") in row.changes
    page = owning.get("/team/").content.decode()
    assert "90" in page
    assert "High" in page
    assert f"/team/{red.pk}/limits/" not in page
