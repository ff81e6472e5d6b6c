"""Experiments that are looked at after every outcome: false winners, and how long they take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.overhead import Bar
from routing.experiments import intervals

if TYPE_CHECKING:
    from benchmarks.routing.bench import Given

Floats = npt.NDArray[np.float64]
Found = dict[str, Any]

RUNS, AT_ONCE = 1_000, 50
DELTA = 0.05
EQUAL = ((0.1, 2), (0.5, 2), (0.9, 2), (0.5, 3))
"""Mean reward of all arms, and how many there are."""
EQUAL_LENGTH = 4_000
"""Outcomes of each arm."""
DIFFERENT = ((0.5, 0.55), (0.5, 0.6), (0.5, 0.7), (0.85, 0.95))
LONGEST = 8
"""Times the fixed-size test, before a run is given up."""
BURN_IN = 50
"""Outcomes of each arm before the plain test, which is shown for contrast, is looked at."""
SCORES = 12.0
"""Where rewards are scores: a beta distribution of so many observations."""


def measure(given: Given) -> Found:
    chance = np.random.default_rng(given.seed)
    equal = [_equal(chance, mean, arms) for mean, arms in EQUAL]
    thumbs = [_different(chance, pair, "thumbs") for pair in DIFFERENT]
    scores = [_different(chance, pair, "scores") for pair in DIFFERENT[:2]]
    return {"runs": RUNS, "delta": DELTA, "equal": equal, "different": [*thumbs, *scores]}


def _equal(chance: np.random.Generator, mean: float, arms: int) -> Found:
    false, plain = 0, 0
    for _ in range(RUNS // AT_ONCE):
        drawn = [_drawn(chance, mean, "thumbs", EQUAL_LENGTH) for _ in range(arms)]
        each = [_won(a, b, arms * (arms - 1) // 2) for a, b in combinations(drawn, 2)]
        named = np.any([np.isfinite(first) | np.isfinite(second) for first, second in each], axis=0)
        false += int(named.sum())
        plain += int(np.any([_plain(a, b) for a, b in combinations(drawn, 2)], axis=0).sum())
    low, high = wilson(false, RUNS)
    told = {"mean": mean, "arms": arms, "looks": EQUAL_LENGTH, "false": false / RUNS}
    return {**told, "low": low, "high": high, "plain": plain / RUNS}


def _different(chance: np.random.Generator, pair: tuple[float, float], kind: str) -> Found:
    fixed = fixed_size(pair, kind)
    at, right, wrong = [], 0, 0
    for _ in range(RUNS // AT_ONCE):
        worse, better = (_drawn(chance, mean, kind, LONGEST * fixed) for mean in pair)
        first, second = _won(better, worse, 1)
        right += int((first < second).sum())
        wrong += int((second < first).sum())
        at += [float(each) for each in np.minimum(first, second)]
    decided = sorted(2 * each for each in at if math.isfinite(each))
    low, high = _bootstrapped(chance, decided)
    return {
        "pair": list(pair),
        "kind": kind,
        "right": right / RUNS,
        "wrong": wrong / RUNS,
        "fixed": 2 * fixed,
        "mean": float(np.mean(decided)) if decided else None,
        "low": low,
        "high": high,
        "median": float(np.median(decided)) if decided else None,
        "nine_of_ten": float(np.quantile(decided, 0.9)) if decided else None,
    }


def _drawn(chance: np.random.Generator, mean: float, kind: str, count: int) -> Floats:
    if kind == "scores":
        return chance.beta(mean * SCORES, (1 - mean) * SCORES, (AT_ONCE, count))
    return (chance.random((AT_ONCE, count)) < mean).astype(np.float64)


def _won(first: Floats, second: Floats, pairs: int) -> tuple[Floats, Floats]:
    """After how many outcomes of each arm the first was named, and the second; never: infinity."""
    low, high = intervals.bounded((first - second + 1) / 2, DELTA / pairs)
    return _first_time(low > 0.5), _first_time(high < 0.5)


def _first_time(held: npt.NDArray[np.bool_]) -> Floats:
    return np.where(held.any(axis=1), held.argmax(axis=1) + 1.0, np.inf)


def _plain(first: Floats, second: Floats) -> npt.NDArray[np.bool_]:
    """A test for one look, looked at after every outcome: whether it ever named a winner."""
    count = np.arange(1, first.shape[1] + 1)
    means = [np.cumsum(each, axis=1) / count for each in (first, second)]
    error = np.sqrt(sum(mean * (1 - mean) for mean in means) / count) + 1e-9
    bound = NormalDist().inv_cdf(1 - DELTA / 2)
    named = np.abs(means[0] - means[1]) / error > bound
    return np.asarray(named[:, BURN_IN:].any(axis=1))


def fixed_size(pair: tuple[float, float], kind: str, power: float = 0.95) -> int:
    """Outcomes of each arm that a test with one look needs for the same errors on both sides."""
    spread = [mean * (1 - mean) for mean in pair]
    if kind == "scores":
        spread = [each / (SCORES + 1) for each in spread]
    normal = NormalDist()
    sure = normal.inv_cdf(1 - DELTA / 2) + normal.inv_cdf(power)
    return math.ceil(sure**2 * sum(spread) / (pair[1] - pair[0]) ** 2)


def wilson(hits: int, count: int) -> tuple[float, float]:
    z = NormalDist().inv_cdf(0.975)
    middle = (hits + z * z / 2) / (count + z * z)
    radius = z / (count + z * z) * math.sqrt(hits * (count - hits) / count + z * z / 4)
    return middle - radius, middle + radius


def _bootstrapped(chance: np.random.Generator, values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return math.nan, math.nan
    means = chance.choice(np.array(values), (1_000, len(values))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def table(found: Found) -> str:
    head = f"{'equal arms':<22} {'looks':>6} {'false winners':>14} {'95 %':>16} {'plain test':>11}"
    lines = [head, "-" * len(head)]
    for row in found["equal"]:
        name = f"{row['arms']} arms at {row['mean']:.2f}"
        interval = f"{row['low']:.3f} to {row['high']:.3f}"
        lines.append(
            f"{name:<22} {row['looks']:>6} {row['false']:>14.3f} {interval:>16} "
            f"{row['plain']:>11.3f}"
        )
    head = f"{'true difference':<22} {'right':>6} {'wrong':>6} {'requests':>9} {'95 %':>16} "
    head += f"{'median':>8} {'9 of 10':>8} {'fixed size':>11}"
    lines += ["", head, "-" * len(head)]
    return "\n".join((*lines, *(_told(row) for row in found["different"])))


def _told(row: Found) -> str:
    name = f"{row['pair'][0]:.2f} and {row['pair'][1]:.2f}, {row['kind']}"
    interval = f"{row['low']:.0f} to {row['high']:.0f}"
    return (
        f"{name:<22} {row['right']:>6.3f} {row['wrong']:>6.3f} {row['mean'] or math.nan:>9.0f} "
        f"{interval:>16} {row['median'] or math.nan:>8.0f} {row['nine_of_ten'] or math.nan:>8.0f} "
        f"{row['fixed']:>11}"
    )


def bars(found: Found) -> list[Bar]:
    return [
        Bar(
            text=f"experiments: false winners of {found['runs']} runs with equal arms, the worst",
            value=max(row["false"] for row in found["equal"]),
            bound=found["delta"],
            at_most=True,
        ),
        Bar(
            text="experiments: runs with a true difference that named the wrong arm, the worst",
            value=max(row["wrong"] for row in found["different"]),
            bound=found["delta"],
            at_most=True,
        ),
        Bar(
            text="experiments: runs with a true difference that named the right arm, the worst",
            value=min(row["right"] for row in found["different"]),
            bound=0.95,
            at_most=False,
        ),
    ]
