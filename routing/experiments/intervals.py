"""Intervals that hold at every moment at once, so that looking often does no harm (pure).

For values from 0 to 1 the empirical-Bernstein confidence sequence of Waudby-Smith and Ramdas: its
bets depend on what came before only, and its width follows the variance that was seen. For amounts
without a bound the asymptotic sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from routing.experiments.values import UNSEEN, Interval

Floats = npt.NDArray[np.float64]
MOST_STAKED = 0.5
"""Of what a bet has: more is sooner sure where there is little variance, and later elsewhere."""
FEWEST = 20
"""Values without a bound before anything is said of their mean."""
TUNED_FOR = 500.0
"""The number of values at which an asymptotic sequence is narrowest."""


def bounded(values: Floats, delta: float) -> tuple[Floats, Floats]:
    """The lower and upper ends after each value; rows are runs where there are two dimensions.

    The mean of values in [0, 1] lies between all of them but for a chance of `delta`.
    """
    count = np.arange(1, values.shape[-1] + 1)
    before = _before((0.5 + np.cumsum(values, axis=-1)) / (count + 1), 0.5)
    around = (0.5 + np.cumsum(values, axis=-1)) / (count + 1)
    spread = (0.25 + np.cumsum((values - around) ** 2, axis=-1)) / (count + 1)
    known = _before(spread, 0.25)
    stake = np.sqrt(2 * math.log(2 / delta) / (known * count * np.log1p(count)))
    stake = np.minimum(stake, MOST_STAKED)
    price = (-np.log1p(-stake) - stake) * (values - before) ** 2
    staked = np.cumsum(stake, axis=-1)
    middle = np.cumsum(stake * values, axis=-1) / staked
    radius = (math.log(2 / delta) + np.cumsum(price, axis=-1)) / staked
    low = np.maximum.accumulate(np.clip(middle - radius, 0, 1), axis=-1)
    high = np.minimum.accumulate(np.clip(middle + radius, 0, 1), axis=-1)
    return low, high


def of_shares(values: Floats, delta: float) -> Interval:
    """Of values from 0 to 1, after the last of them."""
    if not values.size:
        return UNSEEN
    low, high = bounded(values, delta)
    return _told(values, float(low[-1]), float(high[-1]))


def of_amounts(values: Floats, delta: float) -> Interval:
    """Of values without a bound: true in the long run, so nothing is said of a few."""
    if values.size < FEWEST:
        return Interval(seen=int(values.size), mean=float(values.mean()) if values.size else None)
    count, deviation = values.size, float(values.std())
    known = 2 * math.log(1 / delta)
    scale = (known + math.log(1 + known)) / TUNED_FOR
    inner = count * scale + 1
    radius = deviation * math.sqrt(2 * inner / (count**2 * scale) * math.log(inner**0.5 / delta))
    mean = float(values.mean())
    return _told(values, mean - radius, mean + radius)


def paired(first: Floats, second: Floats, ratio: float = 1.0) -> Floats:
    """Differences of arms that answered side by side: each value of the one with fewer requests
    against the mean of as many of the other as fall to it."""
    if ratio < 1:
        return -paired(second, first, 1 / ratio)
    block = max(1, round(ratio))
    pairs = min(first.size // block, second.size)
    blocks = first[: pairs * block].reshape(pairs, block).mean(axis=1)
    return np.asarray(blocks - second[:pairs], dtype=np.float64)


def of_difference(differences: Floats, delta: float) -> Interval:
    """Of differences from -1 to 1."""
    found = of_shares((differences + 1) / 2, delta)
    if found.low is None or found.high is None or found.mean is None:
        return found
    return Interval(
        seen=found.seen, mean=2 * found.mean - 1, low=2 * found.low - 1, high=2 * found.high - 1
    )


def _before(after: Floats, at_first: float) -> Floats:
    """What was known before each value came."""
    shifted = np.empty_like(after)
    shifted[..., 0], shifted[..., 1:] = at_first, after[..., :-1]
    return shifted


def _told(values: Floats, low: float, high: float) -> Interval:
    return Interval(seen=int(values.size), mean=float(values.mean()), low=low, high=high)
