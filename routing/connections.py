"""One raw psycopg connection per thread for the hot path, renewed when it breaks."""

from __future__ import annotations

import select
import threading
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
_local = threading.local()


def current() -> psycopg.Connection[Any]:
    """This thread's connection, in autocommit: each statement is its own transaction."""
    known: psycopg.Connection[Any] | None = getattr(_local, "connection", None)
    if known is not None:
        if not known.closed and not known.broken and _is_silent(known):
            return known
        drop()
    _local.connection = fresh()
    opened: psycopg.Connection[Any] = _local.connection
    return opened


def _is_silent(known: psycopg.Connection[Any]) -> bool:
    """Nothing comes to an idle connection but the news that Postgres has ended it."""
    poll = select.poll()
    poll.register(known.fileno(), select.POLLIN)
    return not poll.poll(0)


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
