"""How many calls all web processes together have at each backend, and how fast it has begun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from routing import vitals

FRESH_S = 2.0
"""What a process has not said anew for so long does not count: it may have died."""
GONE_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Crowd:
    """What other processes have there."""

    in_flight: int = 0
    peak_s: float = 0.0
    """The slowest of what they expect of its first content; zero: none of them knows."""


NOBODY = Crowd()
_others: Mapping[str, Crowd] = {}


def of(backend: str) -> Crowd:
    return _others.get(backend, NOBODY)


def mine(now: float) -> bytes:
    """What this process tells the others: only backends that it has asked."""
    said = {
        name: [vital.in_flight, round(vitals.peak_s(vital), 4)]
        for name, vital in vitals.everything().items()
        if vital.in_flight or vital.peak is not None
    }
    return orjson.dumps({"at": now, "backends": said})


def learn(now: float, stored: Mapping[bytes, bytes], me: str) -> list[bytes]:
    """Takes in what the others say, and returns the names of those that are long gone."""
    global _others
    found: dict[str, Crowd] = {}
    gone = []
    for name, raw in stored.items():
        said = orjson.loads(raw)
        if now - said["at"] > GONE_S:
            gone.append(name)
        elif name.decode() != me and now - said["at"] <= FRESH_S:
            _add(found, said["backends"])
    if found != _others:
        _others = found
    return gone


def _add(found: dict[str, Crowd], said: Mapping[str, tuple[int, float]]) -> None:
    for name, (in_flight, peak_s) in said.items():
        known = found.get(name, NOBODY)
        found[name] = Crowd(in_flight=known.in_flight + in_flight, peak_s=max(known.peak_s, peak_s))


def forget() -> None:
    global _others
    _others = {}
