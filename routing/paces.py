"""How fast a backend has been of late, as a small sketch that forgets: pure, for the decision."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from routing.bends import STRAIGHT, UNSEEN_TREND, Bend, Trend

MEMORY = 20.0
"""Calls after which older ones hardly count: providers change within minutes."""
SHORTEST_S = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """A lognormal quantity by mean and variance of its logarithm; older observations fade."""

    mean: float = 0.0
    variance: float = 0.0
    seen: float = 0.0

    def with_one(self, value: float) -> Spread:
        return self.with_log(math.log(max(value, SHORTEST_S)))

    def with_log(self, log: float) -> Spread:
        seen = min(self.seen, MEMORY - 1.0)
        share, off = 1.0 / (seen + 1.0), log - self.mean
        return Spread(
            mean=self.mean + share * off,
            variance=(1.0 - share) * (self.variance + share * off * off),
            seen=seen + 1.0,
        )

    @property
    def middle(self) -> float:
        return math.exp(self.mean)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Seconds until the first content, and tokens a second from there on, as they are at the usual
    crowd and length; how they bend with both is remembered for longer."""

    first_s: Spread = Spread()
    tps: Spread = Spread()
    first_bend: Bend = STRAIGHT
    tps_bend: Bend = STRAIGHT
    first_trend: Trend = UNSEEN_TREND
    tps_trend: Trend = UNSEEN_TREND

    def first_expected_s(self, around: Around) -> float:
        return math.exp(self.first_s.mean + self.first_bend.off(around.crowd, around.read))


UNSEEN = Pace()


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """In what a call was made: how many others ran there, and the tokens it had read."""

    crowd: int = 0
    read: int = 0


NOTHING_AROUND = Around()


def streamed(pace: Pace, first_s: float, around: Around = NOTHING_AROUND) -> Pace:
    log = math.log(max(first_s, SHORTEST_S))
    trend = pace.first_trend.with_one(around.crowd, around.read, log)
    bend = trend.bend(rising=True)
    usual = log - bend.off(around.crowd, around.read)
    spread = pace.first_s.with_log(usual)
    return replace(pace, first_s=spread, first_bend=bend, first_trend=trend)


def silent(pace: Pace, silent_s: float, around: Around = NOTHING_AROUND) -> Pace:
    """Nobody knows when its content had come; later than usual, it is at least that slow, and one
    that was given up earlier says nothing."""
    late = pace.first_s.seen < 1 or silent_s > pace.first_expected_s(around)
    return streamed(pace, silent_s, around) if late else pace


def wrote(pace: Pace, tokens: int, writing_s: float, around: Around = NOTHING_AROUND) -> Pace:
    if tokens < 1 or writing_s <= 0:
        return pace
    log = math.log(max(tokens / writing_s, SHORTEST_S))
    trend = pace.tps_trend.with_one(around.crowd, 0, log)
    bend = trend.bend(rising=False)
    tps = pace.tps.with_log(log - bend.off(around.crowd, 0))
    return replace(pace, tps=tps, tps_bend=bend, tps_trend=trend)


def whole(pace: Pace, tokens: int, took_s: float, around: Around = NOTHING_AROUND) -> Pace:
    """An answer that came in one piece does not say when it began: as it usually does here, or
    after a quarter of its time."""
    if pace.first_s.seen < 1:
        pace = streamed(pace, took_s / 4, around)
    first_s = min(pace.first_expected_s(around), took_s / 2)
    return wrote(pace, tokens, took_s - first_s, around)
