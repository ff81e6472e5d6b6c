"""Backends that fail, and a provider over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.inference import provider
from tests.inference.provider import Provider
from tests.journeys.world import World, words

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def upstream() -> Iterator[Provider]:
    with provider.in_thread() as serving:
        yield serving


def backend(world: World, upstream: Provider, scenario: str, **fields: Any) -> str:
    name = f"j-{scenario}-{uuid4().hex[:6]}"
    address = upstream.api_base(scenario)
    world.make(
        "backends", name=name, kind="openai-compatible", model="mock", api_base=address, **fields
    )
    world.wait_for(name)
    return name


@pytest.mark.parametrize("stream", [False, True])
def test_the_next_backend_answers_and_the_receipt_names_both(world: World, stream: bool) -> None:
    failing = {"kind": "sandbox", "model": "x", "price_in": "1", "price_out": "1"}
    down, shut = (f"j-{uuid4().hex[:8]}" for _ in range(2))
    world.make("backends", name=down, options={"fail": "server_error"}, **failing)
    world.make("backends", name=shut, options={"fail": "unauthorized"}, **failing)
    world.wait_for(shut)
    key = world.key(models=[down, shut, "j-fast"])
    answer = world.chat(words(), key=key, model="auto", stream=stream)
    assert answer.status_code == 200
    assert answer.headers["x-kora-backend"] == "j-fast"
    assert answer.headers["x-kora-reason"].startswith("fallback:")
    receipt = world.receipt(answer, key)
    outcomes = {a["backend"]: a["outcome"] for a in receipt["receipt"]["attempts"]}
    assert outcomes == {down: "server", shut: "key_permanent", "j-fast": "answered"}
    assert answer.headers["x-kora-attempts"] == "3"
    assert len(receipt["ledger"]) == 1, "what was not produced is not paid"


def test_when_all_fail_each_attempt_is_told(world: World) -> None:
    key = world.key(models=["j-broken", "j-shut"])
    answer = world.chat(words(), key=key, model="auto")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (502, "upstream_failed")
    assert {a["backend"]: a["failure"] for a in error["attempts"]} == {
        "j-broken": "server",
        "j-shut": "key_permanent",
    }
    assert world.receipt(answer, key)["status"] == 502


def test_what_the_provider_refuses_is_a_closed_request_in_the_book(world: World) -> None:
    answer = world.chat(words(), model="j-strict")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["failure"]) == (
        400, "invalid_request", "policy",
    )  # fmt: skip
    receipt = world.receipt(answer)
    assert (receipt["state"], receipt["status"], receipt["cost"]) == (
        "failed",
        400,
        "0.000000000000",
    )


def test_unknown_fields_reach_a_real_provider_and_its_words_come_back(
    world: World, upstream: Provider
) -> None:
    name = backend(world, upstream, "ok", price_in="1", price_out="1", secret="sk-upstream-1")
    extra: dict[str, Any] = {
        "top_k": 40,
        "vendor": {"deep": [1, None, "ü"]},
        "kora": {"session": "s"},
    }
    answer = world.chat(words(), model=name, **extra)
    assert answer.json()["choices"][0]["message"]["content"] == provider.TEXT
    seen = upstream.seen[-1]
    assert (seen.body["top_k"], seen.body["vendor"]) == (40, extra["vendor"])
    assert "kora" not in seen.body
    assert seen.body["model"] == "mock"
    assert seen.headers["authorization"] == "Bearer sk-upstream-1"
    assert world.receipt(answer)["cached_tokens"] == 4
    streamed = world.chat(words(), model=name, stream=True).text
    assert "wörld" in streamed
    assert streamed.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("scenario", "stream", "failure"),
    [
        ("500", False, "server"),
        ("429", True, "key_transient"),
        ("auth", False, "key_permanent"),
        ("reset", True, "server"),
        ("malformed", False, "malformed"),
        ("cut_before", True, "cut"),
        ("error_first", True, "key_transient"),
        ("html_502", False, "server"),
    ],
)
def test_a_failing_provider_is_told_without_its_secrets(
    world: World, upstream: Provider, scenario: str, stream: bool, failure: str
) -> None:
    name = backend(world, upstream, scenario)
    answer = world.chat(words(), model=name, stream=stream)
    error = answer.json()["error"]
    assert (answer.status_code, error["attempts"][0]["failure"]) == (502, failure)
    assert "sk-test" not in answer.text


@pytest.mark.parametrize("scenario", ["cut_after", "no_finish", "error_inside", "bad_utf8"])
def test_a_stream_that_breaks_ends_in_an_error_and_is_never_replayed(
    world: World, upstream: Provider, scenario: str
) -> None:
    name = backend(world, upstream, scenario)
    text = words()
    for _ in range(2):
        answer = world.chat(text, model=name, stream=True)
        assert "[DONE]" not in answer.text
        assert '"code":"upstream_failed"' in answer.text
        assert answer.headers.get("x-kora-tier", "cloud") == "cloud"


def test_a_backend_at_its_limit_asks_to_come_again(world: World) -> None:
    name = f"j-narrow-{uuid4().hex[:6]}"
    slow = {"first_token_ms": 2500, "token_ms": 0}
    world.make("backends", name=name, kind="sandbox", model="x", max_parallel=1, options=slow)
    world.wait_for(name)
    with ThreadPoolExecutor(1) as caller:
        first = caller.submit(world.chat, words(), model=name)
        while f'kora_backend_in_flight{{backend="{name}"}} 1.0' not in world.get("/metrics").text:
            assert not first.done()
        refused = world.chat(words(), model=name)
        assert first.result().status_code == 200
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "queue_full"
    assert int(refused.headers["retry-after"]) >= 1
