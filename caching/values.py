"""What a lookup says: a match that can be served, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A stored answer that may be served for this request."""

    tier: str
    reason: str
    backend: str
    answer: bytes
    chunks: bytes | None
    cost: Decimal
    prompt_tokens: int
    completion_tokens: int
    exchange_id: UUID
    created_at: datetime
    age_s: float
    similarity: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoMatch:
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Inside which scope, and how fresh, an answer is looked for."""

    team_id: int
    fingerprint: str
    max_age_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fresh:
    """A complete answer, to be remembered."""

    team_id: int
    fingerprint: str
    model_asked: str
    backend: str
    question: str
    answer: bytes
    chunks: bytes | None
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal
    exchange_id: UUID
    ttl_s: float
