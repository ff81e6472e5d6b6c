"""What KORA's choice is measured beside: rules that anybody could write in an afternoon."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.routing.scored import Floats

Predict = Callable[[Floats, Floats, Floats], Floats]
"""From rows learned from, their scores, and rows asked about: the scores expected of those."""


def ridge(penalty: float) -> Predict:
    """Ridge regression on the embedding, a line for each model."""

    def predict(known: Floats, scores: Floats, asked: Floats) -> Floats:
        middle, level = known.mean(axis=0), scores.mean(axis=0)
        moved = known - middle
        gram = moved.T @ moved + penalty * np.eye(known.shape[1])
        lines = np.linalg.solve(gram, moved.T @ (scores - level))
        found: Floats = (asked - middle) @ lines + level
        return found

    return predict


def nearest(number: int) -> Predict:
    """The mean of the nearest questions by cosine, each alike."""

    def predict(known: Floats, scores: Floats, asked: Floats) -> Floats:
        alike = asked @ known.T
        which = np.argpartition(-alike, number, axis=1)[:, :number]
        found: Floats = scores[which].mean(axis=1)
        return found

    return predict
