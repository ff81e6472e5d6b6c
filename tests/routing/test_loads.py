"""What a queue of our own says becomes a time to wait, a bound for a hold, and an estimate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from routing import loads
from routing.loads import Load

QUICK = Load(places=3, wait_s=2.0, prefill_tps=100.0, decode_tps=10.0)


@pytest.mark.parametrize(
    ("load", "seen_s", "expected_s"),
    [
        (loads.UNKNOWN, None, None),
        (loads.UNKNOWN, 0.5, 0.5),
        (Load(wait_s=2.0), 0.5, 2.5),
        (QUICK, None, 3.0),
        (QUICK, 60.0, 3.0),
    ],
)
def test_the_first_content_comes_after_waiting_and_reading(
    load: Load, seen_s: float | None, expected_s: float | None
) -> None:
    assert loads.first_content_s(load, 100, seen_s) == expected_s


def test_a_second_on_several_cores_counts_once_for_each() -> None:
    assert loads.computing_s(replace(QUICK, threads=2), 100, 10) == pytest.approx(4.0)
    assert loads.likely_compute_s(replace(QUICK, threads=2), 100, 10, took_s=0.5) == 1.0


def test_what_is_not_measured_yet_is_taken_for_slow() -> None:
    assert loads.computing_s(QUICK, 100, 10) == pytest.approx(2.0)
    assert loads.computing_s(loads.UNKNOWN, 100, 10) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("load", "took_s", "likely_s"),
    [(loads.UNKNOWN, 30.0, 30.0), (QUICK, 30.0, 2.0), (QUICK, 0.5, 0.5)],
)
def test_waiting_is_not_taken_for_computing(load: Load, took_s: float, likely_s: float) -> None:
    assert loads.likely_compute_s(load, 100, 10, took_s=took_s) == pytest.approx(likely_s)


def test_only_a_known_queue_is_full() -> None:
    assert [loads.UNKNOWN.full, QUICK.full, Load(places=0).full] == [False, False, True]
