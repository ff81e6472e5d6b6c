"""The first run leaves a KORA one can log in to, call and manage; a reset replaces the keys."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.test import RequestFactory

from analytics.models import Price
from inference import sandbox
from inference.store import models, shipped_model
from kora_site import firstrun
from routing.models import Backend
from teams import keys
from teams.errors import InvalidKey
from teams.models import AuditRow, Membership
from tests.inference.local import tiny

URL = "http://127.0.0.1:8000"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("KORA_HOME", str(tmp_path))
    keys.forget_all()
    keys.trust_until(0)
    yield tmp_path
    keys.forget_all()


@pytest.fixture
def shipped(home: Path) -> Iterator[models.ModelFile]:
    """The tiny model in the place of the one that is shipped."""
    before = models.store().folder
    models.use(home / "models")
    yield models.store().import_file(tiny.write(home / "t.gguf"), shipped_model.REFERENCE)
    models.use(before)


def made() -> dict[str, str]:
    found = firstrun.ensure(URL)
    assert found is not None
    return found


def test_everything_it_hands_out_works() -> None:
    given = made()
    assert keys.recognise(given["api_key"]).scopes == {"infer"}
    assert keys.recognise(given["admin_key"]).scopes == {"manage", "operate"}
    assert keys.recognise(given["api_key"]).team == "default"
    member = authenticate(
        RequestFactory().post("/login/"),
        username=given["admin_email"],
        password=given["admin_password"],
    )
    assert member is not None
    assert Membership.objects.get(member__email=given["admin_email"]).role == "owner"


def test_the_file_is_the_owners_alone(home: Path) -> None:
    given = made()
    path = home / "first-run.json"
    assert json.loads(path.read_text()) == given
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_happens_once() -> None:
    made()
    assert firstrun.ensure(URL) is None


def test_sandbox_backends_say_what_they_are_and_differ_in_price() -> None:
    made()
    backends = list(Backend.objects.all())
    assert {backend.kind for backend in backends} == {"sandbox"}
    assert all(backend.name.startswith("sandbox-") for backend in backends)
    assert [sandbox.check_options(backend.options) for backend in backends] == [[]] * 3
    for backend in backends:
        backend.full_clean()
    prices = Price.objects.filter(backend__in=[backend.name for backend in backends])
    assert prices.values("price_out").distinct().count() == 3


def test_the_shipped_model_becomes_a_backend_that_says_little_of_itself(
    shipped: models.ModelFile,
) -> None:
    made()
    mini = Backend.objects.get(kind="local")
    mini.full_clean()
    assert (mini.name, mini.model) == ("kora-mini", "kora-mini:q8_0")
    assert (mini.context, mini.enabled) == (shipped.facts.context, True)
    assert mini.capabilities == ["json_schema"]
    assert mini.quality < min(words["quality"] for words in firstrun.SANDBOX.values())
    price = Price.objects.get(backend="kora-mini")
    assert price.price_in == price.price_out == 0
    assert 0 < price.price_compute_s < 1


def test_an_existing_database_gets_no_backend_behind_its_back(
    shipped: models.ModelFile,
) -> None:
    made()
    Backend.objects.filter(kind="local").delete()
    assert firstrun.ensure(URL) is None
    assert not Backend.objects.filter(kind="local").exists()


def test_a_reset_ends_the_old_keys_and_leaves_a_trail() -> None:
    old, new = made(), firstrun.reset(URL)
    keys.forget_all()
    for word in ("api_key", "admin_key"):
        assert keys.recognise(new[word])
        with pytest.raises(InvalidKey):
            keys.recognise(old[word])
    assert AuditRow.objects.filter(action="revoke", actor="command line").count() == 2
    trail = json.dumps(list(AuditRow.objects.values("before", "after")))
    assert new["api_key"].rsplit("_", 1)[-1] not in trail


def test_the_command_says_where_the_credentials_are(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("credentials")
    assert str(home / "first-run.json") in capsys.readouterr().out
    call_command("credentials", "--reset")
    assert "admin_password" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("running", "first", "url"),
    [
        ("http://127.0.0.1:9000", "http://127.0.0.1:8765", "http://127.0.0.1:9000"),
        (None, "http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("not json", "http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        (None, None, "http://127.0.0.1:8123"),
    ],
)
def test_a_reset_keeps_the_address(
    home: Path, monkeypatch: pytest.MonkeyPatch, running: str | None, first: str | None, url: str
) -> None:
    monkeypatch.setenv("KORA_PORT", "8123")
    (home / "run").mkdir()
    if running:
        said = json.dumps({"url": running}) if running.startswith("http") else running
        (home / "run" / "services.json").write_text(said)
    if first:
        firstrun.ensure(first)
    call_command("credentials", "--reset")
    assert json.loads((home / "first-run.json").read_text())["url"] == url
