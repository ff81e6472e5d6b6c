"""How long a request may take, and how much of that is left."""

from __future__ import annotations

from django.conf import settings

from routing.way import Way


def whole_s(way: Way) -> float:
    """Seconds this request may take, from its arrival."""
    asked = way.prompt.constraints.max_latency_ms
    return min(asked / 1000 if asked else settings.KORA_DEADLINE_S, settings.KORA_DEADLINE_S)


def left_s(way: Way) -> float:
    return whole_s(way) - way.clock.elapsed_ms / 1000
