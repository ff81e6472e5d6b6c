"""How backends have been doing, as seen by this web process: running, and how fast."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from routing import paces
from routing.fairness.drains import Drain
from routing.paces import Around, Pace

WEIGHT_OF_NEW = 0.2
PEAK_FADES_S = 10.0
"""A slow beginning is forgotten to a third in so long, a slower one is believed at once."""


@dataclass(slots=True)
class Vital:
    in_flight: int = 0
    first_token_s: float | None = None
    pace: Pace = paces.UNSEEN
    peak: tuple[float, float] | None = None
    """Of the time to the first content (peak-EWMA), and when it was that."""
    changes: int = 0
    """Rises after each of them: who made something of these figures sees whether it still holds."""


_vitals: dict[str, Vital] = {}
_drains: dict[str, Drain] = {}
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
    _drains.setdefault(backend, Drain()).left(time.monotonic())


def free_in_s(backend: str) -> float:
    """When one that is turned away because this backend is full may find a place there."""
    return _drains.setdefault(backend, Drain()).promise(time.monotonic())


def answered(backend: str, first_token_s: float) -> None:
    vital = _known(backend)
    known = vital.first_token_s
    vital.first_token_s = (
        first_token_s if known is None else known + WEIGHT_OF_NEW * (first_token_s - known)
    )
    vital.peak = (_peak(vital, first_token_s), time.monotonic())
    vital.changes += 1


def peak_s(vital: Vital) -> float:
    """The time to the first content, slow ones believed at once and forgotten slowly (peak-EWMA);
    who is not asked is forgotten too, and so is tried again. Zero: nothing is known."""
    return 0.0 if vital.peak is None else vital.peak[0] * _kept(vital.peak[1])


def _peak(vital: Vital, took_s: float) -> float:
    if vital.peak is None:
        return took_s
    then_s, kept = vital.peak[0], _kept(vital.peak[1])
    return max(took_s, then_s * kept + took_s * (1 - kept))


def _kept(since: float) -> float:
    return math.exp((since - time.monotonic()) / PEAK_FADES_S)


def streamed(
    backend: str, *, first_s: float, tokens: int, writing_s: float, around: Around
) -> None:
    """A stream that came to its end, for how fast this backend is."""
    vital = _known(backend)
    vital.pace = paces.wrote(paces.streamed(vital.pace, first_s, around), tokens, writing_s, around)
    vital.changes += 1


def silent(backend: str, *, silent_s: float, around: Around) -> None:
    """One that was given up without any content."""
    vital = _known(backend)
    vital.pace = paces.silent(vital.pace, silent_s, around)
    vital.changes += 1


def came_whole(backend: str, *, tokens: int, took_s: float, around: Around) -> None:
    vital = _known(backend)
    vital.pace = paces.whole(vital.pace, tokens, took_s, around)
    vital.changes += 1


def everything() -> dict[str, Vital]:
    return dict(_vitals)


def _known(backend: str) -> Vital:
    return _vitals.setdefault(backend, Vital())
