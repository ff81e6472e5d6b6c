"""The last places of a backend: for teams that have few there, and not for what is low."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from routing.fairness import crowding
from routing.fairness.turns import Turn
from routing.policy.values import Backend
from tests.routing.policy.backends import backend

A, B = Turn(team="a"), Turn(team="b")


@pytest.fixture
def calls() -> Iterator[list[str]]:
    begun: list[str] = []
    yield begun
    for call in begun:
        crowding.ended(call)
    assert not any(crowding._held.values())


def busy(calls: list[str], places: int, **held: int) -> Backend:
    """With so many calls of each team."""
    for team, count in held.items():
        for _ in range(count):
            calls.append(str(uuid.uuid4()))
            crowding.began("toy", calls[-1], Turn(team=team))
    return backend("toy", max_parallel=places, in_flight=sum(held.values()))


def has_place(turn: Turn, toy: Backend) -> bool:
    (seen,) = crowding.seen_by(turn, [toy])
    return seen.in_flight < seen.max_parallel


def test_a_flood_alone_has_all_of_it(calls: list[str]) -> None:
    assert has_place(A, busy(calls, 16, a=15))


def test_beside_another_a_flood_has_not_the_last_places(calls: list[str]) -> None:
    toy = busy(calls, 16, a=11, b=1)
    assert not has_place(A, toy)
    assert has_place(B, toy)


def test_what_is_low_never_has_the_last_places(calls: list[str]) -> None:
    toy = busy(calls, 16, a=12)
    assert not has_place(Turn(team="b", priority="low"), toy)
    assert has_place(B, toy)


def test_where_there_are_few_places_nobody_is_kept_from_one(calls: list[str]) -> None:
    assert has_place(A, busy(calls, 3, a=1, b=1))


def test_calls_of_other_processes_count_as_taken(calls: list[str]) -> None:
    toy = busy(calls, 16, a=6, b=1)
    crowded = backend("toy", max_parallel=16, in_flight=14)
    assert has_place(A, toy)
    assert not has_place(Turn(team="a", priority="low"), crowded)


def test_an_end_that_nobody_began_is_nobodys(calls: list[str]) -> None:
    crowding.ended("never begun")
    assert has_place(A, busy(calls, 16, a=1))
