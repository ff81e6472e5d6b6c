"""How full the budgets are that a request falls under; asked at most once a second each."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from analytics import budgets, ledger
from analytics.values import BudgetTerms, Span
from routing import catalog, connections
from routing.way import Way

FRESH_S = 1.0
MOST = 10_000
Place = tuple[int, datetime]


@dataclass(frozen=True, kw_only=True, slots=True)
class Purse:
    """One budget and its window, and what is spent and held in it."""

    terms: BudgetTerms
    span: Span
    settled: Decimal
    held: Decimal

    @property
    def used(self) -> Decimal:
        return self.settled + self.held


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """What the book said of a window, when, and how much this process had held there by then."""

    at: float
    settled: Decimal
    held: Decimal
    by_us: Decimal


NOTHING = (Decimal(0), Decimal(0))
_lock = threading.Lock()
_seen: dict[Place, _Seen] = {}
_by_us: defaultdict[Place, Decimal] = defaultdict(Decimal)
"""All that this process ever held, by window: what is held after a look counts at once."""


def fullest(way: Way) -> float | None:
    """The share of the tightest budget that is spent or held; None: no budget applies."""
    return max((_share(purse) for purse in of(way, _applying(way))), default=None)


def left_usd(way: Way) -> float | None:
    """What the budget with the least in it still has."""
    left = (float(purse.terms.limit_usd - purse.used) for purse in of(way, _applying(way)))
    return min(left, default=None)


def watched(way: Way) -> list[Purse]:
    """Those with soft limits or a pace: for them alone the book is asked in every request."""
    terms = [each for each in _applying(way) if each.soft_limits or each.paced]
    return of(way, terms) if terms else []


def of(way: Way, applying: Sequence[BudgetTerms]) -> list[Purse]:
    spans = [budgets.span(terms, way.at) for terms in applying]
    seen = _fresh(spans)
    return [
        Purse(terms=terms, span=span, settled=now.settled, held=now.held + _since(span, now))
        for terms, span, now in zip(applying, spans, seen, strict=True)
    ]


def note(spans: Iterable[Span], amount: Decimal) -> None:
    """This process has held so much: until the next look it is known from here."""
    with _lock:
        for span in spans:
            _by_us[_place(span)] += amount


def _applying(way: Way) -> tuple[BudgetTerms, ...]:
    caller, known = way.caller, catalog.current().budgets
    if not known:
        return ()
    return budgets.applying(
        known,
        organisation_id=caller.organisation_id,
        team_id=caller.team_id,
        key_id=caller.key_id,
        tags=way.prompt.constraints.tags,
    )


def _share(purse: Purse) -> float:
    return float(purse.used / purse.terms.limit_usd) if purse.terms.limit_usd else 1.0


def _since(span: Span, seen: _Seen) -> Decimal:
    """Held here since; what was held and then seen in the book counts twice for a moment, which is
    the safe side."""
    return max(_by_us.get(_place(span), Decimal(0)) - seen.by_us, Decimal(0))


def _fresh(spans: list[Span]) -> list[_Seen]:
    now = time.monotonic()
    known = [_seen.get(_place(span)) for span in spans]
    asked = [
        span
        for span, seen in zip(spans, known, strict=True)
        if seen is None or now - seen.at >= FRESH_S
    ]
    if asked:
        looked = _look(asked, now)
        known = [looked.get(_place(s)) or seen for s, seen in zip(spans, known, strict=True)]
    return [seen for seen in known if seen is not None]


def _look(asked: list[Span], now: float) -> dict[Place, _Seen]:
    with _lock:
        if len(_seen) > MOST:
            _seen.clear()
            _by_us.clear()
        before = {_place(span): _by_us.get(_place(span), Decimal(0)) for span in asked}
    told = ledger.filled(connections.current(), asked)
    found: dict[Place, _Seen] = {}
    for span in asked:
        settled, held = told.get(span.budget_id, NOTHING)
        place = _place(span)
        found[place] = _Seen(at=now, settled=settled, held=held, by_us=before[place])
    _seen.update(found)
    return found


def _place(span: Span) -> Place:
    return span.budget_id, span.starts_at


def forget() -> None:
    with _lock:
        _seen.clear()
        _by_us.clear()
