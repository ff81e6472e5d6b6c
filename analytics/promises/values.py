"""A promise, and a request as promises look at it (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

TARGETS = ("ttft", "total", "availability", "quality")
WORDS = {
    "ttft": "first content",
    "total": "whole answer",
    "availability": "availability",
    "quality": "quality",
}
CAUSES = ("queue", "provider", "retry", "router", "client")
INTENT = "intent:"
EXCUSED = "client"
"""Whoever left, or was refused by limits of its own: told, and not charged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """What a team is promised on one route; what is None is not promised."""

    sla_id: int
    team_id: int
    name: str
    route: str = ""
    ttft_ms: float | None = None
    total_ms: float | None = None
    percentile: float = 95.0
    availability: float | None = None
    min_quality: float | None = None
    window_days: int = 30
    stricter: bool = True

    @property
    def targets(self) -> tuple[str, ...]:
        """Those that are promised."""
        said = (self.ttft_ms, self.total_ms, self.availability, self.min_quality)
        return tuple(name for name, each in zip(TARGETS, said, strict=True) if each is not None)

    def allowed(self, target: str) -> float:
        """The share of requests that may miss it."""
        most = self.availability if target == "availability" else self.percentile
        return 1.0 - (most or 0.0) / 100.0

    def covers(self, *, model: str, intent: str) -> bool:
        if self.route.startswith(INTENT):
            return self.route.removeprefix(INTENT) == intent
        return self.route in ("", model)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """One SLA in force; `burning` are the targets that burn too fast, and none while it is calm."""

    promise: Promise
    burning: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One request that has ended, out of its receipt."""

    exchange_id: UUID | None = None
    at: datetime | None = None
    model: str = "auto"
    intent: str = ""
    streamed: bool = False
    state: str = "answered"
    error_code: str = ""
    tier: str = ""
    first_content_ms: float | None = None
    total_ms: float = 0.0
    quality: float | None = None
    """What is known of it from feedback and checks, 0 to 1."""
    receipt: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Miss:
    """One target that one request missed, and the one cause of that."""

    target: str
    cause: str

    @property
    def charged(self) -> bool:
        return self.cause != EXCUSED
