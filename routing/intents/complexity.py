"""How hard a request is, from 0 to 1, learned from examples with levels; or no evidence (pure).

Signs that only ever make a request harder are weighed first and never below zero, so more of them
never make it easier; what these leave over, the vector and the surface explain.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from routing.intents import cues
from routing.intents.softmax import Floats

HIGHEST_LEVEL = 4
SHORTEST = 8
"""Characters below which a text says nothing of how hard it is, unless its kind does."""
CLOSE = 0.3
"""The likeness of the nearest example below which there is no evidence."""
SHRINKING = 30.0
ROUNDS = 2_000
_HARD = """
    prove proof proofs derive design architecture concurrent concurrency distributed
    linearisable linearizable invariants invariant strategy migration migrate analyse analyze
    evaluate justify justified contradict trade-offs tradeoffs rigorous optimal optimise
    optimize theorem asymptotic scenarios uncertain uncertainty legacy consistent determine
    reason carefully regulation reliability lock-free recovery crash-safe critically
    synthesise implications beweise beweis entwirf entwickle analysiere bewerte begründe
    urteil herleite prouve démontre conçois évalue justifie demuestra diseña analiza evalúa
    justifica
"""
HARD = frozenset(_HARD.split())
_BINDING = """
    must without exactly only every each except unless never always both while within most
    least between under so keep which whose when where whether consider muss ohne genau nur
    jede jeder jedes außer mindestens höchstens sodass sans exactement chaque sauf moins plus
    sin exactamente cada salvo menos
"""
BINDING = frozenset(_BINDING.split())
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PART = re.compile(r"[,;:.?!\n]")
_NUMBER = re.compile(r"\d+")
SIGNS = ("length", "parts", "hard words", "bound by", "numbers", "lines")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gauge:
    signs: Floats
    vector: Floats
    surface: Floats
    rest: float


def signs(text: str) -> Floats:
    """Each grows when a text gets more of it, none ever falls."""
    looked_at = cues.clipped(text)
    words = _WORD.findall(looked_at.lower())
    counts = (
        len(text) / 60,
        len(_PART.findall(looked_at)) / 2,
        2.0 * sum(word in HARD for word in words),
        sum(word in BINDING for word in words),
        len(_NUMBER.findall(looked_at)) / 4,
        text.count("\n") / 4,
    )
    return np.array([min(2.0, math.log1p(count) / 2) for count in counts], np.float32)


def learn(vectors: Floats, surfaces: Floats, signs_of: Floats, levels: Floats) -> Gauge:
    wanted = (levels / HIGHEST_LEVEL).astype(np.float64)
    weights, rest = _never_negative(signs_of.astype(np.float64), wanted)
    left = wanted - signs_of @ weights - rest
    beside = np.hstack([vectors * 3.0, surfaces]).astype(np.float64)
    middle = beside.mean(0)
    spread = beside - middle
    bend = np.linalg.solve(
        spread.T @ spread + SHRINKING * np.eye(beside.shape[1]), spread.T @ (left - left.mean())
    )
    wide = vectors.shape[1]
    return Gauge(
        signs=weights.astype(np.float32),
        vector=(bend[:wide] * 3.0).astype(np.float32),
        surface=bend[wide:].astype(np.float32),
        rest=float(rest + left.mean() - middle @ bend),
    )


def measure(gauge: Gauge, vector: Floats, surface: Floats, signs_of: Floats) -> float:
    found = gauge.signs @ signs_of + gauge.vector @ vector + gauge.surface @ surface + gauge.rest
    return min(1.0, max(0.0, float(found)))


def _never_negative(signs_of: Floats, wanted: Floats) -> tuple[Floats, float]:
    """Least squares with weights of at least zero, by steps down the slope."""
    middle = signs_of.mean(0)
    centred = signs_of - middle
    curve = centred.T @ centred / len(wanted)
    pull = centred.T @ (wanted - wanted.mean()) / len(wanted)
    step = 1.0 / float(np.linalg.norm(curve, 2) + 1e-9)
    weights = np.zeros(len(middle))
    for _ in range(ROUNDS):
        weights = np.maximum(0.0, weights - step * (curve @ weights - pull))
    return weights, float(wanted.mean() - middle @ weights)
