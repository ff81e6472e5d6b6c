"""Predicted chances of being late beside what happened: bins, and the Brier score (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BINS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Predictions of about the same chance."""

    place: int
    requests: int
    predicted: float
    """The sum of the predicted chances."""
    late: int
    squared: float
    """The sum of squared errors."""

    @property
    def words(self) -> str:
        width = 100 // BINS
        return f"{self.place * width} to {(self.place + 1) * width} %"

    @property
    def predicted_mean(self) -> float:
        return self.predicted / self.requests if self.requests else 0.0

    @property
    def seen(self) -> float:
        return self.late / self.requests if self.requests else 0.0


def place_of(chance: float) -> int:
    return min(BINS - 1, max(0, int(chance * BINS)))


def binned(pairs: Iterable[tuple[float, bool]]) -> list[Bin]:
    """Of predicted chances and whether it came true; empty bins are left out."""
    sums: dict[int, list[float]] = {}
    for chance, late in pairs:
        each = sums.setdefault(place_of(chance), [0, 0.0, 0, 0.0])
        each[0] += 1
        each[1] += chance
        each[2] += late
        each[3] += (chance - late) ** 2
    return [
        Bin(place=place, requests=int(n), predicted=p, late=int(late), squared=sq)
        for place, (n, p, late, sq) in sorted(sums.items())
    ]


def brier(bins: Sequence[Bin]) -> float:
    """The mean squared error; less is better, and 0.25 is a coin."""
    requests = sum(each.requests for each in bins)
    return sum(each.squared for each in bins) / requests if requests else 0.0


def brier_of_constant(bins: Sequence[Bin]) -> float:
    """Of whoever knows the share of late ones beforehand, and nothing else."""
    requests = sum(each.requests for each in bins)
    share = sum(each.late for each in bins) / requests if requests else 0.0
    return share * (1 - share)
