"""A trace's arrivals: when each request came, how long its prompt and its answer were."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from benchmarks.embed.texts import DATA

CODE = DATA / "traces" / "azure_2023_code.csv.gz"
MINUTE_S = 60.0
STEPS = 60
"""So many beginnings of a window are looked at."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    at_s: float
    """Since the beginning."""
    prompt_tokens: int
    completion_tokens: int


def read(path: Path = CODE) -> list[Arrival] | None:
    if not path.exists():
        return None
    with gzip.open(path, "rt") as text:
        rows = list(csv.DictReader(text))
    times = [datetime.fromisoformat(row["TIMESTAMP"][:26] + "+00:00").timestamp() for row in rows]
    return [
        Arrival(
            at_s=at - times[0],
            prompt_tokens=int(row["ContextTokens"]),
            completion_tokens=max(int(row["GeneratedTokens"]), 1),
        )
        for at, row in zip(times, rows, strict=True)
    ]


def peak(arrivals: Sequence[Arrival]) -> tuple[int, int]:
    """The second in which most came, and how many."""
    seconds = Counter(int(each.at_s) for each in arrivals)
    return max(seconds.items(), key=lambda item: (item[1], -item[0]))


def window(arrivals: Sequence[Arrival], minutes: float) -> list[Arrival]:
    """Of that length, with the fullest second in it, and its emptiest quarter as full as can be:
    a failure in the middle should find traffic before, during and after it."""
    length_s = minutes * MINUTE_S
    second, _ = peak(arrivals)
    latest_s = max(min(float(second), arrivals[-1].at_s - length_s), 0.0)
    earliest_s = min(max(second + 1 - length_s, 0.0), latest_s)
    starts = {int(earliest_s + (latest_s - earliest_s) * n / STEPS) for n in range(STEPS + 1)}
    begins_s = max(
        sorted(starts),
        key=lambda start_s: (
            _emptiest(arrivals, start_s, length_s),
            -abs(start_s + length_s / 2 - second),
        ),
    )
    return [
        replace(each, at_s=each.at_s - begins_s)
        for each in arrivals
        if begins_s <= each.at_s < begins_s + length_s
    ]


def _emptiest(arrivals: Sequence[Arrival], start_s: float, length_s: float) -> int:
    quarters = Counter(int((each.at_s - start_s) // (length_s / 4)) for each in arrivals)
    return min(quarters[place] for place in range(4))
