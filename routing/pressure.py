"""What budgets ask of a request before they are empty: its soft limits, and the pace of spend."""

from __future__ import annotations

from analytics.pacing import pressure, steering
from analytics.pacing.pressure import BLOCK, CACHE_ONLY, CHEAPER, PREFER_LOCAL, QUEUE, Pressure
from analytics.pacing.steering import Course, Pace
from analytics.values import BudgetTerms
from routing import purses
from routing.errors import BudgetExceeded
from routing.policy import thrift
from routing.policy.terms import Aim, Terms
from routing.policy.thrift import Thrift
from routing.purses import Purse
from routing.way import Way

ENDLESS = "total"
"""A window without an end, for which nothing can be planned."""


def of(way: Way) -> Pressure:
    """Looked at once in a request, so that it is not decided by two answers."""
    return _look(way)[0]


def pace(way: Way) -> Pace | None:
    return _look(way)[1]


def refuse_all(way: Way) -> None:
    """Where a budget blocks, stored answers are not served either."""
    found = of(way)
    if found.asks(BLOCK):
        raise _refusal(found, "nothing is answered")


def refuse_models(way: Way) -> None:
    found = of(way)
    if found.asks(CACHE_ONLY, BLOCK):
        raise _refusal(found, "no model is asked; stored answers are still served")


def waits(way: Way) -> bool:
    """For a model of our own that is idle, and behind whoever is in a hurry."""
    return of(way).asks(QUEUE)


def is_short(way: Way) -> bool:
    """Then KORA asks nothing for itself."""
    return of(way).asks(*(action for action in pressure.ACTIONS if action != pressure.ALERT))


def chooses(way: Way) -> bool:
    """Then no pattern has a say in who answers."""
    return of(way).asks(PREFER_LOCAL, CHEAPER, QUEUE)


def bent(way: Way, aim: Aim, terms: Terms) -> Aim:
    """What the choice aims at while money is short."""
    found, steered = of(way), pace(way)
    action = "" if found.shadow else found.action
    weight = 1.0 if steered is None else steered.weight
    return thrift.bent(aim, terms, Thrift(action=action, weight=weight))


def _look(way: Way) -> tuple[Pressure, Pace | None]:
    known = way.known_pressure
    if known is None:
        watched = purses.watched(way)
        found = pressure.strictest((purse.terms, purse.used) for purse in watched)
        known = way.known_pressure = (found, _pace(way, watched))
    return known


def _pace(way: Way, watched: list[Purse]) -> Pace | None:
    """Of several the one that weighs most: the others are kept to as well by what it saves."""
    paces = (steering.pace(_course(p), float(p.settled), way.at) for p in watched if _steers(p))
    return max(paces, key=lambda each: each.weight, default=None)


def _steers(purse: Purse) -> bool:
    terms = purse.terms
    return terms.paced and terms.mode == pressure.ENFORCE and terms.window != ENDLESS


def _course(purse: Purse) -> Course:
    terms: BudgetTerms = purse.terms
    return Course(
        limit_usd=float(terms.limit_usd),
        starts_at=purse.span.starts_at,
        ends_at=purse.span.ends_at,
        plan=terms.plan,
    )


def _refusal(found: Pressure, so: str) -> BudgetExceeded:
    return BudgetExceeded(
        f"The budget '{found.budget}' has reached its soft limit of {found.percent:g} % "
        f"({found.action}): {found.used:.6f} of {found.limit_usd:.6f} USD are spent or held, so "
        f"{so}.",
        budget=found.budget,
        soft_limit={"percent": found.percent, "action": found.action},
        limit_usd=f"{found.limit_usd:f}",
        used_usd=f"{found.used:f}",
    )
