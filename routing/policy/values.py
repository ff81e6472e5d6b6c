"""What a decision is made from and what it says (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from analytics.values import PriceTag
from routing import loads
from routing.loads import Load
from routing.questions import Constraints

VIRTUAL = {
    "auto": "cheapest-feasible",
    "auto:cheap": "cheapest-feasible",
    "auto:fast": "fastest-feasible",
    "auto:best": "best-feasible",
    "auto:local": "cheapest-feasible",
}
EMBEDDINGS = "embeddings"
UNPRICED = PriceTag(
    price_id=None, price_in=Decimal(0), price_out=Decimal(0), price_cached_in=Decimal(0)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """One backend as the decision sees it: what it can do, what it costs, how it is doing."""

    backend_id: int
    name: str
    kind: str
    model: str
    version: str
    price: PriceTag
    context: int
    max_output: int
    capabilities: frozenset[str]
    max_parallel: int
    weight: float
    quality: float
    failing: bool = False
    first_token_s: float | None = None
    in_flight: int = 0
    load: Load = loads.UNKNOWN
    timeouts: dict[str, float] | None = None

    @property
    def tier(self) -> str:
        return "local" if self.is_ours else "cloud"

    @property
    def is_ours(self) -> bool:
        """It runs in a worker of KORA, so its load is known and its seconds cost."""
        return self.kind == "local"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wants:
    """What the request and its key demand of a backend."""

    model: str
    prompt_tokens: int
    output_tokens: int | None
    choices: int
    needs: frozenset[str]
    constraints: Constraints
    allowed: frozenset[str] = frozenset()
    format_tokens: int = 0
    """Of the prompt: a schema, which becomes a grammar where the model is our own."""
    inputs: int = 0
    """Texts to be made vectors of, each by itself."""

    @property
    def embeds(self) -> bool:
        return self.inputs > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    backend: Backend
    worst_case: Decimal
    context_needed: int = 0
    first_content_s: float | None = None
    excluded: str = ""
    score: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "backend": self.backend.name,
            "tier": self.backend.tier,
            "expected_cost": f"{self.worst_case:f}",
            "quality": self.backend.quality,
            "score": self.score,
            "excluded": self.excluded,
            **self.backend.load.as_json(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Backends in the order in which they are tried; the first is expected to answer."""

    order: tuple[Candidate, ...]
    candidates: tuple[Candidate, ...]
    reason: str
    propensity: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NoWay:
    """No candidate is feasible: the constraint that binds, and what would relax it."""

    binding: str
    relaxations: tuple[dict[str, Any], ...]
    candidates: tuple[Candidate, ...]

    @property
    def why(self) -> str:
        """What binds, with the numbers where the request is too long."""
        short = [c for c in self.candidates if c.excluded == "context"]
        if self.binding != "context" or not short:
            return f"{self.binding} binds"
        best = max(short, key=lambda candidate: candidate.backend.context)
        return (
            f"context binds, for it needs about {best.context_needed} tokens and "
            f"{best.backend.name} has a context of {best.backend.context}"
        )

    @property
    def wait_s(self) -> float | None:
        """When it is worth asking again, if a queue of our own says so."""
        full = [c.backend.load for c in self.candidates if c.excluded == "busy"]
        return min((load.wait_s for load in full if load.full), default=None)
