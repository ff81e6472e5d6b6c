"""The default embedder's file, made once for all of these tests, and embedders on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.embedding import Terms
from inference.embeddings import minilm
from inference.embeddings.local import Local
from inference.embeddings.minilm import Original
from inference.store.models import Store


@pytest.fixture(scope="session")
def original() -> Original:
    return minilm.original()


@pytest.fixture(scope="session")
def terms(tmp_path_factory: pytest.TempPathFactory) -> Terms:
    folder = tmp_path_factory.mktemp("models")
    minilm.place(Store(folder))
    return Terms(model=minilm.REFERENCE, models=folder, threads=2)


@pytest.fixture(scope="session")
def shared(terms: Terms) -> Iterator[Local]:
    """For tests that leave it as it is."""
    opened = Local(terms)
    yield opened
    opened.close()


@pytest.fixture
def local(terms: Terms) -> Iterator[Local]:
    opened = Local(terms)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"
