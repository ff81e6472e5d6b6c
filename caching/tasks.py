"""Upkeep of stored answers, in the background worker."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import structlog
from celery import shared_task
from django.db import InterfaceError, OperationalError

from caching import eviction, lookup
from caching.imports import importing
from caching.patterns import rounds
from caching.vectors import generations, index
from inference.words import EngineError

if TYPE_CHECKING:
    from caching.vectors.generations import Generation
    from caching.vectors.index import Connection
    from inference.embedding import Embedder

log = structlog.get_logger(__name__)
BATCH = 5_000
TURN_S = 20.0
"""How long filling goes on before other background work has its turn."""
REST_SHARE = 0.5
"""Of the time that a batch took, the pause after it: answers being made need the processor."""
BUILD_LIMIT_S = 4 * 3600
"""The graph of some million vectors takes longer than other work may."""
SWEEP_S = 3600.0
"""After so long everything is looked through again for questions without a vector."""

BEAT: dict[str, dict[str, Any]] = {
    "forget-expired-answers": {"task": "caching.tasks.forget_expired", "schedule": 300.0},
    "keep-answer-budgets": {
        "task": "caching.tasks.keep_budgets",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "keep-generations": {
        "task": "caching.tasks.keep_generations",
        "schedule": 30.0,
        "options": {"expires": 30.0},
    },
    "go-on-with-imports": {
        "task": "caching.tasks.go_on_with_imports",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "mine-patterns": {
        "task": "caching.tasks.mine_patterns",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "watch-patterns": {
        "task": "caching.tasks.watch_patterns",
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
}
BATCHES = 100
"""Of an import, before other background work has its turn."""
_turn = threading.Lock()
_embedder: Embedder | None = None
_after: dict[int, int] = {}
_swept_at: dict[int, float] = {}


@shared_task  # type: ignore[untyped-decorator]
def forget_expired() -> int:
    with lookup.connect() as connection:
        return lookup.forget_expired(connection, at_most=BATCH)


@shared_task  # type: ignore[untyped-decorator]
def keep_budgets() -> int:
    with lookup.connect() as connection:
        return eviction.keep_budgets(connection)


@shared_task(time_limit=BUILD_LIMIT_S)  # type: ignore[untyped-decorator,no-untyped-call]
def keep_generations() -> None:
    """Fills, switches and clears away; safe to be killed and to run twice."""
    if not _turn.acquire(blocking=False):
        return
    try:
        with lookup.connect() as connection:
            _keep(connection, _worker_embedder())
    except EngineError:
        return  # no model yet, or its server is away: the next turn tries again
    finally:
        _turn.release()


def _keep(connection: Connection, embedder: Embedder) -> None:
    generation = generations.begin(connection, embedder)
    # One that is being filled gets its graph at the end: it grows slower than it is built.
    if generation.state == "live":
        index.house().build(connection, generation.id)
    if _filled(connection, generation, embedder) and generation.state == "filling":
        generations.switch(connection, generation)
    generations.retire_unfinished(connection, generation)
    generations.drop_retired(connection)


def _filled(connection: Connection, generation: Generation, embedder: Embedder) -> bool:
    """Whether every stored question was looked at; ends with the turn if not."""
    ends_at = time.monotonic() + TURN_S
    _begin_sweep(generation.id)
    while time.monotonic() < ends_at:
        began = time.monotonic()
        last = generations.fill(
            connection, generation, embedder, after=_after.get(generation.id, 0)
        )
        if not last:
            return True
        _after[generation.id] = last
        time.sleep((time.monotonic() - began) * REST_SHARE)
    return False


def _begin_sweep(generation_id: int) -> None:
    """From the first entry on again now and then: a crash may have lost a vector anywhere."""
    now = time.monotonic()
    if now - _swept_at.get(generation_id, -SWEEP_S) >= SWEEP_S:
        _swept_at[generation_id] = now
        _after[generation_id] = 0


def _worker_embedder() -> Embedder:
    global _embedder
    if _embedder is None:
        _embedder = generations.open_embedder()
    return _embedder


@shared_task  # type: ignore[untyped-decorator]
def bring_in(import_id: int) -> None:
    """Safe to be killed and to run twice; what is left over has its own turn."""
    try:
        more = importing.carry_on(import_id, batches=BATCHES)
    except (OperationalError, InterfaceError):
        return  # nobody hears of it, so it is gone on with when Postgres is back
    except Exception:
        log.exception("import.crashed", import_id=import_id)
        importing.fail(import_id, "KORA failed at this file; the log of `background` has more.")
        return
    if more:
        bring_in.delay(import_id)
    else:
        keep_generations.delay()


@shared_task  # type: ignore[untyped-decorator]
def go_on_with_imports() -> None:
    for import_id in importing.standing_still():
        bring_in.delay(import_id)


@shared_task  # type: ignore[untyped-decorator]
def mine_patterns() -> None:
    """Team by team; who had no turn before the time was up begins the next run."""
    rounds.mine(turn_s=TURN_S)


@shared_task  # type: ignore[untyped-decorator]
def watch_patterns() -> None:
    rounds.watch()
