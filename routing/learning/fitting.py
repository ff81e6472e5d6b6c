"""Fits a mind to the evidence: a line for each backend, drawn towards one they share (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from routing.learning import evidence, features, quality
from routing.learning.evidence import Evidence, Sums
from routing.learning.quality import Cell, Floats, Learned, Nearness, Remembered

NEAREST = 2_000
"""Outcomes that a request is compared with; the newest of them."""
ROUNDS = 6
SMALLEST_NOISE, USUAL_NOISE = 0.1, 0.4
EVERYONE = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Strengths:
    """How far a weight usually is from where it is drawn to."""

    level: float = 0.25
    """Of a backend's quality at the usual request, from what was written at it."""
    signal: float = 0.05
    direction: float = 0.1
    shared: float = 2.0
    """Of the line that backends share, from nothing, in times the two above."""


USUAL = Strengths()


def fit(
    known: Evidence,
    written: Mapping[str, float],
    by: Strengths = USUAL,
    *,
    nearness: Nearness = quality.USUALLY,
    nearest: int = NEAREST,
) -> Learned:
    """`written` is the quality that stands at each backend, where its line begins from."""
    sums = _added(evidence.sums(known.ring, len(known.backends)), known)
    begin = np.array([written.get(name, 0.5) for name in known.backends])
    apart = _apart(known.width, by)
    lines = _lines(sums, USUAL_NOISE**2 / apart**2, begin, shared=by.shared)
    noise = _noise(sums, lines)
    tight = noise**2 / apart**2
    lines = _lines(sums, tight, begin, shared=by.shared)
    grams = sums[0]
    covariances: Floats = np.asarray(noise**2 * np.linalg.inv(grams + np.diag(tight)))
    off = known.ring.rewards - (known.ring.rows * lines[known.ring.who]).sum(axis=1)
    return Learned(
        backends=known.backends,
        projection=known.projection,
        weights=lines,
        roots=_side_by_side(covariances),
        counts=grams[:, 0, 0],
        noise=noise,
        cells=_cells(known, off),
        remembered=_remembered(known, nearness, nearest),
        nearness=nearness,
    )


def _side_by_side(covariances: Floats) -> Floats:
    backends, width, _ = covariances.shape
    roots = np.linalg.cholesky(covariances) if backends else covariances
    return np.ascontiguousarray(roots.transpose(1, 0, 2).reshape(width, backends * width))


def _apart(width: int, by: Strengths) -> Floats:
    signals = len(features.NAMES)
    apart = np.full(width, by.direction)
    apart[:signals] = by.signal
    apart[0] = by.level
    return apart


def _added(sums: Sums, known: Evidence) -> Sums:
    grams, pulls, squares = sums
    return grams + known.grams, pulls + known.pulls, squares + known.squares


def _lines(sums: Sums, tight: Floats, begin: Floats, *, shared: float) -> Floats:
    """In turns: each backend's line given what is shared, and what is shared given the lines."""
    grams, pulls, _ = sums
    common = np.zeros(grams.shape[1])
    mixed = np.linalg.inv(grams + np.diag(tight))
    lines = np.zeros_like(pulls)
    doubt = 1.0 / max(shared**2, 1e-9)
    for _ in range(ROUNDS):
        drawn = np.tile(common, (len(grams), 1))
        drawn[:, 0] += begin
        lines = np.einsum("bij,bj->bi", mixed, pulls + tight * drawn)
        apart = lines.copy()
        apart[:, 0] -= begin
        common = apart.sum(axis=0) / (len(grams) + doubt)
    return lines


def _noise(sums: Sums, lines: Floats) -> float:
    """What is left that no line explains, as one deviation."""
    grams, pulls, squares = sums
    explained = 2 * (lines * pulls).sum() - np.einsum("bi,bij,bj->", lines, grams, lines)
    count = float(grams[:, 0, 0].sum())
    free = max(count - grams.shape[1], 1.0)
    if count < 2 * grams.shape[1]:
        return USUAL_NOISE
    return float(max(SMALLEST_NOISE, np.sqrt(max(squares.sum() - explained, 0.0) / free)))


def _cells(known: Evidence, off: Floats) -> dict[tuple[int, str], Cell]:
    cells = {}
    ring, backends = known.ring, len(known.backends)
    for intent in np.unique(ring.intents):
        at = ring.intents == intent
        for team in (EVERYONE, *np.unique(ring.teams[at]).tolist()):
            mine = at if team == EVERYONE else at & (ring.teams == team)
            counts = np.bincount(ring.who[mine], ring.weights[mine], backends).astype(np.float64)
            totals = np.bincount(ring.who[mine], ring.weights[mine] * off[mine], backends)
            means = totals / np.maximum(counts, 1e-9)
            cells[(int(team), str(intent))] = Cell(means=means, counts=counts)
    return cells


def _remembered(known: Evidence, by: Nearness, nearest: int) -> Remembered:
    """A request that several backends answered is one place."""
    ring = known.ring.part(slice(-nearest, None))
    _, first, which = np.unique(ring.ids, return_index=True, return_inverse=True)
    places = quality.place(ring.rows[first], len(features.NAMES), by)
    weights = np.zeros((len(first), len(known.backends)))
    rewards = np.zeros_like(weights)
    weights[which, ring.who] = ring.weights
    rewards[which, ring.who] = ring.weights * ring.rewards
    return Remembered(
        places=places.astype(np.float32),
        squares=(places**2).sum(axis=1).astype(np.float32),
        teams=ring.teams[first],
        told=np.concatenate((weights, rewards), axis=1).astype(np.float32),
    )
