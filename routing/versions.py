"""Which state of a backend's settings and keys something was read from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


def of(updated_at: datetime, refused_at: Iterable[datetime | None]) -> str:
    """A key that is refused, or forgiven, is a change that all workers have to see."""
    refused = sorted(at.isoformat() for at in refused_at if at is not None)
    return "/".join((updated_at.isoformat(), *refused))
