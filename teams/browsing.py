"""What the console's pages about people list: keys, members, audit rows."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from teams.models import ApiKey, AuditRow, Membership, Team
from teams.values import Actor

PAGE = 50
MANY = 500
AUDIT_FILTERS = ("actor", "action", "subject", "subject_id", "team", "since")
SPANS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Rows, and the cursor that leads to older ones (empty at the end)."""

    rows: list[AuditRow]
    older: str


def mine(rows: QuerySet[Any], actor: Actor, team: str = "") -> QuerySet[Any]:
    """Rows of the teams the actor sees, or of the one chosen among them."""
    seen = rows if actor.operates else rows.filter(team_id__in=actor.team_ids)
    return seen.filter(team__name=team) if team else seen


def keys(actor: Actor, team: str = "") -> QuerySet[ApiKey]:
    return mine(ApiKey.objects.select_related("team", "use"), actor, team)


def teams(actor: Actor) -> QuerySet[Team]:
    every = Team.objects.order_by("name")
    return every if actor.operates else every.filter(pk__in=actor.team_ids)


def memberships(actor: Actor, team: str = "") -> QuerySet[Membership]:
    rows = Membership.objects.select_related("team", "member")
    return mine(rows.order_by("team__name", "member__email"), actor, team)


def audit(actor: Actor, asked: Mapping[str, str]) -> Page:
    rows = mine(AuditRow.objects.select_related("team"), actor, asked.get("team", ""))
    for name in ("action", "subject", "subject_id"):
        if asked.get(name):
            rows = rows.filter(**{name: asked[name]})
    if asked.get("actor"):
        rows = rows.filter(actor__icontains=asked["actor"])
    if span := SPANS.get(asked.get("since", "")):
        rows = rows.filter(at__gte=datetime.now(UTC) - span)
    return _page(_older_than(rows, asked.get("cursor", "")))


def _older_than(rows: QuerySet[AuditRow], cursor: str) -> QuerySet[AuditRow]:
    """A cursor is the id of the last row seen; one that says nothing is the beginning."""
    try:
        last = rows.filter(pk=uuid.UUID(cursor)).first()
    except ValueError:
        last = None
    return rows.filter(Q(at__lt=last.at) | Q(at=last.at, id__lt=last.pk)) if last else rows


def _page(rows: QuerySet[AuditRow]) -> Page:
    found = list(rows[: PAGE + 1])
    return Page(rows=found[:PAGE], older=str(found[PAGE - 1].pk) if len(found) > PAGE else "")
