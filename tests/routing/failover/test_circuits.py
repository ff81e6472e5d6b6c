"""When a breaker opens, who may try, when it closes."""

from __future__ import annotations

from routing.failover import circuits
from routing.failover.circuits import CLOSED, HALF_OPEN, OPEN, RESTING, Circuit


def after(outcomes: str, circuit: Circuit | None = None, at: float = 100.0) -> Circuit:
    found = circuit or Circuit(version="1", name="a")
    for number, outcome in enumerate(outcomes):
        now = at + number / 100
        if outcome == "x":
            found = circuits.failed(found, "server", began=now, now=now)
        else:
            found = circuits.well(found, began=now, now=now)
    return found


def test_five_in_a_row_or_half_of_the_last_twenty_open_it() -> None:
    assert circuits.state(after("xxxx"), 100.1) == CLOSED
    assert circuits.state(after("xxxxx"), 100.1) == OPEN
    assert circuits.state(after("xxxx.xxxx."), 100.1) == CLOSED
    assert circuits.state(after("xx.." * 4 + "x"), 100.2) == CLOSED
    assert circuits.state(after("xx.." * 4 + "xx"), 100.2) == OPEN


def test_ten_failures_open_it_however_they_are_mixed_with_successes() -> None:
    for pattern in ("x", "x.", "xx.", "xxxx."):
        found, bad = Circuit(version="1", name="a"), 0
        for number, outcome in enumerate(pattern * 20):
            found = after(outcome, found, at=100 + number / 100)
            bad += outcome == "x"
            if found.is_open:
                break
        assert found.is_open
        assert bad <= 10


def test_it_stays_open_longer_after_each_trial_that_fails_and_closes_after_one_that_does_not() -> (
    None
):
    found, at, rests = after("xxxxx"), 100.04, []
    for _ in range(5):
        rests.append(found.until - at)
        at = found.until + 0.01
        assert circuits.state(found, at) == HALF_OPEN
        found = circuits.tried(found, at)
        assert circuits.state(found, at) == OPEN, "one trial at a time"
        found = circuits.failed(found, "server", began=at, now=at)
    assert [round(each, 2) for each in rests] == [2, 4, 8, 15, 15]
    at = found.until + 0.01
    well = circuits.well(circuits.tried(found, at), began=at, now=at + 0.2)
    assert circuits.state(well, at + 0.2) == CLOSED
    assert well.clean


def test_a_trial_that_came_to_nothing_lets_the_next_one_try() -> None:
    found = after("xxxxx")
    at = found.until + 0.01
    tried = circuits.tried(found, at)
    assert circuits.retry_s(tried, at) > 0
    assert circuits.state(circuits.undecided(tried), at) == HALF_OPEN
    assert circuits.state(tried, at + circuits.TRIAL_S) == HALF_OPEN, "its process may have died"


def test_calls_from_before_a_change_do_not_undo_it() -> None:
    found = after("xxxxx")
    late = found.until + 1
    assert circuits.failed(found, "timeout", began=99.0, now=late) is found
    assert circuits.well(found, began=99.0, now=late) is found
    closed = circuits.well(found, began=late, now=late)
    assert circuits.failed(closed, "timeout", began=99.0, now=late + 5).clean


def test_a_limited_backend_rests_as_long_as_it_says_and_is_no_failing_one() -> None:
    found = circuits.limited(after("xxxx"), 3.0, began=100.0, now=101.0)
    assert circuits.state(found, 103.9) == RESTING
    assert circuits.retry_s(found, 102.0) == 2.0
    assert circuits.state(found, 104.1) == CLOSED
    assert found.row == 4


def test_probes_that_cost_nothing_hasten_the_trial_or_put_it_off_for_a_while() -> None:
    found = after("xxxxx")
    assert circuits.state(circuits.promising(found, 101.0), 101.0) == HALF_OPEN
    put_off = found
    for at in range(101, 200):
        put_off = circuits.hopeless(put_off, float(at))
    assert circuits.state(put_off, 130.0) == OPEN
    assert circuits.state(put_off, 131.0) == HALF_OPEN, "a probe may be wrong"
    assert circuits.hopeless(Circuit(), 1.0) == Circuit()


def test_it_is_the_same_after_a_journey_through_redis() -> None:
    found = circuits.tried(after("x.xxxxx"), 110.0)
    assert circuits.read(circuits.write(found)) == found
    assert circuits.read(b'{"row": 3, "of_another_release": 1}').row == 3
