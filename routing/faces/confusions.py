"""What each intent's examples were taken for, as a table whose cells say how bad that is (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STEPS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    count: int
    share: float
    shade: str
    """`right` or `wrong`, and how much of the row lies here, from 1 to 4; else nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    intent: str
    cells: Sequence[Cell]


@dataclass(frozen=True, kw_only=True, slots=True)
class Confusion:
    columns: Sequence[str]
    rows: Sequence[Row]


def table(said: Mapping[str, Any]) -> Confusion:
    columns = [str(each) for each in said.get("columns", ())]
    rows = [_row(row["intent"], row["counts"], columns) for row in said.get("rows", ())]
    return Confusion(columns=columns, rows=rows)


def _row(intent: str, counts: Sequence[int], columns: Sequence[str]) -> Row:
    whole = sum(counts) or 1
    cells = [
        _cell(count, count / whole, is_right=columns[place] == intent)
        for place, count in enumerate(counts)
    ]
    return Row(intent=intent, cells=cells)


def _cell(count: int, share: float, *, is_right: bool) -> Cell:
    step = min(STEPS, 1 + int(share * STEPS))
    shade = f"{'right' if is_right else 'wrong'}-{step}" if count else ""
    return Cell(count=count, share=share, shade=shade)
