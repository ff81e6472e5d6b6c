"""What binds when no backend is feasible, and the cheapest changes that would help (pure)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from routing.policy import eligibility
from routing.policy.values import Candidate, NoWay, Wants

AT_MOST = 5
Told = dict[str, Any]

RELAXED: dict[str, Callable[[Candidate], Told]] = {
    "locality": lambda _: {"constraint": "locality", "needed": "any"},
    "context": lambda c: {
        "constraint": "context",
        "needed": c.context_needed,
        "offered": c.backend.context,
    },
    "max-cost": lambda c: {"constraint": "max-cost", "needed": f"{c.worst_case:f}"},
    "min-quality": lambda c: {"constraint": "min-quality", "needed": c.backend.quality},
    "max-latency": lambda c: {
        "constraint": "max-latency-ms",
        "needed": math.ceil((c.first_content_s or 0) * 1000),
    },
}
"""What the caller can change. Everything else is the key's, a rule's or the backend's own."""


def no_way(asked: Wants, candidates: tuple[Candidate, ...]) -> NoWay:
    by_cost = sorted(candidates, key=lambda candidate: candidate.worst_case)
    broken = [(eligibility.broken(asked, c.fit), c) for c in by_cost]
    relaxable = [(names, c) for names, c in broken if _can_be_relaxed(asked, names)]
    fewest = min((len(names) for names, _ in relaxable), default=0)
    helpful = [(names, c) for names, c in relaxable if len(names) == fewest]
    return NoWay(
        binding=_binding(asked, broken, helpful),
        relaxations=tuple(_told(names, c) for names, c in helpful[:AT_MOST]),
        candidates=candidates,
    )


def _can_be_relaxed(asked: Wants, names: Sequence[str]) -> bool:
    return bool(names) and all(name in RELAXED and name not in asked.fixed for name in names)


def _told(names: Sequence[str], candidate: Candidate) -> Told:
    """One change, and `also` the others where one alone does not do."""
    first, *others = (RELAXED[name](candidate) for name in names)
    also = {"also": others} if others else {}
    return {**first, "backend": candidate.backend.name, **also}


def _binding(
    asked: Wants,
    broken: Sequence[tuple[Sequence[str], Candidate]],
    helpful: Sequence[tuple[Sequence[str], Candidate]],
) -> str:
    """Being busy, where only that keeps a backend from it; else what the cheapest change is of."""
    if any(names == ("busy",) for names, _ in broken):
        return "busy"
    if helpful:
        return "+".join(helpful[0][0])
    first = next((c.excluded for _, c in broken), "")
    return first or ("locality" if asked.local_only else "backends")
