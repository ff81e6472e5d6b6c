"""What a policy allows of asking two backends at once: its settings key `hedge`, read (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Hedge:
    enabled: bool = False
    when: float = 0.5
    """How likely the running attempt has to be late."""
    max_extra_usd: float = 0.05
    """That the second attempt of one request may cost at the worst."""
    max_extra_share: float = 0.05
    """Of what the team has spent today, that the losers may have cost."""
    share: float = 0.05
    """Of recent requests, that may have a second attempt."""


OFF = Hedge()
NAMES = tuple(each.name for each in fields(Hedge))
MOST = {"when": 1.0, "max_extra_usd": 1e6, "max_extra_share": 1.0, "share": 1.0}


def read(said: Any) -> Hedge:
    """True and false are short for `enabled`; ValueError with the place of what is wrong."""
    if isinstance(said, bool):
        return Hedge(enabled=said)
    if not isinstance(said, Mapping):
        raise ValueError("hedge: must be an object")  # noqa: TRY004
    for key in said:
        if key not in NAMES:
            raise ValueError(f"hedge.{key}: is none of {', '.join(NAMES)}")
    enabled = said.get("enabled", True)
    if not isinstance(enabled, bool):
        raise ValueError("hedge.enabled: must be true or false")  # noqa: TRY004
    return Hedge(enabled=enabled, **{key: _number(key, said[key]) for key in MOST if key in said})


def forgiving(settings: Mapping[str, Any]) -> Hedge:
    """For what stands already: what cannot be read switches it off."""
    said = settings.get("hedge")
    try:
        return OFF if said is None else read(said)
    except ValueError:
        return OFF


def _number(key: str, said: Any) -> float:
    if type(said) not in (int, float) or not 0 <= said <= MOST[key]:
        raise ValueError(f"hedge.{key}: must be a number from 0 to {MOST[key]:g}")
    return float(said)
