"""Giving a budget another limit for a while, and ending that early; both leave an audit row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from analytics.budget_serializers import OverrideSerializer
from analytics.models import Budget, BudgetOverride
from teams import audit
from teams.values import Actor

SHOWN = ("limit_usd", "until", "reason")


def begin(actor: Actor, budget: Budget, asked: OverrideSerializer) -> BudgetOverride:
    """In force at once; `asked` has been found valid."""
    with transaction.atomic():
        made: BudgetOverride = asked.save(budget=budget, created_by=actor.name)
        made.refresh_from_db()
        audit.record(actor, "override", budget, after=_facts(made))
    return made


def end(actor: Actor, override: BudgetOverride) -> None:
    """One that is over stays as it is."""
    before, now = _facts(override), datetime.now(UTC)
    with transaction.atomic():
        still = BudgetOverride.objects.filter(pk=override.pk, ends_at__gt=now)
        if still.update(ends_at=now):
            override.refresh_from_db()
            after = _facts(override)
            audit.record(actor, "end override", override.budget, before=before, after=after)


def _facts(override: BudgetOverride) -> dict[str, Any]:
    shown = dict(OverrideSerializer(override).data)
    return {name: shown[name] for name in SHOWN}
