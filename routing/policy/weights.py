"""What a quality point, a dollar, a late answer and a change of backend are worth (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """In points of quality, which runs from 0 to 1."""

    usd: float = 50.0
    """A dollar; at 50 a hundredth of quality is worth 0.02 cents."""
    miss: float = 0.5
    """An answer that comes too late."""
    switch: float = 0.05
    """Leaving the backend that a conversation is with, beside what its warm prompt saves."""
    second: float = 0.0
    """A second until the first content."""
    deadline_s: float = 30.0
    """When an answer is late, where the caller does not say."""
    floor: float = 0.0
    """Backends of less expected quality come after all others."""


AUTO = Weights()
DEFAULTS: Mapping[str, Weights] = {
    "auto": AUTO,
    "auto:cheap": Weights(usd=100_000.0, miss=1.0, switch=0.0, deadline_s=120.0),
    "auto:fast": Weights(usd=1.0, miss=5.0, second=10.0, deadline_s=5.0, floor=0.2),
    "auto:best": Weights(usd=0.1, miss=0.2, switch=0.02, deadline_s=120.0),
    "auto:local": Weights(deadline_s=120.0),
}
"""For a whole point of quality `auto:cheap` gives a thousandth of a cent, `auto:fast` a tenth of a
second; but nonsense is of no use however soon it comes, hence the floor."""
MOST = 1e9
NAMES = tuple(each.name for each in fields(Weights))


def read(said: Any, place: str) -> Mapping[str, float]:
    """Some of the weights by name; ValueError with the place of what is wrong."""
    if not isinstance(said, Mapping):
        raise ValueError(f"{place}: must be an object of weights")  # noqa: TRY004
    for name, value in said.items():
        where = f"{place}.{name}"
        if name not in NAMES:
            raise ValueError(f"{where}: is none of {', '.join(NAMES)}")
        if type(value) not in (int, float) or not 0 <= value <= MOST:
            raise ValueError(f"{where}: must be a number of 0 or more")
    if said.get("floor", 0) > 1:
        raise ValueError(f"{place}.floor: must be a number from 0 to 1")
    if said.get("deadline_s", 1) <= 0:
        raise ValueError(f"{place}.deadline_s: must be more than 0")
    return {name: float(value) for name, value in said.items()}


def over(known: Weights, said: Mapping[str, float]) -> Weights:
    return replace(known, **said) if said else known
