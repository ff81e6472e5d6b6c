"""What a judge learns from evidence: to score a neighbour, and how often scores err (pure).

A logistic score orders neighbours. Evidence in the order of that score makes a ladder: for each
rung, how often answers at this score or above were wrong, at most. Rungs without evidence of their
own borrow from the score's own word, and the score, from a prior that ships.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caching.judge import features

Floats = npt.NDArray[np.float64]

PRIOR = (-1.0, 2.0, 0.5, 0.5, 0.5, 0.5, 0.5, -1.0) + (0.0,) * (len(features.NAMES) - 8)
"""Written by hand, and by intent cautious: nothing that ships was fitted to anybody's questions."""
PRIOR_STRENGTH = 5.0
"""How many pieces of evidence the prior weighs against, for each feature."""
BORROWED = 2.0
"""Pieces of evidence that the score's own word counts for on each rung."""
ENOUGH = 150
"""Evidence before which nothing learned is used."""
SURENESS = 0.52
"""Standard normal quantile of the bound: seven times of ten the truth is better."""
SMALLEST_RUNG = 20
GROWTH = 0.05
"""Of the evidence above it, how much a rung has: fine where little is served, coarse below."""
FOLDS = 4
FIRST_LOOKS = 20
"""Half of the first answers are looked at again, a quarter after twice as many looks as this, …"""
UNSEEN = 0.1
"""Wrong answers that could have been among the evidence and were not."""
AUDIT = 1.0
"""Wrong answers that the comparison of what was served with what was expected begins from."""
HALF_LIFE = 12_000
"""Pieces of later evidence after which one counts half."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One piece of evidence, as it was when it was met."""

    features: tuple[float, ...]
    right: bool
    weight: float = 1.0
    """One over the probability that it was looked at."""
    served: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Mind:
    """What was learned; without enough evidence the static threshold stands."""

    seen: int = 0
    looked: int = 0
    """Of them, answers that had been served and were looked at again."""
    weights: tuple[float, ...] = PRIOR
    scores: tuple[float, ...] = ()
    """Rungs, rising."""
    errors: tuple[float, ...] = ()
    """Beside each: the share of wrong answers at this score or above, at most."""

    @property
    def taught(self) -> bool:
        return self.seen >= ENOUGH and bool(self.scores)

    def score(self, seen: Sequence[float]) -> float:
        return float(sum(w * x for w, x in zip(self.weights, seen, strict=True)))

    def share(self, settled: float) -> float:
        """How many of the answers served are to be looked at again: the fewer were, the more."""
        return max(settled, FIRST_LOOKS / (self.looked + 2 * FIRST_LOOKS)) if settled else 0.0

    def lower(self, score: float) -> float:
        """How often answers at this score or above are right, at least."""
        rung = bisect.bisect_right(self.scores, score) - 1
        return 1.0 - self.errors[rung] if rung >= 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "looked": self.looked,
            "features": list(features.NAMES),
            "weights": list(self.weights),
            "scores": list(self.scores),
            "errors": list(self.errors),
        }


UNTAUGHT = Mind()


def from_json(kept: Mapping[str, Any], *, seen: int) -> Mind:
    """What was learned about other features than today's is not known any more."""
    if kept.get("features") != list(features.NAMES):
        return UNTAUGHT
    return Mind(
        seen=seen,
        looked=kept.get("looked", 0),
        weights=tuple(kept["weights"]),
        scores=tuple(kept["scores"]),
        errors=tuple(kept["errors"]),
    )


def probability(score: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-35.0, min(35.0, score))))


def learn(samples: Sequence[Sample], before: Mind = UNTAUGHT) -> Mind:
    """From evidence in the order in which it came, the newest last."""
    if len(samples) < ENOUGH:
        return UNTAUGHT
    table = np.array([each.features for each in samples], dtype=np.float64)
    right = np.array([each.right for each in samples], dtype=np.float64)
    fresh = 0.5 ** (np.arange(len(samples))[::-1] / HALF_LIFE)
    traffic = np.array([each.weight for each in samples], dtype=np.float64) * fresh
    weights = _fit(table, right, fresh, np.array(before.weights))
    scores = _held_out(table, right, fresh, weights)
    served = np.array([each.served for each in samples])
    rungs, errors = _ladder(scores, right, fresh, Traffic(shares=traffic, served=served))
    return Mind(
        seen=len(samples),
        looked=int(served.sum()),
        weights=tuple(map(float, weights)),
        scores=rungs,
        errors=errors,
    )


