"""What the pages say of experiments, cascades and deadlines is what there is."""

from __future__ import annotations

from dataclasses import fields

import pytest

from kora_site import environment
from routing.cascade import values
from routing.cascade.values import CHECKS, Cascade
from routing.experiments import terms
from routing.models import ExperimentState

DOCS = environment.ROOT / "docs"
REASONS = (values.FIRST, values.ESCALATED, values.UNVERIFIED)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("experiments", [*terms.METRICS, *terms.GUARDRAILS, *ExperimentState.values]),
        ("experiments", ["delta", "epsilon", "most_requests", "share", "when", "arms"]),
        ("cascade", [*CHECKS, *REASONS, *(each.name for each in fields(Cascade))]),
        ("concepts", [*REASONS, "experiment:<name>/<arm>"]),
    ],
)
def test_every_word_of_theirs_is_named(page: str, words: list[str]) -> None:
    text = (DOCS / f"{page}.md").read_text()
    assert [word for word in words if f"`{word}`" not in text] == []
