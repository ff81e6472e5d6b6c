"""Finding requests: filters out of an address, newest first, a page at a time by key."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db.models import Q, QuerySet

from analytics import charts, figures
from analytics.models import Exchange

PAGE = 50
PLAIN = {
    "backend": "backend",
    "state": "state",
    "model": "model_asked__istartswith",
}
LIST_FIELDS = (
    "id",
    "at",
    "team_name",
    "key_name",
    "key_public",
    "model_asked",
    "backend",
    "tier",
    "state",
    "status",
    "error_code",
    "attempts",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "estimated",
    "cost",
    "saved",
    "first_content_ms",
    "total_ms",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    rows: list[Exchange] = field(default_factory=list)
    older: str = ""
    """The cursor of the next page; empty on the last."""


def narrowed(rows: QuerySet[Exchange], asked: Mapping[str, str]) -> QuerySet[Exchange]:
    for name, lookup in PLAIN.items():
        if asked.get(name):
            rows = rows.filter(**{lookup: asked[name]})
    if asked.get("tier"):
        rows = answered_by(rows, asked["tier"])
    if asked.get("key"):
        rows = rows.filter(Q(key_name=asked["key"]) | Q(key_public=asked["key"]))
    if asked.get("q"):
        rows = with_id(rows, asked["q"])
    return rows


def answered_by(rows: QuerySet[Exchange], tier: str) -> QuerySet[Exchange]:
    """A tier that was tried and failed did not answer."""
    if tier == charts.UNANSWERED:
        return rows.filter(figures.FAILED | Q(tier=""))
    return rows.filter(tier=tier).exclude(figures.FAILED)


def with_id(rows: QuerySet[Exchange], text: str) -> QuerySet[Exchange]:
    """By an id or its beginning: a range of the primary key, not a search through text."""
    digits = text.strip().lower().replace("-", "")
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        return rows.none()
    lowest, highest = uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
    return rows.filter(id__gte=lowest, id__lte=highest)


def page(rows: QuerySet[Exchange], cursor: str) -> Page:
    """One query however deep the page lies."""
    found = list(_after(rows, cursor).only(*LIST_FIELDS).order_by("-at", "-id")[: PAGE + 1])
    older = cursor_of(found[PAGE - 1]) if len(found) > PAGE else ""
    return Page(rows=found[:PAGE], older=older)


def cursor_of(row: Exchange) -> str:
    return f"{row.at.isoformat()}~{row.id}"


def _after(rows: QuerySet[Exchange], cursor: str) -> QuerySet[Exchange]:
    moment, _, identity = cursor.partition("~")
    try:
        at, last = datetime.fromisoformat(moment), uuid.UUID(identity)
        sortable = at.tzinfo is not None and at.astimezone(UTC)
    except (ValueError, OverflowError):
        return rows
    if not sortable:
        return rows
    return rows.filter(at__lte=at).exclude(at=at, id__gte=last)
