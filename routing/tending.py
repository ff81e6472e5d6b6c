"""What is done about breakers beside calls: health for the console, alerts, probes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import redis
import structlog
from django.conf import settings
from django.db import close_old_connections

from analytics import alerts
from analytics.models import Alert
from inference import secrets
from inference.words import EngineError, Target
from routing import allowances, probing, targets
from routing.failover import breakers, circuits
from routing.failover.circuits import Circuit
from routing.models import BREAKER, Backend, BackendKey, Health, HealthState, Kind
from teams.models import Organisation

log = structlog.get_logger(__name__)

ALERT_AFTER_S = 60.0
PROBE_S = 3.0
AT_ONCE = 16
ALIVE_BUT_SHUT = frozenset({401, 402, 403, 429})
NO_LIST = frozenset({404, 405, 501})
"""A provider that has no list of models: where money may be spent, that tells more."""
TURN = "kora:probe:"
"""Where Redis keeps that a probe was paid for a moment ago."""
Pay = Callable[[Backend], None]


def nobody(row: Backend) -> None:
    """Nobody pays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """A backend whose breaker is open, as it stands in Redis."""

    row: Backend
    raw: bytes
    circuit: Circuit


def tend(pay: Pay = nobody) -> int:
    """How many breakers are open. Safe to run twice: what is noted is what stands there.

    `pay` is asked to have a probe made that costs money, where none is to be had for nothing.
    """
    close_old_connections()
    rows = {row.pk: row for row in Backend.objects.filter(enabled=True).select_related("health")}
    with redis.Redis.from_url(settings.SERVICES.redis_url, socket_timeout=2.0) as client:
        now, found = _stored(client, rows)
        probed = asyncio.run(_probe_all([_target(each.row) for each in found]))
        for each, status in zip(found, probed, strict=True):
            if _must_be_paid(each.row, status):
                if _rests(each, now) and not client.exists(f"{TURN}{each.row.pk}"):
                    pay(each.row)
            elif status is not None:
                _tell(client, each, _answers(status), now)
    _note(rows, found)
    _warn(found, now)
    _warn_of_keys()
    return len(found)


def probe(backend_id: int) -> bool | None:
    """One probe that is paid, if it is still wanted. Safe to run twice: one of two is made."""
    close_old_connections()
    row = Backend.objects.filter(pk=backend_id, enabled=True).first()
    if row is None:
        return None
    with redis.Redis.from_url(settings.SERVICES.redis_url, socket_timeout=2.0) as client:
        now, found = _stored(client, {row.pk: row})
        if not (found and _rests(found[0], now) and _is_our_turn(client, found[0])):
            return None
        answered = probing.ask(row)
        if answered is not None:
            _tell(client, found[0], answered, now)
        return answered


def _must_be_paid(row: Backend, status: int | None) -> bool:
    """Nothing is to be had for nothing, and its operator gives something."""
    return (status is None or status in NO_LIST) and allowances.of(row.options) > 0


def _rests(each: Open, now: float) -> bool:
    """One that a real request may try, or is trying, is not asked for money."""
    return circuits.state(each.circuit, now) == circuits.OPEN and now >= each.circuit.trial_until


def _is_our_turn(client: redis.Redis, each: Open) -> bool:
    """No sooner after another than the breaker rests, nor beside one that still waits."""
    pause_s = max(each.circuit.open_s, probing.LEASE_S)
    return bool(client.set(f"{TURN}{each.row.pk}", "1", nx=True, px=int(pause_s * 1000)))


def _stored(client: redis.Redis, rows: dict[int, Backend]) -> tuple[float, list[Open]]:
    """Of backends that still are as they were when it opened."""
    seconds, micros = client.time()
    stored: Any = client.hgetall(breakers.KEY)
    read = [(int(name), raw, circuits.read(raw)) for name, raw in stored.items()]
    found = [
        Open(row=rows[backend_id], raw=raw, circuit=circuit)
        for backend_id, raw, circuit in read
        if circuit.is_open and backend_id in rows and _is_of(rows[backend_id], circuit)
    ]
    return seconds + micros / 1e6, found


def _is_of(row: Backend, circuit: Circuit) -> bool:
    return circuit.version.startswith(row.updated_at.isoformat())


