"""Whether a question is one of a kind: near enough to one of its examples (pure)."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Near:
    """Examples of a kind of question and how similar a question has to be to one of them."""

    vectors: Vector
    questions: tuple[str, ...]
    similarity: float
    generation: int = 0
    """Vectors of another embedder say nothing of these."""

    def nearest(self, vector: Vector) -> tuple[float, str]:
        found = self.vectors @ vector
        best = int(found.argmax())
        return float(found[best]), self.questions[best]

    def as_json(self) -> dict[str, Any]:
        halves = self.vectors.astype(np.float16)
        return {
            "vectors": base64.b64encode(halves.tobytes()).decode(),
            "dimensions": int(halves.shape[1]),
            "questions": list(self.questions),
            "similarity": round(self.similarity, 6),
            "generation": self.generation,
        }


def read(stored: Mapping[str, Any]) -> Near:
    halves = np.frombuffer(base64.b64decode(stored["vectors"]), dtype=np.float16)
    return Near(
        vectors=halves.reshape(-1, stored["dimensions"]).astype(np.float32),
        questions=tuple(stored["questions"]),
        similarity=stored["similarity"],
        generation=stored.get("generation", 0),
    )


def spread_out(vectors: Vector, wanted: int) -> list[int]:
    """The middle one, then ever the one that is farthest from those chosen."""
    centre = vectors.mean(axis=0)
    chosen = [int((vectors @ centre).argmax())]
    nearest = vectors @ vectors[chosen[0]]
    while len(chosen) < min(wanted, len(vectors)):
        farthest = int(nearest.argmin())
        if farthest in chosen:
            break
        chosen.append(farthest)
        nearest = np.maximum(nearest, vectors @ vectors[farthest])
    return chosen


def among(vectors: Vector, examples: Vector) -> Vector:
    """How near each comes to its nearest example."""
    found: Vector = (vectors @ examples.T).max(axis=1)
    return found


def stacked(vectors: Sequence[Vector]) -> Vector:
    return np.stack(vectors).astype(np.float32)
