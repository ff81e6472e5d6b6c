"""What an operator lets KORA spend in a day to ask a backend whether it is well again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

OPTION = "probe_usd_a_day"
HIGHEST_USD = 1000


def check(options: Mapping[str, Any]) -> list[str]:
    """What is wrong with it, a sentence each; it may stand in the options of any provider."""
    said = options.get(OPTION, 0)
    if _is_number(said) and 0 <= said <= HIGHEST_USD:
        return []
    return [f"{OPTION} must be a number from 0 to {HIGHEST_USD}."]


def of(options: Mapping[str, Any]) -> Decimal:
    """Nothing unless somebody has said otherwise."""
    return Decimal(0) if check(options) else Decimal(str(options.get(OPTION, 0)))


def apart(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in options.items() if name != OPTION}


def _is_number(said: Any) -> bool:
    return isinstance(said, int | float) and not isinstance(said, bool) and math.isfinite(said)
