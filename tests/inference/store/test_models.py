"""The store: what is visible, what is refused, and what an interruption leaves."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from inference.store import incoming, models
from inference.store.errors import AbsentModelError, BadModelError, DamagedModelError, ModelError
from inference.store.models import Store
from tests.inference.store import raw


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


def test_an_imported_file_is_found_by_its_reference(store: Store, tiny_model: Path) -> None:
    made = store.import_file(tiny_model, "tiny:f16")

    found = store.find("tiny:f16")
    assert found == made
    assert found.path.read_bytes() == tiny_model.read_bytes()
    assert found.sha256 == models.checksum(tiny_model)
    assert found.facts.context == 2048
    assert tiny_model.exists()
    assert [model.reference for model in store.all_files()] == ["tiny:f16"]


def test_a_moved_file_is_gone_from_where_it_was(store: Store, tiny_model: Path) -> None:
    given = store.folder.parent / "given.gguf"
    given.write_bytes(tiny_model.read_bytes())

    store.import_file(given, "tiny:f16", move=True)

    assert not given.exists()
    assert store.find("tiny:f16").path.exists()


def test_a_bare_name_means_the_usual_variant(store: Store, tiny_model: Path) -> None:
    store.import_file(tiny_model, "tiny:f16")
    assert store.find("tiny").variant == "f16"

    store.import_file(tiny_model, "tiny:q8_0")
    assert store.find("tiny").variant == "q8_0"
    assert store.find("tiny:F16").variant == "f16"


def test_a_file_under_a_bare_name_is_the_variant_that_it_says_it_is(
    store: Store, tiny_model: Path
) -> None:
    assert store.import_file(tiny_model, "tiny").reference == "tiny:f16"


@pytest.mark.parametrize(
    "reference",
    ["../x:q8_0", "x:../y", "a/b:c", ".hidden:q8_0", "", ":q8_0", "x:", "x:y:z", "x\n:y", "x" * 90],
)
def test_names_that_could_leave_the_store_are_refused(
    store: Store, tiny_model: Path, reference: str
) -> None:
    with pytest.raises(ModelError, match="no name of a model"):
        store.import_file(tiny_model, reference)
    with pytest.raises(ModelError):
        store.find(reference)
    assert list(store.folder.rglob("*.gguf")) == []


def test_a_bad_file_is_refused_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF but not really")

    with pytest.raises(BadModelError):
        store.import_file(bad, "bad:q8_0", move=True)

    assert bad.exists()
    assert store.all_files() == []


def test_an_existing_model_is_never_overwritten(store: Store, tiny_model: Path) -> None:
    store.import_file(tiny_model, "tiny:f16")

    given = store.folder.parent / "given.gguf"
    given.write_bytes(tiny_model.read_bytes())
    with pytest.raises(ModelError, match="exists already"):
        store.import_file(given, "tiny:f16", move=True)

    assert given.exists()
    assert not any((store.folder / models.INCOMING).iterdir())


def test_a_file_without_its_record_is_not_there_yet(store: Store, tiny_model: Path) -> None:
    """What a kill between the two leaves; importing again then succeeds."""
    made = store.import_file(tiny_model, "tiny:f16")
    made.path.with_suffix(".json").unlink()

    assert store.all_files() == []
    with pytest.raises(AbsentModelError):
        store.find("tiny:f16")

    store.import_file(tiny_model, "tiny:f16")
    assert store.find("tiny:f16").sha256 == made.sha256


def test_a_file_that_changed_behind_its_record_is_not_used(store: Store, tiny_model: Path) -> None:
    made = store.import_file(tiny_model, "tiny:f16")
    made.path.write_bytes(tiny_model.read_bytes()[:-100])

    with pytest.raises(DamagedModelError, match="damaged: it has"):
        store.find("tiny:f16")
    assert [(each.reference, each.damaged) for each in store.all_files()] == [("tiny:f16", True)]
    store.import_file(tiny_model, "tiny:f16")
    assert store.find("tiny:f16").sha256 == made.sha256
    made.path.unlink()
    assert store.remove("tiny:f16").damaged
    assert store.all_files() == []


def test_a_file_that_changed_is_checked_once_and_refused_when_it_is_damaged(
    store: Store, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = store.import_file(tiny_model, "tiny:f16")
    os.utime(made.path, (1, 1))
    store.verify(store.find("tiny:f16"))
    with monkeypatch.context() as patch:
        patch.setattr(models, "checksum", None)
        store.verify(store.find("tiny:f16"))

    with made.path.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(b"rotten!!")
    os.utime(made.path, (1, 1))
    store.verify(store.find("tiny:f16"))  # nothing tells
    with pytest.raises(DamagedModelError, match="its checksum differs"):
        store.verify(store.find("tiny:f16"), anyway=True)
    with pytest.raises(DamagedModelError, match="models check"):  # now it is remembered
        store.verify(store.find("tiny:f16"))


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"source": 1}', "null"])
def test_a_broken_record_hides_its_file_and_nothing_else(
    store: Store, tiny_model: Path, record: str
) -> None:
    made = store.import_file(tiny_model, "tiny:f16")
    store.import_file(tiny_model, "tiny:q8_0")
    made.path.with_suffix(".json").write_text(record)

    assert [model.variant for model in store.all_files()] == ["q8_0"]


def test_a_record_of_another_release_is_still_read(store: Store, tiny_model: Path) -> None:
    made = store.import_file(tiny_model, "tiny:f16")
    record = made.path.with_suffix(".json")
    stored = json.loads(record.read_text())
    del stored["facts"]["tools"]
    stored["facts"]["something_new"] = 1
    record.write_text(json.dumps(stored))

    assert store.find("tiny:f16").facts == made.facts


def test_what_a_killed_process_left_is_cleared_and_what_another_makes_is_not(
    store: Store,
) -> None:
    left = store.folder / models.INCOMING / "tmpold"
    left.mkdir(parents=True)
    (left / "model.gguf").write_bytes(b"half")
    (left / incoming.LOCK).touch()
    part = store.folder / models.INCOMING / "x.part"
    part.touch()
    with store.incoming() as mine, store.incoming() as other:
        assert not left.exists()
        assert mine.exists()
        assert other.exists()
        left.mkdir()
        store.sweep()
    assert list((store.folder / models.INCOMING).iterdir()) == [part]


def test_a_copy_needs_room_and_says_so_first(
    store: Store, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "SPARE_BYTES", 1 << 60)
    with pytest.raises(ModelError, match="disk is too full"):
        store.import_file(tiny_model, "tiny:f16")


def test_a_pipe_is_no_model_and_nothing_waits_for_it(store: Store, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(BadModelError, match="no regular file"):
        store.import_file(tmp_path / "pipe.gguf", "pipe:f16")


def test_a_file_that_does_not_say_how_much_it_holds_is_refused(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(
        raw.file([raw.words("general.architecture", "llama")], [raw.tensor("output.weight", 32)])
    )
    with pytest.raises(BadModelError, match="context_length"):
        store.import_file(path, "x:f32")


def test_speed_is_kept_with_the_model(store: Store, tiny_model: Path) -> None:
    store.import_file(tiny_model, "tiny:f16")

    store.note_speed("tiny:f16", {"decode_tps": 12.5})

    assert store.find("tiny:f16").speed == {"decode_tps": 12.5}


def test_a_removed_model_is_gone_and_its_siblings_stay(store: Store, tiny_model: Path) -> None:
    store.import_file(tiny_model, "tiny:f16")
    store.import_file(tiny_model, "tiny:q8_0")

    store.remove("tiny:f16")

    assert [model.reference for model in store.all_files()] == ["tiny:q8_0"]
    store.remove("tiny:q8_0")
    assert not (store.folder / "tiny").exists()
    with pytest.raises(AbsentModelError):
        store.remove("tiny:q8_0")
