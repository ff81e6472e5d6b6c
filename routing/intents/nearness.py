"""A few sentences that stand for each intent's many: what lies far from all is no intent (pure)."""

from __future__ import annotations

import numpy as np

from routing.intents.softmax import Floats, Labels

EACH = 4
ROUNDS = 8
SEED = 3
AT_ONCE = 2_048


def standing_for(vectors: Floats, labels: Labels, *, each: int = EACH) -> Floats:
    """The middles of up to `each` groups of every intent, of length one."""
    found = [_middles(vectors[labels == label], each) for label in np.unique(labels)]
    return np.ascontiguousarray(np.concatenate(found))


def nearest(vectors: Floats, known: Floats) -> Floats:
    parts = [
        (vectors[at : at + AT_ONCE] @ known.T).max(1) for at in range(0, len(vectors), AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _middles(vectors: Floats, each: int) -> Floats:
    if len(vectors) <= each:
        return vectors
    chance = np.random.default_rng(SEED)
    middles = vectors[chance.choice(len(vectors), each, replace=False)]
    for _ in range(ROUNDS):
        nearest_to = (vectors @ middles.T).argmax(1)
        middles = np.stack([_middle(vectors[nearest_to == at], middles[at]) for at in range(each)])
    return np.asarray(middles, np.float32)


def _middle(vectors: Floats, before: Floats) -> Floats:
    if not len(vectors):
        return before
    mean = vectors.mean(0)
    return np.asarray(mean / (np.linalg.norm(mean) + 1e-9), np.float32)
