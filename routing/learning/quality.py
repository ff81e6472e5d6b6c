"""How good each backend will be at a request, and how sure that is (pure).

A line through the request's features and its shortened vector for each backend, all drawn towards
one shared line: how hard a request is, is mostly the same for all. To it comes what the line misses
at this intent and in this team. Where much was seen near the request, what came of that says most:
neighbours know what no line can, and a line knows what lies between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from routing.learning.projecting import NO_PROJECTION, Projection

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
"""Half as exact and twice as fast; enough to tell what is near."""
Numbers = npt.NDArray[np.intp]

CELL_DOUBT = 25.0
"""Outcomes of an intent that count as much as believing the line alone."""
TEAM_DOUBT = 20.0
FARTHEST = np.float32(-40.0)
"""Logarithm of the least likeness: smaller numbers are denormal, and slow to reckon with."""
STRANGER = 0.5
"""What a neighbour of another team counts."""
MISSED = 0.08
"""How far the line is usually off at an intent that nothing was seen of."""
ABOUT_ENDS = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Nearness:
    """What past outcomes count that lie near a request."""

    within: float = 0.35
    """How far apart two requests may be and still tell of each other, in shortened vectors."""
    stretch: float = 0.15
    """What a difference of their features counts beside those."""
    doubt: float = 0.25
    """Outcomes right here that count as much as the line."""
    share: float = 0.7
    """What neighbours say of it, however many there are; the rest is the line's."""


USUALLY = Nearness()


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One request as learning sees it."""

    features: Floats
    reduced: Floats
    intent: str = ""
    team_id: int = 0

    @property
    def row(self) -> Floats:
        return np.concatenate((self.features, self.reduced))


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """By backend: how far the line was off at an intent, and how many outcomes say so."""

    means: Floats
    counts: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """Past requests near which one may lie, and what came of them: a column for each backend."""

    places: Singles
    squares: Singles
    """Of the lengths of those."""
    teams: Numbers
    told: Singles
    """The weights, 0 where a backend did not answer, and beside them the rewards times these."""


def nothing_remembered() -> Remembered:
    return Remembered(
        places=np.zeros((0, 0), dtype=np.float32),
        squares=np.zeros(0, dtype=np.float32),
        teams=np.zeros(0, dtype=np.intp),
        told=np.zeros((0, 0), dtype=np.float32),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Learned:
    """What web processes use; made by `fitting` and never changed."""

    backends: tuple[str, ...] = ()
    projection: Projection = NO_PROJECTION
    weights: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    """A line for each backend."""
    roots: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    """Of their covariances, side by side: one product gives every backend's doubt."""
    counts: Floats = field(default_factory=lambda: np.zeros(0))
    noise: float = 0.4
    cells: Mapping[tuple[int, str], Cell] = field(default_factory=dict)
    """By team (0: all) and intent."""
    remembered: Remembered = field(default_factory=nothing_remembered)
    nearness: Nearness = USUALLY


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """One number for each backend, in the order of the mind's."""

    quality: Floats
    deviation: Floats
    seen: Floats


def expect(learned: Learned, case: Case) -> Expected:
    row = case.row
    line = learned.weights @ row
    doubt = ((row @ learned.roots) ** 2).reshape(len(line), -1).sum(axis=1)
    off, seen = _off_at(learned, case)
    near, mass = _near(learned.remembered, case, learned.nearness)
    missed = MISSED**2 * CELL_DOUBT / (CELL_DOUBT + seen + mass)
    base = line + off
    by = learned.nearness
    quality = base + (near - base) * by.share * mass / (mass + by.doubt)
    return Expected(
        quality=np.clip(quality, ABOUT_ENDS, 1 - ABOUT_ENDS),
        deviation=np.sqrt(doubt + missed),
        seen=seen,
    )


def place(rows: Floats, features: int, by: Nearness) -> Floats:
    """Where requests lie among others."""
    found = rows.copy()
    found[..., 0] = 0.0
    found[..., :features] *= by.stretch
    return found


def _off_at(learned: Learned, case: Case) -> tuple[Floats, Floats]:
    """What all teams' outcomes of this intent say, moved by those of this team."""
    none = np.zeros(len(learned.backends))
    everyone = learned.cells.get((0, case.intent))
    if everyone is None:
        return none, none
    off = everyone.means * everyone.counts / (everyone.counts + CELL_DOUBT)
    own = learned.cells.get((case.team_id, case.intent))
    if own is not None:
        off = off + (own.means - off) * own.counts / (own.counts + TEAM_DOUBT)
    return off, everyone.counts


def _near(known: Remembered, case: Case, by: Nearness) -> tuple[Floats, Floats]:
    """The mean of what came of requests like this one, and how much of them there is."""
    backends = known.told.shape[1] // 2
    if not backends or not case.reduced.any():
        return np.zeros(max(backends, 1)), np.zeros(max(backends, 1))
    here = place(case.row, len(case.features), by).astype(np.float32)
    apart = known.places @ here
    apart *= -2.0
    apart += known.squares + here @ here
    apart *= np.float32(-0.5 / by.within**2)
    like = np.exp(np.maximum(apart, FARTHEST, out=apart), out=apart)
    like[known.teams != case.team_id] *= STRANGER
    told = (like @ known.told).astype(np.float64)
    mass = told[:backends]
    return told[backends:] / np.maximum(mass, 1e-9), mass
