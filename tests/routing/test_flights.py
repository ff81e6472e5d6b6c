"""Identical questions in flight: one leads, the others wait for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

from caching.values import Match
from routing.flights import Flights

KEY = (1, "fingerprint")


def match() -> Match:
    return Match(
        tier="exact", reason="cache:in-flight", backend="toy", answer=b"{}", chunks=None,
        cost=Decimal(0), prompt_tokens=1, completion_tokens=1, exchange_id=uuid4(),
        created_at=datetime.now(UTC), age_s=0.0,
    )  # fmt: skip


def test_the_first_leads_and_all_others_get_its_answer() -> None:
    flights, found = Flights(), match()
    assert flights.board(KEY) is None
    followers = [flights.board(KEY) for _ in range(3)]
    flights.land(KEY, found)
    assert [flight and flight.result(0) for flight in followers] == [found] * 3


def test_without_an_answer_the_followers_are_told_so_and_the_next_one_leads() -> None:
    flights = Flights()
    flights.board(KEY)
    follower = flights.board(KEY)
    flights.land(KEY, None)
    assert follower is not None
    assert follower.result(0) is None
    assert flights.board(KEY) is None


def test_another_team_with_the_same_question_flies_alone() -> None:
    flights = Flights()
    assert flights.board((1, "same")) is None
    assert flights.board((2, "same")) is None


def test_landing_twice_or_unknown_is_nothing() -> None:
    flights = Flights()
    flights.board(KEY)
    flights.land(KEY, None)
    flights.land(KEY, match())
    flights.land((9, "never"), None)


def test_of_many_threads_exactly_one_leads() -> None:
    flights = Flights()
    with ThreadPoolExecutor(16) as threads:
        boarded = list(threads.map(lambda _: flights.board(KEY), range(200)))
    assert boarded.count(None) == 1
    assert len({id(flight) for flight in boarded if flight}) == 1
