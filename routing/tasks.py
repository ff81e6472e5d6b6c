"""What workers do about backends beside carrying calls: try one, and say how it went."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import Any

import redis
import structlog
from celery import shared_task
from django import db
from kombu.exceptions import OperationalError

from analytics.promises import predictions, watching
from inference import embedding, engines, secrets
from inference.words import Call, EngineError, Target
from routing import (
    comparisons,
    connections,
    embedders,
    endpoints,
    engine_room,
    found,
    probing,
    repeats,
    targets,
    tending,
)
from routing.errors import Unavailable
from routing.experiments import following
from routing.intents import teaching
from routing.learning import calibrating, marks, outcomes, taking_in
from routing.models import Backend, Health, HealthState, Kind
from routing.policy.values import EMBEDDINGS
from routing.simulating import orders

log = structlog.get_logger(__name__)

BEAT: dict[str, dict[str, Any]] = {
    "look at the model servers": {
        "task": "routing.tasks.look_at_servers",
        "schedule": 10.0,
        "options": {"queue": "background", "expires": 10.0},
    },
    "tend breakers": {
        "task": "routing.tasks.tend_breakers",
        "schedule": 3.0,
        "options": {"queue": "background", "expires": 3.0},
    },
    "teach intents": {
        "task": "routing.tasks.teach_intents",
        "schedule": 5.0,
        "options": {"queue": "background", "expires": 5.0},
    },
    "learn from outcomes": {
        "task": "routing.tasks.learn",
        "schedule": 2.0,
        "options": {"queue": "background", "expires": 2.0},
    },
    "take up simulations": {
        "task": "routing.tasks.take_up_simulations",
        "schedule": 10.0,
        "options": {"queue": "background", "expires": 10.0},
    },
    "read experiments out": {
        "task": "routing.tasks.read_experiments",
        "schedule": 60.0,
        "options": {"queue": "background", "expires": 60.0},
    },
    "keep promises": {
        "task": "routing.tasks.keep_promises",
        "schedule": 15.0,
        "options": {"queue": "background", "expires": 15.0},
    },
    "learn what predictions are worth": {
        "task": "routing.tasks.calibrate",
        "schedule": 60.0,
        "options": {"queue": "background", "expires": 60.0},
    },
    "forget old outcomes": {
        "task": "routing.tasks.forget_outcomes",
        "schedule": 3600.0,
        "options": {"queue": "background", "expires": 3600.0},
    },
    "forget idempotent requests": {
        "task": "routing.tasks.forget_idempotent",
        "schedule": 300.0,
        "options": {"queue": "background", "expires": 300.0},
    },
    "compare answers": {
        "task": "routing.tasks.compare_answers",
        "schedule": 5.0,
        "options": {"queue": "background", "expires": 5.0},
    },
}
PROBE_S = 60.0
SIMULATING_S = 1800
DATABASE_AWAY = (db.OperationalError, db.InterfaceError)
PROMISES_S = 600
"""A new SLA's window of months is caught up with in several turns."""
TEACHING_S = 900
"""Tens of thousands of sentences take minutes to be embedded where they are new."""
PAID_S = 3.0
"""Until the breakers are looked at again."""


def ask_for_probe(backend: Backend) -> None:
    """Raises the broker's own error at once when there is no broker to ask."""
    queue = "local" if backend.kind == Kind.LOCAL else "cloud"
    probe_backend.apply_async(args=[backend.pk], queue=queue, retry=False, expires=PROBE_S)


@shared_task(name="routing.tasks.look_at_servers")  # type: ignore[untyped-decorator,no-untyped-call]
def look_at_servers() -> None:
    """Safe to run twice: the later reading stands."""
    endpoints.look()


@shared_task(name="routing.tasks.tend_breakers")  # type: ignore[untyped-decorator,no-untyped-call]
def tend_breakers() -> int:
    """Safe to run twice: what is noted is what stands in Redis; without it nothing is noted."""
    try:
        return tending.tend(pay=ask_to_pay)
    except (redis.RedisError, *DATABASE_AWAY):
        return 0


@shared_task(name="routing.tasks.probe_for_money", acks_late=False)  # type: ignore[untyped-decorator,no-untyped-call]
def probe_for_money(backend_id: int) -> None:
    """Safe to run twice: of two one asks. What it cannot book, a sweeper books at its worst."""
    try:
        tending.probe(backend_id)
    except (redis.RedisError, Unavailable, *connections.LOST):
        connections.drop()


def ask_to_pay(backend: Backend) -> None:
    """Of a worker that has the engines in memory; where the broker is away, the next turn does."""
    with contextlib.suppress(OperationalError):
        probe_for_money.apply_async(args=[backend.pk], queue="cloud", retry=False, expires=PAID_S)


@shared_task(name="routing.tasks.compare_answers")  # type: ignore[untyped-decorator,no-untyped-call]
def compare_answers() -> int:
    """Safe to run twice: what is decided stays decided."""
    return comparisons.run()


