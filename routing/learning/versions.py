"""Versions of what was learned: which is in force, and how one is taken back."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import QuerySet

from routing.models import RouterMind


def in_force() -> RouterMind | None:
    return light().filter(withdrawn_at=None).first()


def light() -> QuerySet[RouterMind]:
    """Without what only machines read, newest first."""
    return RouterMind.objects.defer("weights", "evidence").order_by("-id")


def withdraw(version: int, by: str) -> list[int]:
    """It and every later one, for those were learned on top of it; what was in force before is so
    again, within a second in every web process, and learning goes on from there."""
    standing = RouterMind.objects.filter(pk__gte=version, withdrawn_at=None)
    numbers = sorted(standing.values_list("pk", flat=True))
    standing.filter(pk__in=numbers).update(withdrawn_at=datetime.now(UTC), withdrawn_by=by)
    return numbers
