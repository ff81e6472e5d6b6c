"""Whether patterns still hold: live comparisons, receipts, complaints, and what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from django.db import transaction
from django.db.models import Count, F, Max, Q, Sum

from analytics.models import Exchange
from caching import terms
from caching.judge import comparing
from caching.models import Pattern, PatternCheck, PatternState
from caching.patterns import lifecycle, serving, steps
from caching.patterns.lifecycle import Life
from caching.terms import Agreed
from caching.values import Terms

MOST = 1_000
"""Comparisons that one run decides."""
SETTLED_S = 10.0
"""A receipt is in the book this long after its request at the latest."""
KNOWN_S = 2.0
"""After so long every web process knows that a pattern was taken back."""
KEPT_DAYS = 30
LONGEST = 8_000

# A comparison lost in a crash is one of many, so nobody waits for the disk.
NOTE = """
WITH quickly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO caching_patterncheck (pattern_id, exchange_id, said, heard, "right", judged_by)
SELECT p.id, %s::uuid, %s, %s, %s::boolean, %s FROM quickly, caching_pattern p WHERE p.id = %s
ON CONFLICT DO NOTHING
"""


def note(
    connection: psycopg.Connection[Any],
    pattern_id: int,
    exchange_id: UUID,
    *,
    said: str,
    heard: str,
) -> None:
    """What a pattern would have said beside what was answered. Where the words differ the pattern
    is looked at now: until somebody does, it goes on serving what may be wrong."""
    same = comparing.same(said, heard)
    words = ("", "") if same else (said[:LONGEST], heard[:LONGEST])
    connection.execute(
        NOTE,
        (exchange_id, *words, True if same else None, "equal" if same else "", pattern_id),
    )
    if not same:
        decide()
        _look(pattern_id)


def complain(pattern_id: int) -> bool:
    """Somebody says that an answer of this pattern is wrong; False if there is no such pattern."""
    rows = Pattern.objects.filter(pk=pattern_id)
    if not rows.update(complaints=F("complaints") + 1):
        return False
    _look(pattern_id)
    return True


def _look(pattern_id: int) -> None:
    """Served is counted first: what complaints are a share of."""
    pattern = Pattern.objects.get(pk=pattern_id)
    _count(pattern, datetime.now(UTC) - timedelta(seconds=SETTLED_S))
    pattern.refresh_from_db()
    _move(pattern, terms.load().get(pattern.team_id, terms.UNSET))


def decide() -> int:
    """Compares what is left; what nobody can tell counts as wrong."""
    undecided = PatternCheck.objects.filter(right=None).order_by("id")[:MOST]
    decided = 0
    for check in undecided:
        right, by = comparing.equal(check.said, check.heard)
        rows = PatternCheck.objects.filter(pk=check.pk, right=None)
        decided += rows.update(right=right, judged_by=by, said="", heard="")
    old = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
    PatternCheck.objects.filter(at__lt=old).delete()
    return decided


def count(team_id: int) -> None:
    """What each pattern served, saved and how its hints ended, from receipts, each counted once."""
    until = datetime.now(UTC) - timedelta(seconds=SETTLED_S)
    for pattern in Pattern.objects.filter(served_of_late(), team_id=team_id):
        _count(pattern, until)


def served_of_late() -> Q:
    """What stands, and what was taken back with receipts that nobody has counted yet."""
    stopped = F("changed_at") + timedelta(seconds=KNOWN_S)
    uncounted = Q(counted_until=None) | Q(counted_until__lt=stopped)
    return Q(state__in=lifecycle.STANDING) | uncounted & ~Q(state=PatternState.PROPOSED)


def _count(pattern: Pattern, until: datetime) -> None:
    since = pattern.counted_until or pattern.created_at
    if since >= until:
        return
    its = Exchange.objects.filter(
        team_id=pattern.team_id, at__gte=since, at__lt=until, receipt__pattern__id=pattern.pk
    )
    reason = f"pattern:{pattern.name}"
    told = its.aggregate(
        served=Count("id", filter=Q(reason=reason)),
        saved=Sum("saved", filter=Q(reason=reason)),
        seen=Max("at"),
    )
    changes: dict[str, Any] = {"served": F("served") + told["served"], "counted_until": until}
    if told["saved"]:
        changes["saved_usd"] = F("saved_usd") + told["saved"]
    if told["seen"]:
        changes["seen_at"] = told["seen"]
    with transaction.atomic():
        rows = Pattern.objects.filter(pk=pattern.pk, counted_until=pattern.counted_until)
        if rows.update(**changes) and pattern.action in serving.HINTING:
            _check_hints(pattern, its, reason)


def _check_hints(pattern: Pattern, its: Any, reason: str) -> None:
    """A hint was right where its backend answered, wrong where that failed or was not enough."""
    ended = its.filter(state__in=("answered", "failed")).values_list("id", "state", "reason")
    PatternCheck.objects.bulk_create(
        [
            PatternCheck(
                pattern=pattern,
                exchange_id=exchange,
                right=state == "answered" and because == reason,
                judged_by="outcome",
            )
            for exchange, state, because in ended[: 10 * MOST]
        ],
        ignore_conflicts=True,
    )


def move(team_id: int) -> int:
    """Carries out what is due for a team's patterns; how many moved."""
    agreed = terms.load().get(team_id, terms.UNSET)
    over = (PatternState.REJECTED, PatternState.ROLLED_BACK, PatternState.DECAYED)
    moved = 0
    for pattern in Pattern.objects.filter(team_id=team_id).exclude(state__in=over):
        moved += _move(pattern, agreed)
    return moved


def _move(pattern: Pattern, agreed: Agreed) -> bool:
    tally(pattern)
    due = lifecycle.due(_life(pattern, agreed.at(pattern.recipe.get("asked", ""))))
    return due is not None and steps.carry_out(pattern, due)


def tally(pattern: Pattern) -> None:
    """Rights and wrongs are what the comparisons say; they can be counted again at any time."""
    told = pattern.checks.aggregate(
        rights=Count("id", filter=Q(right=True)), wrongs=Count("id", filter=Q(right=False))
    )
    Pattern.objects.filter(pk=pattern.pk).update(**told)
    pattern.rights, pattern.wrongs = told["rights"], told["wrongs"]


def _life(pattern: Pattern, own: Terms) -> Life:
    decided = pattern.checks.exclude(right=None).order_by("-id")
    newest = decided.values_list("right", flat=True)[: max(lifecycle.DRIFT_LOOKS)]
    told = pattern.evidence.get("held_out") or pattern.evidence.get("good") or {}
    return Life(
        state=pattern.state,
        action=pattern.action,
        rights=int(pattern.rights),
        wrongs=int(pattern.wrongs),
        newest=[bool(each) for each in newest],
        complaints=pattern.complaints,
        served=pattern.served,
        low=told.get("low", 0.0),
        unseen_days=(datetime.now(UTC) - pattern.seen_at).total_seconds() / 86_400,
        epsilon=own.epsilon if pattern.action in serving.ANSWERING else lifecycle.HINT_EPSILON,
        automatic=own.automatic_patterns,
    )
