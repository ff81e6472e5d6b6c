"""Which soft limit of its budgets a request has reached, and what that asks for (pure)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from analytics.values import BudgetTerms

ALERT, PREFER_LOCAL, CHEAPER, CACHE_ONLY, QUEUE, BLOCK = ACTIONS = (
    "alert",
    "prefer-local",
    "cheaper",
    "cache-only",
    "queue",
    "block",
)
"""From the mildest to the strictest."""
WORDS: Mapping[str, str] = {
    ALERT: "somebody is told",
    PREFER_LOCAL: "models of our own come first",
    CHEAPER: "what is cheap enough is taken, as `auto:cheap` takes it",
    CACHE_ONLY: "stored answers go on, and no model is asked",
    QUEUE: "it waits for a model of our own that is idle, up to its deadline",
    BLOCK: "nothing is answered",
}
CHOOSING = (PREFER_LOCAL, CHEAPER)
"""These change who is chosen, and nothing where somebody was named."""
STRICTNESS = {action: place for place, action in enumerate(ACTIONS)}
ENFORCE = "enforce"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pressure:
    """The strictest action that is reached, of all budgets that apply."""

    action: str = ""
    budget: str = ""
    percent: float = 0.0
    used: Decimal = Decimal(0)
    limit_usd: Decimal = Decimal(0)
    shadow: bool = False
    """The budget only watches: it is told, and nothing comes of it."""

    def asks(self, *actions: str) -> bool:
        return self.action in actions and not self.shadow

    @property
    def used_percent(self) -> float:
        return float(self.used / self.limit_usd * 100) if self.limit_usd else 100.0

    def as_json(self) -> dict[str, Any]:
        told = {"budget": self.budget, "percent": self.percent, "used": round(self.used_percent, 2)}
        return {**told, "action": self.action, **({"shadow": True} if self.shadow else {})}


NONE = Pressure()


def strictest(purses: Iterable[tuple[BudgetTerms, Decimal]]) -> Pressure:
    """By budget, what is spent and held in its window now. Budgets that only watch come last."""
    reached = (
        _pressure(terms, used, soft)
        for terms, used in purses
        for soft in terms.soft_limits
        if soft["action"] in STRICTNESS and is_reached(soft, used, terms.limit_usd)
    )
    return max(reached, key=_strictness, default=NONE)


def is_reached(soft: Mapping[str, Any], used: Decimal, limit_usd: Decimal) -> bool:
    """Of a limit of nothing everything is reached."""
    return used * 100 >= limit_usd * Decimal(str(soft["percent"]))


def _pressure(terms: BudgetTerms, used: Decimal, soft: Mapping[str, Any]) -> Pressure:
    return Pressure(
        action=soft["action"],
        budget=terms.name,
        percent=float(soft["percent"]),
        used=used,
        limit_usd=terms.limit_usd,
        shadow=terms.mode != ENFORCE,
    )


def _strictness(found: Pressure) -> tuple[bool, int, float]:
    return (not found.shadow, STRICTNESS[found.action], found.percent)


def ordered(soft_limits: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lowest first; ValueError says what makes no sense."""
    found = [dict(each) for each in soft_limits]
    for each in found:
        if each["action"] not in STRICTNESS:
            raise ValueError(f"{each['action']} is none of {', '.join(ACTIONS)}.")
    found.sort(key=lambda each: (each["percent"], STRICTNESS[each["action"]]))
    effects = [each for each in found if each["action"] != ALERT]
    for before, after in itertools.pairwise(effects):
        if STRICTNESS[after["action"]] <= STRICTNESS[before["action"]]:
            raise ValueError(
                f"{after['action']} at {after['percent']:g} % would change nothing: "
                f"{before['action']} at {before['percent']:g} % is as strict or stricter."
            )
    if len({(each["percent"], each["action"]) for each in found}) < len(found):
        raise ValueError("The same soft limit is said twice.")
    return found
