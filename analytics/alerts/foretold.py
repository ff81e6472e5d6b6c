"""A forecast as it is stored beside a budget, read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Foretold:
    """Dollars at the end, between what 80 of 100 such windows end; None: not used up by then."""

    usd: Decimal
    low_usd: Decimal
    high_usd: Decimal
    exhausted_at: datetime | None
    until: datetime


def read(said: Mapping[str, Any] | None) -> Foretold | None:
    if not said:
        return None
    at = said["exhausted_at"]
    return Foretold(
        usd=Decimal(said["expected_usd"]),
        low_usd=Decimal(said["low_usd"]),
        high_usd=Decimal(said["high_usd"]),
        exhausted_at=datetime.fromisoformat(at) if at else None,
        until=datetime.fromisoformat(said["until"]),
    )
