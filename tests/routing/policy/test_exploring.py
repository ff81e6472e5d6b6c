"""Chances of being tried: exact, bounded, and drawn as often as they say."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.learning.values import Estimate, Outlook
from routing.policy import deciding, exploring
from routing.policy.terms import Aim, Explore
from routing.policy.values import Backend, Decision, Wants
from routing.policy.weights import Weights
from tests.routing.policy.backends import backend, some_backends, some_wants, wants

APPLY = Aim(explore=Explore(mode="apply", share=0.2))
TWO = (backend("good", quality=0.6), backend("worse", quality=0.5))
SCORES = st.lists(st.floats(-3, 1), min_size=1, max_size=20)


@given(SCORES, st.floats(0, 1), st.floats(0, 200), st.floats(0, 0.5))
def test_chances_sum_to_one_and_all_but_the_best_stay_within_the_share(
    scores: list[float], deviation: float, sharpness: float, share: float
) -> None:
    found = exploring.chances(scores, [deviation] * len(scores), sharpness=sharpness, share=share)
    best = scores.index(max(scores))
    assert sum(found) == pytest.approx(1.0, abs=1e-12)
    assert all(chance >= 0 for chance in found)
    assert 1 - found[best] <= share + 1e-9
    assert found[best] == max(found)


def test_the_further_behind_the_rarer_and_the_hopeless_never() -> None:
    found = exploring.chances([0.9, 0.8, 0.5, 0.1], [0.2] * 4, sharpness=20, share=0.5)
    assert found[0] > found[1] > found[2] > 0
    assert found[3] == 0, "even two deviations better it would not be the best"
    assert found[1] == pytest.approx(1 / (3 + 20 * 0.1))


def test_a_draw_hits_each_as_often_as_its_chance_says() -> None:
    found, rng = [0.7, 0.2, 0.0, 0.1], random.Random(4)
    drawn = Counter(exploring.drawn(found, rng.random()) for _ in range(20_000))
    assert drawn[2] == 0
    for index in (0, 1, 3):
        assert drawn[index] / 20_000 == pytest.approx(found[index], abs=0.015)


@given(asked=some_wants(), backends=some_backends(), draw=st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_whatever_is_drawn_is_feasible_and_its_chance_is_in_the_receipt(
    asked: Wants, backends: tuple[Backend, ...], draw: float
) -> None:
    aim = Aim(explore=Explore(mode="apply", share=0.3))
    found = deciding.decide(asked, backends, aim=aim, draw=draw)
    if not isinstance(found, Decision):
        return
    told = {each["backend"]: each for each in found.told()}
    first = found.order[0].backend.name
    assert sum(each["propensity"] for each in told.values()) == pytest.approx(1.0, abs=1e-12)
    assert found.propensity == told[first]["propensity"] > 0
    assert not told[first]["excluded"]
    assert all(not each["propensity"] for each in told.values() if each["excluded"])
    assert len({c.backend.name for c in found.order}) == len(found.order)


def decided(aim: Aim, draw: float = 0.999, **terms: object) -> Decision:
    found = deciding.decide(wants(**terms), TWO, aim=aim, draw=draw)  # type: ignore[arg-type]
    assert isinstance(found, Decision)
    return found


def test_who_was_tried_says_so_and_the_best_stands_behind_it() -> None:
    found = decided(APPLY)
    assert found.reason == "policy:explored"
    assert found.explored
    assert [c.backend.name for c in found.order] == ["worse", "good"]
    assert found.propensity == pytest.approx(0.2), "the share"
    best = decided(APPLY, draw=0.1)
    assert best.reason == "policy:best-value"
    assert best.propensity == pytest.approx(0.8)


def test_observing_tells_what_would_have_been_and_takes_the_best() -> None:
    found = decided(replace(APPLY, explore=Explore(mode="observe", share=0.2)))
    assert (found.order[0].backend.name, found.propensity) == ("good", 1.0)
    assert found.exploring["would"] == {"good": pytest.approx(0.8), "worse": pytest.approx(0.2)}
    silent = decided(replace(APPLY, explore=Explore(mode="bypass")))
    assert (silent.propensity, silent.exploring) == (1.0, {})


@pytest.mark.parametrize("why", ["tool-loop", "min-quality", "deadline", "aside"])
def test_the_protected_are_never_tried_on(why: str) -> None:
    found = decided(APPLY, protected=why)
    assert (found.order[0].backend.name, found.propensity) == ("good", 1.0)
    assert found.exploring == {"mode": "apply", "why_not": why}


def test_a_named_model_is_not_tried_on() -> None:
    aim = Aim(goal="named-model", explore=APPLY.explore)
    found = deciding.decide(wants("worse"), TWO, aim=aim, draw=0.999)
    assert isinstance(found, Decision)
    assert (found.order[0].backend.name, found.propensity) == ("worse", 1.0)


def test_the_struggling_and_those_below_the_floor_are_not_tried() -> None:
    failing = (TWO[0], replace(TWO[1], failing=True))
    found = deciding.decide(wants(), failing, aim=APPLY, draw=0.999)
    assert isinstance(found, Decision)
    assert found.order[0].backend.name == "good"
    floor = replace(APPLY, weights=Weights(floor=0.55))
    again = deciding.decide(wants(), TWO, aim=floor, draw=0.999)
    assert isinstance(again, Decision)
    assert (again.order[0].backend.name, again.propensity) == ("good", 1.0)


def test_who_is_well_known_to_be_worse_is_left_alone() -> None:
    sure = {"worse": Estimate(quality=0.3, deviation=0.02, seen=400)}
    found = deciding.decide(wants(), TWO, Outlook(estimates=sure), aim=APPLY, draw=0.999)
    assert isinstance(found, Decision)
    assert found.order[0].backend.name == "good"


def test_what_trying_costs_is_what_it_costs_more() -> None:
    assert exploring.extra_usd([0.8, 0.1, 0.1], [1.0, 3.0, 0.5], 0) == pytest.approx(0.2)
