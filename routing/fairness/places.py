"""Whether there is a place for one more where places are few (pure)."""

from __future__ import annotations

from collections.abc import Mapping

from routing.fairness.turns import Turn

OF_ALL: Mapping[str, float] = {"high": 1.0, "normal": 0.9, "low": 0.5}
"""How much of all places each priority may see taken before it is turned away: low goes first."""
OPEN = 0.75
"""Up to here whoever comes first takes a place; the rest is for teams that have less than their
share, so that a flood leaves room for others to come at all."""


def over(
    turn: Turn,
    held: Mapping[str, int],
    shares: Mapping[str, int],
    places: int,
    *,
    taken: int | None = None,
    of_all: Mapping[str, float] = OF_ALL,
) -> int:
    """How many must leave before there is a place; 0 where there is one. `held` and `shares` are
    of the teams that have places now; others may know of more that are taken."""
    taken = sum(held.values()) if taken is None else taken
    most = int(places * of_all.get(turn.priority, of_all["normal"]))
    if taken >= most:
        return taken - most + 1
    if taken < most * OPEN:
        return 0
    everybody = sum(shares.get(team, 1) for team in held if team != turn.team) + turn.share
    mine = max(1, int(most * turn.share / everybody))
    beyond = held.get(turn.team, 0) - mine + 1
    return max(0, min(beyond, taken - int(most * OPEN) + 1))
