"""How backends have been doing, as seen by this web process: running, speed, failures in a row."""

from __future__ import annotations

import time
from dataclasses import dataclass

from routing import paces
from routing.paces import Pace

FAILURES_IN_A_ROW = 5
COOL_OFF_S = 10.0
WEIGHT_OF_NEW = 0.2


@dataclass(slots=True)
class Vital:
    in_flight: int = 0
    failures: int = 0
    failing_until: float = 0.0
    first_token_s: float | None = None
    pace: Pace = paces.UNSEEN
    changes: int = 0
    """Rises after each of them: who made something of these figures sees whether it still holds."""

    @property
    def failing(self) -> bool:
        return self.failing_until > 0 and self.failing_until > time.monotonic()


_vitals: dict[str, Vital] = {}
HEALTHY = Vital()


def of(backend: str) -> Vital:
    return _vitals.get(backend, HEALTHY)


def began(backend: str) -> None:
    vital = _known(backend)
    vital.in_flight += 1
    vital.changes += 1


def ended(backend: str) -> None:
    vital = _known(backend)
    vital.in_flight -= 1
    vital.changes += 1


def answered(backend: str, first_token_s: float) -> None:
    vital = _known(backend)
    known = vital.first_token_s
    vital.first_token_s = (
        first_token_s if known is None else known + WEIGHT_OF_NEW * (first_token_s - known)
    )
    vital.failures = 0
    vital.failing_until = 0.0
    vital.changes += 1


def streamed(backend: str, *, first_s: float, tokens: int, writing_s: float) -> None:
    """A stream that came to its end, for how fast this backend is."""
    vital = _known(backend)
    vital.pace = paces.wrote(paces.streamed(vital.pace, first_s), tokens, writing_s)
    vital.changes += 1


def came_whole(backend: str, *, tokens: int, took_s: float) -> None:
    vital = _known(backend)
    vital.pace = paces.whole(vital.pace, tokens, took_s)
    vital.changes += 1


def failed(backend: str) -> None:
    vital = _known(backend)
    vital.failures += 1
    if vital.failures >= FAILURES_IN_A_ROW:
        vital.failing_until = time.monotonic() + COOL_OFF_S
    vital.changes += 1


def everything() -> dict[str, Vital]:
    return dict(_vitals)


def _known(backend: str) -> Vital:
    return _vitals.setdefault(backend, Vital())
