"""How good answers are known to be, from what people said and checks found: for promises."""

from __future__ import annotations

from datetime import datetime

from analytics.promises.rolling import Marks
from routing.learning import rewards
from routing.models import Outcome

NOT_QUALITY = frozenset({"latency", "answered"})
"""Parts that say when or whether an answer came, not how good it was."""


def known(team_id: int, begins: datetime, ends: datetime) -> Marks:
    """By request; one of which nobody said anything is left out."""
    rows = Outcome.objects.filter(team_id=team_id, at__gte=begins, at__lt=ends, ok=True)
    said = rows.exclude(parts={}).order_by().values_list("exchange_id", "parts", "expected")
    found = {
        exchange_id: rewards.blend(rewards.sober(_quality(parts), expected))
        for exchange_id, parts, expected in said
    }
    return {exchange_id: mark for exchange_id, mark in found.items() if mark is not None}


def _quality(parts: rewards.Parts) -> rewards.Parts:
    return {name: value for name, value in parts.items() if name not in NOT_QUALITY}
