"""One number for how an answer went: its parts, weighed as the team says (pure).

Every part goes from 0 (bad) to 1 (good). A part that nobody told is missing, and is not zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULTS: Mapping[str, float] = {
    "score": 1.0,
    "thumb": 1.0,
    "wrong_answer": 1.0,
    "correction": 0.5,
    "verifier": 0.7,
    "judge": 0.7,
    "regenerated": 0.3,
    "re_asked": 0.3,
    "tool_errors": 0.5,
    "answered": 1.0,
    "latency": 0.2,
}
"""What each part weighs beside the others where a team says nothing else."""
SILENT = frozenset({"latency"})
"""Known of nearly every answer: alone it would drown what people and judges say."""
OF_THE_CHOSEN = frozenset({"answered", "verifier"})
"""What is about the backend that was chosen where another one gave the answer."""
PLACE = "rewards"
HELD = 0.5
"""A check's mark from here on lets an answer pass."""
MISSED = 0.7
"""Of answers that are no good, the share that cheap checks are believed to let pass: they see that
one is whole, in its form and its language, and not whether it is true."""
Parts = Mapping[str, float]


def read(said: Any) -> dict[str, float]:
    """A team's weights with the defaults beneath them."""
    if not isinstance(said, Mapping):
        raise ValueError(f"{PLACE}: must be an object of weights by part.")  # noqa: TRY004
    for name, weight in said.items():
        if name not in DEFAULTS:
            known = ", ".join(DEFAULTS)
            raise ValueError(f"{PLACE}.{name}: there is no such part; there are {known}.")
        if type(weight) not in (int, float) or not 0 <= weight <= 100:
            raise ValueError(f"{PLACE}.{name}: must be a number from 0 to 100.")
    return {**DEFAULTS, **{name: float(weight) for name, weight in said.items()}}


def sober(parts: Parts, expected: float | None) -> Parts:
    """A check that held proves little: it is worth how likely the answer is a good one after it
    (Bayes), from what was expected before. One that failed is worth what it says."""
    held = parts.get("verifier", 0.0)
    if held < HELD:
        return parts
    before = 0.5 if expected is None else min(1.0, max(0.0, expected))
    likely = before / (before + (1.0 - before) * MISSED)
    return {**parts, "verifier": held * likely}


def blend(
    parts: Parts, weights: Mapping[str, float] = DEFAULTS, *, ok: bool = True
) -> float | None:
    """Of the backend that was chosen; `ok` is whether its answer was the one that was given. None
    where nothing that weighs anything was told."""
    parts = parts if ok else {name: parts[name] for name in parts if name in OF_THE_CHOSEN}
    told = {name: weights.get(name, 0.0) for name in parts if weights.get(name, 0.0) > 0}
    if not set(told) - SILENT:
        return None
    total = sum(told.values())
    return sum(weight * min(1.0, max(0.0, parts[name])) for name, weight in told.items()) / total
