"""Reading the book: prices in force, budgets' terms and windows, and what was spent on what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from analytics import budgets, outlooks
from analytics.models import Budget, BudgetOverride, BudgetWindow, LedgerRow, Period, Price
from analytics.pacing import steering
from analytics.pacing.steering import Course, Pace, Plan
from analytics.values import BudgetTerms, PriceTag, Span

GROUPS = ("team", "backend", "tier", "day", "key", "model", "user", "kind")
"""What spend may be grouped by."""
_COLUMNS = {"key": "key_name", "model": "model_asked", "user": "end_user"}
MONEY = ("cost", "saved")
EXACT = (*MONEY, "compute_s")
"""Decimals; the other figures are whole numbers."""
SUMS = (*MONEY, "prompt_tokens", "completion_tokens", "cached_tokens", "compute_s")
FIGURES = (*SUMS, "entries")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spending:
    """Rows in the order of their groups, and their sum."""

    group_by: tuple[str, ...]
    rows: list[dict[str, Any]]
    total: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where a budget stands in its window now; `left` falls below zero when more was spent."""

    starts_at: datetime
    ends_at: datetime
    limit_usd: Decimal
    """In force now: an override's, if there is one."""
    settled: Decimal
    held: Decimal
    left: Decimal
    refused: int = 0
    """Requests that found no room; in shadow mode: would have found none."""
    override: BudgetOverride | None = None
    forecast: Mapping[str, Any] | None = None
    """Where spend is heading (`pacing.forecast`), where enough is known to say."""
    pace: Pace | None = None
    """Of a paced budget."""

    @property
    def free(self) -> Decimal:
        """What a request may still hold."""
        return max(self.left, Decimal(0))

    @property
    def suspended(self) -> bool:
        return not self.limit_usd


NOTHING_YET = BudgetWindow(settled=Decimal(0), held=Decimal(0))
"""Of a budget that nothing has fallen into in this window."""


def prices_in_force(now: datetime) -> dict[str, PriceTag]:
    """The newest price of each backend that has begun, by the backend's name."""
    begun = Price.objects.filter(effective_from__lte=now)
    newest = begun.order_by("backend", "-effective_from", "-id").distinct("backend")
    return {price.backend: tag_of(price) for price in newest}


def tag_of(price: Price) -> PriceTag:
    return PriceTag(
        price_id=price.pk,
        price_in=price.price_in,
        price_out=price.price_out,
        price_cached_in=price.price_cached_in,
        price_compute_s=price.price_compute_s,
    )


def budget_terms() -> list[BudgetTerms]:
    rows = list(Budget.objects.filter(enabled=True).order_by("pk"))
    raised = overrides(rows, datetime.now(UTC))
    plans = outlooks.plans() if any(budget.paced for budget in rows) else {}
    return [
        replace(terms_of(budget, raised.get(budget.pk)), plan=plans.get(budget.pk, steering.FRESH))
        for budget in rows
    ]


def overrides(some: Iterable[Budget], now: datetime) -> dict[int, BudgetOverride]:
    """By budget, the newest other limit that has begun and not ended, where there is one."""
    begun = BudgetOverride.objects.filter(starts_at__lte=now, ends_at__gt=now, budget__in=some)
    return {each.budget_id: each for each in begun.order_by("id")}


def terms_of(budget: Budget, override: BudgetOverride | None = None) -> BudgetTerms:
    return BudgetTerms(
        budget_id=budget.pk,
        name=budget.name,
        organisation_id=budget.organisation_id,
        scope=budget.scope,
        scope_id=budget.scope_id,
        limit_usd=override.limit_usd if override else budget.limit_usd,
        window=budget.window,
        time_zone=budget.time_zone,
        fiscal_start=budget.fiscal_start,
        mode=budget.mode,
        paced=budget.paced,
        soft_limits=tuple(budget.soft_limits or ()),
    )


def standings(some: Iterable[Budget], now: datetime) -> dict[int, Standing]:
    """Where each budget stands, by its id; three queries for all, four where any is paced."""
    rows = list(some)
    raised = overrides(rows, now)
    spans = {budget.pk: budgets.span(terms_of(budget), now) for budget in rows}
    wanted = Q(pk__in=[])
    for budget_id, span in spans.items():
        wanted |= Q(budget_id=budget_id, starts_at=span.starts_at)
    windows = {window.budget_id: window for window in BudgetWindow.objects.filter(wanted)}
    foretold = outlooks.forecasts(spans)
    found = {
        budget.pk: _standing(
            terms_of(budget, raised.get(budget.pk)),
            spans[budget.pk],
            windows.get(budget.pk, NOTHING_YET),
            raised.get(budget.pk),
        )
        for budget in rows
    }
    paces = _paces(rows, found, now)
    return {
        pk: replace(each, forecast=foretold.get(pk), pace=paces.get(pk))
        for pk, each in found.items()
    }


def _paces(rows: Iterable[Budget], known: Mapping[int, Standing], now: datetime) -> dict[int, Pace]:
    paced = [each.pk for each in rows if each.paced and each.window != Period.TOTAL]
    plans = outlooks.plans() if paced else {}
    return {pk: _pace(known[pk], plans.get(pk, steering.FRESH), now) for pk in paced}


def _pace(standing: Standing, plan: Plan, now: datetime) -> Pace:
    course = Course(
        limit_usd=float(standing.limit_usd),
        starts_at=standing.starts_at,
        ends_at=standing.ends_at,
        plan=plan,
    )
    return steering.pace(course, float(standing.settled), now)


def _standing(
    terms: BudgetTerms, span: Span, window: BudgetWindow, override: BudgetOverride | None
) -> Standing:
    return Standing(
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        limit_usd=terms.limit_usd,
        settled=window.settled,
        held=window.held,
        left=terms.limit_usd - window.settled - window.held,
        refused=window.refused,
        override=override,
    )


def spend(rows: QuerySet[LedgerRow], group_by: Sequence[str], zone: tzinfo = UTC) -> Spending:
    """What these ledger rows say, grouped; a `day` is one of the zone.

    The total is the sum of the rows shown, read at one moment, so that the two always agree.
    """
    groups = {f"by_{name}": _group(name, zone) for name in group_by}
    figures: dict[str, Any] = {name: Sum(name) for name in SUMS} | {"entries": Count("pk")}
    found = rows.order_by().values(**groups).annotate(**{f"of_{n}": f for n, f in figures.items()})
    shown = [_shown(dict(row)) for row in found.order_by(*groups)]
    nothing = dict.fromkeys(FIGURES, 0) | dict.fromkeys(EXACT, Decimal(0))
    totals = {name: sum((row[name] for row in shown), nothing[name]) for name in FIGURES}
    return Spending(group_by=tuple(group_by), rows=shown, total=totals)


def _group(name: str, zone: tzinfo) -> Any:
    return TruncDate("at", tzinfo=zone) if name == "day" else F(_COLUMNS.get(name, name))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Groups first; the prefixes kept them from clashing with the table's own columns."""
    return {name.removeprefix("by_").removeprefix("of_"): value for name, value in row.items()}
