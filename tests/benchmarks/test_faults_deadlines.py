"""The plant in virtual time: the same again by its seed, queues that hold, and who is asked."""

from __future__ import annotations

import pytest

from benchmarks.faults import deadlines, hedging
from benchmarks.faults.arrivals import Arrival
from benchmarks.faults.simulated import World
from routing.failover.hedges import Hedge

TRACE = [
    Arrival(at_s=place * 0.4, read=1500, written=30, deadline_s=(1.0, 4.0)[place % 2])
    for place in range(300)
]


def test_the_same_seed_is_the_same_world() -> None:
    first, again, other = (deadlines.replay(TRACE, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first) == len(TRACE) - len(TRACE) // 2


def test_slots_are_never_shared_by_more_and_everybody_ends() -> None:
    world = World(1)
    calls = [world.ask("local", 1000, 20) for _ in range(20)]
    assert world.servers["local"].running == 6
    assert world.servers["local"].wait_s > 0
    world.run(1000.0)
    assert all(call.over for call in calls)
    assert world.servers["local"].crowd == 0


def test_a_cancelled_call_frees_its_slot() -> None:
    world = World(1)
    calls = [world.ask("local", 1000, 20) for _ in range(7)]
    world.cancel(calls[0])
    assert not world.servers["local"].queue
    world.run(1000.0)
    assert not calls[0].over
    assert all(call.over for call in calls[1:])


@pytest.mark.parametrize("rule", deadlines.RULES.values())
def test_plain_rules_ask_one_kind_of_backend(rule: deadlines.Rule) -> None:
    found = deadlines.replay(TRACE[:60], 1, rule=rule)
    assert {each.backend for each in found} <= {"fast-dear", "local", "slow-cheap"}
    assert all(each.predicted == 0 for each in found)


def test_hedging_costs_no_more_than_its_share_of_requests() -> None:
    rows = hedging.Desk(1, Hedge(enabled=True, when=0.3, share=0.05)).replay(TRACE)
    assert len(rows) == len(TRACE)
    assert sum(each.hedged for each in rows) <= 0.05 * len(rows) + 2
