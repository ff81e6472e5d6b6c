"""What binds when no backend is feasible, and the cheapest changes that would help (pure)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from routing.policy import costs, eligibility
from routing.policy.values import Candidate, NoWay, Wants

AT_MOST = 5
Told = dict[str, Any]


def _whole_ms(asked: Wants, candidate: Candidate) -> int:
    """What a whole answer of usual length is expected to take: when it begins is not enough, for
    the request ends by then. Twice what has passed already, so that it suffices next time too."""
    fit, most_ms = candidate.fit, asked.constraints.max_latency_ms or 0.0
    passed_s = 0.0 if asked.left_s is None else max(0.0, most_ms / 1000 - asked.left_s)
    written = min(costs.USUAL_OUTPUT.tokens, fit.longest) * asked.choices
    writing_s = written * candidate.backend.tempo.token_s
    return math.ceil(((fit.first_content_s or 0.0) + writing_s + 2 * passed_s) * 1000)


RELAXED: dict[str, Callable[[Wants, Candidate], Told]] = {
    "locality": lambda *_: {"constraint": "locality", "needed": "any"},
    "context": lambda _, c: {
        "constraint": "context",
        "needed": c.context_needed,
        "offered": c.backend.context,
    },
    "max-cost": lambda _, c: {"constraint": "max-cost", "needed": f"{c.worst_case:f}"},
    "min-quality": lambda _, c: {"constraint": "min-quality", "needed": c.backend.quality},
    "max-latency": lambda asked, c: {
        "constraint": "max-latency-ms",
        "needed": _whole_ms(asked, c),
    },
}
"""What the caller can change. Everything else is the key's, a rule's or the backend's own."""


def no_way(asked: Wants, candidates: tuple[Candidate, ...]) -> NoWay:
    by_cost = sorted(candidates, key=lambda candidate: candidate.worst_case)
    found = [(broken(asked, c), c) for c in by_cost]
    relaxable = [(names, c) for names, c in found if _can_be_relaxed(asked, names)]
    fewest = min((len(names) for names, _ in relaxable), default=0)
    helpful = [(names, c) for names, c in relaxable if len(names) == fewest]
    return NoWay(
        binding=_binding(asked, found, helpful),
        relaxations=tuple(_told(asked, names, c) for names, c in helpful[:AT_MOST]),
        candidates=candidates,
        model=asked.model,
        needs=tuple(sorted(asked.needs)),
    )


def broken(asked: Wants, candidate: Candidate) -> tuple[str, ...]:
    """The time that is left is what `x-kora-max-latency-ms` has left of it, where nobody named a
    moment: that is one limit and not two."""
    names = eligibility.broken(asked, candidate.fit)
    limits = asked.constraints
    is_one = limits.max_latency_ms is not None and limits.deadline is None
    if "deadline" not in names or not is_one:
        return names
    if _whole_ms(asked, candidate) <= (limits.max_latency_ms or 0.0):
        return names  # KORA's own limit is still less
    return tuple(dict.fromkeys("max-latency" if name == "deadline" else name for name in names))


def _can_be_relaxed(asked: Wants, names: Sequence[str]) -> bool:
    return bool(names) and all(name in RELAXED and name not in asked.fixed for name in names)


def _told(asked: Wants, names: Sequence[str], candidate: Candidate) -> Told:
    """One change, and `also` the others where one alone does not do."""
    first, *others = (RELAXED[name](asked, candidate) for name in names)
    also = {"also": others} if others else {}
    return {**first, "backend": candidate.backend.name, **also}


def _binding(
    asked: Wants,
    found: Sequence[tuple[Sequence[str], Candidate]],
    helpful: Sequence[tuple[Sequence[str], Candidate]],
) -> str:
    """Being busy, where only that keeps a backend from it; else what the cheapest change is of."""
    if any(names == ("busy",) for names, _ in found):
        return "busy"
    if helpful:
        return "+".join(helpful[0][0])
    first = next((c.excluded for _, c in found), "")
    return first or ("locality" if asked.local_only else "backends")