@shared_task(name="routing.tasks.teach_intents", time_limit=TEACHING_S)  # type: ignore[untyped-decorator,no-untyped-call]
def teach_intents() -> int:
    """Safe to be killed and to run twice: whoever has a mind of another mark is due again."""
    embedder = embedders.house()
    try:
        return sum(teaching.teach(scope, embedder) for scope in teaching.due(embedder.name))
    except EngineError:
        return 0  # no model yet, or its server is away: the next turn tries again


def ask_to_teach() -> None:
    """Soon; where the broker is away, the next turn does it."""
    with contextlib.suppress(OperationalError):
        teach_intents.apply_async(queue="background", retry=False, expires=PROBE_S)


@shared_task(name="routing.tasks.learn")  # type: ignore[untyped-decorator,no-untyped-call]
def learn() -> int | None:
    """Safe to run twice: outcomes are claimed together with the version that learns from them."""
    return taking_in.take_in()


@shared_task(name="routing.tasks.run_simulation", time_limit=SIMULATING_S)  # type: ignore[untyped-decorator,no-untyped-call]
def run_simulation(simulation_id: int) -> None:
    """Safe to be killed and to run twice: it only reads, and the beat takes it up again."""
    try:
        orders.work(simulation_id)
    except DATABASE_AWAY:
        return
    except Exception:
        log.exception("simulation.crashed", simulation=simulation_id)
        orders.fail(simulation_id, orders.CRASHED)


@shared_task(name="routing.tasks.take_up_simulations")  # type: ignore[untyped-decorator,no-untyped-call]
def take_up_simulations() -> None:
    for simulation_id in orders.waiting():
        orders.ask_for(simulation_id)


@shared_task(name="routing.tasks.read_experiments")  # type: ignore[untyped-decorator,no-untyped-call]
def read_experiments() -> int:
    """Safe to run twice: the later reading stands, and what has ended stays ended."""
    return following.read_all()


@shared_task(name="routing.tasks.keep_promises", time_limit=PROMISES_S)  # type: ignore[untyped-decorator,no-untyped-call]
def keep_promises() -> int:
    """Safe to run twice: hours are counted from nothing, and of two turns one waits."""
    return watching.run(marking=marks.known)


@shared_task(name="routing.tasks.calibrate", time_limit=PROMISES_S)  # type: ignore[untyped-decorator,no-untyped-call]
def calibrate() -> int:
    """Safe to run twice: days are counted from nothing, and the newest calibration counts."""
    predictions.count()
    return calibrating.run()


@shared_task(name="routing.tasks.forget_outcomes")  # type: ignore[untyped-decorator,no-untyped-call]
def forget_outcomes() -> int:
    """Safe to run twice: what is gone is gone."""
    return outcomes.forget()


@shared_task(name="routing.tasks.forget_idempotent")  # type: ignore[untyped-decorator,no-untyped-call]
def forget_idempotent() -> int:
    """Safe to run twice: what is gone is gone, and what was lost is found once."""
    found.own_up()
    return repeats.forget_old()


@shared_task(name="routing.tasks.probe_backend", acks_late=False)  # type: ignore[untyped-decorator,no-untyped-call]
def probe_backend(backend_id: int) -> None:
    """Safe to run twice: the later outcome stands."""
    backend = Backend.objects.filter(pk=backend_id).first()
    if backend is None:
        return
    began = time.perf_counter()
    message = _trouble(backend)
    Health.objects.update_or_create(
        backend_id=backend_id,
        defaults={
            "state": HealthState.FAILING if message else HealthState.HEALTHY,
            "message": message,
            "latency_ms": None if message else (time.perf_counter() - began) * 1000,
            "checked_at": datetime.now(UTC),
        },
    )


def _trouble(backend: Backend) -> str:
    """What went wrong, as a sentence without secrets; empty when the backend answered."""
    try:
        _try_out(targets.load(backend.pk), embeds=EMBEDDINGS in backend.capabilities)
    except EngineError as error:
        return f"{error.failure.value}: {error.message}"[:500]
    except secrets.SecretUnreadableError:
        return "The stored secret cannot be read with this KORA_SECRET_KEY: enter it again."
    except TimeoutError:
        return f"timeout: no answer within {PROBE_S:.0f} s"
    return ""


def _try_out(target: Target, *, embeds: bool) -> None:
    body = probing.body(embeds=embeds, model=target.model)
    form = "embeddings" if embeds else "chat"
    call = Call(body=body, stream=False, deadline_s=PROBE_S, form=form)
    room = engine_room.here()
    if target.kind == Kind.LOCAL and embeds:
        _embed(target.model)
    elif target.kind == Kind.LOCAL and room is not None:
        room.try_out(target, call)  # a model is in memory once
    else:
        asyncio.run(_call(target, call))


def _embed(model: str) -> None:
    """Web processes keep it in memory; this one only for the trial."""
    try:
        embedding.embed(embedders.of(model), ["OK"], within_s=PROBE_S)
    finally:
        embedders.close()


async def _call(target: Target, call: Call) -> None:
    opened = engines.open_engines()
    try:
        async with asyncio.timeout(PROBE_S):
            async for _ in opened.for_kind(target.kind).run(target, call):
                pass
    finally:
        await opened.close()
