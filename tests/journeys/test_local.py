"""A model that KORA runs itself, through everything: HTTP, Redis, worker, llama.cpp, the book."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from openai import AsyncOpenAI

from tests.inference.local import tiny
from tests.journeys.world import World, asking, words
from tests.running import eventually
from training import llama_file

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]

NAME = "j-tiny"
SMALL = "j-small"
"""The same with room for one, and for one more who waits."""
A_SECOND = "0.00001"
DEEP = llama_file.Shape(
    vocabulary=tiny.SHAPE.vocabulary,
    width=256,
    layers=16,
    heads=4,
    kv_heads=2,
    feed_forward=256,
    context=2048,
)
"""Slow enough to be caught in the middle of an answer."""
ON_AND_ON = {"temperature": 0, "logit_bias": {str(256 + n): -100 for n in range(4)}}
"""No special token can end the answer."""


@pytest.fixture(scope="module")
def ours(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = tiny.write(tmp_path_factory.mktemp("models") / "deep.gguf", shape=DEEP)
    for name, bounds in ((NAME, {"waiting": 200}), (SMALL, {"slots": 1, "waiting": 1})):
        add(world, made, name, {"context": 2048, **bounds})
    world.wait_for(SMALL)
    yield world
    for name in (NAME, SMALL):
        found = world.admin.get(f"/api/backends/?name={name}").json()["results"][0]
        world.admin.patch(f"/api/backends/{found['id']}/", json={"enabled": False})


def add(world: World, file: Path, name: str, options: dict[str, int]) -> None:
    taken = world.kora.manage("models", "import", str(file), "--name", name, "--variant", "f16")
    assert taken.returncode == 0, taken.stderr
    costs = {"price_in": "0", "price_out": "0", "price_compute_s": A_SECOND}
    sizes = {"context": 2048, "max_output": 1900, "max_parallel": 1000}
    fields = {"kind": "local", "model": f"{name}:f16", "options": options, **costs, **sizes}
    world.make("backends", name=name, **fields)


@pytest.fixture(scope="module")
def key(ours: World) -> str:
    return ours.key(models=[NAME])


def chat(world: World, key: str, text: str, **fields: Any) -> httpx.Response:
    headers = {"x-kora-cache": "no-store", **fields.pop("headers", {})}
    return world.chat(text, key=key, headers=headers, **{"model": "auto:local", **fields})


def gauges(world: World, name: str) -> float:
    page = httpx.get(f"{world.kora.url}/metrics").text
    label = f'kora_local_{name}{{model="{NAME}:f16"}} '
    (line,) = [line for line in page.splitlines() if line.startswith(label)]
    return float(line.removeprefix(label))


def quiet(world: World) -> bool:
    return gauges(world, "running") == gauges(world, "waiting") == 0


def streamed(answer: httpx.Response) -> str:
    chunks = [json.loads(line[6:]) for line in answer.text.splitlines() if line[:7] == "data: {"]
    return "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]
    )


def test_an_answer_is_the_same_streamed_and_whole_and_costs_its_seconds(
    ours: World, key: str
) -> None:
    """Random weights have many nearly equal choices, so both read as much and reuse as much."""
    text = words()
    chat(ours, key, text, max_tokens=60, **ON_AND_ON)
    whole = chat(ours, key, text, max_tokens=60, **ON_AND_ON)
    assert (whole.status_code, whole.headers["x-kora-tier"]) == (200, "local"), whole.text
    assert whole.headers["x-kora-backend"] == NAME
    flowing = chat(ours, key, text, max_tokens=60, stream=True, **ON_AND_ON)
    assert streamed(flowing) == whole.json()["choices"][0]["message"]["content"]
    receipt = ours.receipt(whole, key)
    (row,) = receipt["ledger"]
    assert row["compute_s"] > 0
    exact = Decimal(str(row["compute_s"])) * Decimal(A_SECOND)
    assert Decimal(row["cost"]) == exact.quantize(Decimal("1e-12"))
    assert whole.headers["x-kora-cost"] == f"{Decimal(row['cost']):.9f}"


def test_a_second_question_behind_the_same_beginning_reads_only_what_is_new(
    ours: World, key: str
) -> None:
    beginning = f"{uuid4()} " * 12
    first, second = (chat(ours, key, beginning + word, max_tokens=5) for word in ("one", "two"))
    assert first.json()["usage"]["prompt_tokens_details"]["cached_tokens"] < 100
    usage = second.json()["usage"]
    assert 400 < usage["prompt_tokens_details"]["cached_tokens"] < usage["prompt_tokens"]
    told = ours.receipt(second, key)["cached_tokens"]
    assert told == usage["prompt_tokens_details"]["cached_tokens"]


def test_what_a_team_asked_is_not_reused_for_another(ours: World, key: str) -> None:
    other = ours.key("blue", models=[NAME])
    text = f"{uuid4()} " * 12
    assert chat(ours, key, text, max_tokens=5).status_code == 200
    usage = chat(ours, other, text, max_tokens=5).json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0


def test_a_failure_here_is_answered_elsewhere_and_both_are_on_the_receipt(
    ours: World, tmp_path: Path
) -> None:
    absent = f"j-absent-{uuid4().hex[:6]}"
    add(ours, tiny.write(tmp_path / "tiny.gguf"), absent, {})
    removed = ours.kora.manage("models", "remove", f"{absent}:f16", "--force")
    assert removed.returncode == 0, removed.stderr
    ours.wait_for(absent)
    key = ours.key(models=[absent, "j-fast"])
    answer = ours.chat(words(), key=key, model="auto")
    assert (answer.status_code, answer.headers["x-kora-backend"]) == (200, "j-fast")
    assert answer.headers["x-kora-reason"] == "fallback:server"
    receipt = ours.receipt(answer, key)
    attempts = receipt["receipt"]["attempts"]
    assert [(each["backend"], each["outcome"]) for each in attempts] == [
        (absent, "server"),
        ("j-fast", "answered"),
    ]
    assert "is not in the store" in attempts[0]["message"]
    assert [row["backend"] for row in receipt["ledger"]] == ["j-fast"]


async def test_a_hundred_that_leave_keep_nothing_running(ours: World, key: str) -> None:
    client = ours.async_client(key)
    try:
        await asyncio.gather(*(leaves(client, number) for number in range(100)))
    finally:
        await client.close()
    eventually(lambda: quiet(ours), within_s=20, what="the end of every sequence")
    checked = ours.kora.manage("books", "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def leaves(client: AsyncOpenAI, number: int) -> None:
    """Some before the first word, some in the middle."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2 + number * 0.02):
            stream = await client.chat.completions.create(
                model="auto:local",
                messages=asking(f"{number} {words()}"),
                max_tokens=1900,
                stream=True,
                **ON_AND_ON,  # type: ignore[call-overload]
            )
            async for _ in stream:
                pass


