"""Scores on one scale: what quality, money, lateness and a change of backend are worth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kora_site import firstrun
from routing.learning import priors
from routing.learning.priors import Known
from routing.learning.values import Estimate, Forecast, Outlook
from routing.loads import Load
from routing.policy import costs, deciding, scoring
from routing.policy.terms import Aim, Terms
from routing.policy.values import Backend, Decision, Seat, Wants
from routing.policy.weights import DEFAULTS, Weights
from tests.routing.policy.backends import backend, price, wants

CHEAP = backend("cheap", "1", quality=0.5)
DEAR = backend("dear", "100", quality=0.8)


def decided(asked: Wants, *backends: Backend, **terms: Any) -> Decision:
    found = deciding.decide(asked, backends, **terms)
    assert isinstance(found, Decision)
    return found


def names(found: Decision) -> list[str]:
    return [each.backend.name for each in found.order]


def test_a_score_is_the_sum_of_its_parts() -> None:
    weights = Weights(usd=50, miss=0.5, switch=0.05, second=0.1)
    parts = scoring.worth(weights, quality=0.8, usd=0.002, p_miss=0.1, switching=True, first_s=2.0)
    assert parts.as_json() == {
        "quality": 0.8, "cost": -0.1, "miss": -0.05, "switch": -0.05, "speed": -0.2,
    }  # fmt: skip
    assert scoring.total(parts) == pytest.approx(0.4)


@pytest.mark.parametrize(("usd", "first"), [(0.0, "dear"), (10.0, "dear"), (50.0, "cheap")])
def test_what_a_dollar_is_worth_decides_between_cheap_and_good(usd: float, first: str) -> None:
    """A hundred tokens: a cent beside a hundredth of one, for 0.3 more quality."""
    aim = Aim(weights=Weights(usd=usd))
    assert names(decided(wants(), CHEAP, DEAR, aim=aim))[0] == first


def test_learning_outweighs_what_was_written() -> None:
    taught = Outlook(estimates={"cheap": Estimate(quality=0.95, deviation=0.02, seen=90)})
    found = decided(wants("auto:best"), CHEAP, DEAR, outlook=taught)
    assert names(found)[0] == "cheap"
    told = found.told()[0]
    assert (told["quality"], told["deviation"], told["seen"]) == (0.95, 0.02, 90)
    untaught = decided(wants("auto:best"), CHEAP, DEAR).told()[0]
    assert (untaught["quality"], untaught["deviation"], untaught["seen"]) == (0.5, 0.25, 0)


def test_cost_is_that_of_the_answer_that_is_expected() -> None:
    short = decided(
        wants(output_tokens=None), CHEAP, outlook=Outlook(output=Forecast(tokens=20, high=90))
    )
    assert short.order[0].cost == pytest.approx(20e-6)
    assert short.order[0].cost_high == pytest.approx(90e-6)
    assert float(short.order[0].worst_case) == pytest.approx(1000e-6)
    unknown = decided(wants(output_tokens=None), CHEAP)
    assert unknown.order[0].cost == pytest.approx(costs.USUAL_OUTPUT.tokens * 1e-6)
    capped = decided(wants(output_tokens=7), CHEAP)
    assert capped.order[0].cost == capped.order[0].cost_high == pytest.approx(7e-6)


def test_cheap_is_the_cheapest_of_those_above_the_floor() -> None:
    terms = Terms(weights={"auto:cheap": {"floor": 0.6}})
    found = decided(wants("auto:cheap"), CHEAP, DEAR, aim=terms.aim("auto:cheap"))
    assert (names(found), found.reason) == (["dear", "cheap"], "policy:cheapest-feasible")
    assert names(decided(wants("auto:cheap"), CHEAP, DEAR)) == ["cheap", "dear"]


def test_free_backends_of_auto_cheap_are_told_apart_by_quality() -> None:
    free = [backend(f"b{q}", "0", quality=q) for q in (0.2, 0.9, 0.5)]
    assert names(decided(wants("auto:cheap"), *free)) == ["b0.9", "b0.5", "b0.2"]


WARM = replace(price(into="10", cached="1"), price_out=price().price_out)
TALKED = Seat(backend="here", tokens=600)


def test_a_conversation_stays_where_its_prompt_is_warm_unless_another_is_worth_more() -> None:
    here, there = (
        backend("here", price=WARM, quality=0.50),
        backend("there", price=WARM, quality=0.55),
    )
    asked = wants(prompt_tokens=4000)
    new = decided(asked, here, there)
    assert (names(new)[0], new.reason) == ("there", "policy:best-value")
    stays = decided(replace(asked, seat=TALKED), here, there)
    assert (names(stays)[0], stays.reason) == ("here", "policy:sticky")
    assert stays.exploring["why_not"] == "session"
    kept, left = stays.order
    assert kept.cost == pytest.approx(3400 * 10e-6 + 600 * 1e-6 + 100e-6)
    assert (kept.parts.switch, left.parts.switch) == (0.0, -0.05)
    much_better = replace(there, quality=0.95)
    leaves = decided(replace(asked, seat=TALKED), here, much_better)
    assert (names(leaves)[0], leaves.reason) == ("there", "policy:best-value")


def test_being_the_best_anyway_is_not_called_sticky() -> None:
    found = decided(
        wants(seat=Seat(backend="dear")),
        CHEAP,
        replace(DEAR, quality=1.0),
        aim=Aim(weights=Weights(usd=1)),
    )
    assert found.reason == "policy:best-value"


def test_nobody_takes_over_in_a_tool_loop_but_for_the_dead_and_the_forbidden() -> None:
    loop = wants(seat=Seat(backend="cheap", in_loop=True), model="auto:best")
    found = decided(loop, CHEAP, DEAR)
    assert (names(found), found.reason) == (["cheap", "dear"], "policy:sticky")
    assert names(decided(loop, replace(CHEAP, failing=True), DEAR))[0] == "dear"
    assert names(decided(replace(loop, avoid=frozenset({"cheap"})), CHEAP, DEAR)) == ["dear"]


def test_a_late_answer_is_worth_less() -> None:
    slow = backend("slow", quality=0.9, load=Load(places=1, wait_s=60.0))
    quick = backend("quick", quality=0.7)
    assert names(decided(wants(), slow, quick))[0] == "quick", "most likely beyond half a minute"
    patient = Aim(weights=Weights(deadline_s=600.0))
    assert names(decided(wants(), slow, quick, aim=patient))[0] == "slow"


FRESH = tuple(
    backend(
        name,
        quality=words["quality"],
        price=price(*words["prices"]),
        context=words["context"],
        max_output=4096,
    )
    for name, words in firstrun.SANDBOX.items()
)
MINI = backend(
    "kora-mini", kind="local", quality=firstrun.MINI_QUALITY, context=1024, max_output=512,
    price=replace(price(out="0"), price_compute_s=firstrun.COMPUTE_S),
    load=Load(places=8, prefill_tps=2000.0, decode_tps=300.0, threads=2),
)  # fmt: skip


@pytest.mark.parametrize(
    ("model", "tokens", "first"),
    [
        ("auto", (20, 60), "sandbox-reasoner"),
        ("auto", (150, 300), "sandbox-large"),
        ("auto", (6000, 900), "sandbox-small"),
        ("auto:cheap", (150, 300), "kora-mini"),
        ("auto:best", (150, 300), "sandbox-reasoner"),
        ("auto:local", (150, 300), "kora-mini"),
    ],
)
def test_what_a_new_user_sees(model: str, tokens: tuple[int, int], first: str) -> None:
    """docs/routing.md tells it: the demo model answers where only the price or the place counts."""
    asked = wants(model, prompt_tokens=tokens[0], output_tokens=None)
    outlook = Outlook(output=Forecast(tokens=tokens[1], high=tokens[1] * 3))
    assert names(decided(asked, *FRESH, MINI, outlook=outlook))[0] == first


def test_the_demo_model_is_no_better_value_even_where_it_is_at_its_best() -> None:
    """A greeting that was recognised, by its measured marks: docs/routing.md says so."""
    best = priors.prior(
        Known(name="kora-mini", model="kora-mini", quality=0.15), "greeting", complexity=0.0
    )
    asked = wants(prompt_tokens=10, output_tokens=None)
    outlook = Outlook(estimates={"kora-mini": best}, output=Forecast(tokens=20, high=60))
    assert names(decided(asked, *FRESH, MINI, outlook=outlook))[0] == "sandbox-reasoner"


def test_each_virtual_model_has_weights_of_its_own() -> None:
    assert DEFAULTS["auto:cheap"].usd > DEFAULTS["auto"].usd > DEFAULTS["auto:best"].usd
    assert DEFAULTS["auto:fast"].deadline_s < DEFAULTS["auto"].deadline_s
