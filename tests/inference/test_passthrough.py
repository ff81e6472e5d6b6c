from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from inference.passthrough import Passthrough
from inference.words import (
    Call,
    Completion,
    Delta,
    EngineError,
    Event,
    Failure,
    Target,
    Timeouts,
)
from tests.inference import provider
from tests.inference.provider import Provider

SECRET = "sk-test-1234567890abcdef"
QUICK = Timeouts(connect_s=1, first_token_s=0.3, between_tokens_s=0.3, total_s=5)
BODY: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "Say hello."}]}


@pytest.fixture
async def upstream() -> AsyncIterator[Provider]:
    async with provider.serving() as served:
        yield served


@pytest.fixture
async def engine() -> AsyncIterator[Passthrough]:
    opened = Passthrough()
    yield opened
    await opened.close()


def target(upstream: Provider, scenario: str, *, timeouts: Timeouts = QUICK) -> Target:
    return Target(
        name="backend",
        kind="openai-compatible",
        model=scenario,
        api_base=upstream.api_base(),
        secret=SECRET,
        timeouts=timeouts,
    )


def call(*, stream: bool, deadline_s: float = 5, **body: Any) -> Call:
    return Call(body={**BODY, **body}, stream=stream, deadline_s=deadline_s)


async def collect(
    engine: Passthrough, to: Target, asked: Call
) -> tuple[list[Event], EngineError | None]:
    events: list[Event] = []
    try:
        async for event in engine.run(to, asked):
            events.append(event)
    except EngineError as error:
        return events, error
    return events, None


def text(events: list[Event]) -> str:
    deltas = [event for event in events if isinstance(event, Delta)]
    return "".join(delta.chunk["choices"][0]["delta"].get("content") or "" for delta in deltas)


async def test_a_whole_answer_keeps_every_field_and_its_usage(
    engine: Passthrough, upstream: Provider
) -> None:
    asked = call(stream=False, temperature=0.5, odd_field={"a": [1]}, stream_options={"x": 1})
    events, error = await collect(engine, target(upstream, "ok"), asked)
    assert error is None
    (done,) = events
    assert isinstance(done, Completion)
    assert done.body == provider.answer()
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (11, 7)
    assert (done.usage.cached_tokens, done.usage.reasoning_tokens) == (4, 2)
    assert not done.usage.estimated
    sent = upstream.seen[0]
    assert sent.body == {
        "model": "ok",
        "messages": BODY["messages"],
        "temperature": 0.5,
        "odd_field": {"a": [1]},
        "stream": False,
    }
    assert sent.headers["authorization"] == f"Bearer {SECRET}"
    assert sent.path == "/v1/chat/completions"


@pytest.mark.parametrize("scenario", ["ok", "split_utf8", "no_done", "lingering"])
async def test_a_stream_gives_its_words_then_one_completion(
    engine: Passthrough, upstream: Provider, scenario: str
) -> None:
    asked = call(stream=True, stream_options={"include_obfuscation": False})
    events, error = await collect(engine, target(upstream, scenario), asked)
    assert error is None
    *deltas, done = events
    assert text(deltas) == provider.TEXT
    assert isinstance(done, Completion)
    assert done.body == {}
    assert (done.usage.total_tokens, done.usage.cached_tokens) == (18, 4)
    assert done.finish_reason == "stop"
    assert [delta.has_content for delta in deltas if isinstance(delta, Delta)] == (
        [False] + [True] * len(provider.WORDS) + [False]
    )
    assert all("usage" not in delta.chunk for delta in deltas if isinstance(delta, Delta))
    assert upstream.seen[0].body["stream_options"] == {
        "include_obfuscation": False,
        "include_usage": True,
    }


@pytest.mark.parametrize("stream", [False, True])
async def test_the_providers_zero_wins_and_only_silence_is_estimated(
    engine: Passthrough, upstream: Provider, stream: bool
) -> None:
    events, _ = await collect(engine, target(upstream, "usage_zero"), call(stream=stream))
    done = events[-1]
    assert isinstance(done, Completion)
    assert (done.usage.total_tokens, done.usage.estimated) == (0, False)
    events, _ = await collect(engine, target(upstream, "usage_absent"), call(stream=stream))
    done = events[-1]
    assert isinstance(done, Completion)
    assert done.usage.estimated
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (7, 6)


