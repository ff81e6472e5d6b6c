"""Intervals on a scale that they share, as pages draw them (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Where something lies, in percent of the scale; `at` is what was seen, `zero` is nothing."""

    x: float
    width: float
    at: float | None
    zero: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    low: float
    high: float

    def place(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(min(1.0, max(0.0, share)) * 100, 2)

    def span(self, told: Mapping[str, Any], value: str = "value") -> Span | None:
        """Of something with `low`, `high` and `value`; nothing where it has no bounds."""
        low, high, seen = told.get("low"), told.get("high"), told.get(value)
        if low is None or high is None:
            return None
        x = self.place(low)
        return Span(
            x=x,
            width=max(0.6, round(self.place(high) - x, 2)),
            at=None if seen is None else self.place(seen),
            zero=self.place(0.0) if self.low < 0 < self.high else None,
        )


def around_zero(told: Mapping[str, Any]) -> Scale:
    """So that more and less lie on both sides of the middle."""
    furthest = max(abs(float(told.get("low") or 0)), abs(float(told.get("high") or 0)), 1e-12)
    return Scale(low=-furthest * 1.15, high=furthest * 1.15)


def holding(all_told: Iterable[Mapping[str, Any]], *, least: float | None = None) -> Scale:
    """All of these, with a little room."""
    ends = [
        float(told[end])
        for told in all_told
        for end in ("low", "high")
        if told.get(end) is not None
    ]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    room = (high - low) * 0.08 or 0.01
    return Scale(low=low - room if least is None else max(least, low - room), high=high + room)
