"""What is believed of a backend before it has answered anything here (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from routing.learning.values import Estimate

DEVIATION = 0.25
"""How far the quality written at a backend may well be off."""
MEASURED_DEVIATION = 0.12
BELIEF = 6.0
"""Answers of a trial that the quality written at a backend weighs against."""
MINI = "kora-mini"
FREELY = 19 / 29
"""Of kora-mini's marks, what is left where people word things freely (docs/kora-mini.md)."""
MINI_AT: Mapping[str, tuple[float, float, float]] = {
    "greeting": (1.0, 1.0, 0.40),
    "formatting": (0.954, 0.693, 0.147),
    "extraction": (0.965, 0.67, 0.22),
    "classification": (1.0, 1.0, 0.87),
    "maths": (1.0, 0.615, 0.07),
}
"""What it got right of its own easy, medium and hard exercises, by intent; nothing else it can."""
MINI_ELSEWHERE = 0.03


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """How a backend did at KORA's own questions of one intent."""

    asked: int = 0
    right: float = 0.0


NOT_TRIED = Tried()
Trials = Mapping[str, Tried]


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What stands at a backend: its model, the quality that was written there, its trial."""

    name: str
    model: str
    quality: float
    trials: Trials = field(default_factory=dict)


def prior(known: Known, intent: str, complexity: float | None) -> Estimate:
    if known.model.split(":")[0] == MINI:
        written, deviation = _mini(known, intent, complexity), MEASURED_DEVIATION
    else:
        written, deviation = known.quality, DEVIATION
    tried = known.trials.get(intent, NOT_TRIED)
    weight = tried.asked / (tried.asked + BELIEF)
    share = tried.right / tried.asked if tried.asked else 0.0
    return Estimate(
        quality=written + weight * (share - written),
        deviation=deviation * (1 - weight) ** 0.5,
        seen=float(tried.asked),
    )


def _mini(known: Known, intent: str, complexity: float | None) -> float:
    """At an intent that was not recognised it is what its operator wrote, and no better."""
    if not intent:
        return known.quality
    marks = MINI_AT.get(intent)
    if marks is None:
        return min(known.quality, MINI_ELSEWHERE)
    easy, medium, hard = marks
    if complexity is None:
        return FREELY * (easy + medium + hard) / 3
    middle, share = (easy, complexity * 2) if complexity < 0.5 else (medium, complexity * 2 - 1)
    following = medium if complexity < 0.5 else hard
    return FREELY * (middle + share * (following - middle))
