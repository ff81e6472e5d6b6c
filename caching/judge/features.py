"""What the judge weighs: how near a stored question is, how alone, how often right (pure)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from caching.judge import likeness
from caching.values import Neighbour

KNEES = (0.85, 0.9, 0.94, 0.97)
"""Similarities at which the weight of more similarity may change."""
NAMES = (
    "one",
    "similarity",
    "closeness",
    "margin",
    "agreement",
    "company",
    "rights",
    "wrongs",
    *(f"above-{knee}" for knee in KNEES),
    *likeness.NAMES,
)
VOTE_SHARPNESS = 20.0
BEYOND = 0.02
"""Where every neighbour answers the same, another answer is taken to lie this far beyond them."""


def of(question: str, neighbours: Sequence[Neighbour]) -> tuple[float, ...]:
    """Of the nearest, among those beside it; numbers of about the size of one."""
    nearest = neighbours[0]
    return (
        *_standing(neighbours),
        *(max(0.0, nearest.similarity - knee) * 10 for knee in KNEES),
        *likeness.of(question, nearest.question),
    )


def _standing(neighbours: Sequence[Neighbour]) -> tuple[float, ...]:
    nearest = neighbours[0]
    alike = [each for each in neighbours if each.answer_class == nearest.answer_class]
    rivals = [n.similarity for n in neighbours if n.answer_class != nearest.answer_class]
    rival = max(rivals) if rivals else neighbours[-1].similarity - BEYOND
    return (
        1.0,
        (nearest.similarity - 0.8) * 5,
        -math.log(1.02 - min(nearest.similarity, 1.0)) - 1.5,
        (nearest.similarity - rival) * 5,
        _vote(nearest, neighbours) * 2 - 1,
        math.log1p(len(alike) - 1),
        math.log1p(sum(each.rights for each in alike)),
        math.log1p(sum(each.wrongs for each in alike)),
    )


def _vote(nearest: Neighbour, neighbours: Sequence[Neighbour]) -> float:
    """The share of those that answer as the nearest does, the nearer ones counting more."""
    weights = [
        math.exp((each.similarity - nearest.similarity) * VOTE_SHARPNESS) for each in neighbours
    ]
    agreed = sum(
        weight
        for weight, each in zip(weights, neighbours, strict=True)
        if each.answer_class == nearest.answer_class
    )
    return agreed / sum(weights)
