"""Publishes a scope's working copy as a version, in one step, and brings older ones back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from routing.models import Policy, PolicyState
from routing.publishing import checking, diff, drafts
from routing.publishing.errors import NotPublished, Unsound
from routing.publishing.values import NO_CONTENT, Content
from teams import audit
from teams.errors import Stale
from teams.values import Actor

NUMBERS = 4_021_975_301
"""The advisory lock under which a number is given: they rise in the order of the commits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What somebody who publishes says about it."""

    note: str = ""
    seen: int | None = None
    """The number in force that they looked at; None: they do not say."""


def standing(team_id: int | None) -> Policy | None:
    """What is in force in this scope."""
    rows = drafts.within(Policy.objects.filter(state=PolicyState.PUBLISHED), team_id)
    return rows.order_by("-number").first()


def number_standing(team_id: int | None) -> int:
    found = standing(team_id)
    return (found.number or 0) if found else 0


def publish(actor: Actor, team_id: int | None, asked: Asked) -> Policy:
    """Raises Stale where something else is in force by now, Unsound where there are mistakes."""
    with transaction.atomic():
        draft = drafts.locked(team_id)
        before = _unmoved(team_id, asked)
        content = drafts.content(team_id)
        wrong = tuple(each for each in checking.check(team_id, content) if each.is_error)
        if wrong:
            raise Unsound(wrong)
        _freeze(draft, content, before, by=actor.name)
        draft.note = asked.note
        draft.save()
        _record(actor, "publish", draft, before)
    return draft


def roll_back(actor: Actor, version: Policy, asked: Asked) -> Policy:
    """An old content becomes the newest version, and the working copy follows it."""
    if version.number is None:
        raise NotPublished
    with transaction.atomic():
        draft = drafts.locked(version.team_id)
        before = _unmoved(version.team_id, asked)
        _freeze(draft, version.content, before, by=actor.name)
        draft.note = asked.note or f"Version {version.number} again"
        draft.restores = version.number
        draft.save()
        drafts.replace(version.team_id, version.content)
        _record(actor, "rollback", draft, before)
    return draft


def content_of(policy: Policy) -> Content:
    """Of a draft, what its rows say this moment."""
    return policy.content if policy.number else drafts.content(policy.team_id)


def content_numbered(team_id: int | None, number: int | None) -> Content:
    """Nothing where there was no version yet."""
    found = drafts.within(Policy.objects.filter(number=number or 0), team_id).first()
    return found.content if found else NO_CONTENT


def _unmoved(team_id: int | None, asked: Asked) -> Policy | None:
    found = standing(team_id)
    if asked.seen is not None and asked.seen != ((found.number or 0) if found else 0):
        raise Stale
    return found


def _freeze(draft: Policy, content: Content, before: Policy | None, *, by: str) -> None:
    draft.number = _next_number()
    draft.state = PolicyState.PUBLISHED
    draft.content = dict(content)
    draft.based_on = before.number if before else None
    draft.published_at = datetime.now(UTC)
    draft.published_by = by


def _next_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NUMBERS])
    return int(Policy.objects.aggregate(last=Max("number"))["last"] or 0) + 1


def _record(actor: Actor, action: str, made: Policy, before: Policy | None) -> None:
    changes = diff.changes(before.content if before else NO_CONTENT, made.content)
    was = {"in_force": before.number if before else None}
    told: dict[str, Any] = {"in_force": made.number, "note": made.note, "restores": made.restores}
    told["changes"] = [f"{each.kind} {each.subject} {each.name}" for each in changes]
    audit.record(actor, action, made, before=was, after=told)
