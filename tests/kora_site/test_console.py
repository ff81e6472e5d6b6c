"""The console's pages: who sees what, who may change it, and that every page is whole."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from analytics.models import Exchange, Price
from routing.models import Backend
from teams.models import AuditRow, Member, Membership, Organisation, Team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    organisation = Organisation.objects.create(name="o")
    Team.objects.create(name="theirs", organisation=organisation)
    return Team.objects.create(name="ours", organisation=organisation)


@pytest.fixture
def operator(team: Team) -> Client:
    return _in(Member.objects.create_superuser("operator@example.com"))


@pytest.fixture
def viewer(team: Team) -> Client:
    member = Member.objects.create_user("viewer@example.com")
    Membership.objects.create(member=member, team=team, role="viewer")
    return _in(member)


def _in(member: Member) -> Client:
    client = Client()
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return client


def exchange(name: str, **columns: Any) -> Exchange:
    team = Team.objects.get(name=name)
    given = {"team_name": name, "model_asked": "auto", "state": "answered", "tier": "local"}
    return Exchange.objects.create(team=team, **{**given, **columns})


def backend(**columns: Any) -> Backend:
    return Backend.objects.create(**{"name": "b", "kind": "sandbox", "model": "b", **columns})


PAGES = ("/", "/?range=30d", "/requests/", "/requests/?live=1", "/backends/")


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_whole_when_empty_and_when_not(operator: Client, path: str) -> None:
    for _ in range(2):
        html = operator.get(path).content.decode()
        assert html.count("<h1") == 1
        assert "</html>" in html
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", html)
        exchange("ours", receipt={"stages": [{"name": "key", "at_ms": 0, "ms": 1}]})
        if not Backend.objects.exists():
            backend()


def test_the_page_to_try_the_api_keeps_the_content_policy(client: Client) -> None:
    html = client.get("/api/docs/").content.decode()
    assert not re.search(r"\sstyle=|<style|<script>|https?://", html)
    script = client.get("/api/docs/?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert b"SwaggerUIBundle" in script.content


@pytest.mark.parametrize("path", [*PAGES, "/backends/new/", "/backends/1/", "/requests/x/"])
def test_nobody_comes_in_without_a_session(client: Client, path: str) -> None:
    assert client.get(path).status_code in {302, 404}


def test_only_ones_own_teams_are_seen(viewer: Client) -> None:
    ours, theirs = exchange("ours"), exchange("theirs")
    listed = viewer.get("/requests/").content.decode()
    assert str(ours.id) in listed
    assert str(theirs.id) not in listed
    assert str(theirs.id) not in viewer.get("/requests/?team=theirs").content.decode()
    assert viewer.get(f"/requests/{ours.id}/").status_code == 200
    assert viewer.get(f"/requests/{theirs.id}/").status_code == 404


def test_a_fragment_is_only_the_fragment(operator: Client) -> None:
    exchange("ours")
    asked = {"HX-Request": "true", "HX-Target": "rows"}
    html = operator.get("/requests/", headers=asked).content.decode()
    assert html.strip().startswith('<div id="rows"')
    assert "<html" not in html


def test_a_request_list_costs_few_queries(
    operator: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(60):
        exchange("ours")
    with django_assert_max_num_queries(8):
        operator.get("/requests/")
    with django_assert_max_num_queries(4):
        operator.get("/requests/", headers={"HX-Request": "true", "HX-Target": "rows"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/backends/new/"),
        ("post", "/backends/new/"),
        ("post", "/backends/{}/"),
        ("post", "/backends/{}/test/"),
        ("post", "/backends/{}/switch/"),
    ],
)
def test_only_operators_change_backends(viewer: Client, method: str, path: str) -> None:
    made = backend()
    assert getattr(viewer, method)(path.format(made.pk)).status_code == 403
    html = viewer.get(f"/backends/{made.pk}/").content.decode()
    assert viewer.get("/backends/").status_code == 200
    assert "Save" not in html
    assert "Switch off" not in html


def _fields(**changes: Any) -> dict[str, Any]:
    given = {
        "name": "claude",
        "kind": "cloud",
        "model": "anthropic/claude-sonnet-4-5",
        "secret": "sk-very-secret",
        "price_in": "3",
        "price_out": "15",
        "context": "200000",
        "max_output": "64000",
        "quality": "0.9",
        "capabilities": ["tools"],
        "enabled": "on",
    }
    return {**given, **changes}


def test_a_provider_is_added_priced_and_audited(operator: Client) -> None:
    answer = operator.post("/backends/new/?provider=anthropic", _fields())
    made = Backend.objects.get(name="claude")
    assert answer["Location"] == f"/backends/{made.pk}/"
    assert made.secret_sealed
    assert "sk-very-secret" not in made.secret_sealed
    assert Price.objects.get(backend="claude").price_out == 15
    assert AuditRow.objects.get(action="create", subject_name="claude").actor
    html = operator.get(f"/backends/{made.pk}/").content.decode()
    assert "A key is set" in html
    assert "sk-very-secret" not in html


def test_saving_keeps_the_key_and_what_the_form_does_not_show(operator: Client) -> None:
    operator.post("/backends/new/", _fields())
    made = Backend.objects.get(name="claude")
    Backend.objects.filter(pk=made.pk).update(timeouts={"total": 5}, max_parallel=7)
    operator.post(f"/backends/{made.pk}/", _fields(secret="", quality="0.5", name="other"))
    saved = Backend.objects.get(pk=made.pk)
    assert (saved.secret_sealed, saved.quality) == (made.secret_sealed, 0.5)
    assert (saved.name, saved.timeouts, saved.max_parallel) == ("claude", {"total": 5}, 7)
    assert Price.objects.filter(backend="claude").count() == 1


def test_what_the_serializer_refuses_stands_at_its_field(operator: Client) -> None:
    backend(name="claude")
    html = operator.post("/backends/new/", _fields(quality="7")).content.decode()
    assert "less than or equal to 1" in html
    html = operator.post("/backends/new/", _fields()).content.decode()
    assert "already exists" in html
    assert "sk-very-secret" not in html


def test_a_switch_is_audited(operator: Client) -> None:
    made = backend()
    operator.post(f"/backends/{made.pk}/switch/")
    made.refresh_from_db()
    assert not made.enabled
    assert AuditRow.objects.get(action="update").after == {"enabled": False}


def test_an_unknown_address_is_told_in_style(operator: Client) -> None:
    answer = operator.get("/nowhere/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_a_price_of_computing_stands_beside_the_others(operator: Client) -> None:
    mini = backend(name="mini", kind="local", model="mini:q8_0")
    Price.objects.create(
        backend="mini", price_in=0, price_out=0, price_cached_in=0, price_compute_s="0.00001"
    )
    assert "+ $0.00001/s" in operator.get("/backends/").content.decode()
    assert "per second of processor time" in operator.get(f"/backends/{mini.pk}/").content.decode()
