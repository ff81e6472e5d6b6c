"""Spans of time as OpenAI writes them in its headers: `20ms`, `1.5s`, `6m0s` (pure)."""

from __future__ import annotations

import math


def written(seconds: float) -> str:
    """Rounded up, so that whoever waits that long has waited long enough."""
    ms = math.ceil(max(0.0, seconds) * 1000)
    if ms < 1000:
        return f"{ms}ms"
    if ms < 60_000:
        return f"{ms / 1000:g}s"
    minutes, s = divmod(math.ceil(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{s}s" if hours else f"{minutes}m{s}s"
