"""`models bench`: figures of the real engine, and refusals before anything is loaded."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from inference.store import measuring
from inference.store.errors import ModelError
from inference.store.measuring import Load
from inference.store.models import ModelFile, Store


@pytest.fixture
def model(tmp_path: Path, tiny_model: Path) -> ModelFile:
    return Store(tmp_path / "models").import_file(tiny_model, "tiny:f16")


def test_it_measures_alone_and_together(model: ModelFile) -> None:
    found = measuring.measure(model, Load(sequences=3, prompt=40, tokens=6))

    for name in ("load_s", "prefill_tps", "decode_tps", "decode_tps_together"):
        assert found[name] > 0
    assert found["sequences"] == 3
    assert datetime.fromisoformat(found["measured_at"])


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (Load(prompt=4096), "holds 2048 tokens"),
        (Load(tokens=4096), "holds 2048 tokens"),
        (Load(sequences=0), "counted from one"),
        (Load(tokens=0), "counted from one"),
    ],
)
def test_what_cannot_be_run_is_refused(model: ModelFile, load: Load, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        measuring.measure(model, load)


def test_a_file_that_cannot_be_loaded_is_said_plainly(model: ModelFile) -> None:
    model.path.write_bytes(b"GGUF" + bytes(model.facts.bytes - 4))
    with pytest.raises(ModelError, match="tiny:f16 cannot be run"):
        measuring.measure(model, Load(sequences=1, prompt=8, tokens=2))
