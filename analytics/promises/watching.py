"""The background's turn: counts what is due, says how each SLA stands, and tells people of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from analytics import alerts
from analytics.models import Sla, SlaState
from analytics.promises import burning, rolling
from analytics.promises.burning import FASTLY, Hour, Reached
from analytics.promises.rolling import Marking
from analytics.promises.values import WORDS, Promise

SEVERITY = {"fast": "critical", "slow": "warning"}


def run(now: datetime | None = None, marking: Marking = rolling.heard) -> int:
    """How many SLAs were looked at; one that another turn is looking at is left to that."""
    at = now or datetime.now(UTC)
    looked = 0
    for sla in Sla.objects.filter(enabled=True).select_related("team").order_by("pk"):
        SlaState.objects.get_or_create(sla=sla)
        with transaction.atomic():
            rows = SlaState.objects.select_for_update(skip_locked=True)
            state = rows.filter(sla=sla).first()
            if state is not None:
                look(sla, state, at, marking)
                looked += 1
    resolve_disabled()
    return looked


def look(sla: Sla, state: SlaState, now: datetime, marking: Marking = rolling.heard) -> None:
    promise = rolling.promise_of(sla)
    due = rolling.due(promise, state.rolled_to, now)
    rolling.roll(promise, due, marking)
    state.rolled_to = due[-1]
    known = rolling.hours([sla.pk], now - timedelta(days=promise.window_days + 1))[sla.pk]
    found = burning.reached(promise, known, now)
    _judge(sla, state, found, _lately(known, now))


def _lately(hours: list[Hour], now: datetime) -> int:
    begins = (now - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    return sum(hour.requests for hour in hours if hour.at >= begins)


def _judge(sla: Sla, state: SlaState, found: list[Reached], lately: int) -> None:
    promise, before = rolling.promise_of(sla), state.verdict
    state.verdict = burning.verdict(promise, found, lately=lately, before=before)
    state.targets = [each.as_json() for each in found]
    state.burning = list(burning.burning(found)) if state.verdict == FASTLY else []
    state.seen_at = datetime.now(UTC)
    if state.verdict != before:
        alerts.resolve(key(sla.pk, before, state.since))
        state.since = state.seen_at
    state.save()
    if state.verdict in SEVERITY:
        _tell(sla, state, promise)


def _tell(sla: Sla, state: SlaState, promise: Promise) -> None:
    missed = [each for each in state.targets if each["burn"]["1h" if state.burning else "3d"] > 1]
    which = ", ".join(WORDS[each["target"]] for each in missed) or "its targets"
    pace = "fast" if state.verdict == FASTLY else "faster than allowed"
    alerts.raise_alert(
        organisation_id=sla.team.organisation_id,
        team_id=sla.team_id,
        kind="sla",
        key=key(sla.pk, state.verdict, state.since),
        severity=SEVERITY[state.verdict],
        title=f"SLA '{sla.name}' of team {sla.team.name} burns its error budget {pace}: {which}",
        body=_body(sla, state, promise),
    )


def _body(sla: Sla, state: SlaState, promise: Promise) -> dict[str, Any]:
    return {
        "sla": sla.name,
        "sla_id": sla.pk,
        "team": sla.team.name,
        "route": promise.route or "all requests",
        "verdict": state.verdict,
        "since": state.since.isoformat(),
        "stricter_routing": promise.stricter and state.verdict == FASTLY,
        "targets": state.targets,
    }


def key(sla_id: int, verdict: str, since: datetime) -> str:
    """A new occurrence is a new alert."""
    return f"sla:{sla_id}:{verdict}:{since:%Y%m%dT%H%M%S}"


def resolve_disabled() -> None:
    """What is switched off burns nothing any more."""
    off = SlaState.objects.filter(sla__enabled=False).exclude(verdict=burning.CALMLY)
    for state in off:
        alerts.resolve(key(state.sla_id, state.verdict, state.since))
    off.update(verdict=burning.CALMLY, burning=[])


def forget(sla: Sla) -> None:
    """Its targets are others now, so what was counted is counted anew."""
    sla.hours.all().delete()
    SlaState.objects.filter(sla=sla).update(rolled_to=None)
