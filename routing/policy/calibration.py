"""Predicted chances put right: a line over their log-odds, learned from what came true (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LEAST = 1e-4
"""No prediction is surer than this, neither before it is put right nor after."""
STEPS = 25
DOUBT_ALL, DOUBT_EACH = 20.0, 60.0
"""So many requests weigh as much as the belief that predictions are right as they are, and as that
a backend's are wrong in the way of all."""
NARROWEST, WIDEST = 0.05, 3.0
"""A slope outside would turn the order of predictions around, or make them certain."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Of the log-odds: what is added, and what they are multiplied with."""

    shift: float = 0.0
    slope: float = 1.0

    def right(self, chance: float) -> float:
        if self is PLAIN:
            return chance
        odds = self.shift + self.slope * log_odds(chance)
        return bounded(1 / (1 + math.exp(-max(-30.0, min(30.0, odds)))))


PLAIN = Line()
Lines = Mapping[str, Line]
"""By backend, and under "" for those of which little was seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One prediction and what happened."""

    backend: str
    chance: float
    late: float
    """1 or 0; between them where nobody knows, how likely it was."""


def bounded(chance: float) -> float:
    return min(1 - LEAST, max(LEAST, chance))


def log_odds(chance: float) -> float:
    sure = bounded(chance)
    return math.log(sure / (1 - sure))


def of(lines: Lines, backend: str) -> Line:
    return lines.get(backend) or lines.get("") or PLAIN


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Many of them, as columns."""

    names: npt.NDArray[np.str_]
    odds: Floats
    late: Floats

    def of(self, name: str) -> Columns:
        """Of one backend; of all under ""."""
        if not name:
            return self
        mine = self.names == name
        return Columns(names=self.names[mine], odds=self.odds[mine], late=self.late[mine])


def columns(seen: Sequence[Seen]) -> Columns:
    chances = np.clip(np.array([each.chance for each in seen], dtype=np.float64), LEAST, 1 - LEAST)
    return Columns(
        names=np.array([each.backend for each in seen], dtype=np.str_),
        odds=np.log(chances / (1 - chances)),
        late=np.array([float(each.late) for each in seen], dtype=np.float64),
    )


def fit(seen: Sequence[Seen]) -> dict[str, Line]:
    """A line for all, drawn to no change, and one for each backend, drawn to that of all."""
    return _fit(columns(seen)) if seen else {}


def _fit(seen: Columns) -> dict[str, Line]:
    everyone = _line(seen.odds, seen.late, PLAIN, DOUBT_ALL)
    found = {"": everyone}
    for name in np.unique(seen.names).tolist():
        mine = seen.of(name)
        found[name] = _line(mine.odds, mine.late, everyone, DOUBT_EACH)
    return found


def _line(x: Floats, late: Floats, before: Line, doubt: float) -> Line:
    """Newton's steps to the likeliest line, with a normal belief around the one before."""
    believed = np.array([before.shift, before.slope])
    weights, given = believed.copy(), np.stack((np.ones_like(x), x), axis=1)
    trust = doubt * np.diag([0.25, 0.25 * max(1.0, float(np.mean(x * x)))])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(given @ weights, -30, 30)))
        slope = given.T @ (chance - late) + trust @ (weights - believed)
        bend = given.T @ (given * (chance * (1 - chance))[:, None]) + trust
        step = np.linalg.solve(bend, slope)
        weights = weights - np.clip(step, -2.0, 2.0)
        if float(np.abs(step).max()) < 1e-6:
            break
    return Line(shift=float(weights[0]), slope=float(np.clip(weights[1], NARROWEST, WIDEST)))


def brier(seen: Sequence[Seen], lines: Lines | None = None) -> float:
    """The mean squared error of predictions, as they were or put right."""
    return _brier(columns(seen), lines or {}) if seen else 0.0


def _brier(seen: Columns, lines: Lines) -> float:
    squared = 0.0
    for name in np.unique(seen.names).tolist():
        mine, line = seen.of(name), of(lines, name)
        squared += float(((_right(line, mine.odds) - mine.late) ** 2).sum())
    return squared / max(len(seen.late), 1)


def _right(line: Line, odds: Floats) -> Floats:
    chances = 1 / (1 + np.exp(-np.clip(line.shift + line.slope * odds, -30, 30)))
    return np.asarray(np.clip(chances, LEAST, 1 - LEAST), dtype=np.float64)


def learned(seen: Sequence[Seen], *, least: int) -> tuple[dict[str, Line], dict[str, float]]:
    """Lines that did better on the newer half than none would have, learned from all of it, and
    what was found; `seen` is in order of time. A backend's own line has to be better by itself."""
    half = len(seen) // 2
    newer = columns(seen[half:])
    facts = {"requests": float(len(seen)), "plain": _brier(newer, {})}
    if half < least:
        return {}, facts
    tried = _fit(columns(seen[:half]))
    kept = {
        name: line if _helps(newer.of(name), tried, name) else PLAIN
        for name, line in fit(seen).items()
    }
    checked = {name: PLAIN if line is PLAIN else tried[name] for name, line in kept.items()}
    return kept, {**facts, "calibrated": _brier(newer, checked)}


def _helps(newer: Columns, tried: Lines, name: str) -> bool:
    """A line that was learned before is held against what came later."""
    if name not in tried or not len(newer.late):
        return False
    right = _right(tried[name], newer.odds)
    return float(((right - newer.late) ** 2).mean()) < _brier(newer, {})
