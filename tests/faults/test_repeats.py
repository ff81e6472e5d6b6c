"""Idempotent requests whose processes die: what was answered is told, and charged once."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import aiohttp
import pytest

from routing.idempotency import values
from tests.faults.asking import Asker, Told
from tests.faults.plant import LEASE_S, SLACK_S, Plant
from tests.running import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(170)]


async def ask(asker: Asker, name: str, **how: Any) -> tuple[Told, dict[str, Any]]:
    """One request under a key; its body is the same each time."""
    body: dict[str, Any] = {
        "model": "thinker",
        "messages": [{"role": "user", "content": f"question {name}"}],
        "max_tokens": 10,
        **how,
    }
    headers = {"authorization": f"Bearer {asker.plant.kora.api_key}", "idempotency-key": name}
    told = Told(session=name, stream=False)
    try:
        url = f"{asker.plant.kora.url}/v1/chat/completions"
        async with asker.http.post(url, json=body, headers=headers) as reply:
            told.status = reply.status
            told.headers = {key.lower(): value for key, value in reply.headers.items()}
            return told, await reply.json()
    except (aiohttp.ClientError, ConnectionError):
        told.cut = True
        return told, {}


async def again(asker: Asker, name: str) -> tuple[Told, dict[str, Any]]:
    """As a client does whose connection was lost: until somebody answers."""
    for _ in range(100):
        told, body = await ask(asker, name)
        if not told.cut and told.status != 503:
            return told, body
        await asyncio.sleep(0.2)
    raise AssertionError("nobody answered any more")


def row(plant: Plant, name: str) -> dict[str, Any]:
    found = plant.rows("SELECT * FROM routing_idempotent WHERE name = %s", name)
    return found[0] if found else {}


async def test_a_killed_web_process_loses_neither_the_answer_nor_the_money(
    plant: Plant, asker: Asker
) -> None:
    name = uuid.uuid4().hex
    first = asyncio.create_task(ask(asker, name))
    running = "SELECT 1 FROM analytics_attempt WHERE state = 'running'"
    await asyncio.to_thread(
        eventually, lambda: plant.rows(running), within_s=20, what="a running call"
    )
    plant.kill("web")
    assert (await first)[0].cut
    told, body = await again(asker, name)
    assert told.status == 200, body
    assert told.headers["x-kora-idempotent"] == "replayed"
    exchange = told.headers["x-kora-request-id"]
    assert body["id"] == f"chatcmpl-{uuid.UUID(exchange).hex}"
    charged = plant.rows("SELECT * FROM analytics_ledgerrow WHERE exchange_id = %s", exchange)
    assert [each["kind"] for each in charged] == ["settlement"]
    assert f"{charged[0]['cost']:.9f}" == told.headers["x-kora-cost"]
    assert row(plant, name)["replays"] == 1
    plant.recovers()


async def test_when_the_worker_dies_too_the_second_is_the_first(plant: Plant, asker: Asker) -> None:
    name = uuid.uuid4().hex
    first = asyncio.create_task(ask(asker, name))
    await asyncio.to_thread(
        eventually, lambda: plant.live("running"), within_s=20, what="a running call"
    )
    plant.kill("cloud")
    plant.kill("web")
    assert (await first)[0].cut
    before = row(plant, name)["exchange_id"]
    told, body = await asyncio.wait_for(
        again(asker, name), LEASE_S * (values.LEASES + 1) + 2 * SLACK_S
    )
    assert told.status == 200, body
    assert "x-kora-idempotent" not in told.headers
    assert told.headers["x-kora-request-id"] != str(before)
    once_more, same = await again(asker, name)
    assert (once_more.headers["x-kora-idempotent"], same) == ("replayed", body)
    plant.recovers()
