"""What burning promises make of a choice's weights: being on time counts for more (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from analytics.promises.values import Kept
from routing.policy.weights import Weights

TIMES, LEAST_MISS = 4.0, 2.0
"""An answer that is late costs four times as much, and at least two whole points of quality."""
FIRST_CONTENT = 0.5
"""Points of quality that a first content costs which comes exactly at its target."""


def stricter(weights: Weights, kept: Iterable[Kept]) -> Weights:
    """By the strictest of them; several that burn at once do not multiply what lateness costs."""
    miss = max(weights.miss * TIMES, LEAST_MISS)
    for each in kept:
        weights = _stricter(weights, each, miss)
    return weights


def _stricter(weights: Weights, kept: Kept, miss: float) -> Weights:
    promise, burning = kept.promise, kept.burning
    if not promise.stricter:
        return weights
    if "total" in burning and promise.total_ms:
        weights = replace(
            weights,
            miss=miss,
            deadline_s=min(weights.deadline_s, promise.total_ms / 1000),
        )
    if "ttft" in burning and promise.ttft_ms:
        second = FIRST_CONTENT / (promise.ttft_ms / 1000)
        weights = replace(weights, second=max(weights.second, second))
    if "quality" in burning and promise.min_quality:
        weights = replace(weights, floor=max(weights.floor, promise.min_quality))
    return weights


def changed(before: Weights, after: Weights) -> dict[str, float]:
    """What is otherwise, by name: for the receipt, and for whoever decides it again."""
    return {
        name: getattr(after, name)
        for name in Weights.__slots__
        if getattr(before, name) != getattr(after, name)
    }
