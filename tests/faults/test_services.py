"""Web, Redis and Postgres killed under load: everybody is told, nothing is charged unseen."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence

import pytest

from tests.faults.asking import Asker, Told, endings
from tests.faults.plant import SLACK_S, Plant
from tests.running import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(170)]
COUNT = 60


async def _under_load(asker: Asker, break_it: Callable[[], None]) -> list[Told]:
    """Quick answers and long streams on their way at the moment of the fault."""
    quick = asyncio.create_task(asker.ask_many(COUNT))
    slow = asyncio.create_task(asker.ask_many(COUNT // 3, "talker", max_tokens=30))
    await asyncio.sleep(0.4)
    break_it()
    late = asyncio.create_task(asker.ask_many(COUNT // 3))
    tolds = [*await quick, *await slow, *await late]
    print(dict(endings(tolds)))
    assert all(told.is_honest() for told in tolds), [
        (told.status, told.code, told.error, told.text[:20])
        for told in tolds
        if not told.is_honest()
    ]
    return tolds


def _are_booked(plant: Plant, tolds: Sequence[Told]) -> None:
    """What each request spent stands in the book; who is not in it has spent nothing."""
    for told in tolds:
        booked = plant.booked(told.session)
        if booked is None:
            assert told.ending in {"cut", "unavailable"}, "an answer that the book knows nothing of"
            continue
        assert all(state in {"settled", "released"} for state in booked.states)
        assert booked.cost == sum(row["cost"] for row in booked.charged)
        if told.ending == "answered":
            assert booked.cost > 0, "an answer that nobody was charged for"


def _has_receipts(plant: Plant, tolds: Sequence[Told]) -> None:
    """Also of requests that ended while the book was away."""
    answered = [told for told in tolds if told.ending == "answered"]

    def all_written() -> bool:
        return all(_state(plant, told) == "answered" for told in answered)

    eventually(all_written, within_s=SLACK_S, what="the receipts of all answers")


def _state(plant: Plant, told: Told) -> str:
    booked = plant.booked(told.session)
    return booked.state if booked else ""


async def test_a_killed_web_process_cuts_its_clients_and_leaves_the_book_right(
    plant: Plant, asker: Asker
) -> None:
    tolds = await _under_load(asker, lambda: plant.kill("web"))
    assert {told.ending for told in tolds} <= {"answered", "cut", "unavailable"}
    plant.recovers()
    _are_booked(plant, tolds)


async def test_a_killed_redis_is_told_and_survived(plant: Plant, asker: Asker) -> None:
    tolds = await _under_load(asker, lambda: plant.kill("redis"))
    plant.recovers()
    _are_booked(plant, tolds)


async def test_the_sweeper_works_on_after_redis_came_back(plant: Plant, asker: Asker) -> None:
    asking = asyncio.create_task(asker.ask("thinker"))
    eventually_running = asyncio.to_thread(
        eventually, lambda: plant.live() == 1, within_s=10, what="a running call"
    )
    await eventually_running
    plant.kill("cloud")
    plant.kill("redis")
    told = await asking
    assert told.is_honest()
    plant.recovers()
    _are_booked(plant, [told])


def _kill_postmaster(plant: Plant) -> None:
    plant.kill("postgres")


def _kill_all_of_postgres(plant: Plant) -> None:
    plant.kill_all("postgres")


def _stop_postgres_fast(plant: Plant) -> None:
    os.kill(plant.descendants("postgres")[0], signal.SIGINT)


@pytest.mark.parametrize("break_it", [_kill_postmaster, _kill_all_of_postgres, _stop_postgres_fast])
async def test_a_lost_postgres_is_told_and_survived(
    break_it: Callable[[Plant], None], plant: Plant, asker: Asker
) -> None:
    tolds = await _under_load(asker, lambda: break_it(plant))
    plant.recovers()
    _are_booked(plant, tolds)
    if break_it is _stop_postgres_fast:  # a crash may forget the receipts of its last second
        _has_receipts(plant, tolds)
    await _every_thread_is_well(plant, asker, f"after {break_it.__name__}")


async def _every_thread_is_well(plant: Plant, asker: Asker, name: str) -> None:
    """Connections idled through the fault in many threads: none may greet a request with it."""
    asker.key = plant.key(name)
    tolds = await asker.ask_many(COUNT)
    assert {told.ending for told in tolds} == {"answered"}


async def test_what_was_answered_over_a_crash_of_postgres_is_charged(
    plant: Plant, asker: Asker
) -> None:
    """Holds do not wait for the disk: one that the crash forgot is still an answer to pay for."""
    asks = [asyncio.create_task(asker.ask("thinker", stream=stream)) for stream in (False, True)]
    await asyncio.to_thread(
        eventually, lambda: plant.live("running") == 2, within_s=10, what="two running calls"
    )
    plant.kill_all("postgres")
    tolds = await asyncio.gather(*asks)
    print(dict(endings(tolds)), [told.error for told in tolds])
    assert all(told.is_honest() for told in tolds)
    plant.recovers()
    _are_booked(plant, tolds)
