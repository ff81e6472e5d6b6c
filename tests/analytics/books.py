"""What the tests of the book say again and again: a team, budgets, holds and settlements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
from django.db import connection as django_connection

from analytics.lookup import Connection
from analytics.models import Budget, BudgetScope
from analytics.values import Hold, Origin, Outcome, Settlement, Span
from teams.models import Organisation, Team

STARTS = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = datetime(2026, 2, 1, tzinfo=UTC)


@contextmanager
def connect() -> Iterator[Connection]:
    settings = django_connection.settings_dict
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    words: dict[str, Any] = {"application_name": "books"}
    words |= {name: settings[key] for name, key in names.items() if settings[key]}
    with psycopg.connect(dbname=settings["NAME"], autocommit=True, **words) as connection:
        yield connection


@dataclass(frozen=True, kw_only=True)
class Book:
    """One team whose requests the test tells the book about."""

    team: Team

    @classmethod
    def open(cls) -> Book:
        organisation = Organisation.objects.create(name=f"o-{uuid4().hex[:8]}")
        return cls(team=Team.objects.create(organisation=organisation, name=f"t-{uuid4().hex[:8]}"))

    def budget(self, limit_usd: Decimal | int, **terms: Any) -> Budget:
        words = {
            "organisation": self.team.organisation,
            "name": "cap",
            "scope": BudgetScope.TEAM,
            "scope_id": str(self.team.pk),
            "limit_usd": limit_usd,
        }
        return Budget.objects.create(**(words | terms))

    def origin(self, exchange_id: UUID | None = None, **words: Any) -> Origin:
        return Origin(
            exchange_id=exchange_id or uuid4(),
            at=words.pop("at", datetime.now(UTC)),
            team_id=self.team.pk,
            team=self.team.name,
            key_public="pub",
            key_name="key",
            model_asked="auto",
            streamed=False,
            policy=1,
            **words,
        )


def span(budget: Budget, starts_at: datetime = STARTS, ends_at: datetime = ENDS) -> Span:
    return Span(budget_id=budget.pk, starts_at=starts_at, ends_at=ends_at)


def hold(amount: Decimal | int | str, *spans: Span, **words: Any) -> Hold:
    return Hold(
        attempt_id=words.pop("attempt_id", None) or uuid4(),
        number=words.pop("number", 1),
        backend="sandbox",
        tier="cloud",
        amount=Decimal(amount),
        price_id=None,
        lease_s=words.pop("lease_s", 15.0),
        counts=words.pop("counts", True),
        spans=spans,
    )


def settlement(attempt_id: UUID, cost: Decimal | int | str, **words: Any) -> Settlement:
    return Settlement(attempt_id=attempt_id, cost=Decimal(cost), **words)


def answered(**words: Any) -> Outcome:
    return Outcome(state="answered", status=200, tier="exact", backend="sandbox", **words)
