"""OpenAI's own SDK asks again under one Idempotency-Key: one answer, one charge."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import openai
import pytest

from tests.journeys.world import World, asking, words

pytestmark = pytest.mark.journey


def named() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


def test_the_sdks_own_retries_find_the_answer_of_the_first(world: World) -> None:
    """It gives up after 0.4 s and asks again, three times; the model takes 0.7 s."""
    headers = named()
    client = openai.OpenAI(
        base_url=f"{world.kora.url}/v1",
        api_key=world.keys["red"],
        timeout=0.4,
        max_retries=5,
    )
    with client:
        raw = client.chat.completions.with_raw_response.create(
            model="j-slow", messages=asking(words()), extra_headers=headers
        )
    assert raw.headers["x-kora-idempotent"] == "replayed"
    told = world.get(f"/v1/requests/{raw.headers['x-kora-request-id']}").json()
    assert [row["kind"] for row in told["ledger"]] == ["settlement"]
    assert raw.parse().id.endswith(told["id"].replace("-", ""))


def test_a_stream_is_streamed_again(world: World) -> None:
    terms: Any = {
        "model": "j-fast",
        "messages": asking(words()),
        "stream": True,
        "extra_headers": named(),
    }
    first, again = (list(world.client().chat.completions.create(**terms)) for _ in range(2))
    assert len(first) > 3
    assert [chunk.model_dump() for chunk in again] == [chunk.model_dump() for chunk in first]


def test_another_body_is_a_conflict_of_the_sdks_own(world: World) -> None:
    headers = named()
    client = world.client()
    client.chat.completions.create(model="j-fast", messages=asking(words()), extra_headers=headers)
    with pytest.raises(openai.ConflictError) as told:
        client.chat.completions.create(
            model="j-fast", messages=asking(words()), extra_headers=headers
        )
    assert told.value.code == "idempotency_conflict"


def test_vectors_are_the_same_again(world: World) -> None:
    terms: Any = {"model": "auto", "input": [words()], "extra_headers": named()}
    first, again = (world.client().embeddings.with_raw_response.create(**terms) for _ in range(2))
    assert again.headers["x-kora-idempotent"] == "replayed"
    assert again.content == first.content
