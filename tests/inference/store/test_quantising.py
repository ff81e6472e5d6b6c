"""Variants are made in a child, appear whole or not at all, and say what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.store import incoming, quantising
from inference.store.errors import ModelError
from inference.store.models import Store


@pytest.fixture
def store(tmp_path: Path, tiny_model: Path) -> Store:
    found = Store(tmp_path / "models")
    found.import_file(tiny_model, "tiny:f16")
    return found


def test_a_variant_is_made_beside_its_original(store: Store) -> None:
    seen: list[tuple[int, int]] = []

    made = quantising.quantise(store, "tiny:f16", "Q8_0", progress=lambda *at: seen.append(at))

    assert made.reference == "tiny:q8_0"
    assert made.facts.quantisation == "Q8_0"
    assert made.facts.formats["Q8_0"] > 0.9
    assert made.facts.bytes < store.find("tiny:f16").facts.bytes
    assert made.facts.template
    assert made.source == "quantised from f16"
    assert seen[-1][0] == seen[-1][1] > 1
    assert store.find("tiny").reference == "tiny:q8_0"


@pytest.mark.parametrize("mix", ["iq2_xxs", "f16", "nvfp4", "q1_0", "nonsense", "../x"])
def test_a_mix_that_cannot_be_made_is_refused(store: Store, mix: str) -> None:
    with pytest.raises(ModelError, match="cannot be made here"):
        quantising.quantise(store, "tiny:f16", mix)


def test_quantising_twice_is_refused(store: Store) -> None:
    quantising.quantise(store, "tiny:f16", "q8_0")
    with pytest.raises(ModelError, match="twice"):
        quantising.quantise(store, "tiny:q8_0", "q4_k_m")
    with pytest.raises(ModelError, match="exists already"):
        quantising.quantise(store, "tiny:f16", "q8_0")


def test_a_full_disk_is_told_before_anything_is_made(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "SPARE_BYTES", 1 << 60)
    with pytest.raises(ModelError, match="disk is too full"):
        quantising.quantise(store, "tiny:f16", "q8_0")


def test_a_child_that_fails_leaves_nothing(store: Store) -> None:
    """The weights are spoiled behind the record, which only the child can notice."""
    model = store.find("tiny:f16")
    model.path.write_bytes(b"GGUF" + bytes(model.facts.bytes - 4))

    with pytest.raises(ModelError, match=r"could not make q8_0 of f16\.gguf: [^;\n]+$"):
        quantising.quantise(store, "tiny:f16", "q8_0")

    assert [model.reference for model in store.all_files()] == ["tiny:f16"]
    assert not any((store.folder / ".incoming").iterdir())
