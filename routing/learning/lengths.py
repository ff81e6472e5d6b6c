"""How long an answer will be: from its intent, its backend and the request's signals (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

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
MOST_HEARD = 4_000
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
    """Answers that came whole, the newest last, one row of each for an answer."""

    rows: Floats
    """Signals."""
    who: Numbers
    intents: npt.NDArray[np.str_]
    tokens: Floats

    def then(self, other: Heard) -> Heard:
        both = {n: np.concatenate((getattr(self, n), getattr(other, n))) for n in self.__slots__}
        return Heard(**{name: column[-MOST_HEARD:] for name, column in both.items()})


def nothing_heard() -> Heard:
    return Heard(
        rows=np.zeros((0, len(features.NAMES))),
        who=np.zeros(0, dtype=np.intp),
        intents=np.zeros(0, dtype="U64"),
        tokens=np.zeros(0),
    )


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


def fit(heard: Heard, backends: Sequence[str]) -> Lengths:
    """A line first, then what it misses at an intent, then at a backend there."""
    if not len(heard.tokens):
        return UNTAUGHT
    intents, which = np.unique(heard.intents, return_inverse=True)
    begin = np.array([_prior(str(intent)) for intent in intents])[which]
    off = np.log(np.maximum(heard.tokens, 1.0)) - begin
    gram = heard.rows.T @ heard.rows + STRENGTH * np.eye(heard.rows.shape[1])
    slope = np.linalg.solve(gram, heard.rows.T @ off)
    left = off - heard.rows @ slope
    offsets: dict[Key, float] = {}
    for number, intent in enumerate(intents.tolist()):
        at = which == number
        anyhow = offsets[(intent, "")] = _shrunk(left[at])
        left[at] -= anyhow
        for place, backend in enumerate(backends):
            mine = at & (heard.who == place)
            if mine.any():
                own = _shrunk(left[mine])
                offsets[(intent, backend)] = anyhow + own
                left[mine] -= own
    return Lengths(slope=slope, spread=_spread(left), offsets=offsets)


def _shrunk(off: Floats) -> float:
    return float(off.sum() / (len(off) + DOUBT))


def _spread(left: Floats) -> float:
    total = float((left**2).sum()) + DOUBT * SPREAD**2
    return math.sqrt(total / (len(left) + DOUBT))
