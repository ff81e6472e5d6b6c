"""Raising an alert once for its key, with a delivery for each channel that wants it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from analytics.promise_models import Alert, Channel, Delivery

KINDS = ("budget", "forecast", "sla", "backend")
"""What alerts are about, beside tests."""
TEST = "test"
"""The kind of an alert that somebody asked for to see whether it arrives; it is tried once."""


def raise_alert(
    *,
    organisation_id: int,
    team_id: int | None,
    kind: str,
    key: str,
    severity: str,
    title: str,
    body: Mapping[str, Any],
) -> bool:
    """True when it is news; from tasks only, never while a request waits.

    Noticed again, an alert keeps its deliveries and gets the newest words; a resolved one is open
    again, and nobody is told twice. What people should be told of anew needs another `key`: name
    the occurrence in it, such as the moment since when a backend fails.
    """
    words = {"severity": severity, "title": title, "body": dict(body)}
    whose = {"organisation_id": organisation_id, "team_id": team_id, "kind": kind}
    with transaction.atomic():
        alert, made = Alert.objects.get_or_create(key=key, defaults={**whose, **words})
        if made:
            _address(alert)
        else:
            Alert.objects.filter(pk=alert.pk).update(resolved_at=None, **words)
    return made


def resolve(key: str) -> bool:
    """True when it was open; its deliveries go on, because it did happen."""
    still = Alert.objects.filter(key=key, resolved_at=None)
    return still.update(resolved_at=Now()) > 0


def try_out(channel: Channel, by: str) -> Alert:
    """An alert for this channel alone, over as soon as it is raised; whether the channel is on or
    off, it is delivered once or not at all. While one waits, asking again changes nothing: nobody's
    letterbox is filled by pressing a button."""
    waiting = Alert.objects.filter(
        kind=TEST, deliveries__channel=channel, deliveries__state="waiting"
    )
    if before := waiting.first():
        return before
    with transaction.atomic():
        alert = Alert.objects.create(
            organisation_id=channel.organisation_id,
            team_id=channel.team_id,
            kind=TEST,
            severity="info",
            key=f"{TEST}:{channel.pk}:{uuid.uuid4()}",
            title=f"This is how alerts reach “{channel.name}”",
            body={"asked_for_by": by},
            resolved_at=Now(),
        )
        Delivery.objects.create(alert=alert, channel=channel)
    return alert


def wanting(alert: Alert) -> QuerySet[Channel]:
    """A team's alerts go to the team's channels and to those of all; what is nobody's in
    particular goes to the latter."""
    whose = Q(team=None)
    if alert.team_id is not None:
        whose |= Q(team_id=alert.team_id)
    wants = Q(kinds=[]) | Q(kinds__contains=[alert.kind])
    return Channel.objects.filter(whose, wants, organisation=alert.organisation_id, enabled=True)


def _address(alert: Alert) -> None:
    Delivery.objects.bulk_create(
        [Delivery(alert=alert, channel=channel) for channel in wanting(alert)]
    )
