"""Backends as engines need them, secrets opened; only workers ask (web never sees a secret)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import NamedTuple

import psycopg
from django.conf import settings

from inference import secrets
from inference.words import EngineError, Failure, Target, Timeouts
from routing import connections, lookup, upstreams
from routing.errors import Unavailable

CHECKED_FOR_S = 60.0
"""A name may come to mean another address: ask again this often. In between a connection may go
where nobody has looked; closing that gap too would take a resolver inside each engine."""


class _Known(NamedTuple):
    version: str
    target: Target
    checked_until: float


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
            return await asyncio.to_thread(_remember, backend_id, version, known.target)
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
    target = Target(
        name=name,
        kind=kind,
        model=model,
        api_base=api_base,
        secret=secrets.open_sealed(sealed, settings.SECRET_KEY, aad(name)) if sealed else "",
        timeouts=Timeouts(**timeouts),
        options=options,
    )
    return _remember(backend_id, updated_at.isoformat(), target)


def ours() -> list[Target]:
    """The enabled backends whose models local workers run, in the order in which they are loaded:
    the weightiest first. Embedders are not among them: they live in the web process.
    """
    found = []
    for backend_id in lookup.ours(connections.current()):
        with contextlib.suppress(EngineError):
            found.append(load(backend_id))
    return found


def _remember(backend_id: int, version: str, target: Target) -> Target:
    """Only after a look at what its address means now; one that is refused is not known."""
    allowed = settings.KORA_ALLOW_PRIVATE_UPSTREAMS
    if target.api_base and (wrong := upstreams.refusal(target.api_base, allowed=allowed)):
        _known.pop(backend_id, None)
        # Not the client's fault: the next backend is tried.
        raise EngineError(Failure.KEY_PERMANENT, wrong)
    _known[backend_id] = _Known(version, target, time.monotonic() + CHECKED_FOR_S)
    return target
