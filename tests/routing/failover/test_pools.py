"""Backends of one model share its calls by weight, speed and how busy they are."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from routing.failover import pools
from routing.failover.pools import Member
from routing.policy import deciding, terms
from routing.policy.values import Backend, Decision
from tests.routing.policy.backends import backend, wants


def peer(name: str, **facts: Any) -> Backend:
    return backend(name, model="shared", **facts)


def decided(model: str, *backends: Backend, **asked: Any) -> Decision:
    aim = terms.DEFAULT.aim(model)
    found = deciding.decide(wants(model, **asked), backends, aim=aim)
    assert isinstance(found, Decision)
    return found


def member(name: str, **facts: Any) -> Member:
    return Member(name=name, **facts)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([member("a"), member("b")], [0.5, 0.5]),
        ([member("a"), member("b", in_flight=1)], [1.0, 0.0]),
        ([member("a", peak_s=0.2), member("b", peak_s=0.9)], [1.0, 0.0]),
        ([member("a", peak_s=0.2, in_flight=9), member("b", peak_s=0.9)], [0.0, 1.0]),
        ([member("a", weight=3), member("b", weight=1)], [1.0, 0.0]),
        ([member("a", weight=3, in_flight=5), member("b", weight=1, in_flight=1)], [0.75, 0.25]),
        ([member("new"), member("b", peak_s=0.5, in_flight=1)], [1.0, 0.0]),
        ([member("a"), member("b"), member("c", in_flight=1)], [0.5, 0.5, 0.0]),
        ([member("a"), member("b", in_flight=1), member("c", in_flight=2)], [2 / 3, 1 / 3, 0.0]),
    ],
)
def test_the_chance_of_each_is_that_of_being_the_lighter_of_two(
    members: list[Member], expected: list[float]
) -> None:
    found = pools.chances(members)
    assert sum(found) == pytest.approx(1.0)
    assert found == pytest.approx(expected)


def test_the_least_busy_of_many_is_not_everybody_s_choice() -> None:
    members = [member(str(number), in_flight=number) for number in range(10)]
    assert max(pools.chances(members)) == pytest.approx(0.2)


def test_a_model_s_name_stands_for_all_backends_that_have_it() -> None:
    found = decided("shared", peer("a"), peer("b", usd_out="2"), backend("other"))
    assert {c.backend.name for c in pools.named(found, "shared")} == {"a", "b"}
    assert {c.backend.name for c in found.candidates} == {"a", "b"}
    assert pools.named(decided("a", peer("a"), peer("b")), "a") == ()


def test_drained_ones_other_regions_and_those_that_struggle_take_no_part() -> None:
    all_of = (
        peer("here", region="eu"),
        peer("there", region="us"),
        peer("drained", region="eu", weight=0.0),
        peer("broken", region="eu", failing=True),
        peer("too", region="eu"),
    )
    found = decided("shared", *all_of, region="eu")
    assert {c.backend.name for c in pools.named(found, "shared")} == {"here", "too"}


def test_auto_spreads_among_those_that_differ_in_nothing_else() -> None:
    found = decided("auto", peer("a"), peer("b"), peer("dear", usd_out="9"), backend("other"))
    assert {c.backend.name for c in pools.alike(found)} == {"a", "b"}


def test_calls_are_spread_and_told_with_their_exact_chance() -> None:
    found = decided("shared", peer("a"), peer("b"), peer("c"))
    members = [member("a"), member("b", in_flight=1), member("c", in_flight=2)]
    chance, seen = random.Random(1), Counter[str]()
    for _ in range(3000):
        taken = pools.spread(found, members, chance.random())
        name = taken.order[0].backend.name
        seen[name] += 1
        assert taken.propensity == pytest.approx({"a": 2 / 3, "b": 1 / 3}[name])
        assert sum(taken.propensities.values()) == pytest.approx(1.0)
    assert seen["a"] / 3000 == pytest.approx(2 / 3, abs=0.04)
    after_b = pools.spread(found, members, 0.7)
    assert [c.backend.name for c in after_b.order] == ["b", "a", "c"], "who fails over goes by load"
