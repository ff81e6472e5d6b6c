"""Aims while money is short: whose weights, who first, and what a dollar weighs."""

from __future__ import annotations

import pytest

from routing.policy import deciding, terms, thrift, weights
from routing.policy.terms import Terms
from routing.policy.thrift import Thrift
from routing.policy.values import Decision
from tests.routing.policy.backends import backend, wants

ROSTER = (
    backend("ours", "2", kind="local", quality=0.2),
    backend("cheap", "0.1", quality=0.5),
    backend("big", "9", quality=0.9),
)


def first(model: str, said: Thrift, **demands: object) -> str:
    aim = thrift.bent(terms.DEFAULT.aim(model), terms.DEFAULT, said)
    found = deciding.decide(wants(model, **demands), ROSTER, aim=aim)
    assert isinstance(found, Decision)
    return found.order[0].backend.name


@pytest.mark.parametrize(
    ("said", "backend"),
    [
        (Thrift(), "big"),
        (Thrift(action="alert"), "big"),
        (Thrift(action="prefer-local"), "ours"),
        (Thrift(action="cheaper"), "cheap"),
        (Thrift(action="queue"), "ours"),
        (Thrift(weight=1000.0), "big"),
        (Thrift(weight=1e6), "cheap"),
    ],
)
def test_each_action_has_its_first_choice(said: Thrift, backend: str) -> None:
    assert first("auto:best", said) == backend


def test_our_own_come_first_only_where_they_may(said: str = "prefer-local") -> None:
    assert first("auto:best", Thrift(action=said), min_quality=0.4) == "big"
    everyone = thrift.bent(terms.DEFAULT.aim("auto:best"), terms.DEFAULT, Thrift(action=said))
    found = deciding.decide(wants("auto:best"), ROSTER, aim=everyone)
    assert isinstance(found, Decision)
    assert len(found.order) == 3, "nobody is lost who may answer if ours does not"


def test_a_name_is_kept() -> None:
    aim = terms.DEFAULT.aim("big")
    assert thrift.bent(aim, terms.DEFAULT, Thrift(action="cheaper", weight=9.0)) is aim


def test_cheap_is_what_the_team_calls_cheap() -> None:
    own = Terms(weights={"auto:cheap": {"usd": 7.0}})
    aim = thrift.bent(own.aim("auto"), own, Thrift(action="cheaper", weight=2.0))
    assert aim.weights.usd == 14.0
    assert weights.DEFAULTS["auto:cheap"].usd != 7.0
