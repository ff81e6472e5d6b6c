"""The trace of a code assistant: when requests came, what they read and wrote, until when."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.embed.texts import DATA

CODE = DATA / "traces" / "azure_2023_code.csv.gz"
DEADLINES_S = (1.0, 2.0, 4.0, 2.0, 8.0)
"""By the request's place in the trace, in turns: nothing of the request decides about it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    at_s: float
    read: int
    written: int
    deadline_s: float


def read(path: Path = CODE) -> list[Arrival] | None:
    """In order of time; None where the data is not here."""
    if not path.exists():
        return None
    with gzip.open(path, "rt") as lines:
        rows = sorted((_moment(row["TIMESTAMP"]), row) for row in csv.DictReader(lines))
    begins = rows[0][0]
    return [
        Arrival(
            at_s=at - begins,
            read=int(row["ContextTokens"]),
            written=max(1, int(row["GeneratedTokens"])),
            deadline_s=DEADLINES_S[place % len(DEADLINES_S)],
        )
        for place, (at, row) in enumerate(rows)
    ]


def _moment(text: str) -> float:
    """Seven digits of a second are one more than Python reads."""
    return datetime.fromisoformat(text[:26] + "+00:00").timestamp()
