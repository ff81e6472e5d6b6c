"""Reads an experiment out: what each arm came to, and whether one of them is the best (pure)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from routing.experiments import intervals
from routing.experiments.intervals import Floats
from routing.experiments.values import UNSEEN, Interval, Verdict

LATE_SHARE = 0.05
"""What `p95_ms` allows: at most this share of answers takes longer."""
FEWER_IS_BETTER = frozenset({"cost", "late", "errors"})
NOTHING: Floats = np.empty(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What one arm's requests came to, in the order in which they came.

    Requests of one session are one value, their mean: they are not independent of each other.
    """

    reward: Floats = field(default_factory=lambda: NOTHING)
    cost: Floats = field(default_factory=lambda: NOTHING)
    late: Floats = field(default_factory=lambda: NOTHING)
    """Shares of answers that took longer than the guardrail `p95_ms` allows."""
    errors: Floats = field(default_factory=lambda: NOTHING)
    """Shares of requests that the arm's backend did not answer."""
    total_ms: Floats = field(default_factory=lambda: NOTHING)
    requests: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What an experiment wants to know, and how surely."""

    metric: str = "reward"
    delta: float = 0.05
    """The chance that a winner is named who is not the best."""
    epsilon: float = 0.02
    """Arms that differ by no more than this are as good as each other."""
    guardrails: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)


def judge(asked: Asked, samples: Mapping[str, Sample], *, control: str) -> Verdict:
    """May be asked after every request: the chance of a false winner counts all looks at once."""
    broken = dict(_broken(asked, samples))
    names = [name for name in samples if name == control or name not in broken]
    found = _differences(asked, samples, names)
    lost = dict(_lost(found))
    left = [name for name in names if name not in lost]
    if len(left) == 1 and len(names) > 1:
        return Verdict(winner=left[0], why="best", lost=lost, broken=broken)
    if len(left) > 1 and _all_alike(found, left, asked.epsilon):
        cheapest = min(left, key=lambda name: _mean(samples[name].cost))
        return Verdict(winner=cheapest, why="alike-and-cheapest", lost=lost, broken=broken)
    return Verdict(lost=lost, broken=broken)


def table(asked: Asked, samples: Mapping[str, Sample]) -> dict[str, Any]:
    """By arm what was seen, each figure with its interval at delta; and every two compared."""
    each = {name: _figures(sample, asked.delta) for name, sample in samples.items()}
    pairs = [
        {"first": first, "second": second, **interval.as_json()}
        for (first, second), interval in _differences(asked, samples, list(samples)).items()
    ]
    return {"arms": each, "differences": pairs, "metric": asked.metric}


def _figures(sample: Sample, delta: float) -> dict[str, Any]:
    times = sample.total_ms
    return {
        "requests": sample.requests,
        "reward": intervals.of_shares(sample.reward, delta).as_json(),
        "errors": intervals.of_shares(sample.errors, delta).as_json(),
        "late": intervals.of_shares(sample.late, delta).as_json(),
        "cost": intervals.of_amounts(sample.cost, delta).as_json(),
        "total_ms": intervals.of_amounts(times, delta).as_json(),
        "p95_ms": round(float(np.quantile(times, 0.95)), 1) if times.size else None,
    }


def _differences(
    asked: Asked, samples: Mapping[str, Sample], names: Sequence[str]
) -> dict[tuple[str, str], Interval]:
    """Of every two arms, first less second; δ is split among all of them, also those that have
    left, so that a stop never sharpens what is claimed of the others."""
    every = max(1, len(samples) * (len(samples) - 1) // 2)
    delta = asked.delta / every
    return {
        (first, second): _difference(asked, samples, (first, second), delta)
        for first, second in itertools.combinations(names, 2)
    }


def _difference(
    asked: Asked, samples: Mapping[str, Sample], pair: tuple[str, str], delta: float
) -> Interval:
    """Better is more, whatever is measured."""
    first, second = (getattr(samples[name], asked.metric) for name in pair)
    ratio = asked.shares.get(pair[0], 1.0) / asked.shares.get(pair[1], 1.0)
    differences = intervals.paired(first, second, ratio)
    if asked.metric in FEWER_IS_BETTER:
        differences = -differences
    if asked.metric == "cost":
        return intervals.of_amounts(differences, delta)
    return intervals.of_difference(differences, delta)


def _lost(found: Mapping[tuple[str, str], Interval]) -> Iterator[tuple[str, str]]:
    for (first, second), interval in found.items():
        if interval.low is not None and interval.low > 0:
            yield second, first
        elif interval.high is not None and interval.high < 0:
            yield first, second


def _all_alike(
    found: Mapping[tuple[str, str], Interval], left: Sequence[str], epsilon: float
) -> bool:
    known = [each for pair, each in found.items() if set(pair) <= set(left)]
    return all(
        each.low is not None
        and each.high is not None
        and -epsilon <= each.low
        and each.high <= epsilon
        for each in known
    )


def _broken(asked: Asked, samples: Mapping[str, Sample]) -> Iterator[tuple[str, str]]:
    """Arms that are known to be worse than they may be, by the same kind of interval."""
    for name, sample in samples.items():
        for guardrail, most in asked.guardrails.items():
            interval, limit = _guarded(sample, guardrail, most, asked.delta)
            if interval.low is not None and interval.low > limit:
                yield name, guardrail
                break


def _guarded(sample: Sample, name: str, most: float, delta: float) -> tuple[Interval, float]:
    if name == "errors":
        return intervals.of_shares(sample.errors, delta), most
    if name == "p95_ms":
        return intervals.of_shares(sample.late, delta), LATE_SHARE
    if name == "cost_usd":
        return intervals.of_amounts(sample.cost, delta), most
    return UNSEEN, most


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("inf")
