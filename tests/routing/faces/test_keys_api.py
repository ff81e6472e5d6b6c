"""Keys of a provider through the control plane: added, listed without secrets, mended, removed."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from routing import provider_keys
from routing.models import Backend, BackendKey
from teams.models import AuditRow, Organisation, Scope, Team
from tests.teams.conftest import as_key

SECRET = "sk-provider-1234567890"
pytestmark = pytest.mark.django_db


@pytest.fixture
def operating() -> APIClient:
    organisation = Organisation.objects.create(name="Acme")
    team = Team.objects.create(organisation=organisation, name="red")
    return as_key(team, Scope.MANAGE, Scope.OPERATE)


@pytest.fixture
def place(operating: APIClient) -> str:
    body = {"name": "gpt", "kind": "cloud", "model": "openai/gpt-4o-mini", "secret": SECRET}
    made = operating.post("/api/backends/", body, format="json").json()
    return f"/api/backends/{made['id']}/keys/"


def add(operating: APIClient, place: str, **fields: Any) -> Any:
    answer = operating.post(place, {"secret": "sk-second-key-123", **fields}, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_keys_are_listed_in_their_order_and_never_shown(operating: APIClient, place: str) -> None:
    made = add(operating, place, label="second")
    answer = operating.get(place)
    assert [(each["id"], each["label"], each["state"]) for each in answer.json()] == [
        (0, "own", "in use"),
        (made["id"], "second", "in use"),
    ]
    assert "sk-" not in answer.content.decode()
    assert "sk-second" not in BackendKey.objects.get().secret_sealed
    assert "sk-second" not in str(list(AuditRow.objects.values()))


def test_a_refused_key_is_used_again_when_somebody_has_mended_it(
    operating: APIClient, place: str
) -> None:
    made = add(operating, place)
    for body in ({"forgive": True}, {"secret": "sk-third-key-1234"}):
        BackendKey.objects.update(refused_at=timezone.now(), refusal="401")
        shown = operating.get(place).json()[1]
        assert (shown["state"], shown["refusal"]) == ("refused", "401")
        answer = operating.patch(f"{place}{made['id']}/", body, format="json")
        assert answer.json()["state"] == "in use"


def test_the_backend_s_own_key_is_mended_in_either_place(operating: APIClient, place: str) -> None:
    backend = Backend.objects.get()
    for mend_at, body in (
        (f"{place}0/", {"forgive": True}),
        (f"/api/backends/{backend.pk}/", {"secret": "sk-other-key-1234"}),
    ):
        BackendKey.objects.create(backend=backend, refused_at=timezone.now(), refusal="402")
        assert operating.get(place).json()[0]["state"] == "refused"
        assert operating.patch(mend_at, body, format="json").status_code == 200
        assert operating.get(place).json()[0]["state"] == "in use"


def test_workers_read_a_backend_anew_when_its_keys_change(operating: APIClient, place: str) -> None:
    before = Backend.objects.get().updated_at
    made = add(operating, place)
    between = Backend.objects.get().updated_at
    assert operating.delete(f"{place}{made['id']}/").status_code == 204
    assert before < between < Backend.objects.get().updated_at
    assert [each.id for each in provider_keys.shown(Backend.objects.get())] == [0]


def test_what_needs_no_key_takes_none_and_what_is_not_there_is_not_found(
    operating: APIClient, place: str
) -> None:
    toy = Backend.objects.create(name="toy", kind="sandbox", model="toy")
    answer = operating.post(f"/api/backends/{toy.pk}/keys/", {"secret": "x"}, format="json")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "secret")
    assert operating.delete(f"{place}999/").status_code == 404
    assert operating.post(place, {"label": "no secret"}, format="json").status_code == 400


def test_keys_do_not_follow_to_another_host(operating: APIClient) -> None:
    body = {"name": "own", "kind": "openai-compatible", "model": "m"}
    body["api_base"] = "https://api.example.com/v1"
    made = operating.post("/api/backends/", body, format="json").json()
    add(operating, f"/api/backends/{made['id']}/keys/")
    moved = {"api_base": "https://elsewhere.example.com/v1"}
    answer = operating.patch(f"/api/backends/{made['id']}/", moved, format="json")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "api_base")
