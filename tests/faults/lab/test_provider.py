"""The provider does what its script says, notices who leaves, and bills for what it sent."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import aiohttp
import httpx
import pytest

from tests.faults.lab import provider, scripts
from tests.faults.lab.provider import Lab
from tests.faults.lab.scripts import Manner
from tests.running import eventually


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with provider.in_thread() as served:
        yield served


def _body(text: str = "hi", *, stream: bool = False) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "stream": stream}


def _ask(lab: Lab, model: str, *, stream: bool = False, key: str = "k") -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    url = f"{lab.api_base(model)}/chat/completions"
    return httpx.post(url, json=_body(stream=stream), headers=headers, timeout=5)


def _chunks(response: httpx.Response) -> list[Any]:
    lines = [line for line in response.text.splitlines() if line.startswith("data: {")]
    return [json.loads(line[6:]) for line in lines]


def _told(response: httpx.Response) -> str:
    choices = [choice for chunk in _chunks(response) for choice in chunk["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def test_a_script_is_played_in_order_and_its_last_manner_stays(lab: Lab) -> None:
    lab.play("limited", *scripts.limited(7, times=2))
    answers = [_ask(lab, "limited") for _ in range(4)]
    assert [each.status_code for each in answers] == [429, 429, 200, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert answers[2].json()["choices"][0]["message"]["content"] == scripts.text_of(8)


def test_a_stream_ends_with_what_was_written(lab: Lab) -> None:
    lab.play("good", Manner(words=5))
    answer = _ask(lab, "good", stream=True)
    assert _told(answer) == scripts.text_of(5)
    assert answer.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_after_content_is_billed_for_what_was_sent(lab: Lab, stream: bool) -> None:
    model = f"cut-{stream}"
    lab.play(model, Manner(breaks="cut", after=3), price_in="10", price_out="100")
    with pytest.raises(httpx.RemoteProtocolError):
        _ask(lab, model, stream=stream)
    eventually(lambda: lab.log(model)[0].ended_at_s, within_s=5, what="the end")
    (entry,) = lab.log(model)
    assert not entry.whole
    assert (entry.billed_out, Decimal(entry.usd)) == (
        3,
        (entry.prompt_tokens * Decimal(10) + 300) / 1_000_000,
    )


def test_keys_have_scripts_of_their_own(lab: Lab) -> None:
    lab.play("keyed", keys={"bad": (scripts.REFUSED_KEY,)})
    assert [_ask(lab, "keyed", key=key).status_code for key in ("bad", "good")] == [401, 200]
    assert [entry.key for entry in lab.log("keyed")] == ["bad", "good"]


def test_a_closed_door_refuses_and_opens_again_at_its_port(lab: Lab) -> None:
    port = lab.door("side")
    url = f"{lab.api_base('any', port=port)}/models"
    with httpx.Client() as client:
        assert client.get(url).status_code == 200
        lab.door("side", is_open=False)
        with pytest.raises(httpx.TransportError):
            client.get(url)
        assert lab.door("side") == port
        assert client.get(url).status_code == 200


async def test_whoever_leaves_is_noticed_at_once(lab: Lab) -> None:
    lab.play("silent", Manner(silent=True))
    async with aiohttp.ClientSession() as http:
        asking = asyncio.ensure_future(
            http.post(f"{lab.api_base('silent')}/chat/completions", json=_body())
        )
        await asyncio.sleep(0.3)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    left_s = time.monotonic()
    await asyncio.to_thread(
        eventually, lambda: lab.log("silent")[0].left_at_s, within_s=5, what="noticing"
    )
    noticed_s = lab.log("silent")[0].left_at_s
    assert noticed_s is not None and abs(noticed_s - left_s) < 2
