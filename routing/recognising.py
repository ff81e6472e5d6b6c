"""The intent stage: what kind of request this is, once no stored answer served."""

from __future__ import annotations

from routing.intents.values import Recognised
from routing.way import Way


def look(way: Way) -> Recognised:
    return way.recognised
