"""The model file is made from its package once, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.embeddings import gguf_file, minilm, safetensors
from inference.embeddings.minilm import UnpreparedError
from inference.store.models import Store


def test_it_is_made_once_and_says_what_it_is(folder: Path) -> None:
    store = Store(folder)
    assert minilm.is_due(store)
    made = minilm.place(store)
    assert not minilm.is_due(store)
    assert minilm.place(store).imported_at == made.imported_at
    facts = made.facts
    assert (facts.architecture, facts.embeds, facts.context) == ("bert", True, 256)
    assert (facts.width, facts.vocabulary, facts.quantisation.lower()) == (384, 30_522, "q8_0")
    assert made.facts.bytes < 30e6


def test_what_a_kill_left_is_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(folder)

    def killed(path: Path, *_: object) -> None:
        path.write_bytes(b"GGUF half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(gguf_file, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            minilm.place(store)
    assert store.all_files() == []
    assert minilm.is_due(store)
    assert minilm.place(store).reference == minilm.REFERENCE


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    monkeypatch.setattr(minilm, "package", lambda: tmp_path)
    with pytest.raises(UnpreparedError, match="not the file KORA knows"):
        minilm.original()


def test_without_the_package_nothing_is_due(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package_of_weights")
    assert not minilm.is_due(Store(folder))
    with pytest.raises(UnpreparedError, match="not installed"):
        minilm.original()


def test_safetensors_are_read_in_place(tmp_path: Path) -> None:
    header = b'{"__metadata__":{},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}'
    body = np.array([1.5, -2], dtype=np.float32).tobytes()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + body)
    assert safetensors.read(path)["a"].tolist() == [[1.5], [-2.0]]
