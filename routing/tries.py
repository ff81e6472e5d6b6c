"""One attempt of a request as its receipt tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from analytics.values import Span
from routing.policy.values import Candidate


@dataclass(kw_only=True, slots=True)
class Try:
    """One attempt as the receipt tells it; times are milliseconds since the request came."""

    attempt_id: UUID
    number: int
    candidate: Candidate
    reason: str
    booked_as: str = ""
    """The tier in the book, where that is not its backend's."""
    spans: tuple[Span, ...] = ()
    budget_shadow: tuple[Mapping[str, str], ...] = ()
    """Budgets in shadow mode that would have refused it."""
    started_ms: float = 0.0
    began_ms: float | None = None
    """When a worker had taken it."""
    first_content_ms: float | None = None
    ended_ms: float = 0.0
    waited_ms: float = 0.0
    """Before it, because whoever failed before asked for that."""
    asked_at: float = 0.0
    """On the clock that all processes share."""
    keys: Sequence[Mapping[str, str]] = ()
    """Of its provider's keys that were used, each with what came of it, if there were several."""
    engine_ms: float = 0.0
    is_whole: bool = False
    """Its answer came in one piece."""
    outcome: str = ""
    message: str = ""
    cost: str = "0"
    compute_s: float = 0.0
    retry_after_s: float | None = None
    tokens: int = 0
    status: int | None = None
    param: str | None = None
    worker: str = ""
    outlives_until: float = 0.0
    """By the clock, until when its worker goes on without a client: it keeps the answer for those
    who ask again."""
    was_left: bool = False
    """Its client is gone and its worker goes on."""

    @property
    def tier(self) -> str:
        return self.booked_as or self.candidate.backend.tier

    def _queued(self) -> dict[str, float]:
        """What it is believed to have waited for a slot of our own engine: the queue as it was."""
        wait_ms = self.candidate.backend.load.wait_s * 1000
        if wait_ms <= 0 or self.first_content_ms is None:
            return {}
        return {"queued_ms": round(min(wait_ms, self.first_content_ms - self.started_ms), 3)}

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "backend": self.candidate.backend.name,
            "reason": self.reason,
            "started_ms": round(self.started_ms, 3),
            "first_content_ms": self.first_content_ms and round(self.first_content_ms, 3),
            "ms": round(self.ended_ms - self.started_ms, 3),
            "engine_ms": round(self.engine_ms, 3),
            "outcome": self.outcome,
            "message": self.message,
            "cost": f"{Decimal(self.cost):f}",
            "tokens": self.tokens,
            "compute_s": round(self.compute_s, 9),
            "worker": self.worker,
            **({"began_ms": round(self.began_ms, 3)} if self.began_ms is not None else {}),
            **self._queued(),
            **({"waited_ms": round(self.waited_ms, 3)} if self.waited_ms else {}),
            **({"keys": list(self.keys)} if self.keys else {}),
        }
