"""SIGTERM while clients read: they get their answers to the end, and nothing is left held."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.asking import Asker, endings
from tests.faults.plant import Plant

pytestmark = [pytest.mark.faults, pytest.mark.timeout(150)]


async def test_streams_end_well_when_kora_is_asked_to_stop(plant: Plant, asker: Asker) -> None:
    firsts = [asyncio.Event() for _ in range(30)]
    asks = [
        asyncio.create_task(asker.ask("talker", stream=True, max_tokens=60, first=first))
        for first in firsts
    ]
    await asyncio.wait_for(asyncio.gather(*(first.wait() for first in firsts)), 30)
    stopping = asyncio.create_task(asyncio.to_thread(plant.kora.stop))
    tolds = await asyncio.gather(*asks)
    assert endings(tolds) == {"answered": len(firsts)}
    assert await stopping == 0
    plant.kora.start()  # in this thread: it dies with the one that started it
    plant.recovers()
    for told in tolds:
        booked = plant.booked(told.session)
        assert booked is not None
        assert (booked.state, booked.states) == ("answered", ["settled"])
        assert booked.cost > 0
