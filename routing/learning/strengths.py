"""What backends were seen to be good at, by team and intent, for people to read (pure)."""

from __future__ import annotations

from typing import Any

import numpy as np

from routing.learning.evidence import Evidence

ENOUGH = 20
"""Outcomes below which a share says nothing yet."""
QUANTILE = 1.96
Table = dict[str, dict[str, dict[str, Any]]]
"""By backend and intent."""


def table(known: Evidence) -> dict[str, Table]:
    """By team, and under "0" of all of them; older outcomes count less."""
    found: dict[str, Table] = {"0": _of(known, np.ones(len(known.ring.who), dtype=np.bool_))}
    for team in np.unique(known.ring.teams).tolist():
        found[str(team)] = _of(known, known.ring.teams == team)
    return found


def _of(known: Evidence, mine: np.typing.NDArray[np.bool_]) -> Table:
    ring = known.ring
    found: Table = {}
    for place, backend in enumerate(known.backends):
        at_backend = mine & (ring.who == place)
        for intent in np.unique(ring.intents[at_backend]).tolist():
            at = at_backend & (ring.intents == intent)
            cell = found.setdefault(backend, {})
            cell[intent] = _cell(ring.rewards[at], ring.weights[at])
    return found


def _cell(rewards: np.typing.NDArray[Any], weights: np.typing.NDArray[Any]) -> dict[str, Any]:
    total = float(weights.sum())
    mean = float((rewards * weights).sum()) / max(total, 1e-9)
    spread = float((weights * (rewards - mean) ** 2).sum()) / max(total, 1e-9)
    seen = total**2 / max(float((weights**2).sum()), 1e-9)
    off = QUANTILE * float(np.sqrt((spread + 0.05) / max(seen, 1.0)))
    return {
        "quality": round(mean, 4),
        "low": round(max(0.0, mean - off), 4),
        "high": round(min(1.0, mean + off), 4),
        "seen": round(seen, 1),
        "enough": seen >= ENOUGH,
    }
