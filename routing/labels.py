"""The headers that say what was done with a request."""

from __future__ import annotations

from routing.tries import Try
from routing.way import Way


def common(way: Way, *, tier: str, backend: str, reason: str) -> dict[str, str]:
    return {
        "x-kora-request-id": str(way.exchange_id),
        "x-kora-tier": tier,
        **({"x-kora-backend": backend} if backend else {}),
        "x-kora-reason": reason,
        "x-kora-policy": str(way.policy),
    }


def of_attempt(way: Way, each: Try) -> dict[str, str]:
    """Of an answer that this attempt gives."""
    backend = each.candidate.backend
    told = common(way, tier=backend.tier, backend=backend.name, reason=each.reason)
    return {**told, "x-kora-attempts": str(len(way.tries))}
