"""Killed workers: before the content another attempt answers, after it the stream says so."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.asking import Asker, endings
from tests.faults.plant import Plant

pytestmark = [pytest.mark.faults, pytest.mark.timeout(170)]


async def test_before_the_content_a_killed_worker_costs_time_and_not_the_answer(
    plant: Plant, asker: Asker
) -> None:
    key = plant.key("two backends", "thinker", "talker")
    asker.key = key
    asks = [asyncio.create_task(asker.ask("auto", stream=stream)) for stream in (False, True)]
    await asyncio.sleep(1.0)
    plant.kill("cloud")
    for told in await asyncio.gather(*asks):
        assert told.is_honest()
        booked = plant.booked(told.session)
        assert booked is not None
        assert (told.ending, booked.state) == ("answered", "answered"), told.error
        assert booked.attempts[-1]["state"] == "settled"
    plant.recovers()


async def test_after_the_content_a_killed_worker_ends_the_stream_with_an_error(
    plant: Plant, asker: Asker
) -> None:
    first = asyncio.Event()
    asking = asyncio.create_task(asker.ask("talker", stream=True, max_tokens=60, first=first))
    await asyncio.wait_for(first.wait(), 20)
    await asyncio.sleep(2.0)  # its worker says within a second that it streams
    plant.kill("cloud")
    told = await asking
    assert told.text and told.ending == "broken:upstream_failed"
    plant.recovers()
    booked = plant.booked(told.session)
    assert booked is not None
    assert (booked.state, booked.error_code) == ("failed", "upstream_failed")
    assert booked.states == ["settled"]
    assert booked.charged[0]["unconfirmed"], "what came after its last word nobody saw"
    assert 0 < booked.charged[0]["completion_tokens"] < 60
    assert 0 < booked.cost < booked.attempts[0]["amount"], "not all that was held"


async def test_a_worker_killed_under_load_loses_nobody(plant: Plant, asker: Asker) -> None:
    asking = asyncio.create_task(asker.ask_many(100))
    await asyncio.sleep(0.15)
    plant.kill("cloud")
    tolds = await asking
    print(endings(tolds))
    assert all(told.is_honest() for told in tolds), endings(tolds)
    plant.recovers()
    for told in tolds:
        booked = plant.booked(told.session)
        assert booked is not None
        assert booked.state == ("answered" if told.ending == "answered" else "failed")
        assert booked.cost == sum(row["cost"] for row in booked.charged)
