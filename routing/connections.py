"""One raw psycopg connection per thread for the hot path, renewed when it breaks."""

from __future__ import annotations

import select
import threading
import time
from typing import Any

import psycopg
from django.db import InterfaceError, OperationalError, connections

from routing.errors import Unavailable

LOST = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    OperationalError,
    InterfaceError,
)
"""Postgres being away, in psycopg's words and in Django's."""
REST_S = 0.1
"""A connection used a moment ago is taken for alive: asking would cost each request the GIL."""
_local = threading.local()


def current() -> psycopg.Connection[Any]:
    """This thread's connection, in autocommit: each statement is its own transaction."""
    hear()
    known: psycopg.Connection[Any] | None = getattr(_local, "connection", None)
    if known is None:
        known = _local.connection = fresh()
        _local.used_at = time.monotonic()
    return known


def hear() -> None:
    """Lets go of this thread's connections if Postgres ended them while they rested; opens none."""
    known: psycopg.Connection[Any] | None = getattr(_local, "connection", None)
    if known is None:
        return
    now = time.monotonic()
    rested, _local.used_at = now - _local.used_at > REST_S, now
    if known.closed or known.broken or (rested and _has_news(known)):
        drop()


def _has_news(known: psycopg.Connection[Any]) -> bool:
    """Nothing comes to an idle connection but the news that Postgres has ended it."""
    poll = select.poll()
    poll.register(known.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def fresh() -> psycopg.Connection[Any]:
    params = dict(connections["default"].get_connection_params())
    for django_only in ("cursor_factory", "context", "server_side_binding"):
        params.pop(django_only, None)
    params.update(autocommit=True, prepare_threshold=0, connect_timeout=3)
    try:
        return psycopg.connect(**params)
    except psycopg.OperationalError as error:
        raise Unavailable("postgres") from error


def drop() -> None:
    """Django's own for this thread as well: it would never notice, outside of its requests."""
    connections["default"].close()
    known: psycopg.Connection[Any] | None = getattr(_local, "connection", None)
    if known is not None:
        known.close()
        _local.connection = None
