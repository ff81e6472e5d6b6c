"""Where models may come from, which backends use them, and what the command line says."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from inference.store import models
from inference.store.errors import ModelError
from inference.store.models import Store
from routing import shelf
from routing.models import Backend
from routing.shelf import Pull
from teams.models import AuditRow
from tests.inference.local import tiny
from tests.inference.store import hub_server
from tests.inference.store.hub_server import REPOSITORY

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    before = models.store().folder
    models.use(tmp_path / "models")
    yield models.store()
    models.use(before)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tiny.write(tmp_path / "Tiny.gguf")


@pytest.fixture
def server(file: Path, settings: object) -> Iterator[hub_server.Hub]:
    content = file.read_bytes()
    with hub_server.serving(
        hub_server.Hub(files={"Tiny-F16.gguf": content, "Tiny-Q2_K.gguf": b"GGUF no"})
    ) as found:
        settings.KORA_HUB_URL = found.url  # type: ignore[attr-defined]
        yield found


def say(*words: str) -> str:
    out = io.StringIO()
    call_command("models", *words, stdout=out)
    return out.getvalue()


def backend(model: str, **more: object) -> Backend:
    return Backend.objects.create(name=f"b-{model}", kind="local", model=model, **more)


def test_a_pulled_model_is_in_the_store_and_in_the_audit_log(
    store: Store, server: hub_server.Hub
) -> None:
    said = say("pull", f"{REPOSITORY}:f16")

    assert "Tiny:f16 is in the store" in said
    assert store.find("Tiny:f16").source == f"{server.url}/{REPOSITORY} Tiny-F16.gguf (main)"
    assert list((store.folder / models.INCOMING).iterdir()) == []
    row = AuditRow.objects.get()
    assert (row.action, row.subject, row.subject_name) == ("pull", "model file", "Tiny:f16")


def test_what_comes_but_is_no_model_stays_out(store: Store, server: hub_server.Hub) -> None:
    with pytest.raises(CommandError, match="ends inside its header"):
        say("pull", f"{REPOSITORY}:q2_k")
    assert store.all_files() == []
    assert list((store.folder / models.INCOMING).iterdir()) == []


def test_what_is_there_is_not_fetched_again(store: Store, server: hub_server.Hub) -> None:
    say("pull", f"{REPOSITORY}:f16")
    asked = len(server.asked)
    with pytest.raises(CommandError, match="exists already"):
        say("pull", f"{REPOSITORY}:f16")
    assert len(server.asked) == asked + 1  # the listing


def test_a_hub_that_redirects_into_our_network_is_not_followed(
    store: Store, server: hub_server.Hub
) -> None:
    with hub_server.serving(hub_server.Hub(files=server.files)) as inside:
        server.elsewhere = inside.url
        with pytest.raises(CommandError, match="inside this network"):
            say("pull", f"{REPOSITORY}:f16")
        assert inside.asked == []


def test_an_address_must_be_listed(store: Store, server: hub_server.Hub, settings: object) -> None:
    address = f"{server.url}/files/Tiny-F16.gguf?signature=hush"
    with pytest.raises(CommandError, match="KORA_MODEL_URLS"):
        say("pull", address)

    settings.KORA_MODEL_URLS = (f"{server.url}/files",)  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="KORA_ALLOW_PRIVATE_UPSTREAMS"):
        say("pull", address)
    assert server.asked == []

    settings.KORA_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)  # type: ignore[attr-defined]
    assert "Tiny:f16" in say("pull", address)
    assert "hush" not in store.find("Tiny:f16").source


def test_an_address_with_another_checksum_is_refused(
    store: Store, server: hub_server.Hub, settings: object
) -> None:
    settings.KORA_MODEL_URLS = (server.url,)  # type: ignore[attr-defined]
    settings.KORA_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="checksum"):
        say("pull", f"{server.url}/Tiny-F16.gguf", "--sha256", "ab" * 32)
    assert store.all_files() == []


def test_a_redirect_off_the_list_is_not_followed(
    store: Store, server: hub_server.Hub, settings: object
) -> None:
    settings.KORA_MODEL_URLS = (server.url,)  # type: ignore[attr-defined]
    settings.KORA_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)  # type: ignore[attr-defined]
    with hub_server.serving(hub_server.Hub(files=server.files)) as other:
        server.elsewhere = other.url
        with pytest.raises(CommandError, match="not on the list"):
            say("pull", f"{server.url}/Tiny-F16.gguf")
        assert other.asked == []


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://models.test/gguf/a.gguf", True),
        ("https://MODELS.test/gguf/deep/a.gguf", True),
        ("http://models.test/gguf/a.gguf", False),
        ("https://models.test:444/gguf/a.gguf", False),
        ("https://models.test/ggufs/a.gguf", False),
        ("https://models.test/gguf/../secret.gguf", False),
        ("https://models.test/gguf/%2e%2e/secret.gguf", False),
        ("https://models.test@evil.test/gguf/a.gguf", False),
        ("https://models.test.evil.test/gguf/a.gguf", False),
        ("file:///gguf/a.gguf", False),
    ],
)
def test_only_what_lies_below_a_listed_address_is_asked_for(
    store: Store, settings: object, address: str, allowed: bool
) -> None:
    settings.KORA_MODEL_URLS = ("https://models.test/gguf/",)  # type: ignore[attr-defined]
    with pytest.raises(ModelError) as refused:
        shelf.pull(Pull(what=address))
    assert ("cannot be reached" in str(refused.value)) is allowed


def test_a_model_in_use_is_not_removed(store: Store, file: Path) -> None:
    store.import_file(file, "tiny:f16")
    bare, off = backend("tiny"), backend("tiny:f16", enabled=False)
    assert shelf.users(store.find("tiny:f16")) == [bare, off]

    with pytest.raises(CommandError, match="answers for b-tiny:"):
        say("remove", "tiny:f16")
    assert store.find("tiny:f16")

    say("remove", "tiny:f16", "--force")
    assert list(AuditRow.objects.get().before) == ["sha256", "source"]
    assert store.all_files() == []
    assert AuditRow.objects.get().action == "remove"


def test_an_unused_model_is_removed_by_its_whole_name_only(store: Store, file: Path) -> None:
    store.import_file(file, "tiny:f16")
    with pytest.raises(CommandError, match="Say which variant: tiny:f16"):
        say("remove", "tiny")
    say("remove", "tiny:f16")
    assert store.all_files() == []


def test_the_list_says_who_uses_what(store: Store, file: Path) -> None:
    assert "No model yet" in say("list")
    store.import_file(file, "tiny:f16")
    backend("tiny:f16")
    line = say("list").splitlines()[1].split()
    assert line[0] == "tiny:f16"
    assert line[-1] == "b-tiny:f16"


def test_a_reader_that_has_read_enough_is_no_error(store: Store, file: Path) -> None:
    store.import_file(file, "tiny:f16")
    home = {"KORA_HOME": str(store.folder.parent), "KORA_SECRET_KEY": "check"}
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "manage.py", "models", "inspect", "tiny:f16"]
    done = subprocess.run(
        command,
        check=False,
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, **home},
        timeout=60,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_damaged_file_is_found_listed_and_removed(store: Store, file: Path) -> None:
    path = store.import_file(file, "tiny:f16").path
    assert say("check") == "tiny:f16 is whole.\n"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(CommandError, match="1 of 1 files are damaged"):
        say("check", "tiny:f16")
    path.write_bytes(b"")
    assert "damaged" in say("list")
    assert shelf.state(store.look("tiny:f16")).word == "damaged"
    say("remove", "tiny:f16")
    assert store.all_files() == []


def test_import_names_quantises_and_says_so(store: Store, file: Path) -> None:
    said = say("import", str(file), "--name", "mine", "--quantize", "q8_0", "--move")
    assert "mine:f16 is in the store" in said
    assert "mine:q8_0 is in the store" in said
    assert not file.exists()


def test_a_variant_that_cannot_be_made_is_refused_before_anything_is_taken_in(
    store: Store, file: Path
) -> None:
    with pytest.raises(CommandError, match="cannot be made here"):
        say("import", str(file), "--quantize", "zzz", "--move")
    assert file.exists()
    assert store.all_files() == []


def test_a_bad_import_says_why(store: Store, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"<html>")
    with pytest.raises(CommandError, match="not a GGUF file"):
        say("import", str(tmp_path / "x.gguf"))
    with pytest.raises(CommandError, match="No such file"):
        say("import", str(tmp_path / "nowhere.gguf"))


def test_inspect_reads_a_model_or_any_file(store: Store, file: Path) -> None:
    assert json.loads(say("inspect", str(file)))["quantisation"] == "F16"
    store.import_file(file, "tiny:f16")
    told = json.loads(say("inspect", "tiny"))
    assert told["model"] == "tiny:f16"
    assert "models bench" in told["speed"]
