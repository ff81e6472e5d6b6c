"""Which thresholds of a budget what is used has reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

DEFAULT = (Decimal(50), Decimal(80))
"""Of a budget that names no soft limit."""
FULL = Decimal(100)


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    percent: Decimal
    action: str = ""
    """What the soft limit asks for beside telling; empty where it is none."""

    @property
    def severity(self) -> str:
        if self.percent >= FULL:
            return "critical"
        return "warning" if self.percent >= 75 else "info"


def of(soft_limits: Iterable[Mapping[str, Any]]) -> tuple[Threshold, ...]:
    """Every soft limit, whatever it does, and the whole; the lowest first."""
    named = {Decimal(str(soft["percent"])): str(soft.get("action", "")) for soft in soft_limits}
    found = named or dict.fromkeys(DEFAULT, "")
    found.setdefault(FULL, "")
    return tuple(
        Threshold(percent=percent, action=action) for percent, action in sorted(found.items())
    )


def reached(
    thresholds: Iterable[Threshold], used: Decimal, limit: Decimal
) -> tuple[Threshold, ...]:
    """Nothing of a budget without money: it is suspended, and somebody wanted that."""
    if limit <= 0:
        return ()
    return tuple(each for each in thresholds if used * FULL >= limit * each.percent)
