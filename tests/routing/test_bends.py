"""How speeds bend with the crowd and with long prompts: found, bounded, and not imagined."""

from __future__ import annotations

import math
import random

import pytest

from routing import paces
from routing.learning.values import Forecast
from routing.paces import Around, Pace
from routing.policy import moments, promptness
from tests.routing.policy.backends import backend

OUTPUT = Forecast(tokens=50, high=80)


def seen(calls: int, *, by_crowd: float, by_read: float) -> Pace:
    """Of a server whose first content comes later by these powers."""
    rng, pace = random.Random(3), paces.UNSEEN
    for _ in range(calls):
        around = Around(crowd=rng.choice([0, 1, 3, 7, 15]), read=rng.choice([50, 500, 5000]))
        first_s = 0.4 * (1 + around.crowd) ** by_crowd * (around.read / 500) ** by_read
        pace = paces.streamed(pace, first_s * math.exp(rng.gauss(0, 0.2)), around)
        tps = 60 / (1 + around.crowd) ** by_crowd * math.exp(rng.gauss(0, 0.2))
        pace = paces.wrote(pace, 100, 100 / tps, around)
    return pace


def test_slopes_are_found_and_what_is_left_is_narrow() -> None:
    pace = seen(400, by_crowd=0.5, by_read=0.3)
    assert pace.first_bend.crowd == pytest.approx(0.5, abs=0.1)
    assert pace.first_bend.read == pytest.approx(0.3, abs=0.1)
    assert pace.tps_bend.crowd == pytest.approx(-0.5, abs=0.1)
    assert pace.first_s.variance < 0.1


def test_where_nothing_bends_nothing_is_imagined() -> None:
    pace = seen(400, by_crowd=0.0, by_read=0.0)
    assert abs(pace.first_bend.crowd) < 0.06
    assert abs(pace.first_bend.read) < 0.06


def test_a_crowd_and_a_long_prompt_make_it_later() -> None:
    pace = seen(400, by_crowd=0.5, by_read=0.3)

    def late(crowd: int, read: int) -> float:
        given = backend("b", pace=pace, in_flight=crowd)
        return promptness.p_miss(given, read, OUTPUT, most_output=1000, deadline_s=3.0)

    assert late(15, 500) > late(3, 500) > late(0, 500)
    assert late(3, 5000) > late(3, 500)


def test_a_receipt_keeps_enough_to_predict_the_same_again() -> None:
    pace = seen(400, by_crowd=0.5, by_read=0.3)
    kept = moments._pace(moments._figures(pace))
    then, again = (backend("b", pace=each, in_flight=4) for each in (pace, kept))
    expected = promptness.expected_s(then, 2000, OUTPUT, most_output=1000)
    assert promptness.expected_s(again, 2000, OUTPUT, most_output=1000) == pytest.approx(
        expected, rel=1e-3
    )


def test_the_longer_a_silence_lasts_the_less_is_hoped() -> None:
    given = backend("b", pace=seen(60, by_crowd=0.0, by_read=0.0))
    late = [
        promptness.p_late(given, 500, OUTPUT, most_output=99, deadline_s=2.5, silent_s=silent_s)
        for silent_s in (0.0, 0.6, 1.2, 2.0, 2.6)
    ]
    assert late == sorted(late)
    assert late[0] < 0.35
    assert late[-1] == 1.0
    plain = promptness.p_miss(given, 500, OUTPUT, most_output=99, deadline_s=2.5)
    assert late[0] == pytest.approx(plain, abs=0.06)


def test_what_was_given_up_is_at_least_so_slow_and_sooner_says_nothing() -> None:
    known = paces.streamed(paces.streamed(paces.UNSEEN, 0.5), 0.5)
    assert paces.silent(known, 0.2) == known
    slower = paces.silent(known, 5.0)
    assert slower.first_s.middle > known.first_s.middle
    given = [backend("b", pace=pace) for pace in (known, slower)]
    before, after = (
        promptness.p_miss(each, 500, OUTPUT, most_output=99, deadline_s=3.0) for each in given
    )
    assert after > before


def test_a_whole_answer_that_runs_long_is_less_hoped_for() -> None:
    given = backend("b", pace=seen(60, by_crowd=0.0, by_read=0.0))
    late = [
        promptness.p_unfinished(given, 9, OUTPUT, most_output=99, deadline_s=3.0, elapsed_s=gone_s)
        for gone_s in (0.0, 1.0, 2.0, 2.8, 3.0)
    ]
    assert late == sorted(late)
    assert late[-1] == 1.0
