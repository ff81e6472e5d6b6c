"""A provider's keys on the page of their backend."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from inference import secrets
from routing import targets
from routing.models import Backend, BackendKey
from teams.models import Member, Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(client: Client) -> Client:
    Organisation.objects.create(name="Acme")
    client.force_login(Member.objects.create(email="op@kora.test", is_superuser=True))
    return client


@pytest.fixture
def backend() -> Backend:
    return Backend.objects.create(name="gpt", kind="cloud", model="openai/x", secret_sealed="x")


def test_an_operator_adds_forgives_and_removes_keys_without_ever_seeing_one(
    console: Client, backend: Backend, settings: object
) -> None:
    place = f"/backends/{backend.pk}/"
    added = {"secret": "sk-second-1234", "label": "second"}
    shown = console.post(f"{place}keys/", added, follow=True).content.decode()
    key = BackendKey.objects.get()
    assert "second" in shown
    assert "sk-second" not in shown
    secret = settings.SECRET_KEY  # type: ignore[attr-defined]
    assert secrets.open_sealed(key.secret_sealed, secret, targets.aad("gpt")) == "sk-second-1234"

    BackendKey.objects.update(refused_at=timezone.now(), refusal="402: no credit")
    assert "402: no credit" in console.get(place).content.decode()
    console.post(f"{place}keys/{key.pk}/forgive/")
    assert "402: no credit" not in console.get(place).content.decode()

    console.post(f"{place}keys/{key.pk}/remove/")
    assert not BackendKey.objects.exists()
    console.post(f"{place}keys/0/remove/")
    backend.refresh_from_db()
    assert backend.secret_sealed == ""


def test_a_form_without_a_key_adds_none(console: Client, backend: Backend) -> None:
    shown = console.post(f"/backends/{backend.pk}/keys/", {"label": "empty"}, follow=True)
    assert "at most 80 characters" in shown.content.decode()
    assert not BackendKey.objects.exists()


def test_what_runs_inside_kora_shows_no_keys(console: Client) -> None:
    toy = Backend.objects.create(name="toy", kind="sandbox", model="toy")
    assert "API keys" not in console.get(f"/backends/{toy.pk}/").content.decode()
    console.post(f"/backends/{toy.pk}/keys/", {"secret": "sk-1"})
    assert not BackendKey.objects.exists()
