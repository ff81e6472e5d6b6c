"""Retries stay a share of what is asked."""

from __future__ import annotations

from routing.failover.allowance import LEAST, SHARE, Allowance


def test_retries_are_at_most_a_share_of_a_minute_s_requests_and_a_few_in_a_quiet_one() -> None:
    mine = Allowance()
    for _ in range(LEAST):
        assert mine.has_room(10.0)
        mine.note_retry(10.0)
    assert not mine.has_room(10.0)
    for number in range(1000):
        mine.note_request(10 + number / 50)
    made = 0
    while mine.has_room(30.0):
        mine.note_retry(30.0)
        made += 1
    assert LEAST + made == SHARE * 1000
    assert mine.has_room(95.0), "a minute later all of that is forgotten"
