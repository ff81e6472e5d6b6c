"""Bytes as people say them."""

from __future__ import annotations

STEPS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def told(count: float) -> str:
    """Decimal units, as disks and hubs count; three digits."""
    for size, unit in STEPS:
        if count >= size:
            amount = count / size
            digits = 0 if amount >= 100 else 1 if amount >= 10 else 2
            return f"{amount:.{digits}f} {unit}"
    return f"{count:.0f} B"
