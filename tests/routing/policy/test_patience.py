"""Whether it pays to wait for a model of our own."""

from __future__ import annotations

from dataclasses import replace

from routing.loads import Load
from routing.policy import deciding, patience
from routing.policy.values import Backend, Decision
from tests.routing.policy.backends import backend, wants

BUSY = Load(places=0, wait_s=20.0, prefill_tps=500, decode_tps=50)


def both(load: Load = BUSY, usd_out: str = "0.01") -> list[Backend]:
    return [backend("mini", usd_out, kind="local", load=load), backend("big", "10")]


def worth(backends: list[Backend], *, left_s: float = 300.0, takes_s: float = 5.0) -> object:
    asked = wants("auto:cheap")
    now = deciding.decide(asked, backends)
    then = deciding.decide(asked, patience.idle(backends))
    return patience.worth_it(now, then, left_s=left_s, takes_s=takes_s)


def test_a_cheaper_one_of_ours_is_worth_a_wait_that_leaves_time_for_the_answer() -> None:
    found = worth(both())
    assert isinstance(found, patience.Wait)
    assert found.backend == "mini"
    assert found.at_most_s == 300 - 5 - 1 - 30
    assert found.usd_now is not None
    assert found.usd_now > found.usd_then


def test_nobody_waits_for_one_that_is_dearer_or_who_has_no_time() -> None:
    assert worth(both(usd_out="100")) is None
    assert worth(both(), left_s=6.0) is None
    assert worth(both(load=Load(places=4))) is None, "it answers now"


def test_where_everybody_is_busy_any_time_is_worth_it() -> None:
    found = worth(both()[:1])
    assert isinstance(found, patience.Wait)
    assert found.usd_now is None


def test_backends_of_others_are_never_thought_idle() -> None:
    mini, big = patience.idle([*both()[:1], replace(both()[1], in_flight=7)])
    assert (mini.load.full, mini.load.wait_s) == (False, 0.0)
    assert big.in_flight == 7
    assert isinstance(deciding.decide(wants("auto"), [mini, big]), Decision)
