"""Hands do each step once, tell what came of it, and never lose one that has begun."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from routing.errors import QueueFull
from routing.fairness.turns import Turn
from routing.hands import Hands, nobody_waits


@pytest.fixture
def ended() -> list[str]:
    return []


@pytest.fixture
def hands(ended: list[str]) -> Iterator[Hands]:
    made = Hands(2, at_end=lambda: ended.append("ended"))
    yield made
    made.close()


async def test_a_step_gives_its_result_or_its_error(hands: Hands) -> None:
    assert await hands.do(divmod, 7, 3) == (2, 1)
    with pytest.raises(ZeroDivisionError):
        await hands.do(divmod, 7, 0)


async def test_steps_run_beside_each_other(hands: Hands) -> None:
    together = threading.Barrier(2, timeout=10)
    await asyncio.gather(hands.do(together.wait), hands.do(together.wait))


async def test_a_cancelled_step_that_has_begun_is_waited_for(hands: Hands) -> None:
    begun, go_on, did = threading.Event(), threading.Event(), []

    def step() -> None:
        begun.set()
        go_on.wait(10)
        did.append("done")

    asking = asyncio.create_task(hands.do(step))
    await asyncio.to_thread(begun.wait, 10)
    asking.cancel()
    await asyncio.sleep(0.05)
    assert not asking.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert did == ["done"]


async def test_a_cancelled_step_that_waits_never_begins(hands: Hands) -> None:
    go_on = threading.Event()
    did: list[str] = []
    busy = [asyncio.create_task(hands.do(go_on.wait, 10)) for _ in range(2)]
    waiting = asyncio.create_task(hands.do(did.append, "begun"))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    await asyncio.gather(*busy)
    assert await hands.do(len, did) == 0


def test_each_thread_says_its_last_words(ended: list[str]) -> None:
    Hands(3, at_end=lambda: ended.append("ended")).close()
    assert ended == ["ended"] * 3


async def test_a_flood_of_one_team_does_not_make_another_wait() -> None:
    hands = Hands(1, at_end=lambda: None)
    gate = threading.Event()
    order: list[str] = []
    first = asyncio.create_task(hands.do(gate.wait, 10))
    flood = [
        asyncio.create_task(hands.admit(Turn(team="a"), order.append, f"a{number}"))
        for number in range(1000)
    ]
    await asyncio.sleep(0)
    calm = asyncio.create_task(hands.admit(Turn(team="b"), order.append, "b"))
    await asyncio.sleep(0.05)
    gate.set()
    await asyncio.gather(first, calm, *flood)
    assert order.index("b") <= 1
    assert [each for each in order if each != "b"] == [f"a{number}" for number in range(1000)]
    hands.close()


async def test_what_is_under_way_goes_first_and_what_nobody_waits_for_last() -> None:
    hands = Hands(1, at_end=lambda: None)
    gate = threading.Event()
    order: list[str] = []

    async def later() -> None:
        nobody_waits.set(True)
        await hands.do(order.append, "later")

    first = asyncio.create_task(hands.do(gate.wait, 10))
    await asyncio.sleep(0.02)
    tasks = [asyncio.create_task(later())]
    await asyncio.sleep(0.02)
    tasks.append(asyncio.create_task(hands.admit(Turn(team="a"), order.append, "new")))
    await asyncio.sleep(0.02)
    tasks.append(asyncio.create_task(hands.do(order.append, "under way")))
    await asyncio.sleep(0.02)
    gate.set()
    await asyncio.gather(first, *tasks)
    assert order == ["under way", "new", "later"]
    hands.close()


async def test_beyond_its_places_a_new_request_is_turned_away_with_a_time() -> None:
    hands = Hands(1, at_end=lambda: None, places=10)
    gate = threading.Event()
    first = asyncio.create_task(hands.do(gate.wait, 10))
    await asyncio.sleep(0.02)
    waiting = [asyncio.create_task(hands.admit(Turn(team="a"), int)) for _ in range(9)]
    await asyncio.sleep(0.02)
    with pytest.raises(QueueFull) as refused:
        await hands.admit(Turn(team="a"), int)
    assert refused.value.retry_after_s
    assert hands.filled == pytest.approx(0.9)
    gate.set()
    await asyncio.gather(first, *waiting)
    assert await hands.admit(Turn(team="a"), int) == 0
    hands.close()
