"""The chance of being late: beside what chance itself says, and in the directions it must go."""

from __future__ import annotations

import math
import random

import pytest

from routing import paces
from routing.learning.values import Forecast
from routing.loads import Load
from routing.paces import Pace, Spread
from routing.policy import promptness
from routing.policy.values import Backend
from tests.routing.policy.backends import backend

TIMED = Pace(
    first_s=Spread(mean=math.log(0.5), variance=0.2, seen=20),
    tps=Spread(mean=math.log(50), variance=0.1, seen=20),
)
OUTPUT = Forecast(tokens=200, high=500)


def late(given: Backend, deadline_s: float, output: Forecast = OUTPUT, read: int = 100) -> float:
    return promptness.p_miss(given, read, output, most_output=10_000, deadline_s=deadline_s)


@pytest.mark.parametrize("deadline_s", [2.0, 4.0, 6.0, 12.0])
def test_it_is_near_what_drawing_from_the_same_spreads_gives(deadline_s: float) -> None:
    """The sum of two lognormals is only nearly one: within four points, its tail included."""
    given, rng = backend("b", pace=TIMED), random.Random(7)
    first, speed = given.tempo.first_s, given.tempo.tps
    length = math.log(OUTPUT.high / OUTPUT.tokens) / promptness.NINE_OF_TEN
    missed = 0
    for _ in range(20_000):
        waited = math.exp(rng.gauss(first.mean, math.sqrt(first.variance)))
        tokens = OUTPUT.tokens * math.exp(rng.gauss(0, length))
        tps = math.exp(rng.gauss(speed.mean, math.sqrt(speed.variance)))
        missed += waited + tokens / tps > deadline_s
    assert late(given, deadline_s) == pytest.approx(missed / 20_000, abs=0.04)


def test_less_time_a_longer_answer_a_queue_and_slowness_make_it_likelier() -> None:
    given = backend("b", pace=TIMED)
    at_six = late(given, 6.0)
    assert late(given, 3.0) > at_six > late(given, 30.0)
    assert late(given, 6.0, Forecast(tokens=400, high=900)) > at_six
    queued = backend("b", pace=TIMED, load=Load(places=1, wait_s=3.0))
    assert late(queued, 6.0) > at_six
    slower = backend(
        "b", pace=Pace(first_s=TIMED.first_s, tps=Spread(mean=math.log(20), variance=0.1, seen=20))
    )
    assert late(slower, 6.0) > at_six


def test_no_time_at_all_is_certainly_missed() -> None:
    assert late(backend("b"), 0.0) == late(backend("b"), -3.0) == 1.0


def test_our_own_engines_are_known_by_their_queue_and_speeds() -> None:
    ours = backend(
        "b", kind="local", load=Load(places=1, wait_s=0.0, prefill_tps=1000, decode_tps=100)
    )
    assert late(ours, 20.0) < 0.02
    assert late(ours, 0.5) > 0.95
    assert late(ours, 20.0, read=60_000) > 0.9, "reading alone takes a minute"


def test_nobody_has_timed_it_is_uncertain_and_not_hopeless() -> None:
    assert 0.001 < late(backend("new"), 30.0) < 0.2


def test_the_forecast_is_cut_to_what_the_backend_can_write() -> None:
    given = backend("b", pace=TIMED)
    endless = Forecast(tokens=1e6, high=1e7)
    assert promptness.p_miss(given, 10, endless, most_output=20, deadline_s=10.0) < 0.05


def test_a_sketch_follows_what_it_sees_and_forgets() -> None:
    pace = paces.UNSEEN
    for _ in range(60):
        pace = paces.wrote(paces.streamed(pace, 0.2), 100, 2.0)
    assert pace.first_s.middle == pytest.approx(0.2)
    assert pace.tps.middle == pytest.approx(50)
    for _ in range(60):
        pace = paces.streamed(pace, 2.0)
    assert pace.first_s.middle == pytest.approx(2.0, rel=0.2)


def test_an_answer_in_one_piece_is_split_so_that_its_whole_time_stays() -> None:
    pace = paces.whole(paces.UNSEEN, 100, 4.0)
    assert pace.first_s.middle + 100 / pace.tps.middle == pytest.approx(4.0)
    known = paces.whole(paces.streamed(paces.UNSEEN, 0.5), 100, 4.0)
    assert known.first_s.seen == 1
    assert known.tps.middle == pytest.approx(100 / 3.5)
    assert paces.whole(paces.UNSEEN, 0, 1.0).tps.seen == 0