async def test_beyond_the_bound_a_client_is_told_when_to_come_again(ours: World) -> None:
    key = ours.key(models=[SMALL])
    asks = [
        asyncio.to_thread(chat, ours, key, words(), model=SMALL, max_tokens=300, **ON_AND_ON)
        for _ in range(8)
    ]
    answers = await asyncio.gather(*asks)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert len(refused) <= 6
    for answer in refused:
        assert answer.json()["error"]["code"] == "queue_full"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    await asyncio.sleep(max(int(answer.headers["retry-after"]) for answer in refused))
    again = await asyncio.to_thread(chat, ours, key, words(), model=SMALL, max_tokens=5)
    assert again.status_code == 200, again.text


def test_a_text_is_gone_on_from_without_a_template(ours: World, key: str) -> None:
    text = uuid4().hex
    answer = httpx.post(
        f"{ours.kora.url}/v1/completions",
        json={"model": NAME, "prompt": text, "max_tokens": 8, **ON_AND_ON},
        headers={"authorization": f"Bearer {key}"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["text"]
    assert answer.json()["usage"] | {"prompt_tokens_details": 0} == {
        "prompt_tokens": len(text) + 1,
        "completion_tokens": 8,
        "total_tokens": len(text) + 9,
        "prompt_tokens_details": 0,
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
