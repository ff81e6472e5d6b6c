"""An experiment's read-outs on scales: arms beside each other, and over time (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from routing.faces import sentences, spans
from routing.faces.spans import Span

WIDE, HIGH = 1000.0, 200.0
MOST_ROWS = 60
METRICS = {
    "reward": ("Reward", "how good answers were, from 0 to 1; more is better"),
    "cost": ("Cost", "US dollars a request; less is better"),
    "late": ("Late", "share of answers that came too late; less is better"),
    "errors": ("Errors", "share of requests that failed; less is better"),
}
RAILS = {
    "errors": "errors at most {:g}",
    "p95_ms": "p95 at most {:g} ms",
    "cost_usd": "at most ${:g}",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmRow:
    """One arm, as far as it was seen."""

    name: str
    place: int
    share: float
    then: Sequence[str]
    stopped: str
    lost_to: str
    requests: int
    figures: Mapping[str, Any]
    span: Span | None
    low: float | None
    mean: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    first: str
    second: str
    told: Mapping[str, Any]
    words: str
    span: Span | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    name: str
    place: int
    line: str
    band: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    curves: Sequence[Curve]
    ceiling: float
    floor: float
    begins: datetime
    ends: datetime
    rows: Sequence[tuple[datetime, Sequence[Mapping[str, Any]]]]


def arms(
    given: Sequence[Mapping[str, Any]], reading: Mapping[str, Any], metric: str
) -> list[ArmRow]:
    seen = reading.get("arms", {})
    told = [seen.get(arm["name"], {}).get(metric, {}) for arm in given]
    scale = spans.holding(told, least=0.0)
    whole = sum(float(arm.get("share", 1.0)) for arm in given) or 1.0
    return [
        ArmRow(
            name=arm["name"],
            place=place,
            share=float(arm.get("share", 1.0)) / whole,
            then=sentences.then(arm.get("then", {})) or ["as today"],
            stopped=str(arm.get("stopped", "")),
            lost_to=str(reading.get("lost", {}).get(arm["name"], "")),
            requests=int(seen.get(arm["name"], {}).get("requests", 0)),
            figures=seen.get(arm["name"], {}),
            span=scale.span(figure, "mean"),
            low=figure.get("low"),
            mean=figure.get("mean"),
            high=figure.get("high"),
        )
        for place, (arm, figure) in enumerate(zip(given, told, strict=True))
    ]


def differences(reading: Mapping[str, Any]) -> list[Difference]:
    return [_difference(each) for each in reading.get("differences", ())]


def _difference(told: Mapping[str, Any]) -> Difference:
    low, high = told.get("low"), told.get("high")
    first, second = str(told["first"]), str(told["second"])
    if low is None or high is None:
        better, drawn = "", None
    else:
        better = first if low > 0 else second if high < 0 else ""
        drawn = spans.around_zero(told).span(told, "mean")
    return Difference(
        first=first,
        second=second,
        told=told,
        words=f"{better} is better" if better else "no clear difference yet",
        span=drawn,
    )


def plot(
    names: Sequence[str], points: Sequence[tuple[datetime, Mapping[str, Any]]], metric: str
) -> Plot | None:
    """Each arm's mean over time with its interval; from two moments on."""
    if len(points) < 2:
        return None
    told = [[_of(reading, name, metric) for name in names] for _, reading in points]
    ends = [each for row in told for each in row]
    scale = spans.holding(ends, least=0.0)
    begins, last = points[0][0], points[-1][0]
    length = (last - begins).total_seconds() or 1.0
    xs = [(at - begins).total_seconds() / length * WIDE for at, _ in points]
    steps = max(1, len(points) // MOST_ROWS)
    rows = [(at, told[place]) for place, (at, _) in enumerate(points)]
    return Plot(
        curves=[_curve(arm, xs, [row[arm[0]] for row in told], scale) for arm in enumerate(names)],
        ceiling=scale.high,
        floor=scale.low,
        begins=begins,
        ends=last,
        rows=rows[::-steps],
    )


def _of(reading: Mapping[str, Any], name: str, metric: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = reading.get("arms", {}).get(name, {}).get(metric, {})
    return found


def _curve(
    arm: tuple[int, str],
    xs: Sequence[float],
    told: Sequence[Mapping[str, Any]],
    scale: spans.Scale,
) -> Curve:
    known = [(x, each) for x, each in zip(xs, told, strict=True) if each.get("mean") is not None]
    above = [_at(x, scale, each["high"]) for x, each in known if each.get("high") is not None]
    below = [_at(x, scale, each["low"]) for x, each in known if each.get("low") is not None]
    return Curve(
        name=arm[1],
        place=arm[0],
        line=" ".join(_at(x, scale, each["mean"]) for x, each in known),
        band=" ".join([*above, *reversed(below)]),
    )


def _at(x: float, scale: spans.Scale, value: float) -> str:
    return f"{x:.1f},{HIGH - scale.place(value) / 100 * HIGH:.1f}"


def rails(given: Mapping[str, float]) -> list[str]:
    return [RAILS[name].format(most) for name, most in given.items() if name in RAILS]
