"""What the background worker does for the book, on its schedule."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from celery import shared_task
from django.conf import settings
from django.db import connection as django_connection

from analytics import ledger, outlooks, reports
from analytics.alerts import delivering, watching
from analytics.lookup import Connection

OPEN_GRACE_S = 60
"""How long after its deadline a request that nobody ended is given up."""

DELIVERING_S = 30

BEAT: dict[str, dict[str, Any]] = {
    "sweep the book": {
        "task": "analytics.tasks.sweep",
        "schedule": 10.0,
        # A sweep that waited longer than this has a younger one behind it.
        "options": {"queue": "background", "expires": 10.0},
    },
    "watch the budgets": {
        "task": "analytics.tasks.watch_budgets",
        "schedule": 15.0,
        "options": {"queue": "background", "expires": 15.0},
    },
    "look ahead": {
        "task": "analytics.tasks.look_ahead",
        "schedule": 30.0,
        "options": {"queue": "background", "expires": 30.0},
    },
    "deliver alerts": {
        "task": "analytics.tasks.deliver_alerts",
        "schedule": 5.0,
        "options": {"queue": "background", "expires": 5.0},
    },
}


@shared_task(name="analytics.tasks.sweep")  # type: ignore[no-untyped-call, untyped-decorator]
def sweep() -> None:
    with connect() as connection:
        ledger.sweep(
            connection,
            open_limit_s=settings.KORA_DEADLINE_S + OPEN_GRACE_S,
            lease_s=settings.KORA_LEASE_S,
        )


@shared_task(name="analytics.tasks.watch_budgets")  # type: ignore[no-untyped-call, untyped-decorator]
def watch_budgets() -> None:
    watching.watch(datetime.now(UTC))


@shared_task(name="analytics.tasks.look_ahead")  # type: ignore[no-untyped-call, untyped-decorator]
def look_ahead() -> None:
    """Where budgets are heading, and from where paced ones are steered."""
    outlooks.look(reports.budget_terms(), datetime.now(UTC))


@shared_task(name="analytics.tasks.deliver_alerts")  # type: ignore[no-untyped-call, untyped-decorator]
def deliver_alerts() -> None:
    """All that is due, unless that takes longer than this task may hold its thread."""
    until = time.monotonic() + DELIVERING_S
    while delivering.deliver() and time.monotonic() < until:
        pass


@contextmanager
def connect() -> Iterator[Connection]:
    """A connection as the verbs want it, to the database that Django uses."""
    words = dict(django_connection.get_connection_params())
    for django_only in ("cursor_factory", "context", "server_side_binding"):
        words.pop(django_only, None)
    with psycopg.connect(**{**words, "autocommit": True}) as connection:
        yield connection
