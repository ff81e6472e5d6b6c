"""What is looked for, what stands near it, what was judged, and what can be served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is compared by meaning; all the rest of a request has to be the same."""

    text: str
    """The last user turn, normalised."""
    surroundings: str
    """A fingerprint of the system prompt, the earlier turns, tools, format, sampling class, …"""
    plain: tuple[str, ...] = ()
    """Surroundings of answers that stand for any plain question (`standing.seen_from`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoQuestion:
    """Why this request is never compared by meaning."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What one team (or one of its routes) has set for answers without a model."""

    semantic: bool = True
    epsilon: float = 0.02
    """The share of wrong answers among those served that its engineers accept."""
    static_threshold: float = 0.97
    """What similarity must reach while there is no evidence."""
    shadow_share: float = 0.05
    """Of the answers served by meaning, how many are asked again to see whether they are right."""
    shadow_usd_a_day: Decimal = Decimal("0.50")
    judge_model: str = ""
    """The backend that compares answers where nothing cheaper decides; empty: none does."""
    scope: str = "team"
    """`team`, or `user`: each end user (`x-kora-user`) for himself."""
    ttl_s: float = 7 * 24 * 3600
    rows: int = 200_000
    bytes: int = 1_000_000_000
    automatic_patterns: bool = False
    """Whether proposals that meet the bound become canaries without a person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """A stored question near the one asked: a hypothesis, no more."""

    entry_id: int
    similarity: float
    question: str
    answer_class: bytes
    """Entries whose answers were found to say the same share it."""
    rights: float
    """How often this entry was found right for questions like it, of late (discounted)."""
    wrongs: float
    age_s: float
    pinned: bool = False
    doubts: int = 0
    """How often in a row answers that say the same were found wrong though they seemed sure."""
    scope: str = ""
    """Where it is stored: of another team's entry in a shared group no text is told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether the nearest neighbour may answer, and what that rests on."""

    served: bool
    reason: str
    """`bound`, `pinned`, `static`, or why not: `guard:<name>`, `doubted`, `below-bound`,
    `below-threshold`, `other-words`."""
    entry_id: int
    similarity: float
    p: float
    """The probability that the stored answer is right for this question."""
    lower: float
    """What that is at least among answers served at this score or a better one."""
    score: float = 0.0
    features: tuple[float, ...] = ()


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
    entry_id: int | None = None
    verdict: Verdict | None = None
    pattern_id: int | None = None
    neighbours: tuple[Neighbour, ...] = ()
    """What was looked at, for the receipt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoMatch:
    """Why nothing was served; `verdict` tells of the neighbour that was not good enough."""

    reason: str
    verdict: Verdict | None = None
    neighbours: tuple[Neighbour, ...] = ()
    """What was looked at, for the receipt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Inside which scopes, and how fresh, an answer is looked for."""

    team_id: int
    fingerprint: str
    shell: str = ""
    """A fingerprint of all but the words of the last user turn; empty: no pattern is looked for."""
    turn: str = ""
    """Those words as they came."""
    scopes: tuple[str, ...] = ()
    """`t:<team>`, `u:<team>:<user>`, `g:<group>`: the caller's own, and groups it belongs to."""
    question: Question | None = None
    vector: Vector | None = None
    max_age_s: float | None = None
    similarity: float | None = None
    """The caller's own threshold: it can only make matching stricter."""
    terms: Terms = field(default_factory=Terms)

    @property
    def within(self) -> tuple[str, ...]:
        return self.scopes or (f"t:{self.team_id}",)


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
    scope: str = ""
    surroundings: str = ""
    """Empty where the question is not one to compare by meaning."""
    shell: str = ""
    """As in `Asked`: what patterns are mined from; empty where nothing may be learned from it."""
    turn: str = ""
    vector: Vector | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    latency_ms: float = 0.0
    withheld: tuple[int, str] | None = None
    """A pattern and what it would have said: this answer shows whether that is right."""
    near: Verdict | None = None
    """The neighbour that was not served: this answer shows whether it would have been right."""
