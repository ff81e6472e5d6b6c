"""Whether a stored answer may be served for a question that is only like its own (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from caching import guards
from caching.judge import features, minds, rewording
from caching.judge.minds import Mind
from caching.values import Neighbour, NoMatch, Terms, Verdict

PASSED = frozenset({"bound", "static"})
SHIPPED = Terms().static_threshold


def judge(
    question: str, neighbours: Sequence[Neighbour], mind: Mind, terms: Terms
) -> Verdict | NoMatch:
    """The neighbours are the nearest first, of the caller's scopes and surroundings only.

    Three gates, one after the other: no guard objects; its answer is not in doubt; then the bound
    that was learned, or without enough evidence the static threshold and the same words. What a
    person pinned is right for its own question, however that is put (`rewording`): what other
    traffic taught does not change that. For questions like it, it is as any other answer.
    """
    if not neighbours:
        return NoMatch(reason="nothing-near")
    vouched = _vouched(question, neighbours)
    nearest = vouched or neighbours[0]
    others = [each for each in neighbours if each is not nearest]
    seen = features.of(question, [nearest, *others])
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
    if nearest.doubts and not nearest.pinned:
        return replace(verdict, reason="doubted")
    if vouched:
        return replace(verdict, served=True, reason="pinned")
    gate = _learned(verdict, terms) if mind.taught else _static(verdict, question, nearest, terms)
    return replace(verdict, served=gate in PASSED, reason=gate)


def _vouched(question: str, neighbours: Sequence[Neighbour]) -> Neighbour | None:
    """What a person pinned for this very question goes before what models said to it since."""
    said = (each for each in neighbours if each.pinned)
    return next((each for each in said if rewording.same(question, each.question)), None)


def _learned(verdict: Verdict, terms: Terms) -> str:
    return "bound" if verdict.lower >= 1.0 - terms.epsilon else "below-bound"


def _static(verdict: Verdict, question: str, nearest: Neighbour, terms: Terms) -> str:
    """Who asks for less than what ships takes other words upon himself."""
    if verdict.similarity < terms.static_threshold:
        return "below-threshold"
    if asks_for_the_same_words(terms.static_threshold):
        return "static" if rewording.same(question, nearest.question) else "other-words"
    return "static"


def asks_for_the_same_words(static_threshold: float) -> bool:
    return static_threshold >= SHIPPED
