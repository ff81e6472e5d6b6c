"""How long an answer will be: from its intent, its backend and the request's signals (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from routing.learning import features
from routing.learning.quality import Floats, Numbers
from routing.learning.values import Forecast

USUAL = 250.0
BY_INTENT: Mapping[str, float] = {
    "greeting": 25.0,
    "classification": 12.0,
    "faq": 150.0,
    "extraction": 80.0,
    "formatting": 150.0,
    "translation": 150.0,
    "summary": 180.0,
    "maths": 250.0,
    "code-completion": 350.0,
    "code-explanation": 350.0,
    "debugging": 400.0,
    "planning": 500.0,
    "creative-writing": 500.0,
    "reasoning": 500.0,
    "tool-use": 60.0,
}
"""Tokens of a middling answer before any was seen; written by hand."""
SPREAD = 0.9
"""Deviation of the logarithm where nothing was seen: an answer may well be three times as long."""
NINE_OF_TEN = 1.2816
"""Standard normal quantile."""
DOUBT = 8.0
STRENGTH = 25.0
"""Answers that no slope at all weighs against, for each signal."""
MOST = 100_000.0
Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lengths:
    """Logarithms of tokens: a slope over the signals, and offsets by intent and by backend too."""

    slope: Floats = field(default_factory=lambda: np.zeros(len(features.NAMES)))
    spread: float = SPREAD
    offsets: Mapping[Key, float] = field(default_factory=dict)
    """By intent and backend; a backend of "" is any."""


UNTAUGHT = Lengths()


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """Answers that came whole, one row each."""

    rows: Floats
    """Signals."""
    who: Numbers
    intents: Numbers
    tokens: Floats
    weights: Floats


def forecasts(
    known: Lengths, signals: Floats, intent: str, backends: Sequence[str]
) -> dict[str, Forecast]:
    """One for each backend, and one for any under ""."""
    middle = _prior(intent) + float(known.slope @ signals)
    found: dict[str, Forecast] = {}
    made: dict[float, Forecast] = {}
    anyhow = known.offsets.get((intent, ""), 0.0)
    for backend in ("", *backends):
        offset = known.offsets.get((intent, backend), anyhow)
        if offset not in made:
            made[offset] = _forecast(middle + offset, known.spread)
        found[backend] = made[offset]
    return found


def _forecast(middle: float, spread: float) -> Forecast:
    tokens = min(MOST, math.exp(min(middle, 20.0)))
    return Forecast(tokens=tokens, high=min(MOST, tokens * math.exp(NINE_OF_TEN * spread)))


def _prior(intent: str) -> float:
    return math.log(BY_INTENT.get(intent, USUAL))


def fit(heard: Heard, backends: tuple[str, ...], intents: tuple[str, ...]) -> Lengths:
    """A line first, then what it misses at an intent, then at a backend there."""
    if not len(heard.tokens):
        return UNTAUGHT
    begin = np.array([_prior(intent) for intent in intents])[heard.intents]
    off = np.log(np.maximum(heard.tokens, 1.0)) - begin
    weighed = heard.rows * heard.weights[:, None]
    gram = weighed.T @ heard.rows + STRENGTH * np.eye(heard.rows.shape[1])
    slope = np.linalg.solve(gram, weighed.T @ off)
    left = off - heard.rows @ slope
    offsets: dict[Key, float] = {}
    for number, intent in enumerate(intents):
        at = heard.intents == number
        everyone = offsets[(intent, "")] = _shrunk(left[at], heard.weights[at])
        left[at] -= everyone
        for place, backend in enumerate(backends):
            mine = at & (heard.who == place)
            if mine.any():
                own = _shrunk(left[mine], heard.weights[mine])
                offsets[(intent, backend)] = everyone + own
                left[mine] -= own
    return Lengths(slope=slope, spread=_spread(left, heard.weights), offsets=offsets)


def _shrunk(off: Floats, weights: Floats) -> float:
    return float((off * weights).sum() / (weights.sum() + DOUBT))


def _spread(left: Floats, weights: Floats) -> float:
    total = float((left**2 * weights).sum()) + DOUBT * SPREAD**2
    return math.sqrt(total / (float(weights.sum()) + DOUBT))
