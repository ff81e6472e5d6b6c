"""Vectors that lie as questions do: many topics, few directions in which they differ."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

DIMENSIONS = 384
TOPICS = 5_000
DIRECTIONS = 24
SPREAD = 0.45
"""How far questions of one topic lie apart, beside topics at distance one."""
NOISE = 0.02
PARAPHRASE = 0.96
"""Half of the questions asked are this near to a stored one."""
AT_ONCE = 20_000
Vectors = npt.NDArray[np.float32]


class Space:
    """The same vectors for the same seed."""

    def __init__(self, seed: int = 4) -> None:
        self._chance = np.random.default_rng(seed)
        self._topics = self._chance.standard_normal((TOPICS, DIRECTIONS))
        self._lift = self._chance.standard_normal((DIRECTIONS, DIMENSIONS)) / DIRECTIONS**0.5

    def batches(self, count: int) -> Iterator[Vectors]:
        for begin in range(0, count, AT_ONCE):
            yield self.questions(min(AT_ONCE, count - begin))

    def questions(self, count: int) -> Vectors:
        topics = self._topics[self._chance.integers(0, TOPICS, count)]
        low = topics + SPREAD * self._chance.standard_normal(topics.shape)
        made = low @ self._lift + NOISE * self._chance.standard_normal((count, DIMENSIONS))
        return _of_length_one(made)

    def asked(self, stored: Vectors, count: int) -> Vectors:
        """Half paraphrases of what is stored, half of whatever topic."""
        near = stored[self._chance.integers(0, len(stored), count // 2)]
        away = self._chance.standard_normal(near.shape)
        away -= np.sum(away * near, axis=1, keepdims=True) * near
        away = away / np.linalg.norm(away, axis=1, keepdims=True)
        paraphrases = PARAPHRASE * near + (1 - PARAPHRASE**2) ** 0.5 * away
        return np.concatenate([_of_length_one(paraphrases), self.questions(count - count // 2)])


def _of_length_one(made: npt.NDArray[np.float64]) -> Vectors:
    lengths = np.linalg.norm(made, axis=1, keepdims=True)
    found: Vectors = (made / lengths).astype(np.float32)
    return found
