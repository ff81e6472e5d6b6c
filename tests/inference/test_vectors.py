"""Embeddings of others: the same answer by pass-through and by LiteLLM, the same failures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from inference.cloud import Cloud, library
from inference.passthrough import Passthrough
from inference.words import Call, Completion, EngineError, Failure, Target, Timeouts
from tests.inference import provider
from tests.inference.provider import Provider

SECRET = "sk-test-1234567890abcdef"
LIMITS = Timeouts(connect_s=1, first_token_s=1, between_tokens_s=1, total_s=2)
KINDS: dict[str, type[Passthrough | Cloud]] = {"openai-compatible": Passthrough, "cloud": Cloud}
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the .* attribute on the instance")


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    library()


@pytest.fixture
async def upstream() -> AsyncIterator[Provider]:
    async with provider.serving() as served:
        yield served


@pytest.fixture(params=KINDS)
async def asking(
    request: pytest.FixtureRequest, upstream: Provider
) -> AsyncIterator[tuple[Any, str]]:
    engine = KINDS[request.param]()
    yield (
        engine,
        "openai/text-embedding-3-small" if request.param == "cloud" else "text-embedding-3-small",
    )
    await engine.close()


async def ask(
    asking: tuple[Any, str], upstream: Provider, scenario: str, **body: Any
) -> Completion:
    engine, model = asking
    to = Target(
        name="backend",
        kind="",
        model=model,
        api_base=upstream.api_base(scenario),
        secret=SECRET,
        timeouts=LIMITS,
    )
    call = Call(
        body={"input": ["one", "two"], **body}, stream=False, deadline_s=5, form="embeddings"
    )
    events = [event async for event in engine.run(to, call)]
    assert len(events) == 1
    assert isinstance(events[0], Completion)
    return events[0]


async def test_vectors_and_their_tokens_come_back(
    asking: tuple[Any, str], upstream: Provider
) -> None:
    made = await ask(asking, upstream, "vectors", dimensions=3, user="ada")
    assert [row["embedding"] for row in made.body["data"]] == [[1, 0, 0], [0, 1, 0]]
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (4, 0)
    seen = upstream.seen[-1]
    assert seen.body["model"] == "text-embedding-3-small"
    assert seen.body["user"] == "ada"
    assert seen.headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("scenario", "failure"),
    [
        ("ok", Failure.MALFORMED),
        ("auth", Failure.KEY_PERMANENT),
        ("reset", Failure.SERVER),
        ("silent", Failure.TIMEOUT),
    ],
)
async def test_trouble_is_told_apart(
    asking: tuple[Any, str], upstream: Provider, scenario: str, failure: Failure
) -> None:
    with pytest.raises(EngineError) as told:
        await ask(asking, upstream, scenario)
    assert told.value.failure is failure
    assert SECRET not in told.value.message
