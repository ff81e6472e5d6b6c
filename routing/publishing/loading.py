"""Reads what is published, so that web processes hold it in memory; apart from `in_force` because
workers know its values before Django's tables are there."""

from __future__ import annotations

from collections.abc import Mapping

from routing.models import Policy, PolicyState
from routing.publishing import in_force
from routing.publishing.in_force import InForce


def load(known: Mapping[int | None, InForce]) -> dict[int | None, InForce]:
    """Of each scope the newest; one that is known already is not compiled again."""
    newest = (
        Policy.objects.filter(state=PolicyState.PUBLISHED)
        .order_by("team_id", "-number")
        .distinct("team_id")
    )
    return {row.team_id: _standing(row, known.get(row.team_id)) for row in newest}


def _standing(row: Policy, known: InForce | None) -> InForce:
    number = row.number or 0
    if known is not None and known.number == number:
        return known
    return in_force.compiled(row.content, row.team_id, number=number)
