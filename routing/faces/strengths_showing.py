"""What backends were seen to be good at, as a table of intervals on one scale (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from routing.faces import spans
from routing.faces.spans import Span

WHOLE = spans.Scale(low=0.0, high=1.0)
UNTOLD = "no intent"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """`quality` is None where nothing was seen at all."""

    quality: float | None = None
    low: float = 0.0
    high: float = 1.0
    seen: float = 0.0
    enough: bool = False
    best: bool = False
    """Nobody else's interval lies wholly above this one's."""
    span: Span | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    intent: str
    cells: Sequence[Cell]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    backends: Sequence[str]
    rows: Sequence[Row]


def table(told: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Table:
    """A row an intent, a column a backend; the intents of most outcomes first."""
    backends = sorted(told)
    intents = sorted({name for cells in told.values() for name in cells}, key=_by_weight(told))
    rows = [_row(intent, [told[name].get(intent) for name in backends]) for intent in intents]
    return Table(backends=backends, rows=rows)


def _by_weight(told: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Any:
    def weight(intent: str) -> tuple[float, str]:
        return -sum(cells.get(intent, {}).get("seen", 0.0) for cells in told.values()), intent

    return weight


def _row(intent: str, told: Sequence[Mapping[str, Any] | None]) -> Row:
    known = [float(each["low"]) for each in told if each and each["enough"]]
    bar = max(known, default=2.0)
    return Row(intent=intent or UNTOLD, cells=[_cell(each, bar) for each in told])


def _cell(told: Mapping[str, Any] | None, bar: float) -> Cell:
    if not told:
        return Cell()
    enough = bool(told["enough"])
    return Cell(
        quality=float(told["quality"]),
        low=float(told["low"]),
        high=float(told["high"]),
        seen=float(told["seen"]),
        enough=enough,
        best=enough and float(told["high"]) >= bar,
        span=WHOLE.span(told, "quality") if enough else None,
    )
