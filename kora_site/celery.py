"""Celery: background work by beat, and the workers inside which calls are carried out."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kora_site.settings")

app: Any = Celery("kora")  # type: ignore[no-untyped-call]
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_finalize.connect  # type: ignore[untyped-decorator]
def _schedule(sender: Celery, **_: object) -> None:
    from analytics.tasks import BEAT as BOOK
    from caching.tasks import BEAT as ANSWERS
    from routing.tasks import BEAT as SERVERS

    sender.conf.beat_schedule = {**BOOK, **ANSWERS, **SERVERS}


@app.on_after_configure.connect  # type: ignore[untyped-decorator]
def _open_engine_room(sender: Celery, **_: object) -> None:
    """Only in a process started as a worker of `cloud` or `local` (KORA_WORKER names it)."""
    from kora_site import environment

    queue = environment.worker_queue()
    if queue in {"cloud", "local"}:
        from routing.worker import EngineRoomStep

        sender.steps["worker"].add(EngineRoomStep)
