"""What a simulation found, in words and on scales (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analytics import receipts
from routing.faces import spans
from routing.faces.spans import Span

UNCLEAR = "no clear difference"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One difference: the policy's less what happened."""

    name: str
    unit: str
    """How it is said: `money`, `points`, `seconds` or `share`."""
    value: float
    low: float
    high: float
    words: str
    outcome: str
    warning: str
    effective: float
    span: Span | None


FIGURES = {
    "spend_usd": ("Spend", "money", ("less", "more")),
    "quality": ("Quality of an answer", "points", ("worse", "better")),
    "latency_s": ("Time of an answer", "seconds", ("faster", "slower")),
    "misses_share": ("Answers that come too late", "share", ("fewer", "more")),
}
WARNINGS = {
    "no-overlap": "Much of this was never tried, so the model alone tells it; the interval is wider"
    " by how unsure it is.",
    "thin-overlap": "This rests on few requests: what this policy would do was seldom tried.",
    "too-few": "Fewer than 30 requests: this is hardly more than a guess.",
}
WHY = {
    "stored-answer": "a stored answer would have to be looked for again",
    "budget": "a budget had chosen",
    "older-receipt": "the receipt is of an older KORA",
}
PREFIXES = {
    "rule": "rule {} asks for what no receipt keeps",
    "backend-gone": "backend {} is not there any more",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A request that would change."""

    id: str
    at: datetime
    team: str
    was: str
    now: str
    why: str
    chance: float
    delta_usd: float
    delta_quality: float


def figures(group: Mapping[str, Any]) -> list[Figure]:
    return [_figure(key, group[key]) for key in FIGURES if key in group]


def _figure(key: str, told: Mapping[str, Any]) -> Figure:
    name, unit, (less, more) = FIGURES[key]
    value, clear = float(told.get("value", 0.0)), bool(told.get("clear"))
    good = value > 0 if unit == "points" else value < 0
    return Figure(
        name=name,
        unit=unit,
        value=value,
        low=float(told.get("low", 0.0)),
        high=float(told.get("high", 0.0)),
        words=(more if value > 0 else less) if clear else UNCLEAR,
        outcome=("ok" if good else "bad") if clear else "",
        warning=WARNINGS.get(str(told.get("warning", "")), str(told.get("warning", ""))),
        effective=float(told.get("effective", 0.0)),
        span=spans.around_zero(told).span(told),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """One window of a budget that was tried: what would be spent in it, and who finds no room."""

    begins: datetime
    spent_usd: float
    refused: int
    first: datetime | None


def windows(budget: Mapping[str, Any] | None) -> list[Window]:
    return [
        Window(
            begins=datetime.fromisoformat(each["begins"]),
            spent_usd=each["spent_usd"],
            refused=each["refused"],
            first=datetime.fromisoformat(each["first"]) if each["first"] else None,
        )
        for each in (budget or {}).get("windows", ())
    ]


def undecided(told: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Why some requests could not be decided again, the most frequent first."""
    counted = sorted(told.get("why", {}).items(), key=lambda each: -each[1])
    return [(_why(name), count) for name, count in counted]


def _why(name: str) -> str:
    kind, _, rest = name.partition(":")
    return PREFIXES[kind].format(rest) if kind in PREFIXES else WHY.get(name, name)


def moved(rows: Sequence[Mapping[str, Any]]) -> list[Moved]:
    return [
        Moved(
            id=row["id"],
            at=datetime.fromisoformat(row["at"]),
            team=row["team"],
            was=row["from"],
            now=row["to"],
            why=receipts.in_words(row["why"]),
            chance=row["chance"],
            delta_usd=row["delta_usd"],
            delta_quality=row["delta_quality"],
        )
        for row in rows
    ]