BOTH = [False, True]
FAILURES: list[tuple[str, list[bool], Failure, int | None]] = [
    ("429", BOTH, Failure.KEY_TRANSIENT, 429),
    ("429_date", BOTH, Failure.KEY_TRANSIENT, 429),
    ("quota", BOTH, Failure.KEY_PERMANENT, 429),
    ("auth", BOTH, Failure.KEY_PERMANENT, 401),
    ("402", BOTH, Failure.KEY_PERMANENT, 402),
    ("403", BOTH, Failure.KEY_PERMANENT, 403),
    ("404", BOTH, Failure.UNSUPPORTED, 404),
    ("400", BOTH, Failure.CLIENT, 400),
    ("408", BOTH, Failure.SERVER, 408),
    ("409", BOTH, Failure.SERVER, 409),
    ("context", BOTH, Failure.CONTEXT, 400),
    ("context_words", BOTH, Failure.CONTEXT, 400),
    ("policy", BOTH, Failure.POLICY, 400),
    ("500", BOTH, Failure.SERVER, 500),
    ("503", BOTH, Failure.SERVER, 503),
    ("html_502", BOTH, Failure.SERVER, 502),
    ("redirect", BOTH, Failure.SERVER, 302),
    ("reset", BOTH, Failure.SERVER, None),
    ("cut_before", BOTH, Failure.CUT, None),
    ("cut_after", BOTH, Failure.CUT, None),
    ("no_finish", [True], Failure.CUT, None),
    ("done_without_finish", [True], Failure.CUT, None),
    ("error_inside", BOTH, Failure.SERVER, None),
    ("error_first", BOTH, Failure.KEY_TRANSIENT, None),
    ("malformed", BOTH, Failure.MALFORMED, None),
    ("misshapen", BOTH, Failure.MALFORMED, None),
    ("bad_utf8", BOTH, Failure.MALFORMED, None),
    ("brotli", BOTH, Failure.MALFORMED, None),
    ("gzip_bomb", [False], Failure.MALFORMED, None),
    ("huge", BOTH, Failure.MALFORMED, None),
    ("silent", [True], Failure.TIMEOUT, None),
    ("slow_first", [True], Failure.TIMEOUT, None),
    ("comments_only", [True], Failure.TIMEOUT, None),
    ("stall", [True], Failure.TIMEOUT, None),
    ("drip", [True], Failure.TIMEOUT, None),
]
CASES = [(name, stream, *rest) for name, streams, *rest in FAILURES for stream in streams]


@pytest.mark.parametrize(("scenario", "stream", "failure", "status"), CASES)
async def test_each_failure_is_told_apart(
    engine: Passthrough,
    upstream: Provider,
    scenario: str,
    stream: bool,
    failure: Failure,
    status: int | None,
) -> None:
    wide = Timeouts(connect_s=1, first_token_s=4, between_tokens_s=4, total_s=5)
    timeouts = QUICK if failure is Failure.TIMEOUT else wide
    to = target(upstream, scenario, timeouts=timeouts)
    events, error = await collect(engine, to, call(stream=stream))
    assert error is not None
    assert (error.failure, error.status) == (failure, status)
    assert "sk-test" not in error.message
    assert not any(isinstance(event, Completion) for event in events)


async def test_a_redirect_is_not_followed(engine: Passthrough, upstream: Provider) -> None:
    await collect(engine, target(upstream, "redirect"), call(stream=False))
    assert len(upstream.seen) == 1


async def test_retry_after_is_read_as_seconds_and_as_a_date(
    engine: Passthrough, upstream: Provider
) -> None:
    _, seconds = await collect(engine, target(upstream, "429"), call(stream=False))
    assert seconds is not None
    assert seconds.retry_after_s == 7
    _, date = await collect(engine, target(upstream, "429_date"), call(stream=False))
    assert date is not None
    assert date.retry_after_s == 24 * 3600  # no promise beyond a day is believed


async def test_what_came_before_a_cut_is_passed_on(engine: Passthrough, upstream: Provider) -> None:
    events, error = await collect(engine, target(upstream, "cut_after"), call(stream=True))
    assert error is not None
    assert text(events) == "Hello wide"


@pytest.mark.parametrize("stream", BOTH)
async def test_nothing_outlives_the_callers_deadline(
    engine: Passthrough, upstream: Provider, stream: bool
) -> None:
    patient = Timeouts(first_token_s=30, between_tokens_s=30, total_s=30)
    to = target(upstream, "silent", timeouts=patient)
    began = time.monotonic()
    _, error = await collect(engine, to, call(stream=stream, deadline_s=0.3))
    assert error is not None
    assert error.failure is Failure.TIMEOUT
    assert time.monotonic() - began < 1


async def test_an_endless_stream_ends_at_the_total(engine: Passthrough, upstream: Provider) -> None:
    limits = Timeouts(first_token_s=5, between_tokens_s=5, total_s=0.4)
    events, error = await collect(
        engine, target(upstream, "endless", timeouts=limits), call(stream=True)
    )
    assert error is not None
    assert error.failure is Failure.TIMEOUT
    assert len(events) > 3


