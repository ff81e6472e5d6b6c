"""The page about alerts and channels: a secret is shown while it is chosen and never after."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from analytics import alerts
from analytics.alerts import delivering
from analytics.models import Alert, Channel, Delivery
from teams.models import AuditRow, Member, Role, Team
from tests.analytics.books import Book
from tests.analytics.faces.test_budget_views import client_of, entered, page

pytestmark = pytest.mark.django_db

URL = "https://93.184.215.14/services/secret-path"


@pytest.fixture
def team(db: None) -> Team:
    return Book.open().team


@pytest.fixture
def owner(team: Team) -> Client:
    return client_of(team, Role.OWNER)


def filled(team: str, **more: Any) -> dict[str, Any]:
    given = {"name": "on call", "team": team, "kind": "webhook", "address": URL}
    return given | {"secret": "sign-with-this-please"} | more


def raised(team: Team, key: str = "k") -> None:
    alerts.raise_alert(
        organisation_id=team.organisation_id,
        team_id=team.pk,
        kind="budget",
        key=key,
        severity="critical",
        title=f"title of {key}",
        body={},
    )


def test_a_channel_is_made_with_an_offered_secret(owner: Client, team: Team) -> None:
    assert "Make the first channel" in page(owner, "/alerts/")
    offered = re.search(r'name="secret" value="([\w-]{20,})"', page(owner, "/alerts/channels/new/"))
    assert offered
    owner.post("/alerts/channels/new/", filled(team.name, secret=offered[1], kinds=["budget"]))
    made = Channel.objects.get()
    assert (made.team, made.kinds, made.kind) == (team, ["budget"], "webhook")
    html = page(owner, "/alerts/")
    assert URL in html
    assert offered[1] not in html
    assert AuditRow.objects.get(subject="channel").action == "create"


def test_what_is_wrong_stands_at_its_field(owner: Client, team: Team) -> None:
    def said(**more: Any) -> str:
        answer = owner.post("/alerts/channels/new/", {**filled(team.name), **more})
        return str(answer.content.decode())

    assert "inside this network" in said(address="http://127.0.0.1:6379/")
    assert "no mail server" in said(kind="email", address="a@b.test")
    assert "16 characters" in said(secret="short")
    assert "not one of the available choices" in said(team="*")
    assert not Channel.objects.exists()


def test_a_mail_needs_no_secret(owner: Client, team: Team, settings: Settings) -> None:
    settings.KORA_MAIL_FROM = "kora@a.test"
    owner.post("/alerts/channels/new/", filled(team.name, kind="email", address="a@b.test"))
    made = Channel.objects.get()
    assert (made.kind, made.secret_sealed) == ("email", "")


def test_without_its_mail_server_a_letterbox_is_switched_off_but_not_on(
    owner: Client, team: Team, settings: Settings
) -> None:
    settings.KORA_MAIL_FROM = "kora@a.test"
    owner.post("/alerts/channels/new/", filled(team.name, kind="email", address="a@b.test"))
    settings.KORA_MAIL_FROM = ""
    place = f"/alerts/channels/{Channel.objects.get().pk}/switch/"
    assert "is off" in owner.post(place, follow=True).content.decode()
    assert "no mail server" in owner.post(place, follow=True).content.decode()
    assert not Channel.objects.get().enabled


def test_an_operator_hears_of_every_team(team: Team) -> None:
    operator = entered(Member.objects.create_superuser("operator@kora.test"))
    operator.post("/alerts/channels/new/", filled("*"))
    assert Channel.objects.get().team is None
    raised(team)
    assert Delivery.objects.count() == 1


def test_a_channel_is_tested_switched_off_and_removed(
    owner: Client, team: Team, settings: Settings
) -> None:
    owner.post("/alerts/channels/new/", filled(team.name))
    made = Channel.objects.get()
    Channel.objects.update(address="http://127.0.0.1:1/")
    owner.post(f"/alerts/channels/{made.pk}/test/")
    assert "on its way" in page(owner, "/alerts/")
    delivering.deliver()
    html = page(owner, "/alerts/")
    assert "given up after 1 try" in html
    assert "inside this network" in html
    Channel.objects.update(address=URL)
    owner.post(f"/alerts/channels/{made.pk}/switch/")
    assert not Channel.objects.get().enabled
    owner.post(f"/alerts/channels/{made.pk}/remove/")
    assert not Channel.objects.exists()
    assert owner.post("/alerts/channels/1/explode/").status_code == 404


def test_who_only_reads_sees_where_alerts_go_but_not_the_whole_address(
    owner: Client, team: Team
) -> None:
    owner.post("/alerts/channels/new/", filled(team.name))
    made = Channel.objects.get()
    viewer = client_of(team, Role.VIEWER)
    html = page(viewer, "/alerts/")
    assert "https://93.184.215.14/…" in html
    assert "secret-path" not in html
    for move in ("test", "switch", "remove"):
        assert viewer.post(f"/alerts/channels/{made.pk}/{move}/").status_code == 403
    assert viewer.get("/alerts/channels/new/").status_code == 403
    stranger = client_of(Book.open().team, Role.OWNER)
    assert stranger.post(f"/alerts/channels/{made.pk}/test/").status_code == 404


def test_alerts_are_listed_narrowed_and_paged(owner: Client, team: Team) -> None:
    assert "Nothing had to be said yet" in page(owner, "/alerts/")
    for number in range(60):
        raised(team, str(number))
    alerts.resolve("59")
    html = page(owner, "/alerts/")
    assert "title of 59" in html
    assert "title of 0<" not in html
    older = Alert.objects.get(key="10").pk
    assert f"cursor={older}" in html
    assert "title of 0" in page(owner, f"/alerts/?cursor={older}")
    assert "title of 59" not in page(owner, "/alerts/?open=true")
    assert "Nothing matches" in page(owner, "/alerts/?kind=sla")
    assert page(owner, "/alerts/?cursor=99999999999999999999999")
    asked = {"HX-Request": "true", "HX-Target": "rows"}
    fragment = owner.get("/alerts/", headers=asked).content.decode()
    assert fragment.strip().startswith("<section")
    assert "<html" not in fragment


def test_an_alert_leads_to_its_budget_while_there_is_one(owner: Client, team: Team) -> None:
    budget = Book(team=team).budget(10)
    raised(team)
    Alert.objects.update(body={"budget_id": budget.pk})
    assert f'href="/budgets/{budget.pk}/"' in page(owner, "/alerts/")
    budget.delete()
    assert 'href="/budgets/' not in page(owner, "/alerts/").split('id="rows"')[1]


def test_a_live_page_costs_few_queries(
    owner: Client, team: Team, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        raised(team, str(number))
    with django_assert_max_num_queries(12):
        page(owner, "/alerts/")
