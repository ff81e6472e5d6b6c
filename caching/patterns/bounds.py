"""How sure a share is: the exact interval of Clopper and Pearson, without a library (pure)."""

from __future__ import annotations

import math
from functools import lru_cache

ALPHA = 0.05
HALVINGS = 40


@lru_cache(maxsize=4096)
def lower(rights: int, seen: int, alpha: float = ALPHA) -> float:
    """The share that is exceeded with confidence 1 - alpha."""
    if rights <= 0 or seen <= 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _at_least(rights, seen, middle) < alpha:
            low = middle
        else:
            high = middle
    return low


def upper(rights: int, seen: int, alpha: float = ALPHA) -> float:
    return 1.0 - lower(seen - rights, seen, alpha) if seen > 0 else 1.0


def interval(rights: int, seen: int, alpha: float = ALPHA) -> tuple[float, float]:
    """Both ends, each missed with half of alpha."""
    return lower(rights, seen, alpha / 2), upper(rights, seen, alpha / 2)


def needed(floor: float, alpha: float = ALPHA) -> int:
    """How many must be seen, all of them right, before the lower bound can reach `floor`."""
    return math.ceil(math.log(alpha) / math.log(floor)) if 0 < floor < 1 else 1


def _at_least(rights: int, seen: int, share: float) -> float:
    """P(X ≥ rights) of `seen` draws; the shorter tail is summed."""
    if share <= 0.0 or share >= 1.0:
        return share
    if rights > seen / 2:
        return math.fsum(_exactly(k, seen, share) for k in range(rights, seen + 1))
    return 1.0 - math.fsum(_exactly(k, seen, share) for k in range(rights))


def _exactly(k: int, seen: int, share: float) -> float:
    ways = math.lgamma(seen + 1) - math.lgamma(k + 1) - math.lgamma(seen - k + 1)
    return math.exp(ways + k * math.log(share) + (seen - k) * math.log1p(-share))
