"""Which arm a request is in: always the same one for a session, by a stable hash (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from routing.experiments.values import Arm, Running

DENOMINATOR = float(2**53)


def arm(experiment: Running, unit: str) -> tuple[Arm, float] | None:
    """With the chance that it had; None where this unit takes no part."""
    if not experiment.arms or _draw(experiment.salt, "part", unit) >= experiment.share:
        return None
    drawn = _drawn(experiment.arms, _draw(experiment.salt, "arm", unit))
    taken = experiment.arms[0] if drawn.stopped else drawn
    return taken, _chance(experiment.arms, taken)


def _draw(salt: str, what: str, unit: str) -> float:
    """Uniform in [0, 1), and the same in every process and year."""
    said = hashlib.blake2b(f"{salt}:{what}:{unit}".encode(), digest_size=8).digest()
    return (int.from_bytes(said) >> 11) / DENOMINATOR


def _drawn(arms: Sequence[Arm], draw: float) -> Arm:
    """A stopped arm keeps its place, so that nobody else moves when one is stopped."""
    left = draw * sum(each.share for each in arms)
    for each in arms:
        left -= each.share
        if left < 0:
            return each
    return arms[-1]


def _chance(arms: Sequence[Arm], taken: Arm) -> float:
    first = taken is arms[0]
    mine = sum(e.share for e in arms if e is taken or (first and e.stopped))
    return mine / sum(each.share for each in arms)
