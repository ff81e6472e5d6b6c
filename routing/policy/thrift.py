"""How a choice aims otherwise while money is short: by soft limits, and by what a dollar weighs
(pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from analytics.pacing.pressure import CHEAPER, PREFER_LOCAL, QUEUE
from routing.policy.terms import NAMED, Aim, Terms

CHEAP = "auto:cheap"
"""Whose weights count where only what is cheap enough is to be taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thrift:
    action: str = ""
    """The strictest soft limit that is reached; empty: none, or one that only watches."""
    weight: float = 1.0
    """What a dollar weighs more."""


LAVISH = Thrift()


def bent(aim: Aim, terms: Terms, thrift: Thrift) -> Aim:
    """Who named a backend gets that one."""
    if aim.goal == NAMED or thrift == LAVISH:
        return aim
    weights = aim.weights
    if thrift.action in (CHEAPER, QUEUE):
        weights = terms.aim(CHEAP).weights
    weights = replace(weights, usd=weights.usd * max(thrift.weight, 1.0))
    ours_first = aim.ours_first or thrift.action in (PREFER_LOCAL, QUEUE)
    return replace(aim, weights=weights, ours_first=ours_first)
