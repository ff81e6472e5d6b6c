"""The console's pages about model files, as operators and others see them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from inference.local import crashes
from inference.local.words import Gauges
from inference.store import models, shipped_model
from inference.store.models import Store
from routing import gauges, tasks
from routing.models import Backend
from teams.models import AuditRow, Member, Membership, Organisation, Team
from tests.inference.local import tiny
from tests.inference.store import raw

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    before = models.store().folder
    models.use(tmp_path / "models")
    models.store().import_file(tiny.write(tmp_path / "Tiny.gguf"), "tiny:f16")
    yield models.store()
    models.use(before)


@pytest.fixture
def operator() -> Client:
    return _in(Member.objects.create_superuser("operator@example.com"))


@pytest.fixture
def viewer() -> Client:
    organisation = Organisation.objects.create(name="o")
    team = Team.objects.create(name="ours", organisation=organisation)
    member = Member.objects.create_user("viewer@example.com")
    Membership.objects.create(member=member, team=team, role="viewer")
    return _in(member)


def _in(member: Member) -> Client:
    client = Client()
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def backend(**columns: object) -> Backend:
    return Backend.objects.create(**{"name": "b", "kind": "local", "model": "tiny:f16", **columns})


def say(monkeypatch: pytest.MonkeyPatch, **said: object) -> None:
    told = Gauges(**{"model": "tiny:f16", "state": "ready", **said})  # type: ignore[arg-type]
    monkeypatch.setattr(gauges, "everything", lambda: [told])


def crash_twice(store: Store) -> None:
    """Marks as two dead processes leave them."""
    file = store.find("tiny:f16").path
    with crashes.Marks(store.folder).loading("tiny:f16", file):
        (mark,) = (store.folder / crashes.FOLDER).rglob("*.json")
        written = mark.read_bytes()
    mark.parent.mkdir(parents=True, exist_ok=True)
    for number in (1, 2):
        (mark.parent / f"{os.getpid()}-{number}.json").write_bytes(written)


def test_the_list_shows_what_is_here_and_who_uses_it(store: Store, viewer: Client) -> None:
    assert "nobody" in page(viewer, "/models/")
    backend(name="mine")
    html = page(viewer, "/models/")
    assert "tiny:f16" in html
    assert "1.72 MB" in html
    assert "mine" in html
    assert "not loaded" in html
    assert "models pull" not in html


def test_operators_are_told_how_models_come_in(store: Store, operator: Client) -> None:
    assert "manage.py models pull" in page(operator, "/models/")
    store.remove("tiny:f16")
    assert "No model file yet" in page(operator, "/models/")


def test_a_model_shows_its_facts_and_its_speed(store: Store, viewer: Client) -> None:
    html = page(viewer, "/models/tiny:f16/")
    assert "llama, 2 layers of 256" in html
    assert "2,048 tokens" in html
    assert "models bench tiny:f16" in html
    store.note_speed(
        "tiny:f16",
        {
            "decode_tps": 123.0,
            "prefill_tps": 999.0,
            "load_s": 0.5,
            "measured_at": "2026-01-01T00:00:00+00:00",
        },
    )
    html = page(viewer, "/models/tiny:f16/")
    assert "123 tokens/s alone" in html
    assert "500 ms" in html


def test_a_model_that_is_not_there_is_not_found(store: Store, operator: Client) -> None:
    for path in ("tiny:q2_k", "nothing", "..:x", "a:b:c"):
        assert operator.get(f"/models/{path}/").status_code == 404


def test_what_runs_is_shown(store: Store, viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, slots=8, running=3, waiting=2, bound=32, decode_tps=55.0)
    html = page(viewer, "/models/tiny:f16/")
    assert "loaded" in html
    assert "3 of 8 at once" in html
    say(monkeypatch, state="failed", message="the file is damaged")
    html = page(viewer, "/models/tiny:f16/")
    assert "the file is damaged" in html
    assert "Try again" not in html


def test_a_model_that_was_taken_out_is_forgiven_and_tried_again(
    store: Store, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks, "ask_for_probe", lambda row: asked.append(row.name))
    backend(name="mine")
    crash_twice(store)
    assert "taken out" in page(operator, "/models/")
    assert "Try again" in page(operator, "/models/tiny:f16/")

    answer = operator.post("/models/tiny:f16/retry/", follow=True)

    assert "may load again" in answer.content.decode()
    assert asked == ["mine"]
    assert "taken out" not in page(operator, "/models/tiny:f16/")
    assert AuditRow.objects.get().action == "try again"


def test_a_model_that_is_well_has_nothing_to_be_forgiven(store: Store, operator: Client) -> None:
    answer = operator.post("/models/tiny:f16/retry/", follow=True)
    assert "nothing to forgive" in answer.content.decode()
    assert not AuditRow.objects.exists()


def test_a_model_is_removed_after_a_question(store: Store, operator: Client) -> None:
    html = page(operator, "/models/tiny:f16/remove/")
    assert "is deleted from this machine" in html
    operator.post("/models/tiny:f16/remove/")
    assert store.all_files() == []
    row = AuditRow.objects.get()
    assert (row.action, row.subject_name) == ("remove", "tiny:f16")
    assert "sha256" in row.before


def test_a_model_in_use_stays(store: Store, operator: Client) -> None:
    backend(name="mine")
    assert "Switch that off first" in page(operator, "/models/tiny:f16/remove/")
    answer = operator.post("/models/tiny:f16/remove/", follow=True)
    assert "answers for mine" in answer.content.decode()
    assert store.find("tiny:f16")


def test_a_backend_is_made_from_a_file_with_what_the_file_says(
    store: Store, operator: Client
) -> None:
    html = page(operator, "/backends/new/?provider=local&model=tiny:f16")
    assert '<option value="tiny:f16" selected>' in html
    assert 'value="2048"' in html
    form = {
        "name": "tiny",
        "kind": "local",
        "model": "tiny:f16",
        "price_in": "0",
        "price_out": "0",
        "price_compute_s": "0.00001",
        "context": "2048",
        "max_output": "512",
        "quality": "0.4",
        "capabilities": ["json_schema"],
        "enabled": "on",
    }
    for field, wrong, words in (
        ("context", "2049", "holds 2048 tokens"),
        ("capabilities", ["tools"], "chat template without tools"),
        ("capabilities", ["vision"], "reads text only"),
        ("model", "gone:f16", "Select a valid choice"),
    ):
        answer = operator.post("/backends/new/?provider=local", {**form, field: wrong})
        assert words in answer.content.decode(), field
    assert not Backend.objects.exists()
    operator.post("/backends/new/?provider=local", form)
    made = Backend.objects.get()
    assert (made.model, made.context, made.capabilities) == ("tiny:f16", 2048, ["json_schema"])


def test_a_backend_whose_file_is_gone_can_still_be_changed(store: Store, operator: Client) -> None:
    row = backend(model="gone:q8_0", context=512)
    answer = operator.patch(
        f"/api/backends/{row.pk}/", json.dumps({"quality": 0.2}), content_type="application/json"
    )
    assert answer.status_code == 200
    answer = operator.patch(
        f"/api/backends/{row.pk}/", json.dumps({"context": 600}), content_type="application/json"
    )
    assert answer.status_code == 400
    assert "not in the store" in answer.content.decode()


def test_an_embedder_is_no_model_that_waits_to_be_loaded(
    store: Store, operator: Client, tmp_path: Path
) -> None:
    written = raw.file([raw.words("general.architecture", "bert")], [raw.tensor("a", 32, 4)])
    (tmp_path / "e.gguf").write_bytes(written)
    store.import_file(tmp_path / "e.gguf", "vectors:f32")
    assert "makes embeddings" in page(operator, "/models/")
    html = page(operator, "/models/vectors:f32/")
    assert "in the web process" in html
    assert "models bench" not in html
    offered = page(operator, "/backends/new/?provider=local&model=vectors:f32")
    assert '<option value="vectors:f32" selected>' in offered
    assert re.search(r'value="embeddings"[^>]* checked', offered)
    assert not re.search(r'value="json_schema"[^>]* checked', offered)


def test_the_demo_model_is_called_one_and_shows_its_marks(
    store: Store, viewer: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped_model, "FOLDER", tmp_path)
    store.import_file(tmp_path / "Tiny.gguf", shipped_model.REFERENCE)
    assert "demo model" in page(viewer, "/models/")
    html = page(viewer, "/models/kora-mini:q8_0/")
    assert "is a demo model" in html
    assert "How often it is right" not in html

    accuracy = {"sorting": {"easy": {"q8_0": 0.971}, "hard": {"q8_0": 0.32}}}
    (tmp_path / "kora-mini.json").write_text(json.dumps({"accuracy": accuracy}))
    html = page(viewer, "/models/kora-mini:q8_0/")
    assert "97.1%" in html
    assert "32.0%" in html


def test_a_backend_says_what_its_engine_says(
    store: Store, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/backends/{backend(name='mine').pk}/"

    def seen() -> tuple[str, str]:
        (told,) = operator.get("/api/health/").json()["backends"]
        (listed,) = operator.get("/api/backends/").json()["results"]
        assert listed["health"] == told["health"]
        return page(operator, path), (told["health"] or {}).get("state", "")

    assert "Not loaded" in seen()[0]
    say(monkeypatch, slots=4, running=2)
    html, state = seen()
    assert state == "healthy"
    assert "Loaded" in html
    assert "2 running" in html
    say(monkeypatch, state="failed", message="out of memory")
    html, state = seen()
    assert state == "failing"
    assert "out of memory" in html
    store.remove("tiny:f16")
    html, state = seen()
    assert state == "failing"
    assert "No file" in html
    assert "No file" in page(operator, "/backends/")
