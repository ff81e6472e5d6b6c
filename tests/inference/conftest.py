"""What the tests of the local engine share: one tiny model for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.local.engine import Engine
from inference.local.words import Settings
from tests.inference.local import tiny
from tests.inference.local.listening import Watch


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def watched(tiny_model: Path, watch: Watch) -> Iterator[Engine]:
    settings = Settings(slots=4, waiting=2, threads=1, chunk=64, context=1536)
    started = Engine(tiny_model, settings, name="tiny", opening=watch.open)
    yield started
    watch.let_go()
    started.close()
