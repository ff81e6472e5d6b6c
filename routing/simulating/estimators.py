"""What another policy would have been worth, told from what this one logged (pure).

Three estimators of a policy's mean reward from requests that an exploring policy decided with known
propensities: inverse propensity (unbiased, wide), self-normalised (narrower, a little biased) and
doubly robust (a model of the rewards, put right by what was seen). Each comes with an interval of
95 %, its effective sample size, and a warning where the two policies hardly overlap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SURE = 0.95
Z = 1.959964
FEW = 400.0
"""Effective requests under which the normal interval is held against a resampled one."""
DRAWS = 400
WIDEST = 12.706
"""No interval reaches further, in standard errors: where nearly all terms are the same, draws
without the few others have hardly any spread of their own, and seem endlessly far away in it."""
THIN = 30.0
"""Under so many effective requests nothing should be concluded."""
UNSEEN = 0.05
"""Of what the new policy would do, how much the old one may never have done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Logged:
    """One array each, a place a request that was decided."""

    reward: Floats
    propensity: Floats
    """Of what was done, under the policy that did it."""
    target: Floats
    """Of the same, under the policy in question."""
    expected: Floats
    """The reward that the model expected of what was done."""
    expected_target: Floats
    """And of what the policy in question would do, weighed by how likely it would do it."""
    supported: Floats
    """Of what it would do, the share that could have been done."""
    doubt: Floats
    """How unsure the model is of the rest, weighed by how likely it would be done."""

    @property
    def weights(self) -> Floats:
        return self.target / self.propensity


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """How much what was done tells of what would be done."""

    effective: float
    """As many requests as would tell as much, were the two policies one."""
    unsupported: float = 0.0
    doubt: float = 0.0
    """One deviation of what only the model tells. The same backend is meant in all of them, so
    their errors do not cancel out, and the interval takes them whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """An estimate with its interval; `effective` says how many requests it really rests on."""

    value: float
    low: float
    high: float
    count: int
    effective: float
    warning: str = ""

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0

    def within(self, least: float = -math.inf, most: float = math.inf) -> Reading:
        """Where it is known between what the truth must lie, no interval reaches further."""
        value, low, high = (
            min(max(each, least), most) for each in (self.value, self.low, self.high)
        )
        return replace(self, value=value, low=low, high=high)

    def as_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__slots__}
        rounded = {k: round(v, 9) if isinstance(v, float) else v for k, v in told.items()}
        return {**rounded, "clear": self.is_clear}


NOTHING = Reading(value=0.0, low=0.0, high=0.0, count=0, effective=0.0, warning="too-few")


def inverse_propensity(logged: Logged) -> Reading:
    return _read(logged.weights * logged.reward, logged)


def self_normalised(logged: Logged) -> Reading:
    """Divided by the weights' mean, so that a constant reward is told exactly."""
    mean = float(logged.weights.mean())
    if mean <= 0:
        return _read(np.zeros_like(logged.reward), logged)
    value = float((logged.weights * logged.reward).mean()) / mean
    terms = value + logged.weights * (logged.reward - value) / mean
    return _read(terms, logged)


def doubly_robust(logged: Logged) -> Reading:
    """Right where the propensities are, and narrow where the model is good as well."""
    return _read(
        logged.expected_target + logged.weights * (logged.reward - logged.expected), logged
    )


def mean(terms: Floats, overlap: Overlap | None = None) -> Reading:
    """The mean of terms that were worked out already, with its interval."""
    if terms.size == 0:
        return NOTHING
    known = overlap or Overlap(effective=float(terms.size))
    low, high = interval(terms, known.effective)
    return Reading(
        value=float(terms.mean()),
        low=low - Z * known.doubt,
        high=high + Z * known.doubt,
        count=int(terms.size),
        effective=known.effective,
        warning=warning(known.effective, int(terms.size), known.unsupported),
    )


def total(terms: Floats, overlap: Overlap | None = None) -> Reading:
    """Their sum instead: what all these requests together would come to."""
    found = mean(terms, overlap)
    return Reading(
        value=found.value * found.count,
        low=found.low * found.count,
        high=found.high * found.count,
        count=found.count,
        effective=found.effective,
        warning=found.warning,
    )


def effective_size(weights: Floats) -> float:
    """Kish's: as many requests of equal weight would tell as much."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def interval(terms: Floats, effective: float) -> tuple[float, float]:
    """Student's, with the freedom of the effective requests; where these are few, the hull of it
    and of a resampled one, which follows the lopsidedness that large weights bring."""
    middle, spread = float(terms.mean()), _error(terms)
    reach = _student(effective - 1.0) * spread
    low, high = middle - reach, middle + reach
    if effective >= FEW or spread <= 0.0:
        return low, high
    again = _resampled(terms)
    return min(low, again[0]), max(high, again[1])


def warning(effective: float, count: int, unsupported: float) -> str:
    if unsupported > UNSEEN:
        return "no-overlap"
    if effective < THIN:
        return "too-few"
    return "thin-overlap" if effective < 0.1 * count else ""


def overlap(logged: Logged) -> Overlap:
    return Overlap(
        effective=effective_size(logged.weights),
        unsupported=1.0 - float(logged.supported.mean()),
        doubt=float(logged.doubt.mean()),
    )


def _read(terms: Floats, logged: Logged) -> Reading:
    return mean(terms, overlap(logged)) if terms.size else NOTHING


def _error(terms: Floats) -> float:
    if terms.size < 2:
        return 0.0
    return float(terms.std(ddof=1)) / math.sqrt(terms.size)


def _student(freedom: float) -> float:
    """The 97.5 % point of Student's distribution (Cornish and Fisher's expansion)."""
    if freedom < 1.0:
        return WIDEST
    z, v = Z, freedom
    first = (z**3 + z) / (4 * v)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    return min(z + first + second + third, WIDEST)


def _resampled(terms: Floats) -> tuple[float, float]:
    """The bootstrap of studentised means, mirrored: it moves towards the side of the long tail."""
    chance = np.random.default_rng(terms.size)
    middle, spread = float(terms.mean()), _error(terms)
    drawn = terms[chance.integers(0, terms.size, size=(DRAWS, min(terms.size, 5_000)))]
    errors = drawn.std(axis=1, ddof=1) / math.sqrt(drawn.shape[1])
    known = errors > 0
    if not known.any():
        return middle, middle
    scores = (drawn.mean(axis=1)[known] - middle) / errors[known]
    scores = np.clip(scores, -WIDEST, WIDEST)
    low, high = np.quantile(scores, [(1 - SURE) / 2, 1 - (1 - SURE) / 2])
    return middle - float(high) * spread, middle - float(low) * spread
