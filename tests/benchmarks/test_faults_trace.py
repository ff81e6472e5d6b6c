"""A replay tells whole answers from parts, true 429s from false ones, and when a breaker acted."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from benchmarks.faults import recorded, trace
from benchmarks.faults.recorded import Arrival
from benchmarks.faults.riding import ANSWERED, LOST, Ride
from benchmarks.faults.watching import Watch


def _arrival(at_s: float) -> Arrival:
    return Arrival(at_s=at_s, prompt_tokens=10, completion_tokens=2)


def _ride(outcome: str, *told: float, at_s: float = 0.0) -> Ride:
    ride = Ride(arrival=_arrival(at_s), team="editor", stream=False)
    ride.outcome, ride.told = outcome, list(told)
    return ride


def test_arrivals_are_read_with_their_times(tmp_path: Path) -> None:
    path = tmp_path / "code.csv.gz"
    rows = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    rows += "2023-11-16 18:17:03.9799600,4808,10\n2023-11-16 18:17:04.4799600,110,0\n"
    with gzip.open(path, "wt") as text:
        text.write(rows)
    first, second = recorded.read(path) or []
    assert (first.at_s, first.prompt_tokens, first.completion_tokens) == (0.0, 4808, 10)
    assert second.at_s == pytest.approx(0.5)
    assert second.completion_tokens == 1
    assert recorded.read(tmp_path / "absent") is None


def test_the_window_holds_the_fullest_second() -> None:
    even = [_arrival(float(second)) for second in range(600)]
    burst = [_arrival(580.2 + n / 100) for n in range(30)]
    chosen = recorded.window(sorted([*even, *burst], key=lambda each: each.at_s), minutes=2)
    assert recorded.peak(chosen)[1] == 31
    assert chosen[0].at_s >= 0 and chosen[-1].at_s < 120
    assert len(recorded.window(even, minutes=60)) == 600


def test_the_failure_lies_in_the_middle_and_is_no_longer_than_a_quarter() -> None:
    even = [_arrival(float(second)) for second in range(3600)]
    short, long = trace.planned(even, 4), trace.planned(even, 60)
    assert (short.fails_s, short.recovers_s) == (90, 150)
    assert long.recovers_s - long.fails_s == trace.FAILS_S


def test_a_429_is_true_when_who_waited_as_told_is_let_in() -> None:
    plan = trace.planned([_arrival(float(second)) for second in range(120)], 2)
    rides = [_ride(ANSWERED, 2.0), _ride("rate_limited", 2.0, 3.0), _ride(LOST)]
    watch = Watch(pid=0, redis_url="", backend="", memory=[(0.0, {"web": 100.0})])
    found = trace.found(plan, rides, watch)
    assert (found["told_to_wait"], found["admitted_when_told"], found["lost"]) == (2, 1, 1)
    assert found["admitted_within_twice"] == 1
    assert found["rows"][-1]["refused"] == {"rate_limited": 1}


def test_a_breaker_counts_as_closed_only_for_good() -> None:
    watch = Watch(pid=0, redis_url="", backend="")
    watch.changes = [(10.0, True), (21.0, False), (22.0, True), (25.0, False)]
    assert watch.opened_after(5.0) == 10.0
    assert watch.closed_for_good_after(20.0) == 25.0
    watch.changes.append((26.0, True))
    assert watch.closed_for_good_after(20.0) is None
