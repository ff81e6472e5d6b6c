"""What the miner sees of a team's traffic: questions that a model answered, and how (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DAY_S = 86_400.0
MONTH_DAYS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrence:
    """One distinct prompt; `hits` are its repeats, which stored answers served."""

    entry_id: int
    shell: str
    turn: str
    """The words as they came, inside a shell: what templates are mined from."""
    question: str
    surroundings: str
    """As they are compared by meaning: what intents are made of; both empty where they are not."""
    answer: str
    """Its text; empty where it is more than text."""
    answer_class: bytes
    backend: str
    exchange_id: UUID
    at_s: float
    cost: float = 0.0
    latency_ms: float = 0.0
    hits: int = 0
    model: str = ""
    asked: str = ""
    """The model that was asked for: terms may differ there."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    intent: int | None = None
    complained: bool = False
    vector: npt.NDArray[np.float32] | None = None
    generation: int = 0
    failed: tuple[str, ...] = ()
    """Backends that were tried before the one that answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """The occurrences of one kind of request, the oldest first."""

    rows: tuple[Occurrence, ...]
    of: int
    """Requests of the team in the same time, to say what share this is."""

    @property
    def requests(self) -> int:
        return sum(1 + row.hits for row in self.rows)

    @property
    def calls_a_month(self) -> float:
        """Prompts that were new, and so asked of a model; less than a day counts as one."""
        days = max((self.rows[-1].at_s - self.rows[0].at_s) / DAY_S, 1.0)
        return len(self.rows) * MONTH_DAYS / days

    def mean(self, what: str) -> float:
        return float(sum(getattr(row, what) for row in self.rows) / len(self.rows))

    def as_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "prompts": len(self.rows),
            "share": round(self.requests / max(self.of, 1), 4),
        }

    def samples(self, most: int = 8) -> tuple[UUID, ...]:
        return tuple(row.exchange_id for row in self.rows[-most:])


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """What could be done about a kind of request, and what that rests on."""

    action: str
    name: str
    key: str
    """The same for the same kind of request, run after run."""
    surroundings: str
    recipe: Mapping[str, Any]
    evidence: Mapping[str, Any]
    samples: tuple[UUID, ...]
    intent: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Demands:
    """What a proposal has to show."""

    epsilon: float = 0.02
    fewest: int = 12
    """Prompts that make a template."""
    train: int = 40
    """Occurrences that an answer template is made from; the others are held out."""
    good: float = 0.95
    """What the share of good answers must exceed, to the lower bound, before a pin."""
    dearer: float = 0.1
    """How much of the cost a pin must save."""
    window: int = 0
    """How many of the newest are looked at; 0: twice what the bound needs."""


def ordered(rows: Sequence[Occurrence], of: int) -> Traffic:
    return Traffic(rows=tuple(sorted(rows, key=lambda row: (row.at_s, row.entry_id))), of=of)