async def test_a_backend_that_is_not_there_is_a_server_failure(engine: Passthrough) -> None:
    absent = Target(name="b", kind="openai-compatible", model="m", api_base="http://127.0.0.1:1/v1")
    _, error = await collect(engine, absent, call(stream=False))
    assert error is not None
    assert error.failure is Failure.SERVER


@pytest.mark.parametrize("api_base", ["", "nonsense", "http://h:port/v1"])
async def test_an_api_base_that_is_no_url_is_reported(engine: Passthrough, api_base: str) -> None:
    wrong = Target(name="b", kind="openai-compatible", model="m", api_base=api_base)
    _, error = await collect(engine, wrong, call(stream=False))
    assert error is not None
    assert error.failure is Failure.SERVER


@pytest.mark.parametrize("scenario", ["endless", "stall"])
async def test_closing_the_iterator_hangs_up_within_a_second(
    engine: Passthrough, upstream: Provider, scenario: str
) -> None:
    patient = Timeouts(between_tokens_s=30)
    async with aclosing(
        engine.run(target(upstream, scenario, timeouts=patient), call(stream=True))
    ) as events:
        async for event in events:
            if isinstance(event, Delta) and event.has_content:
                break
    await _hung_up(upstream)


@pytest.mark.parametrize("stream", BOTH)
async def test_cancelling_the_task_hangs_up_within_a_second(
    engine: Passthrough, upstream: Provider, stream: bool
) -> None:
    patient = Timeouts(first_token_s=30)
    to = target(upstream, "silent", timeouts=patient)
    task = asyncio.create_task(collect(engine, to, call(stream=stream)))
    while not upstream.seen:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _hung_up(upstream)


async def _hung_up(upstream: Provider) -> None:
    closed = upstream.seen[-1].client_closed
    assert await asyncio.to_thread(closed.wait, 1)


@pytest.mark.parametrize("stream", BOTH)
async def test_connections_are_used_again(
    engine: Passthrough, upstream: Provider, stream: bool
) -> None:
    for _ in range(3):
        await collect(engine, target(upstream, "ok"), call(stream=stream))
        await collect(engine, target(upstream, "429"), call(stream=stream))
    assert {seen.connection for seen in upstream.seen} == {1}


async def test_a_zipped_answer_is_read_though_none_was_asked_for(
    engine: Passthrough, upstream: Provider
) -> None:
    events, error = await collect(engine, target(upstream, "gzip"), call(stream=False))
    assert error is None
    assert isinstance(events[0], Completion)
    assert events[0].body == provider.answer()
    assert upstream.seen[0].headers["accept-encoding"] == "identity"


async def test_a_large_prompt_is_sent_in_pieces(engine: Passthrough, upstream: Provider) -> None:
    long = [{"role": "user", "content": "x" * 3_000_000}]
    asked = call(stream=False, messages=long)
    _, error = await collect(engine, target(upstream, "ok"), asked)
    assert error is None
    assert upstream.seen[0].body["messages"] == long


async def test_no_proxy_is_taken_from_the_environment(
    engine: Passthrough, upstream: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    _, error = await collect(engine, target(upstream, "ok"), call(stream=False))
    assert error is None


def test_litellm_and_llama_cpp_are_not_imported_until_a_call_of_their_own() -> None:
    program = (
        "import sys, inference.engines, inference.passthrough;"
        "e = inference.engines.open_engines();"
        "[e.for_kind(k) for k in ('cloud', 'sandbox', 'openai-compatible')];"
        "never = ('litellm', 'llama_cpp', 'httpx', 'pydantic', 'django');"
        "sys.exit(any(m in sys.modules for m in never))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_text_is_gone_on_from_by_its_own_path_and_told_as_chat(
    engine: Passthrough, upstream: Provider, stream: bool
) -> None:
    asked = Call(body={"prompt": "Once"}, stream=stream, deadline_s=5, form="text")
    events, error = await collect(engine, target(upstream, "text"), asked)
    assert error is None
    done = events[-1]
    assert isinstance(done, Completion)
    whole = done.body and done.body["choices"][0]["message"]["content"]
    assert (whole or text(events)) == provider.TEXT
    assert (done.usage.total_tokens, done.finish_reason) == (18, "stop")
    sent = upstream.seen[0]
    assert (sent.path, sent.body["prompt"], "messages" in sent.body) == (
        "/v1/completions",
        "Once",
        False,
    )


async def test_a_chat_answer_where_a_text_was_asked_for_is_malformed(
    engine: Passthrough, upstream: Provider
) -> None:
    asked = Call(body={"prompt": "Once"}, stream=False, deadline_s=5, form="text")
    _, error = await collect(engine, target(upstream, "ok"), asked)
    assert error is not None
    assert error.failure == Failure.MALFORMED
