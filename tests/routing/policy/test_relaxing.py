"""What would help a request that nobody may answer: every change that is offered does."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from routing.policy import deciding, eligibility, relaxing
from routing.policy.values import Backend, Decision, NoWay, Wants
from tests.routing.policy.backends import backend, some_backends, some_wants, wants

FIELDS = {"max-cost": "max_cost", "min-quality": "min_quality", "max-latency-ms": "max_latency_ms"}


def relaxed(asked: Wants, offered: dict[str, Any]) -> Wants:
    """The request as a caller would send it again who takes the offer."""
    for change in (offered, *offered.get("also", ())):
        asked = _changed(asked, change)
    return asked


def _changed(asked: Wants, change: dict[str, Any]) -> Wants:
    name, needed = change["constraint"], change["needed"]
    if name == "context":
        return _shorter(asked, change["offered"])
    if name == "locality":
        model = "auto" if asked.model == "auto:local" else asked.model
        limits = replace(asked.constraints, locality="any")
        return replace(asked, model=model, constraints=limits)
    if name == "max-latency-ms" and asked.left_s is not None:
        passed_s = max(0.0, (asked.constraints.max_latency_ms or 0.0) / 1000 - asked.left_s)
        asked = replace(asked, left_s=needed / 1000 - passed_s)
    value: Any = Decimal(needed) if name == "max-cost" else needed
    changed: dict[str, Any] = {FIELDS[name]: value}
    return replace(asked, constraints=replace(asked.constraints, **changed))


def _shorter(asked: Wants, context: int) -> Wants:
    tokens = min(asked.prompt_tokens, context - 1)
    left = max(1, context - tokens)
    output = None if asked.output_tokens is None else min(asked.output_tokens, left)
    return replace(asked, prompt_tokens=tokens, output_tokens=output)


@given(asked=some_wants(), backends=some_backends())
@settings(max_examples=400, deadline=None)
def test_whoever_takes_an_offer_gets_an_answer(asked: Wants, backends: tuple[Backend, ...]) -> None:
    found = deciding.decide(asked, backends)
    if isinstance(found, Decision):
        return
    for offered in found.relaxations:
        again = deciding.decide(relaxed(asked, offered), backends)
        assert isinstance(again, Decision), offered
        assert offered["backend"] in [each.backend.name for each in again.order]


@given(asked=some_wants(), backends=some_backends())
@settings(max_examples=300, deadline=None)
def test_one_change_is_offered_where_one_is_enough_and_the_cheapest_is_the_first(
    asked: Wants, backends: tuple[Backend, ...]
) -> None:
    found = deciding.decide(asked, backends)
    if isinstance(found, Decision):
        return
    broken = {c.backend.name: relaxing.broken(asked, c) for c in found.candidates}
    helped = [names for names in broken.values() if all(name in relaxing.RELAXED for name in names)]
    fewest = min(map(len, helped), default=0)
    assert all(1 + len(each.get("also", ())) == fewest for each in found.relaxations)
    assert bool(found.relaxations) == bool(helped)
    worst = {c.backend.name: c.worst_case for c in found.candidates}
    costs = [worst[each["backend"]] for each in found.relaxations]
    assert costs == sorted(costs)


def bound(asked: Wants, *backends: Backend) -> NoWay:
    found = deciding.decide(asked, backends)
    assert isinstance(found, NoWay)
    return found


def test_what_no_single_change_mends_is_offered_as_one_combination() -> None:
    found = bound(
        wants(max_cost=Decimal("0.00001"), min_quality=0.9), backend("poor"), backend("dear", "9")
    )
    assert found.binding == "max-cost+min-quality"
    assert found.relaxations[0] == {
        "constraint": "max-cost",
        "needed": "0.000100000000",
        "backend": "poor",
        "also": [{"constraint": "min-quality", "needed": 0.5}],
    }


@pytest.mark.parametrize(
    ("terms", "facts", "binding"),
    [
        ({"data_class": "health"}, {}, "data-class"),
        ({"region": "eu"}, {"region": "us"}, "region"),
        ({"only": frozenset({"x"})}, {}, "rule-only"),
        ({"avoid": frozenset({"b"})}, {}, "rule-avoid"),
        ({}, {"weight": 0.0}, "drained"),
        ({"left_s": 0.5}, {"first_token_s": 1.0}, "deadline"),
    ],
)
def test_what_the_caller_cannot_change_is_named_and_nothing_is_offered(
    terms: dict[str, Any], facts: dict[str, Any], binding: str
) -> None:
    found = bound(wants(**terms), backend("b", **facts))
    assert (found.binding, found.relaxations) == (binding, ())


def test_what_a_rule_demands_is_not_the_callers_to_relax() -> None:
    asked = wants(min_quality=0.9, fixed=frozenset({"min-quality"}))
    found = bound(asked, backend("b"))
    assert (found.binding, found.relaxations) == ("min-quality", ())


def test_at_most_five_changes_are_offered() -> None:
    many = [backend(f"b{i}", str(i + 1)) for i in range(9)]
    found = bound(wants(max_cost=Decimal("0.000001")), *many)
    assert [each["backend"] for each in found.relaxations] == [f"b{i}" for i in range(5)]


def test_a_named_latency_is_one_in_which_a_whole_answer_is_expected() -> None:
    """Rounded up, and with a second, 40 tokens in it, for the answer itself: it ends by then."""
    slow = backend("b", first_token_s=0.0333)
    for limit in itertools.islice(itertools.count(1.0, 8.0), 4):
        found = bound(wants(max_latency_ms=limit, output_tokens=40), slow)
        assert found.relaxations[0]["needed"] == 1034


def test_the_time_that_a_latency_leaves_is_no_limit_of_its_own() -> None:
    """Seen live: both were broken at once, so the caller was offered nothing."""
    slow = backend("b", first_token_s=1.0)
    found = bound(wants(max_latency_ms=500.0, left_s=0.49), slow)
    assert found.binding == "max-latency"
    assert found.relaxations[0]["needed"] > 1010
    late = bound(wants(max_latency_ms=500.0, left_s=0.49, deadline=datetime.now(UTC)), slow)
    assert late.relaxations == ()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (wants("gone"), "there is no 'gone' that is switched on"),
        (wants(needs=frozenset({"tools", "vision"})), r"\(tools, vision\)"),
        (
            wants(max_cost=Decimal("0.00001"), min_quality=0.9),
            "may cost more and those that could are of less",
        ),
        (wants(only=frozenset({"x"})), "a rule or an alias"),
    ],
)
def test_what_binds_is_said_in_words(asked: Wants, words: str) -> None:
    assert re.search(words, bound(asked, backend("b")).why)


@pytest.mark.parametrize(
    ("left_s", "left_usd", "may"),
    [
        (5.0, None, True),
        (0.5, None, False),
        (5.0, Decimal("0.0001"), True),
        (5.0, Decimal("0.00009"), False),
    ],
)
def test_a_fallback_needs_the_time_and_the_money_that_is_left(
    left_s: float, left_usd: Decimal | None, may: bool
) -> None:
    found = deciding.decide(wants(), (backend("b", first_token_s=1.0),))
    assert isinstance(found, Decision)
    assert eligibility.still(found.order[0], left_s=left_s, left_usd=left_usd) is may
