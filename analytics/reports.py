"""Reading the book: prices in force, budgets' terms and windows, and what was spent on what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from analytics import budgets
from analytics.models import Budget, BudgetWindow, LedgerRow, Price
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
    settled: Decimal
    held: Decimal
    left: Decimal


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
    return [terms_of(budget) for budget in Budget.objects.filter(enabled=True).order_by("pk")]


def terms_of(budget: Budget) -> BudgetTerms:
    return BudgetTerms(
        budget_id=budget.pk,
        name=budget.name,
        organisation_id=budget.organisation_id,
        scope=budget.scope,
        scope_id=budget.scope_id,
        limit_usd=budget.limit_usd,
        window=budget.window,
        time_zone=budget.time_zone,
        fiscal_start=budget.fiscal_start,
        mode=budget.mode,
    )


def standings(some: Iterable[Budget], now: datetime) -> dict[int, Standing]:
    """Where each budget stands, by its id; one query for all."""
    rows = list(some)
    spans = {budget.pk: budgets.span(terms_of(budget), now) for budget in rows}
    wanted = Q(pk__in=[])
    for budget_id, span in spans.items():
        wanted |= Q(budget_id=budget_id, starts_at=span.starts_at)
    windows = {window.budget_id: window for window in BudgetWindow.objects.filter(wanted)}
    return {
        budget.pk: _standing(budget, spans[budget.pk], windows.get(budget.pk)) for budget in rows
    }


def _standing(budget: Budget, span: Span, window: BudgetWindow | None) -> Standing:
    settled = window.settled if window else Decimal(0)
    held = window.held if window else Decimal(0)
    return Standing(
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        settled=settled,
        held=held,
        left=budget.limit_usd - settled - held,
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
