"""What a key holder can ask without asking a model: models, a decision, a receipt."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from analytics import booked
from analytics.models import Exchange, LedgerRow
from caching.values import Match, NoMatch
from routing import (
    answers,
    cascading,
    catalog,
    expecting,
    questions,
    recognising,
    replies,
    ruled,
    semantics,
    stages,
)
from routing.errors import ModelNotFound, NotFound
from routing.models import Idempotent
from routing.policy import deciding
from routing.policy.values import VIRTUAL
from routing.replies import Reply
from routing.signals import houses
from routing.way import Incoming, Room, Way
from teams.models import ApiKey

BEGINNING = 1_700_000_000
"""`created` of models that have no date of their own."""


def models(incoming: Incoming, room: Room) -> Reply:
    del room
    caller = stages.authenticate(incoming)
    known = catalog.current()
    concrete = [b for b in known.backends if caller.may_use(b.name)]
    usable = {backend.model for backend in concrete}
    shared = [m for m in known.shared_models() if caller.may_use(m) or m in usable]
    aliases = catalog.current().policy(caller.team_id).terms.aliases
    listed = [_model(name, "kora") for name in (*VIRTUAL, *sorted(aliases))]
    listed += [_model(backend.name, backend.kind) for backend in concrete]
    listed += [_model(name, "kora") for name in shared]
    return _json({"object": "list", "data": listed})


def model(incoming: Incoming, room: Room, name: str) -> Reply:
    found = orjson.loads(models(incoming, room).body)["data"]
    for each in found:
        if each["id"] == name:
            return _json(each)
    raise ModelNotFound(
        f"The model '{name}' does not exist or this key may not use it.", param="model"
    )


def _model(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": BEGINNING, "owned_by": owner}


def route(incoming: Incoming, room: Room) -> Reply:
    """The decision that this request would get now, and why; nothing is run, held or stored."""
    way = Way(incoming=incoming, draw=deciding.GREEDY)
    clock = way.clock
    way.known_caller = clock("authenticate", stages.authenticate, incoming)
    way.known_standing = catalog.current().policy(way.caller.team_id)
    understand(way)
    clock("guard", stages.guard, way, room)
    return _json(decided(way))


def understand(way: Way) -> None:
    clock, came = way.clock, way.incoming
    way.known_prompt = clock("parse", questions.parse, came.raw, came.headers)
    way.fingerprint = clock("fingerprint", stages.fingerprint, way.prompt)
    way.known_signals = clock("signals", houses.read, way.prompt)


def decided(way: Way) -> dict[str, Any]:
    """By whatever policy stands on the way: a draft's, where somebody tries one out."""
    clock = way.clock
    clock("question", semantics.place, way)
    said = clock("rules", ruled.judge, way)
    if said is not None:
        return {**_served(said), **about(way)}
    for tier, look in (("exact", stages.exact), ("semantic", stages.semantic)):
        found = clock(tier, look, way)
        if not isinstance(found, NoMatch):
            return {**_served(found), **about(way)}
        way.misses[tier] = found.reason
    return {**_choice(way), **about(way)}


def _served(found: Match) -> dict[str, Any]:
    chosen = {"tier": found.tier, "backend": found.backend, "reason": found.reason}
    return {**chosen, "expected_cost": "0", "fallbacks": []}


def _choice(way: Way) -> dict[str, Any]:
    way.clock("intent", recognising.look, way)
    way.clock("expect", expecting.look, way)
    decision = way.clock("decide", stages.choose, way)
    decision = way.clock("cascade", cascading.plan, way, decision)
    first = decision.order[0]
    return {
        "tier": first.backend.tier,
        "backend": first.backend.name,
        "reason": decision.reason,
        "expected_cost": answers.usd(Decimal(first.cost)),
        "worst_case": answers.usd(first.worst_case),
        "fallbacks": [candidate.backend.name for candidate in decision.order[1:]],
    }


def about(way: Way) -> dict[str, Any]:
    return {"object": "kora.route", "policy": way.policy, "receipt": way.receipt()}


def receipt(incoming: Incoming, room: Room, request_id: str) -> Reply:
    """A request of the caller's own team; another team's does not exist for it."""
    del room
    caller = stages.authenticate(incoming)
    exchange = Exchange.objects.filter(pk=exchange_id(request_id), team_id=caller.team_id).first()
    if exchange is None:
        raise NotFound(f"There is no request '{request_id}'.")
    return _json(_as_json(exchange))


def exchange_id(text: str) -> UUID:
    """Of a request id or of an answer's `id`."""
    try:
        return UUID(text.removeprefix("chat").removeprefix("cmpl-"))
    except ValueError as error:
        raise NotFound(f"There is no request '{text}'.") from error


COLUMNS = (
    "state", "status", "error_code", "tier", "backend", "reason", "policy", "model_asked",
    "streamed", "prompt_tokens", "completion_tokens", "cached_tokens", "estimated",
    "overhead_ms", "first_content_ms", "total_ms", "tags", "session", "end_user",
)  # fmt: skip


def _as_json(exchange: Exchange) -> dict[str, Any]:
    rows = LedgerRow.objects.filter(exchange_id=exchange.pk).order_by("id")
    return {
        "id": str(exchange.pk),
        "object": "kora.request",
        "at": exchange.at.isoformat(),
        "team": exchange.team_name,
        "key": exchange.key_name,
        **{column: getattr(exchange, column) for column in COLUMNS},
        "cost": f"{exchange.cost:f}",
        "saved": f"{exchange.saved:f}",
        "attempts": exchange.attempts,
        "replays": _replays(exchange),
        "ledger": [
            {"kind": row.kind, "backend": row.backend, "cost": f"{row.cost:f}",
             "saved": f"{row.saved:f}", "compute_s": float(row.compute_s),
             "estimated": row.estimated, "unconfirmed": row.unconfirmed}
            for row in rows
        ],
        "receipt": booked.receipt(exchange),
    }  # fmt: skip


def _replays(exchange: Exchange) -> int:
    """How often its answer was given again under its `Idempotency-Key`, within a day."""
    asking = ApiKey.objects.filter(public=exchange.key_public).values("pk")
    kept = Idempotent.objects.filter(key_id__in=asking, exchange_id=exchange.pk)
    return kept.values_list("replays", flat=True).first() or 0


def _json(value: Any) -> Reply:
    return Reply(headers={"content-type": replies.JSON}, body=orjson.dumps(value))
