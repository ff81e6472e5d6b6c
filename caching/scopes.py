"""Whose an answer is: one text on every entry, and in the WHERE of every query (pure)."""

from __future__ import annotations

from collections.abc import Sequence


def of_team(team_id: int) -> str:
    return f"t:{team_id}"


def of_user(team_id: int, user: str) -> str:
    return f"u:{team_id}:{user}"


def of_group(group_id: int) -> str:
    return f"g:{group_id}"


def read(team_id: int, groups: Sequence[int]) -> tuple[str, ...]:
    """What a team may be served: its own, and what the groups hold that it takes part in."""
    return (of_team(team_id), *(of_group(group) for group in groups))


def written(team_id: int, gives_to: int | None) -> str:
    """Where its answers are kept: for the group that it gives to, else for itself."""
    return of_team(team_id) if gives_to is None else of_group(gives_to)


def is_own(scope: str, team_id: int) -> bool:
    return scope == of_team(team_id) or scope.startswith(f"u:{team_id}:")
