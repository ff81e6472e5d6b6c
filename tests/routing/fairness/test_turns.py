"""Who is next: teams take turns by share, priorities by weight, and nobody waits for good."""

from __future__ import annotations

from collections import Counter

import pytest

from routing.fairness.turns import LEVELS, Turn, Turns

FLOOD = 2000


def drained(turns: Turns[str], count: int) -> list[str]:
    return [turns.take() for _ in range(count)]


def test_a_flood_of_one_team_does_not_make_another_wait() -> None:
    turns: Turns[str] = Turns()
    for _ in range(FLOOD):
        turns.put("flood", Turn(team="a"))
    places = []
    for _ in range(50):  # the other sends one now and then
        turns.put("calm", Turn(team="b"))
        places.append(drained(turns, 20).index("calm"))
    assert max(places) <= 1


def test_turns_come_by_share() -> None:
    turns: Turns[str] = Turns()
    for team, share in (("a", 3), ("b", 1), ("c", 2)):
        for _ in range(100):
            turns.put(team, Turn(team=team, share=share))
    assert Counter(drained(turns, 60)) == {"a": 30, "b": 10, "c": 20}


def test_a_team_that_was_away_has_saved_nothing_up() -> None:
    turns: Turns[str] = Turns()
    for _ in range(100):
        turns.put("a", Turn(team="a"))
    drained(turns, 50)
    for _ in range(50):
        turns.put("b", Turn(team="b"))
    assert Counter(drained(turns, 40))["a"] in (19, 20, 21)


def test_high_goes_before_normal_before_low_and_low_is_not_starved() -> None:
    turns: Turns[str] = Turns()
    for level in LEVELS:
        for _ in range(210):
            turns.put(level, Turn(team="t", priority=level))
    first = Counter(drained(turns, 210))
    assert first == {"high": 160, "normal": 40, "low": 10}


def test_one_that_is_low_waits_behind_a_bounded_number_of_a_flood() -> None:
    turns: Turns[str] = Turns()
    for _ in range(FLOOD):
        turns.put("high", Turn(team="a", priority="high"))
    drained(turns, 100)
    turns.put("low", Turn(team="b", priority="low"))
    assert "low" in drained(turns, 2 * sum(LEVELS.values()))


def test_counts_who_waits_and_forgets_who_does_not() -> None:
    turns: Turns[str] = Turns()
    for team in "aab":
        turns.put(team, Turn(team=team))
    assert (turns.held, turns.count) == ({"a": 2, "b": 1}, 3)
    drained(turns, 3)
    assert (turns.held, turns.count) == ({}, 0)
    with pytest.raises(IndexError):
        turns.take()


def test_within_a_team_it_is_first_come_first_served() -> None:
    turns: Turns[str] = Turns()
    for number in range(10):
        turns.put(str(number), Turn(team="a"))
    assert drained(turns, 10) == [str(number) for number in range(10)]
