"""One raw psycopg connection per thread for the hot path, renewed when it breaks."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
from django.db import connections

from routing.errors import Unavailable

_local = threading.local()


def current() -> psycopg.Connection[Any]:
    """This thread's connection, in autocommit: each statement is its own transaction."""
    known: psycopg.Connection[Any] | None = getattr(_local, "connection", None)
    if known is not None and not known.closed and not known.broken:
        return known
    _local.connection = fresh()
    opened: psycopg.Connection[Any] = _local.connection
    return opened


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
    known: psycopg.Connection[Any] | None = getattr(_local, "connection", None)
    if known is not None:
        known.close()
        _local.connection = None
