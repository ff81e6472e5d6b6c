"""Backends as engines need them, secrets opened; only workers ask (web never sees a secret)."""

from __future__ import annotations

import asyncio

import psycopg
from django.conf import settings

from inference import secrets
from inference.words import EngineError, Failure, Target, Timeouts
from routing import connections, lookup
from routing.errors import Unavailable

_known: dict[int, tuple[str, Target]] = {}


def aad(backend_name: str) -> str:
    """What a sealed secret is bound to: it opens for no other backend."""
    return f"routing_backend:{backend_name}"


async def find(backend_id: int, version: str) -> Target:
    known = _known.get(backend_id)
    if known is not None and known[0] == version:
        return known[1]
    try:
        return await asyncio.to_thread(load, backend_id)
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
    target = Target(
        name=name,
        kind=kind,
        model=model,
        api_base=api_base,
        secret=secrets.open_sealed(sealed, settings.SECRET_KEY, aad(name)) if sealed else "",
        timeouts=Timeouts(**timeouts),
        options=options,
    )
    _known[backend_id] = (updated_at.isoformat(), target)
    return target
