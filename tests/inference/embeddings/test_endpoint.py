"""A server of embeddings, asked over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from inference import embedding
from inference.embedding import Terms
from inference.words import EngineError, Failure
from tests.inference import provider
from tests.inference.provider import Provider

PATH = "inference.embeddings.endpoint.Endpoint"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Provider]:
    with provider.in_thread() as serving:
        yield serving


def opened(upstream: Provider, scenario: str) -> embedding.Embedder:
    base = upstream.api_base(scenario)
    return embedding.open_embedder(PATH, Terms(model="mock", api_base=base, secret="s3cret"))


def test_vectors_come_in_order_and_of_length_one(upstream: Provider) -> None:
    embedder = opened(upstream, "vectors")
    made = embedding.embed(embedder, ["one", "two"])
    assert (made.vectors == np.eye(2, 4, dtype=np.float32)).all()
    assert (made.tokens, embedder.dimensions) == (4, 4)
    assert embedder.name.startswith("mock@")
    assert "s3cret" not in embedder.name
    embedder.close()


@pytest.mark.parametrize(
    ("scenario", "failure"),
    [
        ("ok", Failure.MALFORMED),
        ("malformed", Failure.MALFORMED),
        ("html_502", Failure.SERVER),
        ("reset", Failure.SERVER),
    ],
)
def test_each_trouble_is_told_without_the_key(
    upstream: Provider, scenario: str, failure: Failure
) -> None:
    embedder = opened(upstream, scenario)
    with pytest.raises(EngineError) as told:
        embedding.embed(embedder, ["one"])
    assert told.value.failure is failure
    assert "s3cret" not in told.value.message
    embedder.close()


def test_without_an_address_it_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="KORA_EMBEDDER_URL"):
        embedding.open_embedder(PATH, Terms(model="mock"))
