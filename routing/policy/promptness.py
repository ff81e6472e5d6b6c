"""How likely a backend is to be late: its queue and speeds against a deadline (pure)."""

from __future__ import annotations

import math
from statistics import NormalDist

from routing.learning.values import Forecast
from routing.policy import tempo
from routing.policy.values import Backend

NINE_OF_TEN = 1.2816
SHORTEST_S = 1e-3
READING_MEAN, READING_VARIANCE = math.exp(tempo.LIVE_VARIANCE / 2), math.expm1(tempo.LIVE_VARIANCE)
"""In times what the speeds of the moment say of reading a prompt."""
NORMAL = NormalDist()
POINTS = tuple((place + 0.5) / 8 for place in range(8))
"""Chances at which the rest of a silence is looked at."""
HUNG = 0.01
"""Of a hundred calls one hangs, whatever its backend's speed; a guess, and a small one: it counts
only where a silence cannot be explained otherwise."""
HUNG_TIMES, HUNG_DEVIATION = math.log(10), 1.5
"""Such a silence lasts ten times as long in the middle, give or take."""
Moments = tuple[float, float]
"""A mean in seconds, and a variance."""


def p_miss(
    backend: Backend, read: int, output: Forecast, *, most_output: int, deadline_s: float
) -> float:
    """That the whole answer takes longer than `deadline_s`, put right by what came true of such
    predictions before."""
    raw = raw_miss(backend, read, output, most_output=most_output, deadline_s=deadline_s)
    return 1.0 if deadline_s <= SHORTEST_S else backend.lateness.right(raw)


def raw_miss(
    backend: Backend, read: int, output: Forecast, *, most_output: int, deadline_s: float
) -> float:
    """The first content and the writing of the rest are lognormal, and so, nearly, is their sum;
    nothing is put right."""
    if deadline_s <= SHORTEST_S:
        return 1.0
    return _beyond(deadline_s, took(backend, read, output, most_output=most_output))


def p_late(
    backend: Backend,
    read: int,
    output: Forecast,
    *,
    most_output: int,
    deadline_s: float,
    silent_s: float,
) -> float:
    """The same for a call that has run for `silent_s` and given no content yet: what is left of its
    silence is drawn from those that lasted so long, and the writing comes behind it. The longer it
    lasts beyond what is usual, the likelier the call is one of the few that hang."""
    if deadline_s <= max(silent_s, SHORTEST_S):
        return 1.0
    rest = _writing(backend, output, most_output)
    mean, deviation = _logs(_first(backend, read))
    heard_s = max(silent_s - backend.load.wait_s, SHORTEST_S)
    until_s = deadline_s - backend.load.wait_s
    usual = _silence((mean, deviation), heard_s, until_s, rest)
    hung = _silence((mean + HUNG_TIMES, HUNG_DEVIATION), heard_s, until_s, rest)
    return backend.lateness.right(_doubted(usual, hung))


def _silence(logs: Moments, heard_s: float, until_s: float, rest: Moments) -> tuple[float, float]:
    """That a silence of this mean and deviation (of its logarithm) lasts so long, and that such a
    one then ends too late for what has to be written."""
    mean, deviation = logs
    gone = min(NORMAL.cdf((math.log(heard_s) - mean) / deviation), 1 - 1e-9)
    left = (
        max(heard_s, math.exp(mean + deviation * NORMAL.inv_cdf(gone + (1 - gone) * point)))
        for point in POINTS
    )
    return 1 - gone, sum(_beyond(until_s - first_s, rest) for first_s in left) / len(POINTS)


def p_unfinished(
    backend: Backend,
    read: int,
    output: Forecast,
    *,
    most_output: int,
    deadline_s: float,
    elapsed_s: float,
) -> float:
    """The same for a call whose answer comes in one piece: all that is known is that it runs."""
    if deadline_s <= max(elapsed_s, SHORTEST_S):
        return 1.0
    mean, deviation = _logs(took(backend, read, output, most_output=most_output))
    usual = _running((mean, deviation), elapsed_s, deadline_s)
    hung = _running((mean + HUNG_TIMES, HUNG_DEVIATION), elapsed_s, deadline_s)
    return backend.lateness.right(_doubted(usual, hung))


def _running(logs: Moments, elapsed_s: float, deadline_s: float) -> tuple[float, float]:
    """That one of this mean and deviation (of its logarithm) runs so long, and that such a one then
    ends too late."""
    mean, deviation = logs
    ran, due = (
        1 - NORMAL.cdf((math.log(max(each, SHORTEST_S)) - mean) / deviation)
        for each in (elapsed_s, deadline_s)
    )
    return ran, min(1.0, due / ran) if ran > 0 else 1.0


def _doubted(usual: tuple[float, float], hung: tuple[float, float]) -> float:
    """Both as the chance to have lasted so long and that of being late then."""
    doubt = HUNG * hung[0] / max(HUNG * hung[0] + (1 - HUNG) * usual[0], 1e-300)
    return doubt * hung[1] + (1 - doubt) * usual[1]


def expected_s(backend: Backend, read: int, output: Forecast, *, most_output: int) -> float:
    """How long the whole answer takes on average."""
    return took(backend, read, output, most_output=most_output)[0]


def took(backend: Backend, read: int, output: Forecast, *, most_output: int) -> Moments:
    first_s, first_variance = _first(backend, read)
    writing_s, writing_variance = _writing(backend, output, most_output)
    return backend.load.wait_s + first_s + writing_s, first_variance + writing_variance


def _writing(backend: Backend, output: Forecast, most_output: int) -> Moments:
    tokens = max(1.0, min(output.tokens, most_output))
    spread = math.log(max(1.0, min(output.high, most_output) / tokens)) / NINE_OF_TEN
    variance = max(spread * spread + backend.tempo.tps.variance, tempo.LEAST_VARIANCE)
    writing_s = tokens * backend.tempo.token_s * math.exp(variance / 2)
    return writing_s, writing_s * writing_s * math.expm1(variance)


def _first(backend: Backend, read: int) -> Moments:
    """Without the waiting in our own queue, which is known."""
    if backend.load.prefill_tps <= 0:
        times = backend.tempo.read_times(read)
        return backend.tempo.mean_first_s * times, backend.tempo.variance_first_s * times * times
    reading_s = max(read / backend.load.prefill_tps, SHORTEST_S) * READING_MEAN
    return reading_s, reading_s * reading_s * READING_VARIANCE


def _beyond(limit_s: float, moments: Moments) -> float:
    """That a lognormal of this mean and variance is more than that."""
    if limit_s <= SHORTEST_S:
        return 1.0
    mean, deviation = _logs(moments)
    return 0.5 * math.erfc((math.log(limit_s) - mean) / (math.sqrt(2) * deviation))


def _logs(moments: Moments) -> Moments:
    """Mean and deviation of the logarithm."""
    mean, variance = moments
    spread = max(math.log1p(variance / (mean * mean)), tempo.LEAST_VARIANCE)
    return math.log(mean) - spread / 2, math.sqrt(spread)
