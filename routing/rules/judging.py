"""Goes through a team's rules in their order until one that ends it holds (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from routing.rules.values import NO_RULING, Ruling
from routing.signals.facts import Facts


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """A scope's published rules, compiled once."""

    number: int = 0


NO_RULES = Rules()


def judge(rules: Rules, facts: Facts) -> Ruling:
    del rules, facts
    return NO_RULING
