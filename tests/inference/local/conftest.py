"""What the tests of the local engine share: one tiny model for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inference.local import tiny


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(tmp_path_factory.mktemp("models") / "tiny.gguf")
