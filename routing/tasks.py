"""What workers do about backends beside carrying calls: try one, and say how it went."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from celery import shared_task

from inference import engines, secrets
from inference.words import Call, EngineError, Target
from routing import engine_room, targets
from routing.models import Backend, Health, HealthState, Kind

PROBE_S = 60.0
QUESTION = {"messages": [{"role": "user", "content": "Say OK."}], "max_tokens": 1}


def ask_for_probe(backend: Backend) -> None:
    """Raises the broker's own error at once when there is no broker to ask."""
    queue = "local" if backend.kind == Kind.LOCAL else "cloud"
    probe_backend.apply_async(args=[backend.pk], queue=queue, retry=False, expires=PROBE_S)


@shared_task(name="routing.tasks.probe_backend", acks_late=False)  # type: ignore[untyped-decorator,no-untyped-call]
def probe_backend(backend_id: int) -> None:
    """Safe to run twice: the later outcome stands."""
    if not Backend.objects.filter(pk=backend_id).exists():
        return
    began = time.perf_counter()
    message = _trouble(backend_id)
    Health.objects.update_or_create(
        backend_id=backend_id,
        defaults={
            "state": HealthState.FAILING if message else HealthState.HEALTHY,
            "message": message,
            "latency_ms": None if message else (time.perf_counter() - began) * 1000,
            "checked_at": datetime.now(UTC),
        },
    )


def _trouble(backend_id: int) -> str:
    """What went wrong, as a sentence without secrets; empty when the backend answered."""
    try:
        target = targets.load(backend_id)
        call = Call(body={**QUESTION, "model": target.model}, stream=False, deadline_s=PROBE_S)
        room = engine_room.here()
        if target.kind == Kind.LOCAL and room is not None:
            room.try_out(target, call)  # a model is in memory once
        else:
            asyncio.run(_call(target, call))
    except EngineError as error:
        return f"{error.failure.value}: {error.message}"[:500]
    except secrets.SecretUnreadableError:
        return "The stored secret cannot be read with this KORA_SECRET_KEY: enter it again."
    except TimeoutError:
        return f"timeout: no answer within {PROBE_S:.0f} s"
    return ""


async def _call(target: Target, call: Call) -> None:
    opened = engines.open_engines()
    try:
        async with asyncio.timeout(PROBE_S):
            async for _ in opened.for_kind(target.kind).run(target, call):
                pass
    finally:
        await opened.close()
