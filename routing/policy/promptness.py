"""How likely a backend is to be late: its queue and speeds against a deadline (pure)."""

from __future__ import annotations

import math

from routing.learning.values import Forecast
from routing.paces import Spread
from routing.policy.values import Backend

USUAL_FIRST_S, USUAL_TPS = Spread(mean=0.0, variance=1.0), Spread(mean=math.log(40), variance=0.7)
"""Of a backend that nobody has timed: a second, then 40 tokens in each; both quite uncertain."""
DOUBT = 3.0
"""So many calls weigh as much as these do."""
LIVE_VARIANCE = 0.2
"""Of what our own engines say of their queue and speed this moment."""
NINE_OF_TEN = 1.2816
SHORTEST_S = 1e-3


def p_miss(
    backend: Backend, read: int, output: Forecast, *, most_output: int, deadline_s: float
) -> float:
    """That the whole answer takes longer than `deadline_s`: the first content and the writing of
    the rest are lognormal, and so, nearly, is their sum."""
    if deadline_s <= SHORTEST_S:
        return 1.0
    first, writing = _first_s(backend, read), _writing_s(backend, output, most_output)
    return _beyond(backend.load.wait_s, first, writing, deadline_s)


def expected_s(backend: Backend, read: int, output: Forecast, *, most_output: int) -> float:
    """How long the whole answer takes on average."""
    parts = (_first_s(backend, read), _writing_s(backend, output, most_output))
    return backend.load.wait_s + sum(math.exp(each.mean + each.variance / 2) for each in parts)


def _beyond(wait_s: float, first: Spread, writing: Spread, deadline_s: float) -> float:
    mean, variance = wait_s, 0.0
    for part in (first, writing):
        middle = math.exp(part.mean + part.variance / 2)
        mean += middle
        variance += middle * middle * math.expm1(part.variance)
    spread = math.log1p(variance / (mean * mean))
    middle_log = math.log(mean) - spread / 2
    return 0.5 * math.erfc((math.log(deadline_s) - middle_log) / math.sqrt(2 * spread))


def _first_s(backend: Backend, read: int) -> Spread:
    """Without the waiting in our own queue, which is known."""
    load = backend.load
    if load.prefill_tps > 0:
        reading_s = max(read / load.prefill_tps, SHORTEST_S)
        return Spread(mean=math.log(reading_s), variance=LIVE_VARIANCE)
    return _blended(USUAL_FIRST_S, backend.pace.first_s)


def _writing_s(backend: Backend, output: Forecast, most_output: int) -> Spread:
    """Seconds for as many tokens as are expected, whose number is uncertain too."""
    tokens = max(1.0, min(output.tokens, most_output))
    spread = math.log(max(1.0, min(output.high, most_output) / tokens)) / NINE_OF_TEN
    speed = _tps(backend)
    return Spread(
        mean=math.log(tokens) - speed.mean,
        variance=max(spread * spread + speed.variance, 1e-4),
    )


def _tps(backend: Backend) -> Spread:
    load = backend.load
    if load.decode_tps > 0:
        usual = Spread(mean=math.log(load.decode_tps), variance=LIVE_VARIANCE)
        return _blended(usual, backend.pace.tps)
    return _blended(USUAL_TPS, backend.pace.tps)


def _blended(usual: Spread, seen: Spread) -> Spread:
    """The more was seen, the less what is usual counts; few observations leave doubt."""
    if seen.seen <= 0:
        return usual
    share = seen.seen / (seen.seen + DOUBT)
    off = seen.mean - usual.mean
    inside = share * seen.variance + (1 - share) * usual.variance
    return Spread(
        mean=usual.mean + share * off,
        variance=max(inside + share * (1 - share) * off * off / (1 + seen.seen), 1e-4),
    )
