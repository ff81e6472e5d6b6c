"""Whether a stored answer may be served for a question that is only like its own (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from caching import features, guards, minds
from caching.minds import Mind
from caching.values import Neighbour, NoMatch, Terms, Verdict


def judge(
    question: str, neighbours: Sequence[Neighbour], mind: Mind, terms: Terms
) -> Verdict | NoMatch:
    """The neighbours are the nearest first, of the caller's scopes and surroundings only.

    Three gates, one after the other: no guard objects; its answer is not in doubt; then the bound
    that was learned, or without enough evidence the static threshold. What a person pinned is
    right for its own question, and for those like it as any other answer is.
    """
    if not neighbours:
        return NoMatch(reason="nothing-near")
    nearest = neighbours[0]
    seen = features.of(question, neighbours)
    score = mind.score(seen)
    verdict = Verdict(
        served=False,
        reason="",
        entry_id=nearest.entry_id,
        similarity=nearest.similarity,
        p=minds.probability(score),
        lower=mind.lower(score) if mind.taught else 0.0,
        score=score,
        features=seen,
    )
    objection = guards.disagreement(question, nearest.question)
    if objection:
        return replace(verdict, reason=f"guard:{objection}")
    served, reason = _gates(verdict, nearest, terms, taught=mind.taught)
    return replace(verdict, served=served, reason=reason)


def _gates(verdict: Verdict, nearest: Neighbour, terms: Terms, *, taught: bool) -> tuple[bool, str]:
    if nearest.doubts and not nearest.pinned:
        return False, "doubted"
    if taught:
        enough = verdict.lower >= 1.0 - terms.epsilon
        return enough, "bound" if enough else "below-bound"
    near = verdict.similarity >= terms.static_threshold
    return near, "static" if near else "below-threshold"
