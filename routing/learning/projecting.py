"""Vectors made shorter: the directions in which the traffic of one embedder differs most (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WIDTH = 32
ENOUGH = 64
"""Vectors before which directions would be those of a handful of requests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Projection:
    """`width` numbers for each vector of `embedder`; all nothing for those of another."""

    embedder: str = ""
    middle: Floats
    directions: Floats
    """One row a direction, each as long as it takes to make the numbers of one size."""

    @property
    def width(self) -> int:
        return int(self.directions.shape[0])

    def reduce(self, vector: npt.ArrayLike | None, embedder: str) -> Floats:
        if vector is None or embedder != self.embedder:
            return np.zeros(self.width)
        return self.reduce_all(np.asarray(vector, dtype=np.float64)[None])[0]  # type: ignore[no-any-return]

    def reduce_all(self, vectors: Floats) -> Floats:
        if not self.embedder:
            return np.zeros((len(vectors), self.width))
        found: Floats = (vectors - self.middle) @ self.directions.T
        return found


NO_PROJECTION = Projection(middle=np.zeros(1), directions=np.zeros((WIDTH, 1)))


def fit(vectors: Sequence[npt.ArrayLike] | Floats, embedder: str, width: int = WIDTH) -> Projection:
    """Principal directions; the numbers keep their share of the variance, and sum to one's."""
    table = np.asarray(vectors, dtype=np.float64)
    if len(table) < ENOUGH:
        return NO_PROJECTION
    middle = table.mean(axis=0)
    moved = table - middle
    values, found = np.linalg.eigh(moved.T @ moved / len(table))
    kept = found[:, ::-1][:, :width].T
    spread = float(np.sqrt(max(values[::-1][:width].sum(), 1e-12)))
    directions = np.zeros((width, table.shape[1]))
    directions[: len(kept)] = kept / spread
    return Projection(embedder=embedder, middle=middle, directions=directions)
