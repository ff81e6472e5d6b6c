"""Backends as engines need them, secrets opened; only workers ask (web never sees a secret)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import Any, NamedTuple

import psycopg
import structlog
from django.conf import settings

from inference import secrets
from inference.words import EngineError, Failure, Target, Timeouts
from routing import connections, lookup, upstreams, versions
from routing.errors import Unavailable
from routing.keyrings import OWN, Key, Ring

log = structlog.get_logger(__name__)

CHECKED_FOR_S = 60.0
"""A name may come to mean another address: ask again this often. In between a connection may go
where nobody has looked; closing that gap too would take a resolver inside each engine."""


class _Known(NamedTuple):
    version: str
    target: Target
    checked_until: float
    ring: Ring


_known: dict[int, _Known] = {}


def aad(backend_name: str) -> str:
    """What a sealed secret is bound to: it opens for no other backend."""
    return f"routing_backend:{backend_name}"


async def find(backend_id: int, version: str) -> Target:
    known = _known.get(backend_id)
    try:
        if known is None or known.version != version:
            return await asyncio.to_thread(load, backend_id)
        if known.checked_until < time.monotonic():
            keys = known.ring.keys
            return await asyncio.to_thread(_remember, backend_id, version, known.target, keys)
        return known.target
    except (psycopg.Error, Unavailable) as error:
        raise EngineError(Failure.SERVER, "the backend's settings cannot be read now") from error
    except secrets.SecretUnreadableError as error:
        raise EngineError(
            Failure.KEY_PERMANENT, "the backend's key cannot be read: enter it again"
        ) from error


def load(backend_id: int) -> Target:
    row = lookup.target(connections.current(), backend_id)
    if row is None:
        raise EngineError(Failure.CLIENT, "this backend no longer exists")
    name, kind, model, api_base, sealed, timeouts, options, updated_at = row
    rows = lookup.keys(connections.current(), backend_id)
    target = Target(
        name=name,
        kind=kind,
        model=model,
        api_base=api_base,
        secret=_opened(sealed, name),
        timeouts=Timeouts(**timeouts),
        options=options,
    )
    keys = _keys(target, rows)
    usable = next((key.secret for key in keys if not key.is_refused), target.secret)
    version = versions.of(updated_at, (refused for *_, refused, _ in rows))
    return _remember(backend_id, version, replace(target, secret=usable), keys)


def _opened(sealed: str, name: str) -> str:
    return secrets.open_sealed(sealed, settings.SECRET_KEY, aad(name)) if sealed else ""


def _keys(target: Target, rows: list[tuple[Any, ...]]) -> tuple[Key, ...]:
    """The backend's own first; it is left out where only others are entered."""
    more = [
        Key(
            key_id=key_id,
            label=label or f"key {key_id}",
            secret=_opened(sealed, target.name),
            is_refused=refused_at is not None,
        )
        for key_id, label, sealed, refused_at, _ in rows
        if sealed
    ]
    refused = any(at is not None for _, _, sealed, at, _ in rows if not sealed)
    own = Key(key_id=OWN, label="own", secret=target.secret, is_refused=refused)
    return (own, *more) if target.secret or not more else tuple(more)


def ring(backend_id: int, target: Target) -> Ring:
    """The keys of a backend that `find` has just given."""
    known = _known.get(backend_id)
    own = Key(key_id=OWN, label="own", secret=target.secret)
    return Ring(keys=(own,)) if known is None else known.ring


def refuse(backend_id: int, key_id: int, why: str) -> None:
    """Its provider does not take this key: nobody uses it before somebody has mended it."""
    try:
        lookup.refuse(connections.current(), backend_id, key_id, why)
    except (psycopg.Error, Unavailable):
        connections.drop()
        log.warning("targets.refusal_unwritten", backend=backend_id, key=key_id)


def ours() -> list[Target]:
    """The enabled backends whose models local workers run, in the order in which they are loaded:
    the weightiest first. Embedders are not among them: they live in the web process.
    """
    found = []
    for backend_id in lookup.ours(connections.current()):
        with contextlib.suppress(EngineError):
            found.append(load(backend_id))
    return found


def _remember(backend_id: int, version: str, target: Target, keys: tuple[Key, ...]) -> Target:
    """Only after a look at what its address means now; one that is refused is not known."""
    allowed = settings.KORA_ALLOW_PRIVATE_UPSTREAMS
    if target.api_base and (wrong := upstreams.refusal(target.api_base, allowed=allowed)):
        _known.pop(backend_id, None)
        # Not the client's fault: the next backend is tried.
        raise EngineError(Failure.KEY_PERMANENT, wrong)
    before = _known.get(backend_id)
    held = before.ring.like(keys) if before else Ring(keys=()).like(keys)
    _known[backend_id] = _Known(version, target, time.monotonic() + CHECKED_FOR_S, held)
    return target
