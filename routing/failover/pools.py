"""Several backends of one model: of two drawn by weight, the one with less to wait for (pure).

The chance of each is worked out and one draw decides, so that receipts can tell it exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from routing.policy.values import Candidate, Decision

SHORTEST = 0.1
"""Of the slowest peer's time: who was not asked for a while has no free pass for a crowd."""
UNSEEN_S = 1.0
KEPT = ("policy:explored", "policy:sticky")
"""Reasons for one very backend: to learn of it, or because a conversation is warm there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One of them, as all web processes see it."""

    name: str
    weight: float = 1.0
    peak_s: float = 0.0
    """Of the time to its first content (peak-EWMA); zero: nobody knows."""
    in_flight: int = 0


def named(decision: Decision, model: str) -> tuple[Candidate, ...]:
    """Where a model is asked for that several backends have: all that do as well as the first."""
    first = decision.order[0].backend
    if first.name == model:
        return ()
    return tuple(c for c in decision.order if c.backend.failing == first.failing)


def alike(decision: Decision) -> tuple[Candidate, ...]:
    """Those that differ from the best in nothing but how busy they are."""
    best = decision.order[0].backend
    return tuple(
        each
        for each in decision.order
        if (each.backend.kind, each.backend.model) == (best.kind, best.model)
        and each.backend.failing == best.failing
        and each.backend.rates == best.rates
        and each.backend.quality == best.quality
    )


def spread(decision: Decision, members: Sequence[Member], draw: float) -> Decision:
    """The same decision with another of its peers first, perhaps; the others follow by load."""
    if len(members) < 2 or decision.reason in KEPT:
        return decision
    found = chances(members)
    taken = _drawn(members, found, draw)
    waits = _waits(members)
    rest = sorted((m.name for m in members if m.name != taken), key=lambda name: waits[name])
    at = {name: number for number, name in enumerate((taken, *rest))}
    peers = sorted(_of(decision, at), key=lambda each: at[each.backend.name])
    others = (each for each in decision.order if each.backend.name not in at)
    mass = sum(decision.propensities.get(name, 0.0) for name in at)
    chance = {member.name: mass * p for member, p in zip(members, found, strict=True)}
    return replace(
        decision,
        order=(*peers, *others),
        propensity=chance[taken],
        propensities={**decision.propensities, **chance},
    )


def chances(members: Sequence[Member]) -> list[float]:
    """How likely each is the lighter of two that are drawn one after the other by weight."""
    if len(members) == 1:
        return [1.0]
    waits, whole = _waits(members), sum(each.weight for each in members)
    found = dict.fromkeys((each.name for each in members), 0.0)
    for number, one in enumerate(members):
        for other in members[number + 1 :]:
            pair = one.weight * other.weight / whole
            p = pair / (whole - one.weight) + pair / (whole - other.weight)
            if waits[one.name] == waits[other.name]:
                found[one.name] += p * one.weight / (one.weight + other.weight)
                found[other.name] += p * other.weight / (one.weight + other.weight)
            else:
                found[min(one, other, key=lambda each: waits[each.name]).name] += p
    return list(found.values())


def told(members: Sequence[Member]) -> Mapping[str, Any]:
    """As the receipt has it."""
    return {
        each.name: {
            "in_flight": each.in_flight,
            "first_s": round(each.peak_s, 4),
            "weight": each.weight,
            "chance": round(p, 4),
        }
        for each, p in zip(members, chances(members), strict=True)
    }


def _waits(members: Sequence[Member]) -> dict[str, float]:
    """Nobody knows of a new one: it is taken for as quick as the quickest."""
    seen = [each.peak_s for each in members if each.peak_s > 0]
    least = max(seen, default=0.0) * SHORTEST
    usual = max(min(seen, default=UNSEEN_S), least)
    known = {each.name: max(each.peak_s, least) if each.peak_s else usual for each in members}
    return {m.name: known[m.name] * (m.in_flight + 1) / m.weight for m in members}


def _of(decision: Decision, names: Mapping[str, int]) -> list[Candidate]:
    return [each for each in decision.order if each.backend.name in names]


def _drawn(members: Sequence[Member], found: Sequence[float], draw: float) -> str:
    for member, p in zip(members, found, strict=True):
        draw -= p
        if draw < 0:
            return member.name
    return max(zip(found, (m.name for m in members), strict=True))[1]
