"""Whether a stored answer may be served for a question that is only like its own (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from caching.values import Neighbour, NoMatch, Terms, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Mind:
    """What was learned from evidence; without any, the static threshold stands."""

    seen: int = 0


UNTAUGHT = Mind()


def judge(
    question: str, neighbours: Sequence[Neighbour], mind: Mind, terms: Terms
) -> Verdict | NoMatch:
    """The neighbours are the nearest first, those of the caller's scopes and surroundings only."""
    del mind, question
    if not neighbours:
        return NoMatch(reason="nothing-near")
    nearest = neighbours[0]
    served = nearest.similarity >= terms.static_threshold
    return Verdict(
        served=served,
        reason="static" if served else "below-threshold",
        entry_id=nearest.entry_id,
        similarity=nearest.similarity,
        p=nearest.similarity,
        lower=0.0,
    )
