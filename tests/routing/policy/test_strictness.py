"""What burning promises ask of a choice: the targets that burn, and nothing else."""

from __future__ import annotations

from analytics.promises.values import Kept, Promise
from routing.policy import deciding, strictness, weights
from routing.policy.terms import Aim
from routing.policy.values import Decision
from tests.routing.policy.backends import backend, wants
from tests.routing.policy.test_promptness import TIMED

PROMISE = Promise(
    sla_id=1, team_id=1, name="p", ttft_ms=500, total_ms=8000, availability=99.0, min_quality=0.4
)


def test_only_what_burns_is_stricter() -> None:
    plain = weights.AUTO
    assert strictness.stricter(plain, [Kept(promise=PROMISE)]) == plain
    total = strictness.stricter(plain, [Kept(promise=PROMISE, burning=("total",))])
    assert (total.deadline_s, total.miss) == (8.0, 2.0)
    assert strictness.changed(plain, total) == {"miss": 2.0, "deadline_s": 8.0}
    first = strictness.stricter(plain, [Kept(promise=PROMISE, burning=("ttft",))])
    assert strictness.changed(plain, first) == {"second": 1.0}
    good = strictness.stricter(plain, [Kept(promise=PROMISE, burning=("quality",))])
    assert strictness.changed(plain, good) == {"floor": 0.4}


def test_a_deadline_that_is_stricter_already_stays() -> None:
    fast = weights.DEFAULTS["auto:fast"]
    assert strictness.stricter(fast, [Kept(promise=PROMISE, burning=("total",))]).deadline_s == 5.0


def test_several_that_burn_ask_for_the_strictest_once() -> None:
    loose = Promise(sla_id=2, team_id=1, name="q", total_ms=20_000)
    kept = [Kept(promise=each, burning=("total",)) for each in (PROMISE, loose, PROMISE)]
    found = strictness.stricter(weights.AUTO, kept)
    assert (found.deadline_s, found.miss) == (8.0, 2.0)


def test_it_can_be_switched_off() -> None:
    relaxed = Promise(sla_id=1, team_id=1, name="p", total_ms=10, stricter=False)
    kept = [Kept(promise=relaxed, burning=("total",))]
    assert strictness.stricter(weights.AUTO, kept) == weights.AUTO


def test_while_it_burns_a_dear_fast_backend_is_chosen_and_before_it_a_cheap_slow_one() -> None:
    slow = backend("slow", quality=0.6, pace=TIMED)
    fast = backend("fast", usd_out="40", quality=0.6, pace=FASTER)
    asked = wants(output_tokens=2000)

    def chosen(aim: Aim) -> str:
        found = deciding.decide(asked, [slow, fast], aim=aim)
        assert isinstance(found, Decision)
        return found.order[0].backend.name

    usual = Aim()
    burning = [Kept(promise=PROMISE, burning=("total",))]
    strict = Aim(weights=strictness.stricter(usual.weights, burning))
    assert chosen(usual) == "slow"
    assert chosen(strict) == "fast"


FASTER = type(TIMED)(
    first_s=TIMED.first_s, tps=type(TIMED.tps)(mean=TIMED.tps.mean + 2, variance=0.1, seen=20)
)
