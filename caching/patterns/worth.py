"""What a proposal tells of its kind of request: what it saves, and how it is known again (pure)."""

from __future__ import annotations

import hashlib
from typing import Any

from caching.patterns.traffic import Traffic


def told(kind: Traffic) -> dict[str, Any]:
    """What an answer without a model says of itself and of what it saves."""
    last = kind.rows[-1]
    return {
        "backend": last.backend,
        "model": last.model,
        "asked": last.asked,
        "cost": f"{kind.mean('cost'):.12f}",
        "prompt_tokens": round(kind.mean("prompt_tokens")),
        "completion_tokens": round(kind.mean("completion_tokens")),
    }


def saved(kind: Traffic) -> dict[str, float]:
    calls = kind.calls_a_month
    return {
        "usd_a_month": round(calls * kind.mean("cost"), 6),
        "ms_a_month": round(calls * kind.mean("latency_ms"), 1),
    }


def key(*facts: str) -> str:
    return hashlib.blake2b("\0".join(facts).encode(), digest_size=16).hexdigest()
