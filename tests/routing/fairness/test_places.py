"""Who is turned away when places are few: low first, and a flood leaves room for others."""

from __future__ import annotations

import pytest

from routing.fairness import places
from routing.fairness.turns import Turn

CASES = [
    # who comes, what is held, of 100 places: how many must leave first
    (Turn(team="a"), {}, 0),
    (Turn(team="a"), {"a": 67}, 0),
    (Turn(team="a"), {"a": 89}, 0),  # nobody else is there
    (Turn(team="a"), {"a": 90}, 1),
    (Turn(team="a", priority="high"), {"a": 99}, 0),
    (Turn(team="a", priority="high"), {"a": 100}, 1),
    (Turn(team="a", priority="low"), {"a": 49}, 0),
    (Turn(team="a", priority="low"), {"a": 50}, 1),
    (Turn(team="a", priority="low"), {"b": 80}, 31),
    (Turn(team="b"), {"a": 85}, 0),  # less than its share
    (Turn(team="a"), {"a": 84, "b": 1}, 19),  # more than its share, beyond what is open to all
    (Turn(team="a"), {"a": 60, "b": 1}, 0),
]


@pytest.mark.parametrize(("turn", "held", "over"), CASES)
def test_how_many_must_leave_first(turn: Turn, held: dict[str, int], over: int) -> None:
    assert places.over(turn, held, dict.fromkeys(held, 1), 100) == over


def test_a_team_with_a_larger_share_may_have_more_of_the_last_places() -> None:
    held, shares = {"a": 50, "b": 30}, {"a": 3, "b": 1}
    assert places.over(Turn(team="a", share=3), held, shares, 100) == 0
    assert places.over(Turn(team="b", share=1), held, shares, 100) > 0


def test_after_a_flood_every_other_team_still_finds_a_place() -> None:
    held: dict[str, int] = {}
    flood = Turn(team="flood")
    while not places.over(flood, held, dict.fromkeys(held, 1), 100):
        held["flood"] = held.get("flood", 0) + 1
        held.setdefault("calm", 1)
    for team in ("b", "c", "d"):
        assert not places.over(Turn(team=team), held, dict.fromkeys(held, 1), 100)
        held[team] = 1
