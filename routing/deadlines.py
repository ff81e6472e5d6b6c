"""How long a request may take, and how much of that is left."""

from __future__ import annotations

from django.conf import settings

from routing.way import Way


def whole_s(way: Way) -> float:
    """Seconds this request may take, from its arrival."""
    limits, most = way.prompt.constraints, float(settings.KORA_DEADLINE_S)
    asked = limits.max_latency_ms
    until = (limits.deadline - way.at).total_seconds() if limits.deadline else most
    return min(asked / 1000 if asked else most, until, most)


def left_s(way: Way) -> float:
    return whole_s(way) - way.clock.elapsed_ms / 1000
