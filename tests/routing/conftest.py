"""What every test of routing begins with."""

from __future__ import annotations

import pytest

from routing.failover import breakers


@pytest.fixture(autouse=True)
def untroubled() -> None:
    """Backends of tests share their names; what one has failed is not the next one's trouble."""
    breakers.forget()
