"""One furnished KORA for all journeys."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests import breaking
from tests.journeys.world import World
from tests.running import Kora


@pytest.fixture(scope="session")
def world(kora: Kora) -> Iterator[World]:
    headers = {"authorization": f"Bearer {kora.admin_key}"}
    with httpx.Client(base_url=kora.url, headers=headers, timeout=20) as admin:
        made = World(kora=kora, admin=admin)
        made.furnish()
        yield made
        for client in made.clients:
            client.close()


@pytest.fixture(autouse=True)
def well(world: World) -> None:
    """What other tests have broken is not held against anybody."""
    breaking.forgive(world.kora.services()["redis_url"])
