"""all-MiniLM-L6-v2 in numpy, float32, one text at a time: what its other forms are held against."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.embeddings import minilm

Floats = npt.NDArray[np.floating[Any]]

ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
ERF_STEP = 0.3275911


def embed(weights: Mapping[str, Floats], ids: Sequence[int]) -> Floats:
    """The vector of length one of a text given as the numbers of its word pieces."""
    x = _norm(_looked_up(weights, ids), weights, "embeddings.LayerNorm")
    for number in range(minilm.LAYERS):
        x = _layer(x, weights, f"encoder.layer.{number}.")
    mean: Floats = x.mean(axis=0)
    unit: Floats = mean / np.linalg.norm(mean)
    return unit


def _looked_up(weights: Mapping[str, Floats], ids: Sequence[int]) -> Floats:
    words: Floats = weights["embeddings.word_embeddings.weight"][list(ids)]
    places: Floats = weights["embeddings.position_embeddings.weight"][: len(ids)]
    kinds: Floats = weights["embeddings.token_type_embeddings.weight"][0]
    return words + places + kinds


def _layer(x: Floats, weights: Mapping[str, Floats], at: str) -> Floats:
    seen = _linear(_attend(x, weights, at), weights, at + "attention.output.dense")
    x = _norm(x + seen, weights, at + "attention.output.LayerNorm")
    thought = _gelu(_linear(x, weights, at + "intermediate.dense"))
    return _norm(
        x + _linear(thought, weights, at + "output.dense"), weights, at + "output.LayerNorm"
    )


def _attend(x: Floats, weights: Mapping[str, Floats], at: str) -> Floats:
    width = minilm.WIDTH // minilm.HEADS
    q, k, v = (
        _linear(x, weights, f"{at}attention.self.{part}")
        .reshape(len(x), minilm.HEADS, width)
        .transpose(1, 0, 2)
        for part in ("query", "key", "value")
    )
    scores = q @ k.transpose(0, 2, 1) / math.sqrt(width)
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed: Floats = (scores / scores.sum(axis=-1, keepdims=True)) @ v
    return mixed.transpose(1, 0, 2).reshape(len(x), minilm.WIDTH)


def _linear(x: Floats, weights: Mapping[str, Floats], name: str) -> Floats:
    made: Floats = x @ weights[name + ".weight"].T + weights[name + ".bias"]
    return made


def _norm(x: Floats, weights: Mapping[str, Floats], name: str) -> Floats:
    centred: Floats = x - x.mean(axis=-1, keepdims=True)
    spread = np.asarray((centred**2).mean(axis=-1, keepdims=True) + minilm.EPSILON, np.float32)
    made: Floats = centred / np.sqrt(spread) * weights[name + ".weight"]
    return made + weights[name + ".bias"]


def _gelu(x: Floats) -> Floats:
    made: Floats = 0.5 * x * (1 + _erf(x / np.float32(math.sqrt(2))))
    return made


def _erf(x: Floats) -> Floats:
    """numpy has none; this series (Abramowitz and Stegun, 7.1.26) is right to seven places."""
    t = 1 / (1 + ERF_STEP * np.abs(x))
    series = np.zeros_like(t)
    for factor in reversed(ERF):
        series = (series + np.float32(factor)) * t
    made: Floats = np.sign(x) * (1 - series * np.exp(-(x**2)))
    return made
