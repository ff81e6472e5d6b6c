"""What moves a pattern by itself, and what nobody can do with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from caching.models import PatternState
from caching.patterns import lifecycle
from caching.patterns.lifecycle import Life

CANARY = Life(state="canary", action="fill", low=0.99)
ACTIVE = replace(CANARY, state="active", rights=60, newest=[True] * 20)


@pytest.mark.parametrize(
    ("life", "to"),
    [
        (Life(state="proposed", action="fill", low=0.99), None),
        (Life(state="proposed", action="fill", low=0.99, automatic=True), "canary"),
        (Life(state="proposed", action="rule", low=0.99, automatic=True), None),
        (Life(state="proposed", action="fill", unseen_days=15), "decayed"),
        (replace(CANARY, rights=19, newest=[True] * 19), None),
        (replace(CANARY, rights=20, newest=[True] * 20), "active"),
        (replace(CANARY, rights=19, wrongs=1, newest=[True] * 20), None),
        (replace(CANARY, wrongs=2, newest=[False, False]), "rolled-back"),
        (ACTIVE, None),
        (replace(ACTIVE, wrongs=1, newest=[False, *[True] * 9]), "canary"),
        (replace(ACTIVE, rights=5000, wrongs=2, newest=[False, False]), "rolled-back"),
        (replace(ACTIVE, rights=50, wrongs=8, newest=[True] * 50), "rolled-back"),
        (replace(ACTIVE, complaints=1, served=2), "rolled-back"),
        (replace(ACTIVE, complaints=1, served=100), None),
        (replace(ACTIVE, complaints=3, served=9000), "rolled-back"),
        (replace(ACTIVE, unseen_days=15.0), "decayed"),
    ],
)
def test_moves_by_itself(life: Life, to: str | None) -> None:
    due = lifecycle.due(life)
    assert (due.to if due else None) == to
    if due is not None:
        assert lifecycle.may(life.state, due.to)
        assert due.why


def test_every_state_is_one_of_the_table() -> None:
    known: set[Any] = {lifecycle.PROPOSED, lifecycle.CANARY, lifecycle.ACTIVE,
                       lifecycle.ROLLED_BACK, lifecycle.REJECTED, lifecycle.DECAYED}  # fmt: skip
    assert known == set(PatternState.values) == set(lifecycle.MOVES)


@pytest.mark.parametrize("was", ["proposed", "canary", "rolled-back", "rejected", "decayed"])
def test_one_yes_is_all_that_a_rule_needs(was: str) -> None:
    assert lifecycle.approved(was, "rule") == "active"
    assert lifecycle.may(was, "active", "rule")
    assert lifecycle.share("active", "rule") == 0
    assert not lifecycle.may(was, "canary", "rule")
    assert not lifecycle.may("active", "active", "rule")


@pytest.mark.parametrize(("was", "to"), [("rejected", "proposed"), ("proposed", "rolled-back")])
def test_what_cannot_be(was: str, to: str) -> None:
    assert not lifecycle.may(was, to)
