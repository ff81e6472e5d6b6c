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
    late: bool


def bounded(chance: float) -> float:
    return min(1 - LEAST, max(LEAST, chance))


def log_odds(chance: float) -> float:
    sure = bounded(chance)
    return math.log(sure / (1 - sure))


def of(lines: Lines, backend: str) -> Line:
    return lines.get(backend) or lines.get("") or PLAIN


def fit(seen: Sequence[Seen]) -> dict[str, Line]:
    """A line for all, drawn to no change, and one for each backend, drawn to that of all."""
    if not seen:
        return {}
    x = np.array([log_odds(each.chance) for each in seen])
    late = np.array([float(each.late) for each in seen])
    everyone = _line(x, late, PLAIN, DOUBT_ALL)
    names = np.array([each.backend for each in seen])
    found = {"": everyone}
    for name in sorted(set(names.tolist())):
        mine = names == name
        found[name] = _line(x[mine], late[mine], everyone, DOUBT_EACH)
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
    if not seen:
        return 0.0
    known = lines or {}
    errors = ((of(known, e.backend).right(e.chance) - e.late) ** 2 for e in seen)
    return sum(errors) / len(seen)


def learned(seen: Sequence[Seen], *, least: int) -> tuple[dict[str, Line], dict[str, float]]:
    """Lines that did better on the newer half than none would have, learned from all of it, and
    what was found; `seen` is in order of time. A backend's own line has to be better by itself."""
    half = len(seen) // 2
    older, newer = seen[:half], seen[half:]
    facts = {"requests": float(len(seen)), "plain": brier(newer)}
    if half < least:
        return {}, facts
    tried, kept = fit(older), fit(seen)
    for name in [name for name in kept if name and not _helps(newer, tried, name)]:
        kept[name] = PLAIN
    if not _helps(newer, tried, ""):
        kept[""] = PLAIN
    checked = {name: tried.get(name, PLAIN) if kept[name] is not PLAIN else PLAIN for name in kept}
    return kept, {**facts, "calibrated": brier(newer, checked)}


def _helps(newer: Sequence[Seen], tried: Lines, name: str) -> bool:
    mine = [each for each in newer if not name or each.backend == name]
    lines = {"": tried[""]} if not name else tried
    return name in tried and bool(mine) and brier(mine, lines) < brier(mine)
