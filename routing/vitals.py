"""How backends have been doing, as seen by this web process: running, speed, failures in a row."""

from __future__ import annotations

import time
from dataclasses import dataclass

FAILURES_IN_A_ROW = 5
COOL_OFF_S = 10.0
WEIGHT_OF_NEW = 0.2


@dataclass(slots=True)
class Vital:
    in_flight: int = 0
    failures: int = 0
    failing_until: float = 0.0
    first_token_s: float | None = None

    @property
    def failing(self) -> bool:
        return self.failing_until > time.monotonic()


_vitals: dict[str, Vital] = {}
HEALTHY = Vital()


def of(backend: str) -> Vital:
    return _vitals.get(backend, HEALTHY)


def began(backend: str) -> None:
    _vitals.setdefault(backend, Vital()).in_flight += 1


def ended(backend: str) -> None:
    _vitals[backend].in_flight -= 1


def answered(backend: str, first_token_s: float) -> None:
    vital = _vitals.setdefault(backend, Vital())
    known = vital.first_token_s
    vital.first_token_s = (
        first_token_s if known is None else known + WEIGHT_OF_NEW * (first_token_s - known)
    )
    vital.failures = 0
    vital.failing_until = 0.0


def failed(backend: str) -> None:
    vital = _vitals.setdefault(backend, Vital())
    vital.failures += 1
    if vital.failures >= FAILURES_IN_A_ROW:
        vital.failing_until = time.monotonic() + COOL_OFF_S


def everything() -> dict[str, Vital]:
    return dict(_vitals)
