"""Requests that were given up for lost, and whose worker has kept the answer all the same."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from analytics import ledger
from analytics.models import Exchange, ExchangeState
from analytics.values import Origin, Outcome
from routing import connections

TOLD = {"idempotent": "its web process died; the worker kept the answer for who asks again"}
FOUND: LiteralString = """
SELECT i.exchange_id, i.headers FROM routing_idempotent i
  JOIN analytics_exchange e ON e.id = i.exchange_id
 WHERE i.state = 'answered' AND i.created_at > now() - interval '1 hour' AND e.state = 'lost'
 LIMIT 1000
"""


def own_up() -> int:
    """How many receipts now say what became of their request."""
    found = dict(connections.current().execute(FOUND).fetchall())
    lost = Exchange.objects.filter(pk__in=found, state=ExchangeState.LOST)
    return sum(_closed(each, found[each.pk]) for each in lost)


def _closed(lost: Exchange, headers: dict[str, str]) -> bool:
    outcome = Outcome(
        state=ExchangeState.ANSWERED.value,
        status=200,
        tier=headers.get("x-kora-tier", ""),
        backend=headers.get("x-kora-backend", ""),
        reason=headers.get("x-kora-reason", ""),
        attempts=int(headers.get("x-kora-attempts", 0)),
        receipt={**lost.receipt, **TOLD},
    )
    return ledger.close(connections.current(), _origin(lost, lost.pk), outcome)


def _origin(lost: Exchange, exchange_id: UUID) -> Origin:
    return Origin(
        exchange_id=exchange_id,
        at=lost.at,
        team_id=lost.team_id,
        team=lost.team_name,
        key_public=lost.key_public,
        key_name=lost.key_name,
        model_asked=lost.model_asked,
        streamed=lost.streamed,
        policy=lost.policy,
        end_user=lost.end_user,
        session=lost.session,
        tags=lost.tags,
    )
