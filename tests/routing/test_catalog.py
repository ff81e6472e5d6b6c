"""What a web process knows of backends is never half of what was written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from analytics import reports
from analytics.models import Price
from analytics.values import PriceTag
from routing import catalog, connections
from routing.models import Backend

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def connected() -> Iterator[None]:
    yield
    connections.drop()


def make(name: str) -> None:
    """As an operator does it: both are there, or neither is."""
    Backend.objects.create(name=name, kind="cloud", model="m")
    Price.objects.create(backend=name, price_in="1", price_out="2", price_cached_in="1")


def test_a_backend_that_is_made_meanwhile_is_not_known_without_its_price(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it a call would hold and cost nothing."""
    make("known")
    read = reports.prices_in_force

    def read_then_another_is_made(now: datetime) -> dict[str, PriceTag]:
        found = read(now)
        make("made-meanwhile")
        return found

    monkeypatch.setattr(reports, "prices_in_force", read_then_another_is_made)
    known = {each.name: each.price for each in catalog.refresh().backends}
    assert all(price.price_id is not None for price in known.values())
    assert set(known) == {"known"}
