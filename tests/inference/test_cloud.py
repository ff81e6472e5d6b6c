from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from inference.cloud import Cloud, library
from inference.words import Call, Completion, Delta, EngineError, Event, Failure, Target, Timeouts
from tests.inference import provider
from tests.inference.provider import Provider

SECRET = "sk-test-1234567890abcdef"
LIMITS = Timeouts(connect_s=1, first_token_s=3, between_tokens_s=3, total_s=5)
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "Say hello."}]}
BOTH = [False, True]
# LiteLLM walks its models' attributes, deprecated ones too, for every streamed chunk.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the .* attribute on the instance")


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    library()


@pytest.fixture
async def upstream() -> AsyncIterator[Provider]:
    async with provider.serving() as served:
        yield served


@pytest.fixture
async def engine() -> AsyncIterator[Cloud]:
    opened = Cloud()
    yield opened
    await opened.close()


def target(upstream: Provider, scenario: str, *, timeouts: Timeouts = LIMITS) -> Target:
    return Target(
        name="backend",
        kind="cloud",
        model="openai/mock",
        api_base=upstream.api_base(scenario),
        secret=SECRET,
        timeouts=timeouts,
    )


def call(*, stream: bool, **body: Any) -> Call:
    return Call(body={**BODY, **body}, stream=stream, deadline_s=5)


async def collect(engine: Cloud, to: Target, asked: Call) -> tuple[list[Event], EngineError | None]:
    events: list[Event] = []
    try:
        async for event in engine.run(to, asked):
            events.append(event)
    except EngineError as error:
        return events, error
    return events, None


@pytest.mark.parametrize("stream", BOTH)
async def test_it_answers_with_the_providers_usage(
    engine: Cloud, upstream: Provider, stream: bool
) -> None:
    asked = call(stream=stream, temperature=0.5)
    events, error = await collect(engine, target(upstream, "ok"), asked)
    assert error is None
    *deltas, done = events
    assert isinstance(done, Completion)
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (11, 7)
    assert (done.usage.cached_tokens, done.usage.reasoning_tokens) == (4, 2)
    assert done.finish_reason == "stop"
    if stream:
        texts = [
            d.chunk["choices"][0]["delta"].get("content") for d in deltas if isinstance(d, Delta)
        ]
        assert "".join(text or "" for text in texts) == provider.TEXT
        assert not any("usage" in d.chunk for d in deltas if isinstance(d, Delta))
    else:
        assert done.body["choices"][0]["message"]["content"] == provider.TEXT
        assert done.body["choices"][0]["finish_reason"] == "stop"
    sent = upstream.seen[0]
    assert sent.body["temperature"] == 0.5
    assert sent.headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("stream", BOTH)
async def test_what_a_provider_does_not_count_is_estimated_and_says_so(
    engine: Cloud, upstream: Provider, stream: bool
) -> None:
    """LiteLLM makes it zero, which would be free, or counts for itself, which looks reported."""
    events, _ = await collect(engine, target(upstream, "usage_absent"), call(stream=stream))
    done = events[-1]
    assert isinstance(done, Completion)
    assert done.usage.estimated
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (7, 6)


async def test_unknown_fields_reach_the_provider_and_never_steer_litellm(
    engine: Cloud, upstream: Provider
) -> None:
    odd = {
        "odd_field": {"a": [1]},
        "api_base": "http://169.254.169.254/v1",
        "base_url": "http://169.254.169.254/v1",
        "api_key": "stolen",
        "mock_response": "mocked",
        "extra_headers": {"authorization": "other"},
        "fallbacks": [{"model": "openai/other"}],
        "num_retries": 5,
        "custom_llm_provider": "anthropic",
    }
    events, error = await collect(engine, target(upstream, "ok"), call(stream=False, **odd))
    assert error is None
    assert isinstance(events[0], Completion)
    assert events[0].body["choices"][0]["message"]["content"] == provider.TEXT
    (sent,) = upstream.seen
    assert sent.body["odd_field"] == {"a": [1]}
    assert sent.headers["authorization"] == f"Bearer {SECRET}"


FAILURES: list[tuple[str, list[bool], Failure]] = [
    ("429", BOTH, Failure.KEY_TRANSIENT),
    ("quota", BOTH, Failure.KEY_PERMANENT),
    ("auth", BOTH, Failure.KEY_PERMANENT),
    ("402", BOTH, Failure.KEY_PERMANENT),
    ("403", BOTH, Failure.KEY_PERMANENT),
    ("404", BOTH, Failure.UNSUPPORTED),
    ("400", BOTH, Failure.CLIENT),
    ("context", BOTH, Failure.CONTEXT),
    ("policy", BOTH, Failure.POLICY),
    ("500", BOTH, Failure.SERVER),
    ("503", BOTH, Failure.SERVER),
    ("redirect", BOTH, Failure.SERVER),
    ("reset", BOTH, Failure.SERVER),
    ("cut_after", [True], Failure.CUT),
    ("no_finish", [True], Failure.CUT),
    ("error_first", [True], Failure.KEY_TRANSIENT),
    ("malformed", [True], Failure.MALFORMED),
    ("misshapen", [True], Failure.MALFORMED),
]
CASES = [(name, stream, failure) for name, streams, failure in FAILURES for stream in streams]


