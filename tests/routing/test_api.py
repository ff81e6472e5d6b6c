"""Backends through the control plane: fields, prices with dates, sealed secrets, probes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from psycopg.types.json import JsonbLoader
from rest_framework.test import APIClient

from analytics.models import Price
from inference import secrets
from inference.store import models
from routing import connections, tasks
from routing.models import Backend, Health, HealthState
from teams.models import AuditRow, Organisation, Role, Scope, Team
from tests.inference.local import tiny
from tests.teams.conftest import as_key, as_member, member_of

SECRET = "sk-provider-1234567890"
CLOUD = {"name": "gpt", "kind": "cloud", "model": "openai/gpt-4o-mini"}
PRICES = {"price_in": "0.15", "price_out": "0.60"}


@pytest.fixture
def red(db: None) -> Team:
    return Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")


@pytest.fixture
def operating(red: Team) -> APIClient:
    return as_key(red, Scope.MANAGE, Scope.OPERATE)


class InsideTheTest:
    """This test's transaction, read as the hot path reads: JSON as values."""

    def execute(self, sql: Any, params: Any = ()) -> Any:
        cursor = connection.connection.cursor()
        cursor.adapters.register_loader("jsonb", JsonbLoader)
        return cursor.execute(sql, params)


@pytest.fixture
def seen(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hot path's own connection would not see what this test has not committed."""
    monkeypatch.setattr(connections, "current", InsideTheTest)


def make(client: APIClient, **fields: Any) -> dict[str, Any]:
    answer = client.post("/api/backends/", {**CLOUD, **fields}, format="json")
    assert answer.status_code == 201, answer.json()
    made: dict[str, Any] = answer.json()
    return made


def test_makes_a_backend_and_seals_its_secret(operating: APIClient) -> None:
    made = make(operating, secret=SECRET, **PRICES)
    assert made["has_secret"] is True
    assert "secret" not in made
    row = Backend.objects.get(pk=made["id"])
    assert SECRET not in row.secret_sealed
    opened = secrets.open_sealed(row.secret_sealed, settings.SECRET_KEY, "routing_backend:gpt")
    assert opened == SECRET
    audit = AuditRow.objects.get()
    assert audit.after["secret_sealed"] == "(hidden)"
    assert audit.after["price_in"] == "0.150000000000"
    assert SECRET not in operating.get("/api/backends/").content.decode()
    assert row.secret_sealed not in operating.get("/api/audit/").content.decode()


def test_a_new_price_begins_now_and_the_old_one_stays_known(operating: APIClient) -> None:
    made = make(operating, **PRICES)
    assert (made["price_in"], made["price_cached_in"]) == ("0.15", "0.15")
    path = f"/api/backends/{made['id']}/"
    changed = operating.patch(path, {"price_out": "0.5"}, format="json").json()
    assert (changed["price_in"], changed["price_out"]) == ("0.15", "0.5")
    assert operating.get(path).json()["price_out"] == "0.5"
    kept = Price.objects.filter(backend="gpt").order_by("effective_from")
    assert [price.price_out for price in kept] == [Decimal("0.60"), Decimal("0.5")]
    row = AuditRow.objects.get(action="update")
    assert row.before == {"price_out": "0.600000000000"}
    assert row.after == {"price_out": "0.500000000000"}
    operating.patch(path, {"price_out": "0.5", "weight": 2}, format="json")
    assert kept.count() == 2
    assert changed["price_compute_s"] == "0"
    computing = operating.patch(path, {"price_compute_s": "0.00001"}, format="json").json()
    assert (computing["price_in"], computing["price_compute_s"]) == ("0.15", "0.00001")
    again = operating.patch(path, {"price_in": "0.2"}, format="json").json()
    assert (again["price_in"], again["price_compute_s"]) == ("0.2", "0.00001")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"name": "auto"}, "name"),
        ({"name": "auto:cheap"}, "name"),
        ({"kind": "magic"}, "kind"),
        ({"price_in": "1"}, "price_out"),
        ({"price_in": "-1", "price_out": "1"}, "price_in"),
        ({"price_in": "100001", "price_out": "1"}, "price_in"),
        ({**PRICES, "price_compute_s": "100001"}, "price_compute_s"),
        ({"api_base": "http://127.0.0.1:9/v1"}, "api_base"),
        ({"api_base": "http://me:secret@93.184.215.14/"}, "api_base"),
        ({"kind": "openai-compatible"}, "api_base"),
        ({"kind": "sandbox", "api_base": "https://93.184.215.14"}, "api_base"),
        ({"kind": "sandbox", "options": {"speed": "warp"}}, "options"),
        ({"options": {"anything": 1}}, "options"),
        ({"kind": "local", "options": {"slots": 0}}, "options"),
        ({"kind": "local", "options": {"probe_usd_a_day": 1}}, "options"),
        ({"options": {"probe_usd_a_day": -1}}, "options"),
        ({"options": {"probe_usd_a_day": 1001}}, "options"),
        ({"options": {"probe_usd_a_day": "much"}}, "options"),
        ({"options": {"probe_usd_a_day": True}}, "options"),
        ({"kind": "local", "options": {"colour": "red"}}, "options"),
        ({"timeouts": {"connect_s": 0}}, "timeouts"),
        ({"timeouts": {"forever_s": 5}}, "timeouts"),
        ({"quality": 1.5}, "quality"),
    ],
)
def test_names_the_field_that_is_wrong(
    operating: APIClient, fields: dict[str, Any], param: str
) -> None:
    answer = operating.post("/api/backends/", {**CLOUD, **fields}, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert not Backend.objects.filter(model=CLOUD["model"]).exists()


@pytest.fixture
def mini(tmp_path: Path) -> Iterator[str]:
    """A model in a store of the test's own."""
    before = models.store().folder
    models.use(tmp_path / "models")
    yield models.store().import_file(tiny.write(tmp_path / "t.gguf"), "mini:q8_0").reference
    models.use(before)


@pytest.mark.parametrize(
    ("kind", "more"),
    [("cloud", {}), ("sandbox", {"reply": "ok"}), ("openai-compatible", {"server": "vllm"})],
)
def test_a_probe_may_cost_something_in_a_day(
    operating: APIClient, kind: str, more: dict[str, Any]
) -> None:
    address = "" if kind != "openai-compatible" else "http://93.184.215.14/v1"
    options = {"probe_usd_a_day": 0.02, **more}
    made = make(operating, kind=kind, api_base=address, options=options)
    assert made["options"] == options


def test_a_local_backend_has_the_options_of_its_engine(operating: APIClient, mini: str) -> None:
    made = make(operating, kind="local", model=mini, options={"slots": 4, "context": 512})
    assert made["options"] == {"slots": 4, "context": 512}
    assert (made["context"], made["max_output"]) == (512, 512)
    path = f"/api/backends/{made['id']}/"
    freed = operating.patch(path, {"options": {}, "context": 2048}, format="json").json()
    assert freed["context"] == 2048  # the file's
    less = operating.patch(path, {"options": {"context": 256}}, format="json").json()
    assert (less["context"], less["max_output"]) == (256, 256)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"options": {"context": 4096}}, "options"),
        ({"options": {"context": 512}, "context": 1024}, "context"),
        ({"context": 0}, "context"),
        ({"max_output": 2049}, "max_output"),
        ({"secret": "sk-x"}, "secret"),
    ],
)
def test_a_local_backend_claims_no_more_than_it_is_loaded_with(
    operating: APIClient, mini: str, fields: dict[str, Any], param: str
) -> None:
    asked = {"name": "mini", "kind": "local", "model": mini, **fields}
    answer = operating.post("/api/backends/", asked, format="json")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_an_allowed_host_inside_is_accepted(operating: APIClient, settings: Any) -> None:
    settings.KORA_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)
    made = make(operating, kind="openai-compatible", api_base="http://127.0.0.1:9/v1")
    assert made["api_base"] == "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("elsewhere", ["https://93.184.215.15/v1", "http://93.184.215.14/v1"])
