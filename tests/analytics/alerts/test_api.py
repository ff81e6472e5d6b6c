"""Channels and alerts by the control plane: who keeps them, what is refused, what stays hidden."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as configured
from pytest_django import Settings
from rest_framework.test import APIClient

from analytics import alerts
from analytics.alerts import delivering, secrets
from analytics.models import Alert, Channel
from inference import secrets as sealing
from teams.models import AuditRow, Role, Team
from tests.teams.conftest import (
    as_member,
    blue,
    member_of,
    operating,
    organisation,
    owner,
    red,
)

__all__ = ["blue", "operating", "organisation", "owner", "red"]

pytestmark = pytest.mark.django_db

URL = "https://93.184.215.14/services/T0/secret-path?x=1"
SECRET = "sign-with-this-please"
HOOK = {"name": "ops", "kind": "webhook", "address": URL, "secret": SECRET}
MAIL = {"name": "ops", "kind": "email", "address": "ops@a.test"}


def made(client: APIClient, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/channels/", HOOK | more, format="json")
    assert answer.status_code == 201, answer.json()
    return dict(answer.json())


def test_a_secret_is_sealed_for_its_channel_and_never_shown(owner: APIClient) -> None:
    shown = made(owner)
    row = Channel.objects.get()
    opened = sealing.open_sealed(
        row.secret_sealed, configured.SECRET_KEY, f"analytics_channel:{row.pk}"
    )
    assert opened == SECRET == secrets.opened(row)
    assert (shown["has_secret"], shown["team"], shown["address"]) == (True, "red", URL)
    everything = [owner.get(path).content.decode() for path in ("/api/channels/", "/api/audit/")]
    assert not [text for text in everything if SECRET in text or row.secret_sealed in text]
    assert AuditRow.objects.get(subject="channel").after["address"] == "(hidden)"


def test_a_channel_is_edited_without_its_secret_and_gets_another(owner: APIClient) -> None:
    place = f"/api/channels/{made(owner)['id']}/"
    owner.patch(place, {"name": "other", "enabled": False, "kinds": ["budget"]}, format="json")
    row = Channel.objects.get()
    assert (row.name, row.enabled, row.kinds) == ("other", False, ["budget"])
    assert secrets.opened(row) == SECRET
    owner.patch(place, {"secret": "another secret, and long"}, format="json")
    assert secrets.opened(Channel.objects.get()) == "another secret, and long"


@pytest.mark.parametrize(
    ("said", "place", "words"),
    [
        ({"address": "http://127.0.0.1/"}, "address", "inside this network"),
        ({"address": "http://[::ffff:169.254.169.254]/"}, "address", "inside this network"),
        ({"address": "ftp://a.test"}, "address", "https://"),
        ({"secret": "short"}, "secret", "16"),
        ({"kinds": ["weather"]}, "kinds", "not a valid choice"),
        ({"colour": "red"}, "colour", "no such field"),
        ({"kind": "pigeon"}, "kind", "not a valid choice"),
        ({"team": "blue"}, "team", "does not exist"),
        (MAIL, "kind", "no mail server"),
    ],
)
def test_what_is_refused(
    owner: APIClient, blue: Team, said: dict[str, Any], place: str, words: str
) -> None:
    answer = owner.post("/api/channels/", HOOK | said, format="json")
    assert answer.status_code == 400
    assert words in str(answer.json())
    assert place in str(answer.json())


def test_a_webhook_needs_a_secret_and_a_mail_takes_none(
    owner: APIClient, settings: Settings
) -> None:
    settings.KORA_MAIL_FROM = "kora@a.test"
    unsigned = {name: said for name, said in HOOK.items() if name != "secret"}
    assert owner.post("/api/channels/", unsigned, format="json").status_code == 400
    assert owner.post("/api/channels/", MAIL, format="json").status_code == 201
    signed = owner.post("/api/channels/", MAIL | {"secret": SECRET}, format="json")
    assert "not signed" in str(signed.json())
    wrong = owner.post("/api/channels/", MAIL | {"address": "ops"}, format="json")
    assert "not an e-mail address" in str(wrong.json())


def test_who_keeps_channels(red: Team, operating: APIClient, owner: APIClient) -> None:
    finance = as_member(member_of(red, Role.FINANCE))
    engineer = as_member(member_of(red, Role.ENGINEER))
    shown = made(finance)
    assert engineer.post("/api/channels/", HOOK, format="json").status_code == 403
    seen = engineer.get(f"/api/channels/{shown['id']}/").json()
    assert seen["address"] == "https://93.184.215.14/…"
    assert owner.post("/api/channels/", HOOK | {"team": None}, format="json").status_code == 403
    every = made(operating, team=None)
    assert every["team"] is None
    assert owner.get(f"/api/channels/{every['id']}/").status_code == 404
    moved = owner.patch(f"/api/channels/{shown['id']}/", {"kind": "email"}, format="json")
    assert moved.status_code == 400


def test_a_stale_write_is_refused(owner: APIClient) -> None:
    place = f"/api/channels/{made(owner)['id']}/"
    tag = owner.get(place).headers["ETag"]
    owner.patch(place, {"name": "first"}, format="json", headers={"If-Match": tag})
    late = owner.patch(place, {"name": "second"}, format="json", headers={"If-Match": tag})
    assert late.status_code == 412


def test_the_test_button_leads_to_how_it_went(owner: APIClient, settings: Settings) -> None:
    settings.KORA_ALLOW_PRIVATE_WEBHOOKS = ("127.0.0.1",)
    shown = made(owner, address="http://127.0.0.1:1/")
    asked = owner.post(f"/api/channels/{shown['id']}/test/")
    assert asked.status_code == 202
    delivering.deliver()
    (told,) = owner.get(f"/api/alerts/{asked.json()['id']}/").json()["deliveries"]
    assert (told["state"], told["channel"], told["tries"]) == ("given-up", "ops", 1)
    assert "No connection" in told["trouble"]
    assert AuditRow.objects.filter(action="test", subject="channel").exists()


def raised(team: Team | None, organisation_id: int, key: str, kind: str = "budget") -> None:
    alerts.raise_alert(
        organisation_id=organisation_id,
        team_id=team.pk if team else None,
        kind=kind,
        key=key,
        severity="warning",
        title=key,
        body={},
    )


def test_alerts_are_seen_by_their_team_and_narrowed(
    owner: APIClient, operating: APIClient, red: Team, blue: Team
) -> None:
    made(owner)
    made(operating, team=None, name="every")
    for team, key in ((red, "red's"), (blue, "blue's"), (None, "nobody's")):
        raised(team, red.organisation_id, key)
    raised(red, red.organisation_id, "late", kind="sla")
    alerts.resolve("late")

    def keys(query: str = "") -> set[str]:
        rows = owner.get(f"/api/alerts/{query}").json()["results"]
        return {row["key"] for row in rows}

    assert keys() == {"red's", "nobody's", "late"}
    assert keys("?open=true") == {"red's", "nobody's"}
    assert keys("?kind=sla") == {"late"}
    assert keys("?team=red") == {"red's", "late"}
    assert len(operating.get("/api/alerts/").json()["results"]) == 4
    mine = owner.get("/api/alerts/?key=red's").json()["results"][0]
    assert [told["channel"] for told in mine["deliveries"]] == ["ops"]
    theirs = Alert.objects.get(key="blue's")
    assert owner.get(f"/api/alerts/{theirs.pk}/").status_code == 404
