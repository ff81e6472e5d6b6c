"""What the book is told, as values: whose request, what to hold, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from analytics.pacing import steering
from analytics.pacing.steering import Plan

ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceTag:
    """The price in force for a backend when the request was decided: USD per million tokens, and
    per second of processor time where the model runs here."""

    price_id: int | None
    price_in: Decimal
    price_out: Decimal
    price_cached_in: Decimal
    price_compute_s: Decimal = ZERO


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetTerms:
    """One enabled budget as the hot path knows it."""

    budget_id: int
    name: str
    organisation_id: int
    scope: str
    scope_id: str
    limit_usd: Decimal
    """In force when the terms were read: an override's, if there is one."""
    window: str
    time_zone: str
    fiscal_start: int
    mode: str
    paced: bool = False
    soft_limits: tuple[Mapping[str, Any], ...] = ()
    plan: Plan = steering.FRESH
    """Where it is paced: how spend is usually spread, and where the plan was begun last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One window of one budget: [starts_at, ends_at)."""

    budget_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Whose request it is; written into receipt and ledger as text, so that it outlives renames."""

    exchange_id: UUID
    at: datetime
    team_id: int
    team: str
    key_public: str
    key_name: str
    model_asked: str
    streamed: bool
    policy: int
    end_user: str = ""
    session: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """The worst case of one attempt, to be held in every window it falls into."""

    attempt_id: UUID
    number: int
    backend: str
    tier: str
    amount: Decimal
    price_id: int | None
    lease_s: float
    spans: tuple[Span, ...]
    counts: bool = True
    """Whether its refusal is the request's; not where a cheaper backend will be asked for room."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A window without room, and the limit in force there: an override's until `until`, if any."""

    budget_id: int
    budget: str
    scope: str
    scope_id: str
    limit_usd: Decimal
    settled: Decimal
    held: Decimal
    resets_at: datetime
    until: datetime | None = None
    reason: str = ""
    """Why there is another limit for a while."""

    @property
    def free(self) -> Decimal:
        return self.limit_usd - self.settled - self.held


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Every window that is enforced had room."""

    shadow: tuple[Refused, ...] = ()
    """Those that are not enforced and would have refused it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What a running attempt has streamed so far, and what that cost with its prompt."""

    attempt_id: UUID
    cost: Decimal = ZERO
    tokens: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Settlement:
    """What an attempt really cost, cut and failed ones included."""

    attempt_id: UUID
    cost: Decimal
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    compute_s: Decimal = ZERO
    estimated: bool = False
    unconfirmed: bool = False
    failure: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a request ended: the columns of its receipt, and the rest of it as `receipt`.

    Cost is not here: settlements add it to the exchange, so that receipts and ledger agree.
    `saved`, tokens and backend of a hit are, because nothing else writes them.
    """

    state: str
    status: int
    tier: str = ""
    backend: str = ""
    reason: str = ""
    error_code: str = ""
    attempts: int = 0
    saved: Decimal = ZERO
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    estimated: bool = False
    overhead_ms: float = 0.0
    first_content_ms: float | None = None
    total_ms: float = 0.0
    receipt: Mapping[str, Any] = field(default_factory=dict)
