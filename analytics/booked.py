"""A receipt whose attempts say what the book says: some were settled after it was written."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Sum

from analytics.models import Attempt, AttemptState, Exchange, LedgerRow

Said = dict[str, Any]


def receipt(exchange: Exchange) -> Said:
    """Of a call that was cancelled or lost, only its settlement knows what it cost."""
    said: Said = exchange.receipt if isinstance(exchange.receipt, dict) else {}
    attempts = said.get("attempts")
    if not isinstance(attempts, list) or not attempts:
        return said
    booked = _by_number(exchange)
    return {**said, "attempts": [_put_right(each, booked) for each in attempts]}


def _put_right(attempt: Any, booked: dict[int, Said]) -> Any:
    if not isinstance(attempt, dict):
        return attempt
    return {**attempt, **booked.get(attempt.get("number", 0), {})}


def _by_number(exchange: Exchange) -> dict[int, Said]:
    settled = Attempt.objects.filter(exchange_id=exchange.pk, state=AttemptState.SETTLED)
    tokens = dict(
        LedgerRow.objects.filter(exchange_id=exchange.pk, attempt_id__isnull=False)
        .values("attempt_id")
        .annotate(tokens=Sum(F("prompt_tokens") + F("completion_tokens")))
        .values_list("attempt_id", "tokens")
    )
    return {
        attempt.number: {
            "cost": f"{attempt.cost:f}",
            "tokens": tokens.get(attempt.pk, 0),
            "compute_s": round(float(attempt.compute_s), 6),
        }
        for attempt in settled
    }
