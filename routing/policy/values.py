"""What a decision is made from and what it says (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from analytics import prices
from analytics.values import PriceTag
from routing import loads, paces
from routing.learning.values import Estimate
from routing.loads import Load
from routing.paces import Pace
from routing.policy import calibration, tempo
from routing.policy.calibration import Line
from routing.policy.tempo import Tempo
from routing.questions import Constraints

VIRTUAL = {
    "auto": "best-value",
    "auto:cheap": "cheapest-feasible",
    "auto:fast": "fastest-feasible",
    "auto:best": "best-feasible",
    "auto:local": "best-value",
}
EMBEDDINGS = "embeddings"
UNPRICED = PriceTag(
    price_id=None, price_in=Decimal(0), price_out=Decimal(0), price_cached_in=Decimal(0)
)
MILLION = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """A price tag as floats, dollars a token: for expectations, never for the book."""

    into: float
    out: float
    cached: float
    compute_s: float


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
    region: str = ""
    data_classes: frozenset[str] = frozenset()
    failing: bool = False
    breaker: str = "closed"
    """`open`: nobody asks it now; `half-open`: one request may try; `resting`: its provider wants
    to be left alone for a while."""
    first_token_s: float | None = None
    pace: Pace = paces.UNSEEN
    in_flight: int = 0
    load: Load = loads.UNKNOWN
    lateness: Line = calibration.PLAIN
    """What puts its predicted chances of being late right."""
    timeouts: dict[str, float] | None = None
    rates: Rates = field(init=False, repr=False)
    tempo: Tempo = field(init=False, repr=False)
    is_ours: bool = field(init=False)
    """It runs in a worker of KORA, so its load is known and its seconds cost."""

    def __post_init__(self) -> None:
        price = self.price
        rates = Rates(
            into=float(price.price_in) / MILLION,
            out=float(price.price_out) / MILLION,
            cached=float(price.price_cached_in) / MILLION,
            compute_s=float(price.price_compute_s),
        )
        object.__setattr__(self, "rates", rates)
        object.__setattr__(self, "tempo", tempo.believed(self.pace, self.load, self.in_flight))
        object.__setattr__(self, "is_ours", self.kind == "local")

    @property
    def tier(self) -> str:
        return "local" if self.is_ours else "cloud"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seat:
    """Where a conversation was answered last: what it has said so far is warm there."""

    backend: str = ""
    tokens: int = 0
    """Of its prompt, at the least, that were read there."""
    in_loop: bool = False
    """Its tool calls are still being answered: nobody else takes over in the middle of that."""


NOWHERE = Seat()


@dataclass(frozen=True, kw_only=True, slots=True)
class Wants:
    """What the request, its key and the rules demand of a backend."""

    model: str
    prompt_tokens: int
    output_tokens: int | None
    choices: int
    needs: frozenset[str]
    constraints: Constraints
    allowed: frozenset[str] = frozenset()
    format_tokens: int = 0
    """Of the prompt: a schema, which becomes a grammar where the model is our own."""
    counted: Mapping[str, int] = field(default_factory=dict)
    """By model, the prompt's tokens by its own vocabulary, where they were counted."""
    inputs: int = 0
    """Texts to be made vectors of, each by itself."""
    only: frozenset[str] | None = None
    avoid: frozenset[str] = frozenset()
    data_class: str = ""
    region: str = ""
    left_s: float | None = None
    """Until its deadline."""
    fixed: frozenset[str] = frozenset()
    """Constraints that a rule or an alias set: the caller cannot relax them."""
    seat: Seat = NOWHERE
    protected: str = ""
    """Why nothing is tried out on it, if so."""

    @property
    def embeds(self) -> bool:
        return self.inputs > 0

    @property
    def local_only(self) -> bool:
        return self.constraints.locality == "local" or self.model == "auto:local"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """A call as this backend would see it: all that hard constraints look at."""

    backend: Backend
    read: int
    """Tokens of the prompt, as estimated."""
    longest: int
    """Tokens that one answer may have."""
    prompt_tokens: int
    output_tokens: int
    compute_s: float = 0.0
    """The most that a call can become: what its worst case is worked out from."""
    context_needed: int = 0
    first_content_s: float | None = None
    """When the first content is expected; None: nobody has timed it."""

    @property
    def worst_case(self) -> Decimal:
        """Exact, and worked out only where money is held or refused for it."""
        return prices.worst_case(
            self.backend.price,
            self.prompt_tokens,
            self.output_tokens,
            compute_s=prices.seconds(self.compute_s),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What a score is made of; it is their sum."""

    quality: float
    cost: float
    miss: float
    switch: float
    speed: float = 0.0

    def as_json(self) -> dict[str, float]:
        told = {"quality": self.quality, "cost": self.cost, "miss": self.miss}
        told |= {"switch": self.switch, **({"speed": self.speed} if self.speed else {})}
        return {name: round(value, 6) for name, value in told.items()}


NO_PARTS = Parts(quality=0.0, cost=0.0, miss=0.0, switch=0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A backend beside the others: why it may not, or what speaks for and against it."""

    fit: Fit
    estimate: Estimate
    excluded: str = ""
    cost: float = 0.0
    """Dollars expected."""
    cost_high: float = 0.0
    """Dollars that 9 of 10 such answers stay below."""
    p_miss: float = 0.0
    raw_miss: float = 0.0
    """The same before it was put right by what came true of such predictions."""
    parts: Parts = NO_PARTS
    score: float = 0.0

    @property
    def backend(self) -> Backend:
        return self.fit.backend

    @property
    def worst_case(self) -> Decimal:
        return self.fit.worst_case

    @property
    def context_needed(self) -> int:
        return self.fit.context_needed

    @property
    def first_content_s(self) -> float | None:
        return self.fit.first_content_s

    def as_json(self, propensity: float = 0.0) -> dict[str, Any]:
        told = {"backend": self.backend.name, "tier": self.backend.tier, "excluded": self.excluded}
        return {
            **told,
            "quality": round(self.estimate.quality, 6),
            "deviation": round(self.estimate.deviation, 6),
            "seen": round(self.estimate.seen, 1),
            "expected_cost": f"{self.cost:.12f}",
            "cost_high": f"{self.cost_high:.12f}",
            "p_miss": round(self.p_miss, 4),
            "score": round(self.score, 6),
            "parts": self.parts.as_json(),
            "propensity": propensity,
            **self.backend.load.as_json(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Backends in the order in which they are tried; the first is expected to answer."""

    order: tuple[Candidate, ...]
    candidates: tuple[Candidate, ...]
    reason: str
    propensity: float = 1.0
    propensities: Mapping[str, float] = field(default_factory=dict)
    """By backend, how likely it was to be chosen; they sum to one. Who is not named: never."""
    exploring: Mapping[str, Any] = field(default_factory=dict)
    """What the receipt says of trying others out: the mode, why not, what would have been."""

    @property
    def explored(self) -> bool:
        return self.reason == "policy:explored"

    def told(self) -> list[dict[str, Any]]:
        """The candidates as the receipt has them."""
        first = self.order[0].backend.name
        known = self.propensities or {first: self.propensity}
        return [c.as_json(known.get(c.backend.name, 0.0)) for c in self.candidates]


WHY = {
    "not-allowed": "this key may use none of those that could",
    "rule-only": "a rule or an alias leaves only others",
    "rule-avoid": "a rule or an alias leaves them out",
    "drained": "those that could take no new work",
    "locality": "it has to stay on this machine",
    "data-class": "none is cleared for what it holds",
    "region": "none is in the region that is demanded",
    "context": "it is too long",
    "capability": "an embedder makes vectors, and nothing else does",
    "max-cost": "those that could may cost more",
    "min-quality": "those that could are of less quality",
    "max-latency": "those that could are expected to begin later",
    "deadline": "those that could are expected to begin after it",
    "backends": "no backend is switched on",
}
"""Why nobody is left, by what binds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoWay:
    """No candidate is feasible: the constraint that binds, and what would relax it."""

    binding: str
    relaxations: tuple[dict[str, Any], ...]
    candidates: tuple[Candidate, ...]
    model: str = ""
    needs: tuple[str, ...] = ()

    def told(self) -> list[dict[str, Any]]:
        return [c.as_json() for c in self.candidates]

    @property
    def why(self) -> str:
        """What binds, in words."""
        told = [self._told(name) for name in self.binding.split("+")]
        return f"{self.binding} binds, for {' and '.join(told)}"

    def _told(self, name: str) -> str:
        short = [c for c in self.candidates if c.excluded == "context"]
        if name == "context" and short:
            best = max(short, key=lambda candidate: candidate.backend.context)
            return (
                f"it needs about {best.context_needed} tokens and "
                f"{best.backend.name} has a context of {best.backend.context}"
            )
        if name == "capability" and self.needs:
            return f"none that is left has all that it needs ({', '.join(self.needs)})"
        if name == "backends" and self.model not in VIRTUAL:
            return f"there is no '{self.model}' that is switched on"
        return WHY.get(name, "none is left")

    @property
    def wait_s(self) -> float | None:
        """When it is worth asking again, if a queue of our own says so."""
        full = [c.backend.load for c in self.candidates if c.excluded == "busy"]
        return min((load.wait_s for load in full if load.full), default=None)
