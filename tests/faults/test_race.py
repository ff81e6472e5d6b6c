"""Two hundred at once against a cap worth ten, while workers die: the cap holds, every hold ends.

FAULT_ROUNDS sets how many rounds; twenty are the promise, the default is what a test run affords.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from tests.faults.asking import Asker, endings
from tests.faults.plant import LEASE_S, SLACK_S, SWEEP_EVERY_S, ExtraWorker, Plant

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "3"))
AT_ONCE = 200
WORTH = 10
pytestmark = [pytest.mark.faults, pytest.mark.timeout(120 + 60 * ROUNDS)]

STANDING = """
SELECT coalesce(sum(w.settled), 0) AS settled, coalesce(sum(w.held), 0) AS held
FROM analytics_budgetwindow w JOIN analytics_budget b ON b.id = w.budget_id WHERE b.name = %s
"""
OVERDUE = """
SELECT count(*) AS n FROM analytics_attempt WHERE state IN ('held', 'running')
AND lease_until < now() - %s * interval '1 second'
"""
ENDED = """
SELECT a.state, a.cost, count(r.id) AS settlements FROM analytics_attempt a
JOIN analytics_exchange e ON e.id = a.exchange_id
LEFT JOIN analytics_ledgerrow r ON r.attempt_id = a.id AND r.kind = 'settlement'
WHERE e.tags ->> 'race' = %s GROUP BY a.id
"""


@pytest.fixture
def extra(plant: Plant) -> Iterator[ExtraWorker]:
    """Beside the supervised worker, so that most kills leave one to go on."""
    worker = ExtraWorker(kora=plant.kora)
    worker.start()
    yield worker
    worker.kill()


async def test_the_cap_holds_and_every_hold_ends_once(
    plant: Plant, asker: Asker, extra: ExtraWorker
) -> None:
    dice = random.Random(7)
    one = await _worst_case(plant, asker)
    for number in range(ROUNDS):
        await _round(f"r{number}", plant, asker, extra, one=one, dice=dice)
    plant.recovers()


async def _worst_case(plant: Plant, asker: Asker) -> Decimal:
    told = await asker.ask("steady", tags="race=first")
    booked = plant.booked(told.session)
    assert booked is not None
    amount: Decimal = booked.attempts[0]["amount"]
    assert amount > 0
    return amount


async def _round(
    name: str,
    plant: Plant,
    asker: Asker,
    extra: ExtraWorker,
    *,
    one: Decimal,
    dice: random.Random,
) -> None:
    cap = one * WORTH
    plant.budget(name, tag=f"race={name}", limit_usd=cap)
    await asyncio.sleep(1.5)  # the web process learns of a new budget within a second
    async with _watched(plant, name, cap):
        killing = asyncio.create_task(_kill_sometime(plant, extra, dice))
        tolds = await asker.ask_many(AT_ONCE, tags=f"race={name}")
        await killing
        ended = await asyncio.to_thread(_all_ended, plant, name)
    print(name, dict(endings(tolds)), dict(Counter(row["state"] for row in ended)))
    assert all(told.is_honest() for told in tolds), endings(tolds)
    assert sum(row["cost"] for row in ended) <= cap
    assert all(row["settlements"] == (row["state"] == "settled") for row in ended)
    assert not plant.rows(OVERDUE, SWEEP_EVERY_S + SLACK_S)[0]["n"]
    standing = plant.rows(STANDING, name)[0]
    assert standing["settled"] == sum(row["cost"] for row in ended)
    assert standing["held"] == 0


@asynccontextmanager
async def _watched(plant: Plant, name: str, cap: Decimal) -> AsyncIterator[None]:
    """What is settled and held never exceeds the cap, whenever one looks."""
    stop = asyncio.Event()

    async def look() -> None:
        while not stop.is_set():
            now = (await asyncio.to_thread(plant.rows, STANDING, name))[0]
            assert now["settled"] + now["held"] <= cap
            await asyncio.sleep(0.1)

    looking = asyncio.create_task(look())
    yield
    stop.set()
    await looking


async def _kill_sometime(plant: Plant, extra: ExtraWorker, dice: random.Random) -> None:
    """Any moment from the first hold to the last answer; mostly ours, sometimes KORA's own."""
    await asyncio.sleep(dice.uniform(0.05, 0.7))
    if dice.random() < 0.4:
        plant.kill("cloud")
    await asyncio.sleep(dice.uniform(0, 0.3))
    extra.kill()
    extra.start()


def _all_ended(plant: Plant, name: str) -> list[dict[str, Any]]:
    from tests.running import eventually

    def done() -> bool:
        return all(row["state"] in {"settled", "released"} for row in plant.rows(ENDED, name))

    eventually(done, within_s=LEASE_S + SWEEP_EVERY_S + SLACK_S, what=f"the end of {name}'s holds")
    return plant.rows(ENDED, name)
