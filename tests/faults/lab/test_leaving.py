"""A client that leaves lets go of its upstream within the second, whoever carries the call."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.asking import Asker
from tests.faults.lab.entries import Entry
from tests.faults.lab.rig import CHEAP, Rig
from tests.faults.lab.scripts import Manner
from tests.running import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]
LET_GO_S = 1.0
BUSY_S = 2.0
"""What two busy cores may add to that second."""
SLOW = Manner(words=900, word_s=0.02)
NEVER = Manner(first_s=60)
LEAVES = [(True, SLOW), (True, NEVER), (False, SLOW)]


@pytest.mark.parametrize("kind", ["openai-compatible", "cloud"])
@pytest.mark.parametrize(("stream", "manner"), LEAVES, ids=["mid-stream", "before", "whole"])
async def test_who_leaves_is_followed_upstream_and_pays_what_was_produced(
    rig: Rig, asker: Asker, kind: str, stream: bool, manner: Manner
) -> None:
    name = await asyncio.to_thread(rig.alone, manner, kind=kind)
    first = asyncio.Event()
    asking = asyncio.create_task(asker.ask(name, stream=stream, max_tokens=900, first=first))
    if stream and manner is SLOW:
        await asyncio.wait_for(first.wait(), 20)
    await asyncio.to_thread(eventually, lambda: rig.lab.log(name), within_s=20, what="the call")
    asking.cancel()
    left_s = asyncio.get_running_loop().time()
    await asyncio.to_thread(_was_left, rig, name)
    (entry,) = rig.lab.log(name)
    assert entry.left_at_s is not None and entry.left_at_s - left_s < LET_GO_S + BUSY_S
    await asyncio.to_thread(_is_paid, rig, entry)


def _was_left(rig: Rig, name: str) -> None:
    eventually(
        lambda: rig.lab.log(name)[0].ended_at_s, within_s=20, what="the end of the upstream call"
    )


def _is_paid(rig: Rig, entry: Entry) -> None:
    session = entry.text.removeprefix("question ")

    def is_closed() -> bool:
        found = rig.plant.booked(session)
        return found is not None and (found.state, found.states) == ("cancelled", ["settled"])

    eventually(is_closed, within_s=20, what="the end of a cancelled request")
    found = rig.plant.booked(session)
    assert found is not None
    (row,) = found.charged
    assert row["estimated"] and row["completion_tokens"] <= entry.sent
    assert (row["completion_tokens"] > 0) == (entry.first_at_s is not None)
    assert row["cost"] * 1_000_000 == row["prompt_tokens"] * int(CHEAP["price_in"]) + row[
        "completion_tokens"
    ] * int(CHEAP["price_out"])
