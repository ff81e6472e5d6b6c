"""How full the budgets are that a request falls under; asked at most once a second each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from analytics import budgets, ledger
from analytics.values import BudgetTerms, Span
from routing import catalog, connections
from routing.way import Way

FRESH_S = 1.0
MOST = 10_000
Place = tuple[int, datetime]
_seen: dict[Place, tuple[float, Decimal]] = {}
"""By budget and the beginning of its window: when it was asked, and what was spent or held."""


def fullest(way: Way) -> float | None:
    """The share of the tightest budget that is spent or held; None: no budget applies."""
    return max((_share(terms, used) for terms, used in _purses(way)), default=None)


def left_usd(way: Way) -> float | None:
    """What the budget with the least in it still has."""
    left = (float(terms.limit_usd - used) for terms, used in _purses(way))
    return min(left, default=None)


def _share(terms: BudgetTerms, used: Decimal) -> float:
    return float(used / terms.limit_usd) if terms.limit_usd else 1.0


def _purses(way: Way) -> Iterator[tuple[BudgetTerms, Decimal]]:
    caller = way.caller
    applying = budgets.applying(
        catalog.current().budgets,
        organisation_id=caller.organisation_id,
        team_id=caller.team_id,
        key_id=caller.key_id,
        tags=way.prompt.constraints.tags,
    )
    spans = [budgets.span(terms, way.at) for terms in applying]
    used = _used(spans)
    for terms, span in zip(applying, spans, strict=True):
        yield terms, used[_place(span)]


def _used(spans: list[Span]) -> dict[Place, Decimal]:
    now = time.monotonic()
    fresh = {place: used for place, (at, used) in _recent(spans) if now - at < FRESH_S}
    asked = [span for span in spans if _place(span) not in fresh]
    if asked:
        if len(_seen) > MOST:
            _seen.clear()
        told = ledger.used(connections.current(), asked)
        for span in asked:
            place = _place(span)
            fresh[place] = told.get(span.budget_id, Decimal(0))
            _seen[place] = (now, fresh[place])
    return fresh


def _recent(spans: list[Span]) -> Iterator[tuple[Place, tuple[float, Decimal]]]:
    for place in map(_place, spans):
        known = _seen.get(place)
        if known is not None:
            yield place, known


def _place(span: Span) -> Place:
    return span.budget_id, span.starts_at


def forget() -> None:
    _seen.clear()
