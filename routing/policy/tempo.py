"""What is believed of a backend's speed: what was seen of late, as far as enough was (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from routing.bends import Bend
from routing.loads import Load
from routing.paces import Pace, Spread

USUAL_FIRST_S, USUAL_TPS = Spread(mean=0.0, variance=1.0), Spread(mean=math.log(40), variance=0.7)
"""Of a backend that nobody has timed: a second, then 40 tokens in each; both quite uncertain."""
DOUBT = 3.0
"""So many calls weigh as much as these do."""
LIVE_VARIANCE = 0.2
"""Of what our own engines say of their speed this moment."""
LEAST_VARIANCE = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class Tempo:
    """Made once for each change of what is known, so that a request only multiplies."""

    first_s: Spread
    """Until the first content, without what waits before it in a queue of our own."""
    tps: Spread
    mean_first_s: float
    variance_first_s: float
    token_s: float
    """The middle of what a token takes; `tps.variance` is that of its logarithm too."""
    reading: Bend
    """How the first content comes later the more is read."""

    def read_times(self, read: int) -> float:
        """Times the usual time to the first content, for so many tokens."""
        return math.exp(self.reading.of_read(read)) if self.reading.read else 1.0


def believed(pace: Pace, load: Load, crowd: int = 0) -> Tempo:
    """`crowd` is how many calls run there now."""
    usual = USUAL_TPS
    if load.decode_tps > 0:
        usual = Spread(mean=math.log(load.decode_tps), variance=LIVE_VARIANCE)
    first_s = blended(USUAL_FIRST_S, _bent(pace.first_s, pace.first_bend, crowd))
    tps = blended(usual, _bent(pace.tps, pace.tps_bend, crowd))
    mean_s = math.exp(first_s.mean + first_s.variance / 2)
    return Tempo(
        first_s=first_s,
        tps=tps,
        mean_first_s=mean_s,
        variance_first_s=mean_s * mean_s * math.expm1(first_s.variance),
        token_s=math.exp(-tps.mean),
        reading=pace.first_bend,
    )


def _bent(seen: Spread, bend: Bend, crowd: int) -> Spread:
    return replace(seen, mean=seen.mean + bend.of_crowd(crowd)) if bend.crowd else seen


def blended(usual: Spread, seen: Spread) -> Spread:
    """The more was seen, the less what is usual counts; few observations leave doubt."""
    if seen.seen <= 0:
        return usual
    share = seen.seen / (seen.seen + DOUBT)
    off = seen.mean - usual.mean
    inside = share * seen.variance + (1 - share) * usual.variance
    return Spread(
        mean=usual.mean + share * off,
        variance=max(inside + share * (1 - share) * off * off / (1 + seen.seen), LEAST_VARIANCE),
    )
