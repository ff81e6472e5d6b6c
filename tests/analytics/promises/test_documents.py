"""docs/slas.md names every field, cause, verdict and group, with the figures of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics.promises import burning, reporting
from analytics.promises.values import CAUSES
from routing.faces.sla_serializers import SlaSerializer, SlaTargetSerializer
from routing.policy.weights import Weights

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "slas.md").read_text()
READ_ONLY = {"id", "created_at"}
NAMES: list[str] = [
    *(name for name in SlaSerializer.Meta.fields if name not in READ_ONLY),
    *(str(name) for name in SlaTargetSerializer().fields if str(name) != "target"),
    *CAUSES,
    *burning.SPANS,
    *reporting.GROUPS,
    *reporting.figures(reporting.Sum(), causes=True),
    burning.CALMLY,
    burning.SLOWLY,
    burning.FASTLY,
]


@pytest.mark.parametrize("name", sorted(set(NAMES)))
def test_every_name_is_written_down(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_figures_of_a_fast_burn_are_those_of_the_code() -> None:
    assert burning.FAST == {"1h": (14.0, 0.5), "6h": (6.0, 0.1)}
    assert f"at least {burning.ENOUGH} requests in the last hour" in PAGE
    assert {"miss", "deadline_s", "second", "floor"} <= set(Weights.__slots__)
