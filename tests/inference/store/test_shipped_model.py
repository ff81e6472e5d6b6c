"""The model that comes with KORA is placed once, whole, and again after a kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.store import models, quantising, shipped_model
from inference.store.errors import ModelError
from inference.store.models import Store
from tests.inference.local import tiny


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    found = tmp_path / "shipped"
    found.mkdir()
    monkeypatch.setattr(shipped_model, "FOLDER", found)
    tiny.write(found / "kora-mini-f16.gguf")
    yield found


def test_it_is_placed_once_with_its_quantised_variant(store: Store) -> None:
    assert shipped_model.is_due(store)

    made = shipped_model.place(store)

    assert made.reference == "kora-mini:q8_0"
    assert store.find("kora-mini:f16").source == shipped_model.SOURCE
    assert not shipped_model.is_due(store)


def test_what_a_kill_left_undone_is_done_by_the_next_start(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(quantising, "quantise", killed)
        with pytest.raises(KeyboardInterrupt):
            shipped_model.place(store)
    assert [model.reference for model in store.all_files()] == ["kora-mini:f16"]
    assert shipped_model.is_due(store)

    shipped_model.place(store)
    assert not shipped_model.is_due(store)


def test_one_that_was_removed_does_not_come_back(store: Store) -> None:
    shipped_model.place(store)
    store.remove("kora-mini:q8_0")
    assert not shipped_model.is_due(store)


@pytest.mark.parametrize("variant", ["f16", "q8_0"])
def test_what_was_damaged_is_made_again(store: Store, variant: str) -> None:
    whole = shipped_model.place(store)
    path = store.find(f"kora-mini:{variant}").path
    path.write_bytes(path.read_bytes()[:-8] + b"rotten!!")

    assert shipped_model.is_due(store)
    assert shipped_model.place(store).sha256 == whole.sha256
    assert not shipped_model.is_due(store)

    path.write_bytes(b"")
    assert shipped_model.is_due(store)
    assert shipped_model.place(store).sha256 == whole.sha256


def test_a_release_without_it_has_nothing_to_do(store: Store, folder: Path) -> None:
    (folder / "kora-mini-f16.gguf").unlink()
    assert not shipped_model.is_due(store)
    assert shipped_model.marks() == shipped_model.Marks()


def test_a_later_release_replaces_what_an_earlier_one_shipped(store: Store, folder: Path) -> None:
    shipped_model.place(store)
    tiny.write(folder / "kora-mini-f16.gguf", seed=5)

    assert shipped_model.is_due(store)
    shipped_model.place(store)

    assert store.find("kora-mini:f16").sha256 == models.checksum(shipped_model.file())
    assert len(store.all_files()) == 2


def test_somebodys_own_model_of_that_name_is_left_alone(store: Store, tmp_path: Path) -> None:
    own = store.import_file(tiny.write(tmp_path / "own.gguf", seed=9), "kora-mini:f16")
    with pytest.raises(ModelError, match="Another model"):
        shipped_model.place(store)
    assert store.find("kora-mini:f16") == own


def test_the_marks_are_read_or_absent(folder: Path) -> None:
    path = folder / "kora-mini.json"
    accuracy = {"sort": {"easy": {"f16": 0.97, "q8_0": 0.96}, "hard": {"f16": 0.4}}}
    path.write_text(json.dumps({"measured": {"prompts_per_task": 300}, "accuracy": accuracy}))
    found = shipped_model.marks()
    assert found.variants == ("f16", "q8_0")
    assert found.rows == (("sort", "easy", (0.97, 0.96)), ("sort", "hard", (0.4, None)))
    assert found.note.startswith("300 prompts a task")


@pytest.mark.parametrize(
    "written",
    [
        "[",
        "[]",
        "{}",
        '{"accuracy": 5}',
        '{"accuracy": {"a": 1}}',
        '{"accuracy": {}, "measured": 1}',
    ],
)
def test_marks_in_another_form_are_left_out(folder: Path, written: str) -> None:
    (folder / "kora-mini.json").write_text(written)
    assert shipped_model.marks() == shipped_model.Marks()


def test_a_quantising_child_ends_when_whoever_asked_is_killed(store: Store, tmp_path: Path) -> None:
    """Its output breaks off, so it stops at its next line and nothing runs on unseen."""
    reading, writing = os.pipe()
    command = ["-m", "inference.store.quantising", str(shipped_model.file()), str(tmp_path / "x")]
    child = subprocess.Popen([sys.executable, *command, "q8_0"], stdout=writing)
    os.close(writing)
    os.close(reading)
    assert child.wait(timeout=60) == 1
