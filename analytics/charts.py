"""Requests over time as columns stacked by who answered, in the units of an SVG's view box."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

TIERS = ("rule", "exact", "semantic", "pattern", "local", "cloud")
"""In order of price: what needs no model first."""
UNANSWERED = "none"
JUDGE = "judge"
"""What KORA asks for itself, to compare answers: in the book, but no request in a chart."""
WIDTH, HEIGHT = 1000.0, 200.0
TICKS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One tier's part of one column, in the chart's own units."""

    tier: str
    count: int
    y: float
    height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    starts_at: datetime
    x: float
    width: float
    total: int
    counts: list[int]
    pieces: list[Piece]

    @property
    def words(self) -> str:
        parts = ", ".join(f"{piece.count} {piece.tier}" for piece in reversed(self.pieces))
        return f"{self.starts_at:%d %b %H:%M} UTC: {self.total} requests ({parts})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    columns: list[Column]
    tiers: list[tuple[str, int]]
    ceiling: int
    ticks: list[datetime]

    @property
    def busy(self) -> list[Column]:
        return [column for column in self.columns if column.total]

    @property
    def half(self) -> float:
        return self.ceiling / 2


def draw(groups: Iterable[Mapping[str, Any]], starts: list[datetime]) -> Chart:
    """`groups` say how many `requests` began in the column of `bin`, and `who` answered them."""
    by_start: dict[datetime, Counter[str]] = defaultdict(Counter)
    for group in groups:
        by_start[group["bin"]][group["who"] or UNANSWERED] += group["requests"]
    totals: Counter[str] = Counter()
    for counts in by_start.values():
        totals.update(counts)
    tiers = [(tier, totals[tier]) for tier in (*TIERS, UNANSWERED) if totals[tier]]
    ceiling = nice_ceiling(max((c.total() for c in by_start.values()), default=0))
    width = WIDTH / len(starts)
    names = [tier for tier, _ in tiers]
    columns = [
        _column(start, by_start[start], x=index * width, width=width, scale=(names, ceiling))
        for index, start in enumerate(starts)
    ]
    return Chart(columns=columns, tiers=tiers, ceiling=ceiling, ticks=_ticks(starts))


def _column(
    start: datetime, counts: Counter[str], *, x: float, width: float, scale: tuple[list[str], int]
) -> Column:
    names, ceiling = scale
    pieces, top = [], HEIGHT
    for tier in reversed(names):
        if counts[tier]:
            height = counts[tier] / ceiling * HEIGHT
            top -= height
            pieces.append(
                Piece(tier=tier, count=counts[tier], y=round(top, 2), height=round(height, 2))
            )
    return Column(
        starts_at=start,
        x=round(x + width * 0.08, 2),
        width=round(width * 0.84, 2),
        total=counts.total(),
        counts=[counts[tier] for tier in names],
        pieces=pieces,
    )


def _ticks(starts: list[datetime]) -> list[datetime]:
    last = len(starts) - 1
    return [starts[round(index * last / (TICKS - 1))] for index in range(TICKS)]


def nice_ceiling(highest: int) -> int:
    """The next round number above, so that the axis reads easily."""
    if highest <= 4:
        return 4
    magnitude = 10 ** (len(str(highest)) - 1)
    steps = (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10)
    return int(next(step * magnitude for step in steps if step * magnitude >= highest))
