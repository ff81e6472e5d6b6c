"""What a client hears of paths that are none and of what KORA fails at, in the shape of the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/api/nothing/", "/api/nothing", "/api/cache/entries/1/zz/"])
@pytest.mark.parametrize("verb", ["get", "post"])
def test_a_path_of_the_control_plane_that_is_none_has_the_apis_error(
    client: Client, path: str, verb: str
) -> None:
    answer = getattr(client, verb)(path)
    assert answer.status_code == 404
    assert answer.json()["error"] == {
        "message": f"There is no {path} here.",
        "type": "invalid_request_error",
        "code": "not_found",
        "param": None,
    }


def test_a_forgotten_slash_still_leads_there(client: Client) -> None:
    assert client.get("/api/backends")["location"] == "/api/backends/"


def test_a_page_that_is_none_is_a_page(client: Client) -> None:
    answer = client.get("/nothing/")
    assert (answer.status_code, answer["content-type"][:9]) == (404, "text/html")


def test_what_kora_fails_at_has_the_apis_error(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("kora_site.health.Wellbeing.initial", fails)
    client.raise_request_exception = False
    answer = client.get("/api/health/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
