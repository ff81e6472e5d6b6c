"""One KORA of their own for all tests that break things, with short leases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests import running
from tests.faults import asking
from tests.faults.asking import Asker
from tests.faults.plant import VARIABLES, Plant


@pytest.fixture(scope="package")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    home = tmp_path_factory.mktemp("faults") / "home"
    kora = running.Kora(home=home, variables=VARIABLES)
    try:
        kora.start()
        made = Plant(kora=kora)
        made.equip()
        yield made
        made.http.close()
    finally:
        if kora.process is not None:
            kora.stop()


@pytest.fixture
async def asker(plant: Plant) -> AsyncIterator[Asker]:
    async with asking.opened() as http:
        yield Asker(plant=plant, http=http)
