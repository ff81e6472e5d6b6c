"""Learns a linear classifier: softmax regression in which every class counts alike (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]
Labels = npt.NDArray[np.int64]

RATE = 0.02
BATCH = 512
FEWEST_STEPS = 300
KEEPS, KEEPS_SQUARES, TINY = 0.9, 0.999, 1e-8
SEED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Linear:
    """`features @ weights + bias` are the logits of the classes."""

    weights: Floats
    bias: Floats


def fit(features: Floats, labels: Labels, classes: int, *, l2: float, epochs: int = 20) -> Linear:
    """Adam over mini-batches with a falling rate; the same data give the same classifier."""
    chance = np.random.default_rng(SEED)
    balance = _balance(labels, classes)
    both = np.zeros((features.shape[1] + 1, classes), np.float32)
    mean, square = np.zeros_like(both), np.zeros_like(both)
    batches = -(-len(labels) // BATCH)
    steps = max(FEWEST_STEPS, epochs * batches)
    order = np.arange(len(labels))
    for step in range(steps):
        if step % batches == 0:
            chance.shuffle(order)
        rows = order[step % batches * BATCH :][:BATCH]
        slope = _slope(both, features[rows], labels[rows], balance[rows])
        slope[:-1] += l2 * both[:-1]
        mean += (1 - KEEPS) * (slope - mean)
        square += (1 - KEEPS_SQUARES) * (slope * slope - square)
        rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
        even = np.sqrt(square / (1 - KEEPS_SQUARES ** (step + 1))) + TINY
        both -= rate * (mean / (1 - KEEPS ** (step + 1))) / even
    return Linear(weights=np.ascontiguousarray(both[:-1]), bias=both[-1].copy())


def _balance(labels: Labels, classes: int) -> Floats:
    """A class with few examples is not drowned by one with many."""
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    return np.asarray(len(labels) / classes / counts, np.float32)[labels]


def _slope(both: Floats, features: Floats, labels: Labels, balance: Floats) -> Floats:
    shares = likelihoods(features @ both[:-1] + both[-1])
    shares[np.arange(len(labels)), labels] -= 1
    shares *= balance[:, None] / len(labels)
    return np.concatenate([features.T @ shares, shares.sum(0, keepdims=True)])


def likelihoods(logits: Floats, heat: float = 1.0) -> Floats:
    shares = np.exp((logits - logits.max(-1, keepdims=True)) / heat)
    shares /= shares.sum(-1, keepdims=True)
    return np.asarray(shares, np.float32)
