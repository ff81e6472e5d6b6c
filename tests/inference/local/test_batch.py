from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.local import batch
from inference.local.batch import Reading, Waiting, Work

WAITING = st.lists(st.tuples(st.integers(-2, 2), st.sampled_from("abc")), max_size=12).map(
    lambda all_: [Waiting(number=n, priority=p, domain=d) for n, (p, d) in enumerate(all_)]
)
READING = st.lists(st.tuples(st.integers(0, 2), st.integers(2, 5000)), max_size=10).map(
    lambda all_: [Reading(number=n, priority=p, owed=o) for n, (p, o) in enumerate(all_)]
)


def waiting(*domains: str) -> list[Waiting]:
    return [Waiting(number=n, priority=0, domain=d) for n, d in enumerate(domains)]


@given(jobs=WAITING, running=st.lists(st.sampled_from("abc"), max_size=8))
def test_everyone_gets_a_turn_and_higher_priorities_first(
    jobs: list[Waiting], running: list[str]
) -> None:
    ordered = batch.order(jobs, running)
    assert sorted(ordered) == [job.number for job in jobs]
    priorities = [jobs[number].priority for number in ordered]
    assert priorities == sorted(priorities, reverse=True)


def test_one_team_with_many_jobs_does_not_keep_another_waiting() -> None:
    assert batch.order(waiting("a", "a", "a", "b"), ["a"]) == [3, 0, 1, 2]
    assert batch.order(waiting("a", "a", "b", "b"), []) == [0, 2, 1, 3]


def test_within_a_team_the_first_comes_first() -> None:
    assert batch.order(reversed(waiting("a", "a", "a")), []) == [0, 1, 2]


@given(reading=READING, budget=st.integers(1, 600))
def test_a_step_reads_what_it_may_and_no_more(reading: list[Reading], budget: int) -> None:
    given_ = batch.shares(reading, budget)
    assert sum(given_.values()) == min(budget, sum(one.owed for one in reading))
    assert all(0 < given_[one.number] <= one.owed for one in reading if one.number in given_)


@given(reading=READING.filter(bool), budget=st.integers(1, 600))
def test_the_oldest_of_the_highest_priority_always_moves_on(
    reading: list[Reading], budget: int
) -> None:
    first = min(reading, key=lambda one: (-one.priority, one.number))
    assert batch.shares(reading, budget)[first.number] >= 1


def test_a_short_prompt_is_not_stuck_behind_a_long_one() -> None:
    long, short = Reading(number=1, priority=0, owed=9000), Reading(number=2, priority=0, owed=40)
    assert batch.shares([long, short], 256) == {1: 216, 2: 40}


def test_a_long_prompt_is_not_starved_by_short_ones() -> None:
    short = [Reading(number=n, priority=0, owed=500) for n in range(2, 9)]
    long = Reading(number=1, priority=0, owed=9000)
    assert batch.shares([*short, long], 256)[1] == 64


@pytest.mark.parametrize(
    ("prefill_tps", "most", "tokens"),
    [(0, 256, 256), (100, 256, 32), (2000, 256, 120), (90_000, 256, 256), (100, 8, 8)],
)
def test_a_step_reads_for_a_bounded_time(prefill_tps: float, most: int, tokens: int) -> None:
    assert batch.chunk(prefill_tps, most) == tokens


@given(active=st.sets(st.integers(0, 40), max_size=16))
def test_after_the_moves_no_gap_is_left(active: set[int]) -> None:
    moves = batch.gather(active)
    moved = {dict(moves).get(lane, lane) for lane in active}
    assert len(moved) == len(active)
    assert not moved or max(moved) - min(moved) + 1 == len(moved)
    assert max(moved, default=0) <= max(active, default=0)
    assert all(target not in active for _, target in moves)


def test_as_few_lanes_move_as_can() -> None:
    assert batch.gather([0, 4, 5, 6]) == [(0, 3)]
    assert batch.gather([0, 1, 2, 9]) == [(9, 3)]
    assert batch.gather([3, 4, 5]) == []


def test_nobody_waits_while_a_slot_is_free() -> None:
    assert batch.wait_s([Work(read=0, write=50)], [], slots=2, speed=(1000, 100)) == 0


def test_the_wait_is_what_those_before_have_to_do() -> None:
    running = [Work(read=0, write=50), Work(read=1000, write=100)]
    assert batch.wait_s(running, [], slots=2, speed=(1000, 100)) == pytest.approx(1)
    queued = [Work(read=0, write=100)]
    assert batch.wait_s(running, queued, slots=2, speed=(1000, 100)) == pytest.approx(3)


def test_without_any_speed_seen_no_wait_is_claimed() -> None:
    assert batch.wait_s([Work(read=9, write=9)], [], slots=1, speed=(0, 0)) == 0


@given(
    works=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), max_size=20),
    slots=st.integers(1, 5),
)
def test_more_before_me_never_shortens_the_wait(works: list[tuple[int, int]], slots: int) -> None:
    jobs = [Work(read=read, write=write) for read, write in works]
    waits = [
        batch.wait_s(jobs[:slots], jobs[slots:end], slots=slots, speed=(500, 50))
        for end in range(slots, len(jobs) + 1)
    ]
    assert waits == sorted(waits)


def test_one_of_low_priority_goes_when_enough_have_come_after_it() -> None:
    low = batch.Waiting(number=0, priority=-1, domain="b")
    flood = [batch.Waiting(number=n, priority=0, domain="a") for n in range(40, 64)]
    assert batch.order([low, *flood], [])[-1] == 0
    flood = [batch.Waiting(number=n, priority=0, domain="a") for n in range(41, 65)]
    assert batch.order([low, *flood], ["a", "a"])[0] == 0
