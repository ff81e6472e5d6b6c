"""What a read-out comes to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from routing.experiments import following, reading
from routing.experiments.reading import Asked, Sample
from routing.experiments.values import Arm
from routing.learning import rewards

CHANCE = np.random.default_rng(11)


def sample(reward: float, count: int = 3_000, **more: Any) -> Sample:
    def coin(share: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        return (CHANCE.random(count) < share).astype(np.float64)

    return Sample(
        reward=coin(reward),
        errors=coin(more.get("errors", 0.0)),
        late=coin(more.get("late", 0.0)),
        cost=CHANCE.exponential(more.get("cost", 0.001), count),
        total_ms=np.full(count, 100.0),
        requests=count,
    )


def judged(asked: Asked | None = None, **samples: Sample) -> Any:
    return reading.judge(asked or Asked(), samples, control="today")


def test_the_better_arm_wins_whichever_it_is() -> None:
    assert judged(today=sample(0.5), new=sample(0.7)).winner == "new"
    assert judged(today=sample(0.7), new=sample(0.5)).winner == "today"
    assert judged(today=sample(0.5), new=sample(0.7), other=sample(0.5)).winner == "new"


def test_nobody_wins_on_little_evidence() -> None:
    verdict = judged(today=sample(0.5, 20), new=sample(0.7, 20))
    assert (verdict.winner, verdict.lost, verdict.broken) == ("", {}, {})


def test_arms_that_are_as_good_as_each_other_are_told_apart_by_cost() -> None:
    asked = Asked(epsilon=0.2)
    dear, cheap = sample(0.5, 6_000, cost=0.01), sample(0.5, 6_000, cost=0.001)
    verdict = judged(asked, today=dear, new=cheap)
    assert (verdict.winner, verdict.why) == ("new", "alike-and-cheapest")


@pytest.mark.parametrize("metric", ["cost", "late", "errors"])
def test_less_is_better_of_what_is_a_burden(metric: str) -> None:
    much: Any = {"cost": 0.01, "late": 0.3, "errors": 0.3}[metric]
    little: Any = {"cost": 0.001, "late": 0.01, "errors": 0.01}[metric]
    found = judged(
        Asked(metric=metric),
        today=sample(0.5, **{metric: much}),
        new=sample(0.5, **{metric: little}),
    )
    assert found.winner == "new"


@pytest.mark.parametrize(
    ("guardrails", "bad"),
    [({"errors": 0.1}, {"errors": 0.3}), ({"p95_ms": 50}, {"late": 0.3}),
     ({"cost_usd": 0.002}, {"cost": 0.01})],
)  # fmt: skip
def test_an_arm_that_breaks_a_guardrail_is_out_however_good(
    guardrails: dict[str, float], bad: dict[str, Any]
) -> None:
    verdict = judged(
        Asked(guardrails=guardrails), today=sample(0.2, errors=0.01), new=sample(0.9, **bad)
    )
    assert verdict.broken == {"new": next(iter(guardrails))}
    assert verdict.winner == "", "and who is left alone has not won"


def test_an_arm_with_a_tenth_of_the_traffic_is_compared_as_well() -> None:
    asked = Asked(shares={"today": 9, "new": 1})
    verdict = judged(asked, today=sample(0.4, 18_000), new=sample(0.6, 2_000))
    assert verdict.winner == "new"


def said(arm: str, session: str = "", ok: bool = True, **parts: float) -> dict[str, Any]:
    return {
        "experiment": f"e/{arm}", "session": session, "ok": ok, "cost": 0.1, "total_ms": 10.0,
        "parts": parts,
    }  # fmt: skip


def test_requests_of_one_session_are_one_value_and_who_stood_in_counts_for_nobody() -> None:
    outcomes = [
        said("a", "s:1", thumb=1.0), said("a", "s:1", thumb=0.0), said("a", "kora:seat:x", thumb=1),
        said("b", ok=False, answered=0.0), said("b", ok=False, thumb=1.0, verifier=0.0), said("b"),
    ]  # fmt: skip
    found = following.collect(
        outcomes, [Arm(name="a"), Arm(name="b")], {"p95_ms": 5.0}, rewards.DEFAULTS
    )
    assert found["a"].reward.tolist() == [0.5, 1.0]
    assert found["b"].reward.tolist() == []
    assert found["b"].errors.tolist() == [1.0, 0.0], "an escalation is neither"
    assert found["a"].late.tolist() == [1.0, 1.0]
    assert (found["a"].requests, found["b"].requests) == (3, 3)