def test_a_secret_does_not_follow_to_another_address(operating: APIClient, elsewhere: str) -> None:
    made = make(
        operating, kind="openai-compatible", api_base="https://93.184.215.14/v1", secret=SECRET
    )
    path = f"/api/backends/{made['id']}/"
    moved = {"api_base": elsewhere}
    answer = operating.patch(path, moved, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "secret"
    assert operating.patch(path, {**moved, "secret": ""}, format="json").status_code == 200
    assert operating.get(path).json()["has_secret"] is False


@pytest.mark.parametrize("change", [{"name": "other"}, {"kind": "sandbox"}])
def test_name_and_kind_stay(operating: APIClient, change: dict[str, str]) -> None:
    made = make(operating)
    answer = operating.patch(f"/api/backends/{made['id']}/", change, format="json")
    assert answer.status_code == 400


def test_being_observed_does_not_change_the_tag(operating: APIClient) -> None:
    made = make(operating, **PRICES)
    path = f"/api/backends/{made['id']}/"
    tag = operating.get(path).headers["ETag"]
    Health.objects.create(backend_id=made["id"], state=HealthState.HEALTHY)
    seen = operating.get(path)
    assert seen.json()["health"]["state"] == "healthy"
    assert seen.headers["ETag"] == tag
    changed = operating.patch(path, {"price_out": "9"}, format="json", HTTP_IF_MATCH=tag)
    assert changed.status_code == 200
    assert changed.headers["ETag"] == operating.get(path).headers["ETag"] != tag
    again = operating.patch(path, {"weight": 2}, format="json", HTTP_IF_MATCH=tag)
    assert again.status_code == 412


@pytest.mark.parametrize("role", [Role.OWNER, Role.ENGINEER, Role.FINANCE, Role.VIEWER])
def test_every_role_reads_and_only_operators_write(
    operating: APIClient, red: Team, role: str
) -> None:
    made = make(operating)
    client = as_member(member_of(red, role))
    path = f"/api/backends/{made['id']}/"
    assert client.get(path).status_code == 200
    assert client.patch(path, {"weight": 3}, format="json").status_code == 403
    assert client.post(f"{path}test/").status_code == 403
    assert client.delete(path).status_code == 403


def test_lists_are_one_query_however_many_backends(
    operating: APIClient, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        make(operating, name=f"b{number}", **PRICES)
    with django_assert_max_num_queries(2):
        found = operating.get("/api/backends/?kind=cloud").json()["results"]
    assert {row["price_in"] for row in found} == {"0.15"}
    assert operating.get("/api/backends/?name=b3").json()["results"][0]["name"] == "b3"


def test_a_test_call_is_asked_for_and_says_where_to_look(
    operating: APIClient, seen: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(operating, name="toy", kind="sandbox", model="sandbox")
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.probe_backend, "apply_async", lambda **how: asked.append(how))
    answer = operating.post(f"/api/backends/{made['id']}/test/")
    assert answer.status_code == 202
    assert asked[0]["args"] == [made["id"]]
    assert asked[0]["queue"] == "cloud"
    tasks.probe_backend(made["id"])
    found = operating.get(answer.json()["look_at"]).json()["health"]
    assert found["state"] == "healthy"
    assert found["latency_ms"] > 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "sandbox", "options": {"fail": "unauthorized"}}, "key_permanent"),
        ({"api_base": "http://127.0.0.1:9/v1", "kind": "openai-compatible"}, "inside this network"),
        ({"kind": "sandbox", "secret_sealed": "k1.gone.x"}, "enter it again"),
    ],
)
def test_a_probe_says_what_is_wrong(seen: None, fields: dict[str, Any], words: str) -> None:
    backend = Backend.objects.create(**{"name": "toy", "model": "toy", **fields})
    tasks.probe_backend(backend.pk)
    health = Health.objects.get(backend=backend)
    assert health.state == HealthState.FAILING
    assert words in health.message


def test_a_probe_of_a_backend_that_is_gone_does_nothing(db: None) -> None:
    tasks.probe_backend(0)
    assert not Health.objects.filter(backend_id=0).exists()
