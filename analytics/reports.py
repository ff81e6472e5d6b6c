"""What the book says when asked: prices and budgets in force, figures, spend."""

from __future__ import annotations

from datetime import datetime

from analytics.models import Budget, Price
from analytics.values import BudgetTerms, PriceTag


def prices_in_force(now: datetime) -> dict[str, PriceTag]:
    """By backend, the newest price that has begun."""
    begun = Price.objects.filter(effective_from__lte=now).order_by(
        "backend", "-effective_from", "-id"
    )
    return {
        row.backend: PriceTag(
            price_id=row.pk,
            price_in=row.price_in,
            price_out=row.price_out,
            price_cached_in=row.price_cached_in,
        )
        for row in begun.distinct("backend")
    }


def budget_terms() -> list[BudgetTerms]:
    return [
        BudgetTerms(
            budget_id=row.pk,
            name=row.name,
            organisation_id=row.organisation_id,
            scope=row.scope,
            scope_id=row.scope_id,
            limit_usd=row.limit_usd,
            window=row.window,
            time_zone=row.time_zone,
            fiscal_start=row.fiscal_start,
            mode=row.mode,
        )
        for row in Budget.objects.filter(enabled=True)
    ]