@pytest.mark.parametrize(("scenario", "stream", "failure"), CASES)
async def test_each_failure_is_told_apart(
    engine: Cloud, upstream: Provider, scenario: str, stream: bool, failure: Failure
) -> None:
    events, error = await collect(engine, target(upstream, scenario), call(stream=stream))
    assert error is not None
    assert error.failure is failure, error
    assert "sk-test" not in error.message
    assert not any(isinstance(event, Completion) for event in events)
    assert len(upstream.seen) == 1  # nobody tried again behind our back


MODELS = ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.0-flash", "mistral/mistral-large"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("scenario", "failure"), [("redirect", Failure.SERVER), ("429", Failure.KEY_TRANSIENT)]
)
async def test_other_providers_are_held_to_the_same(
    engine: Cloud, upstream: Provider, model: str, scenario: str, failure: Failure
) -> None:
    to = replace(target(upstream, scenario), model=model)
    _, error = await collect(engine, to, call(stream=False))
    assert error is not None
    assert error.failure is failure
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("model", MODELS)
async def test_no_picture_is_fetched_from_our_own_network(
    engine: Cloud, upstream: Provider, model: str
) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"{upstream.origin}/picture.png"}}
    asked = call(stream=False, messages=[{"role": "user", "content": [picture]}])
    await collect(engine, replace(target(upstream, "500"), model=model), asked)
    assert "/picture.png" not in [seen.path for seen in upstream.seen]


async def test_claude_gets_its_own_fields_and_not_openais_bookkeeping(
    engine: Cloud, upstream: Provider
) -> None:
    to = replace(target(upstream, "500"), model=MODELS[0])
    asked = call(stream=False, top_k=4, store=False, metadata={"a": "b"}, max_tokens=9)
    await collect(engine, to, asked)
    (sent,) = upstream.seen
    assert sent.body == {
        "model": "claude-sonnet-4-5",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Say hello."}]}],
        "max_tokens": 9,
        "top_k": 4,
    }


async def test_retry_after_is_read(engine: Cloud, upstream: Provider) -> None:
    _, error = await collect(engine, target(upstream, "429"), call(stream=False))
    assert error is not None
    assert error.retry_after_s == 7


@pytest.mark.parametrize(
    ("scenario", "stream"),
    [("silent", True), ("silent", False), ("stall", True), ("slow_first", True)],
)
async def test_it_does_not_wait_longer_than_it_may(
    engine: Cloud, upstream: Provider, scenario: str, stream: bool
) -> None:
    quick = Timeouts(first_token_s=0.4, between_tokens_s=0.4, total_s=0.6)
    to = target(upstream, scenario, timeouts=quick)
    _, error = await collect(engine, to, call(stream=stream))
    assert error is not None
    assert error.failure is Failure.TIMEOUT


async def test_closing_the_iterator_hangs_up_within_a_second(
    engine: Cloud, upstream: Provider
) -> None:
    async with aclosing(engine.run(target(upstream, "endless"), call(stream=True))) as events:
        async for event in events:
            if isinstance(event, Delta) and event.has_content:
                break
    assert await asyncio.to_thread(upstream.seen[0].client_closed.wait, 1)


@pytest.mark.parametrize("stream", BOTH)
async def test_cancelling_the_task_hangs_up_within_a_second(
    engine: Cloud, upstream: Provider, stream: bool
) -> None:
    task = asyncio.create_task(collect(engine, target(upstream, "silent"), call(stream=stream)))
    while not upstream.seen:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(upstream.seen[0].client_closed.wait, 1)


@pytest.mark.parametrize("stream", BOTH)
async def test_only_the_operator_can_have_it_mocked(engine: Cloud, stream: bool) -> None:
    mocked = Target(
        name="b", kind="cloud", model="openai/x", secret="k", options={"mock_response": "hello you"}
    )
    events, error = await collect(engine, mocked, call(stream=stream))
    assert error is None
    assert isinstance(events[-1], Completion)


async def test_a_long_conversation_does_not_hold_up_other_calls(
    engine: Cloud, upstream: Provider
) -> None:
    to = target(upstream, "ok")
    await collect(engine, to, call(stream=False))  # what LiteLLM makes once is made
    asked = call(stream=False, messages=BODY["messages"] * 20_000)
    longest_s, seen = 0.0, time.monotonic()
    task = asyncio.create_task(collect(engine, to, asked))
    while not task.done():
        await asyncio.sleep(0.001)
        longest_s, seen = max(longest_s, time.monotonic() - seen), time.monotonic()
    assert task.result()[1] is None
    assert longest_s < 1


def test_the_proxy_server_is_not_imported() -> None:
    assert "litellm.proxy.proxy_server" not in sys.modules