def _held_out(table: Floats, right: Floats, fresh: Floats, start: Floats) -> Floats:
    """Scores by weights that have not seen the evidence they score."""
    scores = np.empty(len(right))
    fold = np.arange(len(right)) % FOLDS
    for number in range(FOLDS):
        rest, kept = fold != number, fold == number
        scores[kept] = table[kept] @ _fit(table[rest], right[rest], fresh[rest], start)
    return scores


def _fit(table: Floats, right: Floats, fresh: Floats, start: Floats) -> Floats:
    """Newton's way to the likeliest weights under the prior, never uphill."""
    prior = np.array(PRIOR)

    def cost(at: Floats) -> float:
        scores = table @ at
        misfit = (fresh * (np.logaddexp(0.0, scores) - right * scores)).sum()
        return float(misfit + 0.5 * PRIOR_STRENGTH * ((at - prior) ** 2).sum())

    weights, least = start, cost(start)
    for _ in range(25):
        p = 1.0 / (1.0 + np.exp(-np.clip(table @ weights, -35, 35)))
        slope = table.T @ (fresh * (right - p)) - PRIOR_STRENGTH * (weights - prior)
        bend = (table * (fresh * p * (1 - p))[:, None]).T @ table
        step = np.linalg.solve(bend + PRIOR_STRENGTH * np.eye(len(prior)), slope)
        share = 1.0
        while share > 1e-3 and cost(weights + share * step) > least:
            share /= 2
        weights = weights + share * step
        gained, least = least - cost(weights), cost(weights)
        if gained < 1e-4:
            break
    return weights


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """What each piece of evidence stands for."""

    shares: Floats
    served: npt.NDArray[np.bool_]


def _ladder(
    scores: Floats, right: Floats, fresh: Floats, traffic: Traffic
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """From the best score down: each rung adds its evidence to what stands above it.

    Most evidence is of neighbours that were not served, and older than what is served now. Where
    answers that were served and looked at again erred more than their rungs say, all rungs do.
    """
    order = np.argsort(-scores, kind="stable")
    mass = wrong = doubt = pieces = 0.0
    found: list[tuple[float, float]] = []
    seen, expected = traffic.served, np.zeros(len(scores))
    begin = 0
    while begin < len(order):
        rung = order[begin : begin + max(SMALLEST_RUNG, int(begin * GROWTH))]
        share, (mean, spread) = float(traffic.shares[rung].sum()), _rung(scores, right, fresh, rung)
        expected[rung] = mean
        mass, wrong, doubt = mass + share, wrong + share * mean, doubt + share**2 * spread
        pieces += float(fresh[rung].sum())
        error = _at_most(wrong / mass + UNSEEN / pieces, doubt / mass**2)
        found.append((float(scores[rung[-1]]), error))
        begin += len(rung)
    erred = float((fresh * (1 - right))[seen].sum()) + AUDIT
    worse = max(1.0, erred / (float((fresh * expected)[seen].sum()) + AUDIT))
    return _rising([(score, min(1.0, error * worse)) for score, error in found])


def _rung(
    scores: Floats, right: Floats, fresh: Floats, rung: npt.NDArray[np.intp]
) -> tuple[float, float]:
    """Mean and variance of a rung's share of wrong answers."""
    expected = float((1.0 / (1.0 + np.exp(np.clip(scores[rung], -35, 35)))).mean())
    pieces = BORROWED + float(fresh[rung].sum())
    mean = (BORROWED * expected + float((fresh[rung] * (1 - right[rung])).sum())) / pieces
    return mean, mean * (1 - mean) / (pieces + 1)


def _at_most(mean: float, variance: float) -> float:
    """The quantile of a gamma distribution of that mean and variance (Wilson and Hilferty's), and
    never below the mean: where hardly anything is known most of the mass lies at nothing."""
    if mean <= 0.0 or variance <= 0.0:
        return mean
    shape = mean * mean / variance
    root = 1 - 1 / (9 * shape) + SURENESS / (3 * math.sqrt(shape))
    return min(1.0, max(1.0, max(0.0, root) ** 3) * mean)


def _rising(
    found: Sequence[tuple[float, float]],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A lower score is never promised less error than a higher one's least reached below it."""
    best = 1.0
    steps: list[tuple[float, float]] = []
    for score, error in reversed(found):
        best = min(best, error)
        steps.append((score, best))
    return tuple(score for score, _ in steps), tuple(error for _, error in steps)
