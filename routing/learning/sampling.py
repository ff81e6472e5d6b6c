"""What a team's policy says of having answers marked by a judge: how many, whose money (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

PLACE = "judging"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """Without a model nothing is marked."""

    model: str = ""
    """The backend that judges."""
    share: float = 0.02
    """Of answers."""
    usd_a_day: Decimal = Decimal("0.10")
    """For everything that the team has KORA ask for itself."""


def read(said: Any) -> Sampling:
    if not isinstance(said, Mapping):
        raise ValueError(f"{PLACE}: must be an object.")  # noqa: TRY004
    unknown = next((name for name in said if name not in Sampling.__slots__), None)
    if unknown is not None:
        raise ValueError(f"{PLACE}.{unknown}: there are model, share and usd_a_day.")
    model = said.get("model", "")
    if not isinstance(model, str):
        raise ValueError(f"{PLACE}.model: must be a backend's name.")  # noqa: TRY004
    return Sampling(
        model=model,
        share=_number(said, "share", 0.02, 1.0),
        usd_a_day=Decimal(str(_number(said, "usd_a_day", 0.10, 1e6))),
    )


def _number(said: Mapping[str, Any], name: str, usual: float, most: float) -> float:
    value = said.get(name, usual)
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise ValueError(f"{PLACE}.{name}: must be a number from 0 to {most:g}.")
    return float(value)
