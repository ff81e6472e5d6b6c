"""How likely a backend is to be late: its queue and speeds against a deadline (pure)."""

from __future__ import annotations

import math

from routing.learning.values import Forecast
from routing.policy import tempo
from routing.policy.values import Backend

NINE_OF_TEN = 1.2816
SHORTEST_S = 1e-3
READING_MEAN, READING_VARIANCE = math.exp(tempo.LIVE_VARIANCE / 2), math.expm1(tempo.LIVE_VARIANCE)
"""In times what the speeds of the moment say of reading a prompt."""
Moments = tuple[float, float]
"""A mean in seconds, and a variance."""


def p_miss(
    backend: Backend, read: int, output: Forecast, *, most_output: int, deadline_s: float
) -> float:
    """That the whole answer takes longer than `deadline_s`: the first content and the writing of
    the rest are lognormal, and so, nearly, is their sum."""
    if deadline_s <= SHORTEST_S:
        return 1.0
    mean, variance = took(backend, read, output, most_output=most_output)
    spread = math.log1p(variance / (mean * mean))
    middle = math.log(mean) - spread / 2
    return 0.5 * math.erfc((math.log(deadline_s) - middle) / math.sqrt(2 * spread))


def expected_s(backend: Backend, read: int, output: Forecast, *, most_output: int) -> float:
    """How long the whole answer takes on average."""
    return took(backend, read, output, most_output=most_output)[0]


def took(backend: Backend, read: int, output: Forecast, *, most_output: int) -> Moments:
    first_s, first_variance = _first(backend, read)
    tokens = max(1.0, min(output.tokens, most_output))
    spread = math.log(max(1.0, min(output.high, most_output) / tokens)) / NINE_OF_TEN
    variance = max(spread * spread + backend.tempo.tps.variance, tempo.LEAST_VARIANCE)
    writing_s = tokens * backend.tempo.token_s * math.exp(variance / 2)
    both = first_variance + writing_s * writing_s * math.expm1(variance)
    return backend.load.wait_s + first_s + writing_s, both


def _first(backend: Backend, read: int) -> Moments:
    """Without the waiting in our own queue, which is known."""
    if backend.load.prefill_tps <= 0:
        return backend.tempo.mean_first_s, backend.tempo.variance_first_s
    reading_s = max(read / backend.load.prefill_tps, SHORTEST_S) * READING_MEAN
    return reading_s, reading_s * reading_s * READING_VARIANCE
