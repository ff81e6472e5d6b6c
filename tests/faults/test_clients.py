"""Clients that leave or do not read: the upstream is let go, what was produced is settled."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from routing import bus
from tests.faults.asking import Asker
from tests.faults.plant import DEAR, SLACK_S, WRITE_TIMEOUT_S, Plant
from tests.inference import provider
from tests.inference.provider import Provider, Seen
from tests.running import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]
LET_GO_S = 1.0
BUSY_S = 2.0
"""What two busy cores may add to the second within which an upstream is let go."""
MANY_WORDS = " ".join(f"{number:05}" + "long" * 500 for number in range(3000))
ROOMY = {"context": 10_000_000, "max_output": 5_000_000}
"""An answer of six megabytes: more than the buffers on its way can take."""
READERS = 5
ROUNDS = 6
LEFT_MB = 10.0
"""Five unread answers are thirty megabytes: a leak takes at least that in every round."""


@pytest.fixture(scope="module")
def upstream(plant: Plant) -> Iterator[Provider]:
    with provider.in_thread() as served:
        for scenario in ("endless", "silent"):
            base = served.api_base(scenario)
            plant.backend(scenario, kind="openai-compatible", model=scenario, api_base=base, **DEAR)
        plant.sandbox("torrent", {**DEAR, **ROOMY}, reply=MANY_WORDS)
        plant.await_models("endless", "silent", "torrent")
        yield served


async def test_a_client_that_leaves_a_stream_pays_for_what_was_produced(
    plant: Plant, asker: Asker, upstream: Provider
) -> None:
    first = asyncio.Event()
    asking = asyncio.create_task(asker.ask("endless", stream=True, max_tokens=900, first=first))
    await asyncio.wait_for(first.wait(), 20)
    asking.cancel()
    assert await asyncio.to_thread(upstream.seen[-1].client_closed.wait, LET_GO_S + BUSY_S)
    _is_cancelled(plant, _session(upstream.seen[-1]), produced=True)


async def test_a_client_that_leaves_before_a_whole_answer_frees_the_upstream(
    plant: Plant, asker: Asker, upstream: Provider
) -> None:
    asking = asyncio.create_task(asker.ask("silent"))
    await asyncio.to_thread(
        eventually,
        lambda: upstream.seen and upstream.seen[-1].scenario == "silent",
        within_s=20,
        what="the call",
    )
    asking.cancel()
    assert await asyncio.to_thread(upstream.seen[-1].client_closed.wait, LET_GO_S + BUSY_S)
    _is_cancelled(plant, _session(upstream.seen[-1]), produced=False)


async def test_a_call_for_a_dead_web_process_is_let_go(
    plant: Plant, asker: Asker, upstream: Provider
) -> None:
    first = asyncio.Event()
    asking = asyncio.create_task(asker.ask("endless", stream=True, max_tokens=9000, first=first))
    await asyncio.wait_for(first.wait(), 20)
    call = upstream.seen[-1]
    plant.kill("web")
    assert (await asking).cut
    assert await asyncio.to_thread(call.client_closed.wait, bus.STREAM_LIFE_S + SLACK_S)
    plant.recovers()
    booked = plant.booked(_session(call))
    assert booked is not None
    assert booked.states == ["settled"]
    assert 0 < booked.cost < booked.attempts[0]["amount"]


def _session(call: Seen) -> str:
    return str(call.body["messages"][0]["content"]).removeprefix("question ")


def _is_cancelled(plant: Plant, session: str, *, produced: bool) -> None:
    def ended() -> bool:
        booked = plant.booked(session)
        return booked is not None and booked.state != "open" and booked.states == ["settled"]

    eventually(ended, within_s=2 + SLACK_S, what="the end of a cancelled request")
    booked = plant.booked(session)
    assert booked is not None
    assert (booked.state, booked.status) == ("cancelled", 499)
    row = booked.charged[0]
    assert row["estimated"]
    assert (row["completion_tokens"] > 0) == produced
    price = Decimal(row["prompt_tokens"]) * 100 + Decimal(row["completion_tokens"]) * 1000
    assert row["cost"] == price / 1_000_000
    assert row["cost"] < booked.attempts[0]["amount"], "not the worst case: what was produced"


async def test_clients_that_do_not_read_are_cut_and_leave_no_memory_behind(
    plant: Plant, upstream: Provider
) -> None:
    grown: list[float] = []
    while len(grown) < ROUNDS and min(grown, default=LEFT_MB) >= LEFT_MB:
        before_mb = plant.memory_mb("web")
        _never_read(plant)
        grown.append(plant.memory_mb("web") - before_mb)
    print(f"{READERS} idle readers a round left behind, in MB: {grown}")
    assert min(grown) < LEFT_MB, "what an allocator keeps it uses again; only a leak never stops"
    plant.recovers()


def _never_read(plant: Plant) -> None:
    before = _connected(plant)
    sessions = [uuid.uuid4().hex for _ in range(READERS)]
    with contextlib.ExitStack() as stack:
        for session in sessions:
            stack.enter_context(_ask_and_never_read(plant, session))
        eventually(
            lambda: all(_state(plant, session) == "cancelled" for session in sessions),
            within_s=WRITE_TIMEOUT_S + SLACK_S,
            what="the end of requests that nobody reads",
        )
        eventually(
            lambda: _connected(plant) <= before,
            within_s=WRITE_TIMEOUT_S + SLACK_S,
            what="the closing of connections that nobody reads",
        )


def _ask_and_never_read(plant: Plant, session: str) -> socket.socket:
    body = {
        "model": "torrent",
        "messages": [{"role": "user", "content": f"question {session}"}],
        "max_tokens": 4_000_000,
        "stream": True,
    }
    raw = json.dumps(body).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: kora\r\n"
        f"Authorization: Bearer {plant.kora.api_key}\r\nx-kora-session: {session}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    idle = socket.socket()
    idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    idle.connect(("127.0.0.1", plant.kora.port))
    idle.sendall(head.encode() + raw)
    return idle


def _state(plant: Plant, session: str) -> str:
    booked = plant.booked(session)
    return booked.state if booked else ""


def _connected(plant: Plant) -> int:
    """Connections to KORA's port that the kernel still keeps on KORA's side."""
    mine = f":{plant.kora.port:04X}"
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ends = [row.split()[1:4] for row in rows]
    listening, time_wait = "0A", "06"
    return sum(end[0].endswith(mine) and end[2] not in {listening, time_wait} for end in ends)
