"""One provider and one KORA for the whole laboratory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.lab import provider
from tests.faults.lab.rig import Rig
from tests.faults.plant import Plant


@pytest.fixture(scope="package")
def rig(plant: Plant) -> Iterator[Rig]:
    with provider.in_thread() as lab:
        yield Rig(plant=plant, lab=lab)
