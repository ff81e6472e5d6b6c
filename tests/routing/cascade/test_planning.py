"""Whether a request is answered here first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from routing.cascade import planning
from routing.cascade.values import OFF, Cascade, Legs
from routing.learning.values import UNTAUGHT
from routing.policy import deciding
from routing.policy.values import Decision
from tests.routing.policy.backends import backend, wants

ON = Cascade(enabled=True)
MINI = backend("mini", "0.1", kind="local", quality=0.3)
OURS_TOO = backend("maxi", "0.3", kind="local", quality=0.8)
BIG = backend("big", "9", quality=0.9)
BEST = backend("best", "20", quality=0.95)


def decided(*backends: object, model: str = "auto:best") -> Decision:
    found = deciding.decide(wants(model), backends)  # type: ignore[arg-type]
    assert isinstance(found, Decision)
    return found


def legs(decision: Decision, terms: Cascade = ON, intent: str = "", left_s: float = 600) -> object:
    return planning.legs(terms, decision, intent, left_s=left_s, outlook=UNTAUGHT)


def test_the_cheapest_of_ours_is_first_and_the_best_of_the_others_stands_by() -> None:
    found = legs(decided(BIG, MINI, OURS_TOO, BEST))
    assert isinstance(found, Legs)
    assert found.first.backend.name == "mini"
    assert [each.backend.name for each in found.others] == ["best", "big"]


@pytest.mark.parametrize(
    "decision",
    [
        decided(MINI, OURS_TOO),
        decided(BIG, BEST),
        decided(BIG, replace(MINI, failing=True)),
        decided(BIG, MINI, model="big"),
        replace(decided(BIG, MINI), reason="policy:sticky"),
        replace(decided(BIG, MINI), reason="policy:explored"),
        replace(decided(BIG, MINI), reason="pattern:hours"),
    ],
)
def test_without_one_of_ours_and_a_better_one_or_where_somebody_was_named(
    decision: Decision,
) -> None:
    assert legs(decision) is None


def test_only_for_the_kinds_named_and_where_there_is_time_for_both() -> None:
    decision, faq = decided(BIG, MINI), replace(ON, intents=frozenset({"faq"}))
    assert legs(decision, OFF) is None
    assert legs(decision, faq, intent="greeting") is None
    assert legs(decision, faq, intent="faq") is not None
    assert legs(decision, left_s=2) is None
