"""A month of bursty demand at 150 % of its budget, through KORA's own choice: paced, and not."""

from __future__ import annotations

import pytest

from benchmarks.faults import bench, months, pacing
from benchmarks.faults.months import SHAPES

REQUESTS = 2_000


@pytest.mark.parametrize(
    ("shape", "seed", "usd"), [*((shape, 11, 5.0) for shape in SHAPES), ("working week", 12, 0.1)]
)
def test_a_paced_month_lands_on_its_plan_and_answers_more_and_better_than_the_cliff(
    shape: str, seed: int, usd: float
) -> None:
    aim, came = pacing.aims(usd), months.demand(SHAPES[shape], requests=REQUESTS, seed=seed)
    limit = months.free(came, aim).spent / 1.5
    cliff, paced = months.unpaced(came, aim, limit), months.paced(came, aim, limit)
    assert cliff.share_refused > 0.2
    assert abs(paced.spent / limit - 1) <= 0.02
    assert paced.share_refused < 0.01
    assert paced.of_all > cliff.of_all + 0.15
    assert paced.of_answered > cliff.of_answered - 0.05


def test_where_the_money_is_enough_nothing_is_held_back() -> None:
    aim, came = pacing.aims(5.0), months.demand(months.working_week, requests=REQUESTS, seed=3)
    free = months.free(came, aim)
    paced = months.paced(came, aim, free.spent * 1.5)
    assert paced.refused == 0
    assert paced.spent == pytest.approx(free.spent, rel=0.02)


def test_the_same_seed_is_the_same_month() -> None:
    first, second = (months.demand(months.launch, requests=300, seed=5) for _ in range(2))
    assert first == second


def test_its_table_and_bars_stand_on_what_was_found() -> None:
    row = pacing.row("first-day flood", usd=5.0, seed=1, requests=600)
    found = {"demand": 1.5, "requests": 600, "rows": [row]}
    assert "first-day flood" in pacing.table(found)
    assert {bar.verdict for bar in pacing.bars(found)} <= {"pass", "MISS"}
    assert "pacing" in bench.made()
