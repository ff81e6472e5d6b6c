"""Which backends may answer, in which order and why: hard constraints first, then score (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from routing.learning.values import UNTAUGHT, Outlook
from routing.policy import costs, eligibility, exploring, relaxing, scoring, terms
from routing.policy.eligibility import Named
from routing.policy.scoring import Prospect
from routing.policy.terms import Aim
from routing.policy.values import (
    EMBEDDINGS,
    Backend,
    Candidate,
    Decision,
    NoWay,
    Wants,
)

GREEDY = 1.0
"""A draw that always takes the best."""


def decide(
    asked: Wants,
    backends: Sequence[Backend],
    outlook: Outlook = UNTAUGHT,
    *,
    aim: Aim | None = None,
    draw: float = GREEDY,
) -> Decision | NoWay:
    """`draw` is uniform from 0 to 1 and decides whether another than the best is tried."""
    aim = terms.DEFAULT.aim(asked.model) if aim is None else aim
    considered, goal = _considered(asked, backends, aim)
    looked_at, of = eligibility.checks(asked), scoring.prospect(asked, outlook, aim)
    candidates = tuple(_weigh(of, backend, looked_at) for backend in considered)
    feasible = [candidate for candidate in candidates if not candidate.excluded]
    if not feasible:
        return relaxing.no_way(asked, candidates)
    ordered = _ordered(feasible, aim)
    greedy = Decision(
        order=tuple(ordered),
        candidates=candidates,
        reason=f"policy:{goal}",
        propensities={ordered[0].backend.name: 1.0},
    )
    return _settled(asked, greedy, aim, draw)


def fitting(
    asked: Wants, backends: Sequence[Backend], outlook: Outlook, *, aim: Aim
) -> tuple[Candidate, ...]:
    """Those of these that break no hard constraint, in the order given."""
    looked_at, of = eligibility.checks(asked), scoring.prospect(asked, outlook, aim)
    weighed = (_weigh(of, backend, looked_at) for backend in backends)
    return tuple(candidate for candidate in weighed if not candidate.excluded)


def preferring(decision: Decision, name: str, reason: str) -> Decision:
    """The same candidates with one of them first, unless it is excluded or struggles."""
    liked = [c for c in decision.order if c.backend.name == name and not c.backend.failing]
    return _first(decision, liked[0], reason) if liked else decision


def beginning_at(decision: Decision, candidate: Candidate, reason: str) -> Decision:
    """Without those before it: circumstances, not a draw, have made it the first."""
    left = decision.order[decision.order.index(candidate) :]
    only = {candidate.backend.name: 1.0}
    return replace(decision, order=left, reason=reason, propensity=1.0, propensities=only)


def _first(decision: Decision, liked: Candidate, reason: str) -> Decision:
    others = (each for each in decision.order if each is not liked)
    return replace(
        decision,
        order=(liked, *others),
        reason=reason,
        propensity=1.0,
        propensities={liked.backend.name: 1.0},
    )


def _considered(
    asked: Wants, backends: Sequence[Backend], aim: Aim
) -> tuple[Sequence[Backend], str]:
    """Vectors of two models cannot be compared, so for them `auto` is always the same backend: the
    first of our own embedders that was made."""
    if aim.goal == terms.NAMED:
        of_name = [b for b in backends if b.name == asked.model]
        return of_name or [b for b in backends if b.model == asked.model], aim.goal
    if not asked.embeds:
        return backends, aim.goal
    ours = [b for b in backends if b.is_ours and EMBEDDINGS in b.capabilities]
    return sorted(ours, key=lambda backend: backend.backend_id)[:1], "default-embedder"


def _weigh(of: Prospect, backend: Backend, looked_at: Sequence[Named]) -> Candidate:
    fit = costs.fit(of.asked, backend)
    return scoring.expect(of, fit, eligibility.first_broken(of.asked, fit, looked_at))


def _ordered(feasible: list[Candidate], aim: Aim) -> list[Candidate]:
    """Struggling backends come last but are never left out: they may be all there is."""

    def order(candidate: Candidate) -> tuple[Any, ...]:
        backend, quality = candidate.backend, candidate.estimate.quality
        return (*_rank(candidate, aim), -candidate.score, candidate.cost, -quality, backend.name)

    return sorted(feasible, key=order)


def _rank(candidate: Candidate, aim: Aim) -> tuple[bool, ...]:
    """What comes before any score."""
    backend, quality = candidate.backend, candidate.estimate.quality
    theirs = aim.ours_first and not backend.is_ours
    return (backend.failing, quality < aim.weights.floor, theirs)


def _settled(asked: Wants, greedy: Decision, aim: Aim, draw: float) -> Decision:
    """The best stands, unless the conversation stays where it is or another is tried."""
    if aim.goal == terms.NAMED or asked.embeds or len(greedy.order) < 2:
        return greedy
    stays = _staying(asked, greedy, aim)
    if stays is not None:
        return stays
    return _tried(greedy, aim, asked.protected, draw)


def _staying(asked: Wants, greedy: Decision, aim: Aim) -> Decision | None:
    """Nobody takes over in the middle of a loop of tool calls; else a conversation stays where its
    score, with what leaving costs, is the best."""
    seat = asked.seat
    kept = next((c for c in greedy.order if c.backend.name == seat.backend), None)
    if kept is None or kept.backend.failing:
        return None
    told = {"mode": aim.explore.mode, "why_not": "session"}
    if seat.in_loop:
        return replace(_first(greedy, kept, "policy:sticky"), exploring=told)
    if greedy.order[0] is not kept:
        return replace(greedy, exploring=told)
    moved = _without_seat(asked, greedy, aim)
    reason = "policy:sticky" if moved else greedy.reason
    return replace(greedy, reason=reason, exploring=told)


def _without_seat(asked: Wants, greedy: Decision, aim: Aim) -> bool:
    """Whether another would have been the best, had the conversation just begun."""
    kept, *others = greedy.order
    cold = kept.score - aim.weights.usd * costs.warmth_usd(asked, kept.fit)
    return any(
        each.score - each.parts.switch > cold and not each.backend.failing for each in others
    )


def _tried(greedy: Decision, aim: Aim, protected: str, draw: float) -> Decision:
    explore = aim.explore
    if explore.mode == "bypass":
        return greedy
    if protected:
        return replace(greedy, exploring={"mode": explore.mode, "why_not": protected})
    well = _peers(greedy.order, aim)
    found = exploring.chances(
        [each.score for each in well],
        [each.estimate.deviation for each in well],
        sharpness=explore.sharpness,
        share=explore.share,
    )
    chances = {c.backend.name: p for c, p in zip(well, found, strict=True) if p > 0}
    extra_usd = exploring.extra_usd(found, [each.cost for each in well], best=0)
    told = {"mode": explore.mode, "share": explore.share, "extra_usd": round(extra_usd, 12)}
    if explore.mode != "apply":
        return replace(greedy, exploring={**told, "would": chances})
    return _drawn(replace(greedy, exploring=told, propensities=chances), well, found, draw)


def _drawn(
    greedy: Decision, well: Sequence[Candidate], found: Sequence[float], draw: float
) -> Decision:
    """Who was drawn goes first; the others stay behind in their order."""
    index = exploring.drawn(found, draw)
    if index == 0:
        return replace(greedy, propensity=found[0])
    taken = _first(greedy, well[index], "policy:explored")
    return replace(taken, propensity=found[index], propensities=greedy.propensities)


def _peers(order: Sequence[Candidate], aim: Aim) -> list[Candidate]:
    """Those of the first's rank: who struggles or is below the floor is not tried out."""
    alike = _rank(order[0], aim)
    return [each for each in order if _rank(each, aim) == alike]
