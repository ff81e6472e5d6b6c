"""docs/routing.md names what choices say of themselves, with the figures of the code."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from routing.policy import eligibility, weights
from routing.policy.terms import Alias, Explore, Sticky
from routing.policy.values import VIRTUAL, Parts

ROUTING = (Path(__file__).resolve().parents[3] / "docs" / "routing.md").read_text()
KEYS = [each.name for room in (Explore, Sticky) for each in fields(room)]
NAMES = [
    *eligibility.CHECKS,
    *weights.NAMES,
    *(f"policy:{goal}" for goal in (*VIRTUAL.values(), "named-model", "explored", "sticky")),
]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_written_down(name: str) -> None:
    assert f"`{name}`" in ROUTING


@pytest.mark.parametrize("key", [*KEYS, *(each.name for each in fields(Alias))])
def test_every_key_of_the_settings_is_shown(key: str) -> None:
    assert f'"{key}"' in ROUTING or f"`{key}`" in ROUTING


@pytest.mark.parametrize("part", [each.name for each in fields(Parts) if each.name != "speed"])
def test_every_part_of_a_score_has_a_row(part: str) -> None:
    titles = {"miss": "P(too late)"}
    assert f"| {titles.get(part, part)} |" in ROUTING


@pytest.mark.parametrize("model", list(VIRTUAL))
def test_the_weights_are_those_of_the_code(model: str) -> None:
    row = next(line for line in ROUTING.splitlines() if line.startswith(f"| `{model}` |"))
    said = [float(cell.strip().replace(",", "")) for cell in row.split("|")[2:7]]
    mine = weights.DEFAULTS[model]
    assert said == [mine.usd, mine.miss, mine.switch, mine.second, mine.deadline_s]
