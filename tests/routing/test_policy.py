"""Which backend is chosen, in which order the others follow, and what binds when none may."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from analytics.values import PriceTag
from routing.loads import Load
from routing.policy import costs, deciding
from routing.policy.values import VIRTUAL, Backend, Decision, NoWay, Wants
from routing.questions import Constraints
from routing.tries import Try


def backend(name: str, usd_out: str = "1", **facts: Any) -> Backend:
    price = PriceTag(
        price_id=None, price_in=Decimal(0), price_out=Decimal(usd_out), price_cached_in=Decimal(0)
    )
    plain = Backend(
        backend_id=1, name=name, kind="sandbox", model=name, version="1", price=price,
        context=8192, max_output=1000, capabilities=frozenset({"tools"}), max_parallel=10,
        weight=1.0, quality=0.5,
    )  # fmt: skip
    return replace(plain, **facts)


CHEAP = backend("cheap", "1", quality=0.3, first_token_s=2.0)
FAST = backend("fast", "5", quality=0.5, first_token_s=0.1)
BEST = backend("best", "9", quality=0.9, first_token_s=1.0)
LOCAL = backend("local", "0", kind="local", quality=0.2, first_token_s=0.5)
ALL = (BEST, CHEAP, FAST, LOCAL)


def wants(model: str = "auto", **terms: Any) -> Wants:
    names = {"prompt_tokens", "format_tokens", "output_tokens", "choices", "needs", "allowed"}
    own = {name: terms.pop(name) for name in names & set(terms)}
    plain: dict[str, Any] = {
        "prompt_tokens": 10, "output_tokens": 100, "choices": 1, "needs": frozenset()
    }  # fmt: skip
    return Wants(model=model, constraints=Constraints(**terms), **{**plain, **own})


def chosen(asked: Wants, backends: tuple[Backend, ...] = ALL) -> list[str]:
    decision = deciding.decide(asked, backends)
    assert isinstance(decision, Decision)
    return [candidate.backend.name for candidate in decision.order]


def bound(asked: Wants, backends: tuple[Backend, ...] = ALL) -> NoWay:
    decision = deciding.decide(asked, backends)
    assert isinstance(decision, NoWay)
    return decision


@pytest.mark.parametrize(
    ("model", "order", "reason"),
    [
        ("auto", ["best", "fast", "cheap", "local"], "policy:best-value"),
        ("auto:cheap", ["local", "cheap", "fast", "best"], "policy:cheapest-feasible"),
        ("auto:fast", ["fast", "local", "best", "cheap"], "policy:fastest-feasible"),
        ("auto:best", ["best", "fast", "cheap", "local"], "policy:best-feasible"),
        ("auto:local", ["local"], "policy:best-value"),
        ("best", ["best"], "policy:named-model"),
    ],
)
def test_each_goal_has_its_order(model: str, order: list[str], reason: str) -> None:
    decision = deciding.decide(wants(model), ALL)
    assert isinstance(decision, Decision)
    assert [candidate.backend.name for candidate in decision.order] == order
    assert decision.reason == reason


@pytest.mark.parametrize("model", ["auto", "auto:fast", "auto:best"])
def test_a_struggling_backend_comes_last_and_is_not_left_out(model: str) -> None:
    failing = tuple(replace(each, failing=each.name in {"local", "fast", "best"}) for each in ALL)
    assert chosen(wants(model), failing)[0] == "cheap"
    assert len(chosen(wants(model), failing)) == 4


EXCLUSIONS = [
    ("not-allowed", {"allowed": frozenset({"best"})}, {}),
    ("locality", {"locality": "local"}, {}),
    ("capability", {"needs": frozenset({"vision"})}, {}),
    ("context", {"output_tokens": 8190}, {}),
    ("max-cost", {"max_cost": Decimal("0.00001")}, {}),
    ("min-quality", {"min_quality": 0.8}, {}),
    ("max-latency", {"max_latency_ms": 1000.0}, {"first_token_s": 1.5}),
    ("busy", {}, {"in_flight": 10}),
]


@pytest.mark.parametrize(("why", "terms", "facts"), EXCLUSIONS)
def test_each_hard_constraint_excludes(
    why: str, terms: dict[str, Any], facts: dict[str, Any]
) -> None:
    found = bound(wants(**terms), (backend("b", "1", **facts),))
    assert [candidate.excluded for candidate in found.candidates] == [why]
    assert found.binding == why


def test_a_named_backend_is_bound_by_the_same_constraints() -> None:
    assert bound(wants("best", max_cost=Decimal("0.0001"))).binding == "max-cost"
    assert bound(wants("best", locality="local")).binding == "locality"
    assert bound(wants("gone")).binding == "backends"


def test_an_unmeasured_backend_is_not_too_slow() -> None:
    assert chosen(wants(max_latency_ms=1.0), (backend("new"),)) == ["new"]


def test_choices_and_the_longest_output_count_into_the_worst_case() -> None:
    one = deciding.decide(wants("cheap"), ALL)
    four = deciding.decide(wants("cheap", choices=4), ALL)
    unbounded = deciding.decide(wants("cheap", output_tokens=None), ALL)
    assert isinstance(one, Decision)
    assert isinstance(four, Decision)
    assert isinstance(unbounded, Decision)
    assert one.order[0].worst_case == Decimal("0.0001")
    assert four.order[0].worst_case == 4 * one.order[0].worst_case
    assert unbounded.order[0].worst_case == Decimal("0.001")


@pytest.mark.parametrize(
    ("counted", "estimated", "held"),
    [({}, 100, 150), ({"cheap": 60}, 100, 100), ({"cheap": 100}, 60, 105), ({"x": 9}, 100, 150)],
)
def test_a_count_by_the_models_own_vocabulary_needs_no_margin(
    counted: dict[str, int], estimated: int, held: int
) -> None:
    """A provider that reports no usage is paid by the estimate: no less than that is held."""
    asked = replace(wants("cheap", prompt_tokens=estimated, output_tokens=1), counted=counted)
    fit = costs.fit(asked, replace(backend("cheap"), model="cheap"))
    assert fit.prompt_tokens == held


def test_a_local_model_cuts_the_longest_answer_to_what_its_context_leaves() -> None:
    ours = replace(LOCAL, context=100, max_output=1000)
    for asked in (wants(prompt_tokens=60, output_tokens=5000), wants(output_tokens=None)):
        assert chosen(asked, (ours,)) == ["local"]
    priced = backend("local", "1", kind="local", context=100)
    decision = deciding.decide(wants(prompt_tokens=60, output_tokens=5000, choices=2), (priced,))
    assert isinstance(decision, Decision)
    assert decision.order[0].worst_case == Decimal("0.00008"), "40 tokens, twice"
    full = bound(wants(prompt_tokens=100, output_tokens=1), (ours,))
    assert full.relaxations == (
        {"constraint": "context", "needed": 101, "offered": 100, "backend": "local"},
    )


def test_a_refusal_for_length_says_what_is_needed_and_what_there_is() -> None:
    found = bound(wants(prompt_tokens=9000, output_tokens=100), (CHEAP, BEST))
    assert "needs about 9100 tokens" in found.why
    assert "has a context of 8192" in found.why
    assert bound(wants(min_quality=0.95), (BEST,)).why.startswith("min-quality binds, for")


def test_a_schema_takes_no_room_in_a_local_model() -> None:
    asked = wants(prompt_tokens=500, format_tokens=450, output_tokens=10)
    assert chosen(asked, (replace(LOCAL, context=100),)) == ["local"]
    assert bound(asked, (replace(CHEAP, context=100),)).binding == "context"


def test_a_refusal_says_the_cheapest_changes_first() -> None:
    found = bound(wants(max_cost=Decimal("0.00001")), (BEST, CHEAP, FAST))
    assert found.binding == "max-cost"
    assert found.relaxations == (
        {"constraint": "max-cost", "needed": "0.000100000000", "backend": "cheap"},
        {"constraint": "max-cost", "needed": "0.000500000000", "backend": "fast"},
        {"constraint": "max-cost", "needed": "0.000900000000", "backend": "best"},
    )
    quality = bound(wants(min_quality=0.95), (BEST,)).relaxations
    assert quality == ({"constraint": "min-quality", "needed": 0.9, "backend": "best"},)


def test_the_smallest_amount_is_written_without_an_exponent() -> None:
    tiny = (backend("tiny", "0.0000001"),)
    found = bound(wants(max_cost=Decimal("1e-30")), tiny)
    assert found.relaxations[0]["needed"] == "0.000000000010"
    (candidate,) = found.candidates
    assert candidate.as_json()["expected_cost"] == "0.000000000010"
    attempt = Try(attempt_id=UUID(int=1), number=1, candidate=candidate, reason="", cost="8.7E-8")
    assert attempt.as_json()["cost"] == "0.000000087"


@pytest.mark.parametrize("terms", [{"locality": "local"}, {"model": "auto:local"}])
def test_without_any_local_backend_locality_binds(terms: dict[str, Any]) -> None:
    assert bound(wants(**terms), (BEST,)).binding == "locality"
    assert bound(wants(**terms), ()).binding == "locality"


def test_with_nothing_at_all_backends_bind() -> None:
    assert bound(wants(), ()).binding == "backends"


def test_what_binds_is_being_busy_when_only_that_keeps_a_backend_from_it() -> None:
    crowd = (replace(CHEAP, in_flight=10), replace(BEST, capabilities=frozenset()))
    assert bound(wants(needs=frozenset({"tools"})), crowd).binding == "busy"


def test_a_queue_of_our_own_that_is_full_is_busy_and_says_when_to_come_again() -> None:
    full = replace(LOCAL, load=Load(places=0, wait_s=3.5))
    assert chosen(wants(), (full, CHEAP)) == ["cheap"]
    found = bound(wants("auto:local"), (full, replace(LOCAL, name="other", in_flight=10)))
    assert (found.binding, found.wait_s) == ("busy", 3.5)
    assert bound(wants(), (replace(CHEAP, in_flight=10),)).wait_s is None


def test_the_latency_of_our_own_is_waiting_and_reading() -> None:
    waits = replace(LOCAL, first_token_s=None, load=Load(places=1, wait_s=3.0, prefill_tps=10.0))
    assert chosen(wants(max_latency_ms=4000.0), (waits,)) == ["local"]
    found = bound(wants(max_latency_ms=3500.0), (waits,))
    assert found.relaxations[0] == {
        "constraint": "max-latency-ms", "needed": 6500, "backend": "local"
    }  # fmt: skip
    assert chosen(wants("auto:fast"), (waits, CHEAP)) == ["cheap", "local"]
    assert found.candidates[0].as_json()["wait_s"] == 3.0


def test_seconds_of_our_own_cost_at_the_speeds_of_the_moment_and_are_held_with_room() -> None:
    price = replace(LOCAL.price, price_out=Decimal(0), price_compute_s=Decimal("0.001"))
    load = Load(places=1, prefill_tps=15.0, decode_tps=100.0)
    found = deciding.decide(wants("auto:local"), (replace(LOCAL, price=price, load=load),))
    assert isinstance(found, Decision)
    assert found.order[0].cost == pytest.approx((10 / 15 + 1) / 1000)
    assert found.order[0].worst_case == Decimal("0.008")
    elsewhere = replace(CHEAP, price=price, load=load)
    assert deciding.decide(wants(), (elsewhere,)).candidates[0].worst_case == 0


EMBEDS = {"capabilities": frozenset({"embeddings"})}
VECTORS = backend("vectors", "0", kind="local", context=256, backend_id=7, **EMBEDS)
LATER = backend("later", "0", kind="local", context=256, backend_id=9, **EMBEDS)
REMOTE = backend("remote", "0", backend_id=2, **EMBEDS)
EMBEDDERS = (LATER, REMOTE, VECTORS)


def embedding(model: str, **terms: Any) -> Wants:
    needs = frozenset({"embeddings"})
    return replace(wants(model, needs=needs, output_tokens=0, **terms), inputs=2)


@pytest.mark.parametrize("model", list(VIRTUAL))
def test_vectors_of_auto_always_come_from_the_same_embedder(model: str) -> None:
    struggling = replace(VECTORS, failing=True, first_token_s=9.0)
    for vectors in (VECTORS, struggling):
        assert chosen(embedding(model), (*ALL, LATER, REMOTE, vectors)) == ["vectors"]


def test_an_embedder_does_not_chat_and_a_model_that_chats_makes_no_vectors() -> None:
    assert "vectors" not in chosen(wants(), (*ALL, *EMBEDDERS))
    for asked in (wants("vectors"), embedding("cheap")):
        refused = deciding.decide(asked, (*ALL, *EMBEDDERS))
        assert isinstance(refused, NoWay)
        assert refused.binding == "capability"


def test_nobody_stands_in_for_an_embedder() -> None:
    assert chosen(embedding("remote"), EMBEDDERS) == ["remote"]


def test_long_texts_cost_no_more_than_is_read_of_them() -> None:
    priced = replace(VECTORS, price=replace(VECTORS.price, price_compute_s=Decimal(1)))
    few, many = (
        deciding.decide(embedding("vectors", prompt_tokens=tokens), (priced,))
        for tokens in (512, 1_000_000)
    )
    assert isinstance(few, Decision)
    assert isinstance(many, Decision)
    assert few.order[0].worst_case == many.order[0].worst_case > 0
