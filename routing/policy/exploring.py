"""How likely each backend is to be tried, in closed form: the further behind, the rarer (pure).

Inverse-gap weighting: of `K` that could be best, one that is `gap` behind gets
`1 / (K + sharpness * gap)`, and the best gets what is left.
"""

from __future__ import annotations

from collections.abc import Sequence

OPTIMISM = 2.0
"""Deviations by which a backend may be better than expected; who cannot reach the best even so
gets nothing."""


def chances(
    scores: Sequence[float], deviations: Sequence[float], *, sharpness: float, share: float
) -> list[float]:
    """One for each, summing to one; all but the best together get at most `share`."""
    best = max(range(len(scores)), key=scores.__getitem__)
    hopeful = [
        index
        for index, (score, deviation) in enumerate(zip(scores, deviations, strict=True))
        if index != best and score + OPTIMISM * deviation >= scores[best]
    ]
    found = [0.0] * len(scores)
    for index in hopeful:
        found[index] = 1.0 / (len(hopeful) + 1 + sharpness * (scores[best] - scores[index]))
    exploring = sum(found)
    if exploring > share:
        found = [each * share / exploring for each in found]
    found[best] = 1.0 - sum(found)
    return found


def drawn(found: Sequence[float], draw: float) -> int:
    """`draw` is uniform from 0 to 1; a chance of nothing is never drawn."""
    reached = 0.0
    for index, chance in enumerate(found):
        reached += chance
        if draw < reached and chance > 0:
            return index
    return max(range(len(found)), key=found.__getitem__)


def extra_usd(found: Sequence[float], costs: Sequence[float], best: int) -> float:
    """What drawing is expected to cost beyond the best choice."""
    return sum(
        chance * max(0.0, cost - costs[best]) for chance, cost in zip(found, costs, strict=True)
    )
