"""Looks at the model servers that backends name: how busy they are, and whether they are well."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import aiohttp
from django.db import close_old_connections

from inference import endpoints, secrets
from inference.endpoints import Place, Reading
from inference.words import EngineError
from routing import targets
from routing.models import Backend, Health, HealthState, Kind

AT_ONCE = 16
OURS = "server: "
"""Begins the messages that this module wrote, so that it takes back only what it said itself."""


def look() -> None:
    """Reads every server that is named; one that is slow holds up nobody else's reading."""
    close_old_connections()
    rows = [row for row in _watched() if row.options.get("server") in endpoints.SERVERS]
    places = [(row, place) for row in rows if (place := _place(row))]
    readings = asyncio.run(_read_all([place for _, place in places]))
    for (row, _), reading in zip(places, readings, strict=True):
        _note(row, reading)


def _watched() -> list[Backend]:
    return list(Backend.objects.filter(kind=Kind.OPENAI_COMPATIBLE, enabled=True))


def _place(row: Backend) -> Place | None:
    """None where its address or its secret does not do: calls and probes say so themselves."""
    try:
        target = targets.load(row.pk)
    except (EngineError, secrets.SecretUnreadableError):
        return None
    return Place(
        server=row.options["server"],
        api_base=target.api_base,
        model=target.model,
        secret=target.secret,
    )


async def _read_all(places: list[Place]) -> list[Reading]:
    gate = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession(trust_env=False) as session:

        async def one(place: Place) -> Reading:
            async with gate:
                return await endpoints.read(session, place)

        return await asyncio.gather(*(one(place) for place in places))


def _note(row: Backend, reading: Reading) -> None:
    now = datetime.now(UTC)
    load = {"running": reading.running, "waiting": reading.waiting, "load_read_at": now}
    Health.objects.update_or_create(backend_id=row.pk, defaults=load)
    if reading.trouble:
        Health.objects.filter(backend_id=row.pk).update(
            state=HealthState.FAILING, message=OURS + reading.trouble, checked_at=now
        )
    else:
        Health.objects.filter(
            backend_id=row.pk, state=HealthState.FAILING, message__startswith=OURS
        ).update(state=HealthState.HEALTHY, message="", checked_at=now)
