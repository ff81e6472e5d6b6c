"""Answers that need no model: the same in both modes, shared in flight, and only inside a team."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.journeys.world import World, words

pytestmark = pytest.mark.journey

TRAVELS = {"id", "usage"}
"""What may differ between an answer and its replay: whose it is, and what this one cost."""


def whole(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def chunks(answer: httpx.Response) -> list[dict[str, Any]]:
    lines = [line for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def bare(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in TRAVELS}


def said(answer: httpx.Response) -> str:
    if answer.headers["content-type"].startswith("application/json"):
        return str(whole(answer)["choices"][0]["message"]["content"])
    pieces = [chunk["choices"][0]["delta"] for chunk in chunks(answer) if chunk["choices"]]
    return "".join(piece.get("content") or "" for piece in pieces)


@pytest.mark.parametrize("second_streams", [False, True])
@pytest.mark.parametrize("first_streams", [False, True])
def test_the_second_time_it_is_exact_in_every_mode(
    world: World, first_streams: bool, second_streams: bool
) -> None:
    text = words()
    first = world.chat(text, stream=first_streams)
    second = world.chat(text, stream=second_streams)
    assert first.headers["x-kora-tier"] == "cloud"
    assert second.headers["x-kora-tier"] == "exact"
    assert second.headers["x-kora-reason"] == "cache:exact"
    assert second.headers["x-kora-backend"] == "j-fast"
    assert second.headers["x-kora-attempts"] == "0"
    assert second.headers["x-kora-cost"] == "0.000000000"
    assert float(second.headers["x-kora-saved"]) > 0
    assert int(second.headers["x-kora-cache-age"]) >= 0
    assert said(second) == said(first)
    assert text in said(second)


def test_a_replay_is_the_same_byte_for_byte_but_for_its_id(world: World) -> None:
    text = words()
    fresh, again = (chunks(world.chat(text, stream=True)) for _ in range(2))
    assert [bare(chunk) for chunk in again] == [bare(chunk) for chunk in fresh]
    assert len({chunk["id"] for chunk in fresh + again}) == 2
    cost, saved = fresh[-1]["usage"].pop("cost"), again[-1]["usage"].pop("saved")
    assert float(cost) > 0
    assert saved == cost
    assert again[-1]["usage"].pop("cost") == fresh[-1]["usage"].pop("saved") == "0.000000000"
    assert again[-1]["usage"] == fresh[-1]["usage"]
    text = words()
    body, replayed = (whole(world.chat(text)) for _ in range(2))
    assert bare(replayed) == bare(body)
    assert replayed["id"] != body["id"]
    assert replayed["usage"] == body["usage"]


def test_what_does_not_change_the_answer_does_not_change_the_tier(world: World) -> None:
    text = words()
    world.chat(text)
    same = world.chat(text, temperature=1, user="ada", metadata={"a": "b"})
    other = world.chat(text, temperature=0.2)
    assert same.headers["x-kora-tier"] == "exact"
    assert other.headers["x-kora-tier"] == "cloud"


def test_the_cache_can_be_read_past_not_written_or_alone_asked(world: World) -> None:
    def tier(text: str, mode: str) -> str:
        answer = world.chat(text, headers={"x-kora-cache": mode})
        return answer.headers.get("x-kora-tier", "") or str(answer.status_code)

    text = words()
    assert tier(text, "no-store") == "cloud"
    assert tier(text, "no-store") == "cloud"
    assert tier(text, "only") == "422"
    assert tier(text, "default") == "cloud"
    assert tier(text, "only") == "exact"
    assert tier(text, "no-store") == "exact"
    assert tier(text, "no-cache") == "cloud"
    refused = world.chat(words(), headers={"x-kora-cache": "only"}).json()["error"]
    assert refused["binding"] == "cache-only"


def test_an_answer_can_be_too_old(world: World) -> None:
    text = words()
    world.chat(text)
    assert world.chat(text, headers={"x-kora-max-age": "3600"}).headers["x-kora-tier"] == "exact"
    assert world.chat(text, headers={"x-kora-max-age": "0"}).headers["x-kora-tier"] == "cloud"


def test_a_cut_answer_and_one_of_limited_length_are_not_kept(world: World) -> None:
    text = words()
    for _ in range(2):
        assert world.chat(text, max_tokens=2).headers["x-kora-tier"] == "cloud"


def test_another_team_never_hears_it(world: World) -> None:
    text = words()
    world.chat(text)
    assert world.chat(text, key=world.keys["blue"]).headers["x-kora-tier"] == "cloud"
    assert world.chat(text, key=world.key("red")).headers["x-kora-tier"] == "exact"


def together(world: World, count: int, **fields: Any) -> list[httpx.Response]:
    text = words()
    with ThreadPoolExecutor(count) as threads:
        asked = [
            threads.submit(world.chat, text, stream=bool(number % 2), **fields)
            for number in range(count)
        ]
        return [each.result() for each in asked]


def test_ten_identical_questions_at_once_ask_a_model_once(world: World) -> None:
    answers = together(world, 10, model="j-slow")
    assert {answer.status_code for answer in answers} == {200}
    assert len({said(answer) for answer in answers}) == 1
    attempts = [world.receipt(answer)["attempts"] for answer in answers]
    assert sorted(attempts) == [0] * 9 + [1]
    reasons = {answer.headers["x-kora-reason"] for answer in answers}
    assert "cache:in-flight" in reasons
    assert reasons <= {"policy:named-model", "cache:in-flight", "cache:exact"}


def test_those_that_waited_in_vain_ask_for_themselves(world: World) -> None:
    """One after the other they would take a backend's time each, and the last for ever."""
    answers = together(world, 6, model="j-slow", max_tokens=2)
    assert {answer.headers["x-kora-tier"] for answer in answers} == {"cloud"}
    for answer in answers:
        stages = [stage["name"] for stage in world.receipt(answer)["receipt"]["stages"]]
        assert stages.count("waited in flight") <= 1
    failed = together(world, 4, model="j-broken")
    assert 502 in {answer.status_code for answer in failed} <= {502, 503}


async def test_a_leader_that_leaves_does_not_take_the_others_along(world: World) -> None:
    text = words()
    headers = {"authorization": f"Bearer {world.keys['red']}"}
    body = {"model": "j-slow", "messages": [{"role": "user", "content": text}]}
    path = f"{world.kora.url}/v1/chat/completions"
    async with httpx.AsyncClient(headers=headers, timeout=30) as client:
        leader = asyncio.create_task(client.post(path, json=body))
        await asyncio.sleep(0.2)
        follower = asyncio.create_task(client.post(path, json=body))
        await asyncio.sleep(0.2)
        leader.cancel()
        answer = await follower
    assert answer.status_code == 200
    assert text in said(answer)
    assert answer.headers["x-kora-tier"] == "cloud"
