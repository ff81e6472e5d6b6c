"""Vectors through the whole of KORA: OpenAI's own SDK, keys, budgets, the book."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import openai
import pytest

from tests.inference import provider
from tests.inference.provider import Provider
from tests.journeys.world import World, words
from tests.running import eventually

pytestmark = pytest.mark.journey

MODEL = "all-MiniLM-L6-v2"
ROUNDING = 0.999
"""In another batch an eight-bit model rounds in another order."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Provider]:
    with provider.in_thread() as serving:
        yield serving


def ask(world: World, given: Any, *, key: str = "", **fields: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key or world.keys['red']}"}
    headers |= fields.pop("headers", {})
    body = {"model": MODEL, "input": given, **fields}
    return httpx.post(f"{world.kora.url}/v1/embeddings", json=body, headers=headers, timeout=60)


def likeness(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def test_the_sdk_gets_like_vectors_for_like_texts(world: World) -> None:
    """The SDK asks for base64 and decodes it itself."""
    texts = ["How do I reset my password?", "I forgot my password", "The invoice was paid twice"]
    made = world.client().embeddings.create(model=MODEL, input=texts)
    one, other, third = (each.embedding for each in made.data)
    assert [each.index for each in made.data] == [0, 1, 2]
    assert (len(one), made.model) == (384, "all-MiniLM-L6-v2")
    assert likeness(one, one) == pytest.approx(1, abs=1e-4)
    assert likeness(one, other) > 0.6 > 0.3 > likeness(one, third)
    assert made.usage.prompt_tokens == made.usage.total_tokens > 12


async def test_both_codings_and_the_async_client_say_the_same(world: World) -> None:
    text = words()
    async with world.async_client() as client:
        plain = await client.embeddings.create(model=MODEL, input=text, encoding_format="float")
        coded = await client.embeddings.create(model=MODEL, input=text)
    assert plain.data[0].embedding == pytest.approx(coded.data[0].embedding, abs=1e-6)


def test_the_answer_says_where_it_comes_from_and_the_book_agrees(world: World) -> None:
    answer = ask(world, [words(), words()], headers={"x-kora-tags": "app=search"})
    assert answer.status_code == 200, answer.text
    said = answer.headers
    assert (said["x-kora-tier"], said["x-kora-backend"]) == ("local", MODEL)
    assert (said["x-kora-reason"], said["x-kora-attempts"]) == ("policy:named-model", "1")
    receipt = world.receipt(answer)
    assert (receipt["state"], receipt["tier"], receipt["backend"]) == ("answered", "local", MODEL)
    assert receipt["prompt_tokens"] == answer.json()["usage"]["prompt_tokens"]
    assert receipt["completion_tokens"] == 0
    assert receipt["tags"] == {"app": "search"}
    assert [row["kind"] for row in receipt["ledger"]] == ["settlement"]
    cost = Decimal(receipt["ledger"][0]["cost"])
    assert Decimal(receipt["cost"]) == cost > 0, "seconds of a processor are not free"
    assert Decimal(said["x-kora-cost"]) == cost.quantize(Decimal("1e-9"))
    stages = [stage["name"] for stage in receipt["receipt"]["stages"]]
    assert stages.index("guard") < stages.index("decide") < stages.index("hold")


def test_what_was_embedded_a_moment_ago_is_free(world: World) -> None:
    text = words()
    first, again = ask(world, text), ask(world, text)
    assert again.json()["data"] == first.json()["data"]
    assert Decimal(first.headers["x-kora-cost"]) > Decimal(again.headers["x-kora-cost"]) == 0
    cached = again.json()["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert cached == first.json()["usage"]["prompt_tokens"]


def alike(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_callers_at_once_get_their_own_vectors(world: World) -> None:
    texts = [[f"{words()} {n}" for n in range(1 + caller % 4)] for caller in range(16)]
    with ThreadPoolExecutor(16) as callers:
        together = list(callers.map(lambda given: ask(world, given).json()["data"], texts))
    for given, made in zip(texts, together, strict=True):
        again = ask(world, given, headers={"x-kora-cache": "no-cache"}).json()["data"]
        for one, other in zip(made, again, strict=True):
            assert alike(one["embedding"], other["embedding"]) > ROUNDING


def test_auto_is_always_the_same_embedder(world: World) -> None:
    text = words()
    named = ask(world, text).json()["data"]
    for model in ("auto", "auto:local", "auto:best", "auto:fast"):
        answer = ask(world, text, model=model)
        assert answer.headers["x-kora-reason"] == "policy:default-embedder"
        assert answer.json()["data"] == named


def test_long_texts_are_cut_and_that_is_said(world: World) -> None:
    usage = ask(world, ["word " * 10_000, words()]).json()["usage"]
    assert usage["truncated_inputs"] == 1
    assert usage["prompt_tokens"] < 300


def test_the_list_of_models_has_it(world: World) -> None:
    assert MODEL in [model.id for model in world.client().models.list()]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": None}, "input"),
        ({"input": {"text": "x"}}, "input"),
        ({"input": ["x", ""]}, "input[1]"),
        ({"input": ["x", 7]}, "input[1]"),
        ({"input": [[1, 2], "x"]}, "input[1]"),
        ({"input": [1, 2, 3]}, "input"),
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": ["x"] * 2049}, "input"),
        ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "x", "dimensions": 128}, "dimensions"),
        ({"input": "x", "dimensions": "many"}, "dimensions"),
        ({"input": "x", "stream": True}, "stream"),
        ({"input": "x", "user": 7}, "user"),
    ],
)
def test_what_cannot_be_embedded_is_refused_with_its_place(
    world: World, fields: dict[str, Any], param: str
) -> None:
    answer = ask(world, fields.pop("input"), **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_request", param)


def test_odd_texts_and_its_own_dimensions_are_fine(world: World) -> None:
    texts = ["\0", "   ", "😀👩‍👩‍👧", "漢字", "e\u0301", "x" * 10_000, "[CLS]"]
    answer = ask(world, texts, dimensions=384)
    assert len(answer.json()["data"]) == len(texts)


def test_the_most_that_one_request_may_ask(world: World) -> None:
    answer = ask(world, ["a", "b"] * 1024, encoding_format="base64")
    assert len(answer.json()["data"]) == 2048
    assert answer.headers["x-kora-tier"] == "local"
    assert ask(world, ["x" * (6 << 20)] * 2).status_code == 413


def test_chat_and_vectors_stay_apart(world: World) -> None:
    """Each backend does one of the two, and says so when it is asked for the other."""
    chat, vectors = world.chat(words(), model=MODEL), ask(world, words(), model="j-fast")
    for answer in (chat, vectors):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (422, "infeasible")
        assert error["binding"] == "capability"
    asked = world.chat(words(), model="auto")
    considered = {
        c["backend"]: c["excluded"] for c in world.receipt(asked)["receipt"]["candidates"]
    }
    assert considered[MODEL] == "capability"


def test_keys_and_scopes_hold_here_too(world: World) -> None:
    assert ask(world, "x", key="kora_no_key").status_code == 401
    assert ask(world, "x", key=world.key(models=["j-fast"])).status_code == 403
    assert ask(world, "x", key=world.key(models=[MODEL])).status_code == 200
    assert ask(world, "x", model="no-such-model").status_code == 404
    limited = world.key(requests_per_minute=1)
    assert ask(world, "x", key=limited).headers["x-ratelimit-remaining-requests"] == "0"
    assert ask(world, "x", key=limited).status_code == 429


def test_a_budget_that_is_used_up_refuses(world: World) -> None:
    key = world.key()
    public = key.split("_")[1]
    world.make("budgets", name="no vectors", scope="key", scope_id=public, limit_usd="0.000000001")
    eventually(
        lambda: ask(world, words(), key=key).status_code == 402, within_s=10, what="the budget"
    )
    with pytest.raises(openai.APIStatusError) as refused:
        world.client(key).embeddings.create(model=MODEL, input=words())
    assert refused.value.status_code == 402
    assert world.receipt(ask(world, words(), key=key), key)["cost"] == "0.000000000000"


def test_a_client_that_leaves_pays_nothing_and_is_not_worked_for(world: World) -> None:
    session = uuid4().hex
    body = {"model": MODEL, "input": [f"{session} {n} " * 60 for n in range(2000)]}
    headers = {"authorization": f"Bearer {world.keys['red']}", "x-kora-session": session}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{world.kora.url}/v1/embeddings", json=body, headers=headers, timeout=1.5)

    def found() -> Any:
        rows = world.admin.get("/api/requests/", params={"session": session}).json()["results"]
        return [row for row in rows if row["session"] == session and row["state"] == "cancelled"]

    eventually(found, within_s=15, what="the cancelled request")
    assert Decimal(found()[0]["cost"]) == 0
    answer = ask(world, words())
    assert answer.elapsed.total_seconds() < 10, "the list that nobody waits for was given up"


def test_a_deadline_is_kept(world: World) -> None:
    """By refusing at once where the speed of the moment tells that it cannot be."""
    answer = ask(
        world,
        [f"{words()} {n} " * 60 for n in range(1500)],
        headers={"x-kora-max-latency-ms": "1500"},
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) in {(504, "deadline_exceeded"), (422, "infeasible")}
    assert answer.elapsed.total_seconds() < 10


def test_another_servers_vectors_pass_through_the_worker(world: World, upstream: Provider) -> None:
    name = f"j-vectors-{uuid4().hex[:6]}"
    world.make(
        "backends",
        name=name,
        kind="openai-compatible",
        model="mock",
        api_base=upstream.api_base("vectors"),
        capabilities=["embeddings"],
        price_in="1000",
        price_out="0",
    )
    world.wait_for(name)
    made = world.client().embeddings.create(model=name, input=["one", "two"], dimensions=3)
    assert [each.embedding for each in made.data] == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    answer = ask(world, [[1, 2], [3]], model=name)
    assert answer.status_code == 200, answer.text
    assert (answer.headers["x-kora-tier"], answer.headers["x-kora-backend"]) == ("cloud", name)
    assert Decimal(answer.headers["x-kora-cost"]) == Decimal("0.004")
    assert world.receipt(answer)["prompt_tokens"] == 4


def test_the_web_process_holds_the_embedder_and_no_model_that_writes(world: World) -> None:
    ask(world, words())
    maps = Path(f"/proc/{world.kora.pids['web']}/maps").read_text()
    held = {line.rsplit("/", 2)[-2] for line in maps.splitlines() if line.endswith(".gguf")}
    assert held == {MODEL}
    assert "litellm" not in maps
