"""A worker renews in time, and says soon that a call streams."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

from routing.attempts import Attempt
from routing.leases import Leases


def attempt() -> Attempt:
    return Attempt(
        {
            "attempt": str(uuid4()),
            "web": "w",
            "backend": 1,
            "version": "",
            "body": {},
            "stream": True,
            "deadline": 0.0,
            "prompt_tokens": 5,
            "price": ["1", "1", "1"],
        }
    )


def leases() -> Leases:
    return Leases(15.0, lambda each: Decimal(each.produced))


def test_a_third_of_a_lease_is_never_much_exceeded() -> None:
    own, call, renewed, at = leases(), attempt(), [], 100.0
    while at < 130.0:
        for each in own.due([call], at):
            own.told(each, at)
            renewed.append(at)
        at += own.pause_s
    gaps = [later - earlier for earlier, later in zip([100.0, *renewed], renewed, strict=False)]
    assert len(renewed) >= 5
    assert max(gaps) <= 15 / 3 + own.pause_s


def test_what_streams_is_told_of_at_the_next_look() -> None:
    own, call = leases(), attempt()
    assert own.due([call], 0.0) == []
    call.produced = 7
    assert own.due([call], 1.0) == [call]
    progress = own.told(call, 1.0)
    assert (progress.cost, progress.tokens) == (Decimal(7), 7)
    call.produced = 9
    assert own.due([call], 2.0) == [], "and then only in time"
    assert own.due([call], 6.0) == [call]


def test_an_answer_in_one_piece_says_nothing_before_it_is_there() -> None:
    own, call = leases(), attempt()
    own.due([call], 0.0)
    (due,) = own.due([call], 5.0)
    assert own.told(due, 5.0).tokens == 0


def test_what_has_ended_is_forgotten() -> None:
    own = leases()
    own.due([attempt() for _ in range(5)], 0.0)
    own.due([], 1.0)
    assert own._said == {}
