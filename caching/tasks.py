"""Upkeep of stored answers, in the background worker."""

from __future__ import annotations

from celery import shared_task
from django.db import connection

from caching import lookup

BATCH = 5_000
BEAT = {"forget-expired-answers": {"task": "caching.tasks.forget_expired", "schedule": 300.0}}


@shared_task(queue="background")  # type: ignore[untyped-decorator,no-untyped-call]
def forget_expired() -> int:
    connection.ensure_connection()
    return lookup.forget_expired(connection.connection, at_most=BATCH)