def _note(rows: dict[int, Backend], found: list[Open]) -> None:
    """Written only where it says something else than before."""
    words = {each.row.pk: _words(each.circuit) for each in found}
    for pk, row in rows.items():
        health = getattr(row, "health", None)
        said = health.message if health else ""
        is_ours = said.startswith(BREAKER)
        if pk in words and words[pk] != said and (is_ours or not _fails(health)):
            _write(pk, HealthState.FAILING, words[pk])
        elif pk not in words and is_ours:
            _write(pk, HealthState.HEALTHY, "")


def _fails(health: Health | None) -> bool:
    return health is not None and health.state == HealthState.FAILING


def _write(backend_id: int, state: HealthState, message: str) -> None:
    said = {"state": state, "message": message, "checked_at": datetime.now(UTC)}
    Health.objects.update_or_create(backend_id=backend_id, defaults=said)


def _words(circuit: Circuit) -> str:
    if circuit.why == "key_permanent":
        return f"{BREAKER}open: its provider refuses its keys. Enter another or forgive one."
    return f"{BREAKER}open after failures ({circuit.why}); a request tries it from time to time."


def _warn(found: list[Open], now: float) -> None:
    """Once for each time that it fails for longer than a minute; over when it is well."""
    late = {f"backend:{e.row.pk}:{e.circuit.opened_at:.0f}": e for e in found}
    for key, each in late.items():
        open_s = now - each.circuit.opened_at
        if open_s > ALERT_AFTER_S:
            title = f"The backend {each.row.name} has been failing for more than a minute"
            _raise(key, title, {"backend": each.row.name, "why": each.circuit.why}, "critical")
    for key in _standing("backend:"):
        if key.rpartition(":")[0] not in late:
            alerts.resolve(key)


def _warn_of_keys() -> None:
    refused = BackendKey.objects.filter(refused_at__isnull=False, enabled=True)
    refused = refused.select_related("backend")
    known = {f"provider-key:{row.pk}:{_when(row)}": row for row in refused}
    for key, row in known.items():
        label = row.label or ("its own key" if not row.secret_sealed else f"key {row.pk}")
        title = f"The provider of {row.backend.name} refuses a key ({label})"
        _raise(key, title, {"backend": row.backend.name, "why": row.refusal}, "warning")
    for key in _standing("provider-key:"):
        if key.rpartition(":")[0] not in known:
            alerts.resolve(key)


def _when(row: BackendKey) -> str:
    return f"{row.refused_at:%Y%m%d%H%M%S}"


def _raise(key: str, title: str, body: dict[str, Any], severity: str) -> None:
    """To every organisation: all of them share the backends."""
    for organisation_id in Organisation.objects.values_list("pk", flat=True):
        alerts.raise_alert(
            organisation_id=organisation_id,
            team_id=None,
            kind="backend",
            key=f"{key}:{organisation_id}",
            severity=severity,
            title=title,
            body=body,
        )


def _standing(begins: str) -> list[str]:
    open_ones = Alert.objects.filter(kind="backend", resolved_at=None, key__startswith=begins)
    return list(open_ones.values_list("key", flat=True))


def _target(row: Backend) -> Target | None:
    """None where there is nothing to ask that costs nothing."""
    if row.kind != Kind.OPENAI_COMPATIBLE:
        return None
    try:
        return targets.load(row.pk)
    except (EngineError, secrets.SecretUnreadableError):
        return None


def _answers(status: int) -> bool:
    return 0 < status < 500 and status not in ALIVE_BUT_SHUT


async def _probe_all(found: list[Target | None]) -> list[int | None]:
    """What asking for their lists of models comes to; one that is slow holds up nobody else's."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession(trust_env=False) as session:

        async def one(target: Target | None) -> int | None:
            if target is None:
                return None
            async with gate:
                return await _asked(session, target)

        return await asyncio.gather(*(one(target) for target in found))


async def _asked(session: aiohttp.ClientSession, target: Target) -> int:
    """0 when no answer came."""
    headers = {"Authorization": f"Bearer {target.secret}"} if target.secret else {}
    place = f"{target.api_base.rstrip('/')}/models"
    try:
        async with (
            asyncio.timeout(PROBE_S),
            session.get(place, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        return 0


def _tell(client: redis.Redis, each: Open, answered: bool, now: float) -> None:
    """Unless something else has become of it in the meantime."""
    change = circuits.promising if answered else circuits.hopeless
    after = circuits.write(change(each.circuit, now))
    if after != each.raw:
        client.eval(breakers.SWAP, 1, breakers.KEY, str(each.row.pk), each.raw, after)
