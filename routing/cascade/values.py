"""What a cascade is, and what its checks say of an answer (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from routing.policy.values import Candidate

FIRST = "cascade:first"
ESCALATED = "cascade:escalated"
UNVERIFIED = "cascade:unverified"
"""No check held, but nobody better could answer either."""
QUICK = ("complete", "format", "code", "language")
"""Checks that need nobody: what a policy has that names none."""
ASKING = ("consistency", "model")
"""Checks that ask a model once more, on the day's money for judging."""
CHECKS = (*QUICK, "numbers", "confidence", *ASKING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cascade:
    """What a policy says of answering here first and escalating what does not hold."""

    enabled: bool = False
    intents: frozenset[str] = frozenset()
    """Kinds of requests that it is for; none: all."""
    verify: tuple[str, ...] = QUICK
    model: str = ""
    """The backend that is asked whether an answer is good, for the check `model`."""
    confidence: float = 0.6
    """The least mean probability of the answer's tokens, for the check `confidence`."""


OFF = Cascade()


@dataclass(frozen=True, kw_only=True, slots=True)
class Legs:
    """Who answers first, and who may be asked once if that does not hold."""

    terms: Cascade
    first: Candidate
    others: tuple[Candidate, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """Each check with its score from 0 to 1; the answer is as good as its worst."""

    scores: Mapping[str, float] = field(default_factory=dict)
    failed: str = ""
    why: str = ""

    @property
    def holds(self) -> bool:
        return not self.failed

    @property
    def score(self) -> float:
        return min(self.scores.values(), default=1.0)

    def as_json(self) -> dict[str, Any]:
        scores = {name: round(score, 4) for name, score in self.scores.items()}
        failed = {"failed": self.failed, "why": self.why} if self.failed else {}
        return {"checks": scores, "score": round(self.score, 4), **failed}


def held(name: str, score: float = 1.0) -> Verified:
    return Verified(scores={name: score})


def broken(name: str, why: str, score: float = 0.0) -> Verified:
    return Verified(scores={name: score}, failed=name, why=why)


def both(first: Verified, second: Verified) -> Verified:
    """The first failure is the one that is told."""
    told = first if first.failed else second
    return Verified(scores={**first.scores, **second.scores}, failed=told.failed, why=told.why)
