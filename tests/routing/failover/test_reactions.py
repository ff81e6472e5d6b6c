"""Each class of failure has its reaction: whom is asked next, when, or nobody."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from routing.failover import reactions
from routing.failover.reactions import Again, Failed, GiveUp, State
from routing.policy import deciding
from routing.policy.values import Candidate, Decision
from tests.routing.policy.backends import backend, wants


def candidate(name: str, number: int, **facts: Any) -> Candidate:
    found = deciding.decide(wants("auto"), [backend(name, backend_id=number, **facts)])
    assert isinstance(found, Decision)
    return found.order[0]


A = candidate("a", 1)
B = candidate("b", 2)
LONG = candidate("long", 3, context=100_000)
SHORT = candidate("short", 4, context=4_000)
OURS = candidate("ours", 5, kind="local")
NAMED = candidate("named", 6)
NAMED_LONG = candidate("named-long", 7, context=64_000)


def failed(name: str, who: Candidate = A, after_s: float | None = None) -> Failed:
    return Failed(candidate=who, failure=name, retry_after_s=after_s)


def state(*fails: Failed, order: tuple[Candidate, ...] = (A,), **facts: Any) -> State:
    return State(**{"failed": fails, "order": order, "left_s": 60.0, "draw": 1.0, **facts})


MANY = (A, B, LONG, SHORT, OURS)
CHAIN = (NAMED, NAMED_LONG)

OTHERS = [
    # failure of the first of MANY, who is asked next without a chain, and with one
    ("key_permanent", "b", "b"),
    ("key_transient", "b", "b"),
    ("server", "b", "b"),
    ("timeout", "b", "b"),
    ("slow", "b", "b"),
    ("cut", "b", "b"),
    ("malformed", "b", "b"),
    ("unsupported", "b", "b"),
    ("busy", "b", "b"),
    ("open", "b", "b"),
    ("resting", "b", "b"),
    ("worker", "b", "b"),
    ("unclaimed", "b", "b"),
    ("withdrawn", "b", "b"),
    ("no-worker", "ours", "ours"),
    ("context", "long", "named-long"),
    ("policy", "", "named"),
    ("client", "", ""),
    ("bus", "", ""),
]


@pytest.mark.parametrize(("failure", "plain", "chained"), OTHERS)
def test_who_is_asked_next_while_there_are_others(failure: str, plain: str, chained: str) -> None:
    for chain, wanted in (((), plain), (CHAIN, chained)):
        found = reactions.react(state(failed(failure), order=MANY, chain=chain))
        name = found.candidate.backend.name if isinstance(found, Again) else ""
        assert name == wanted
        if isinstance(found, Again):
            assert (found.wait_s, found.reason) == (0.0, f"fallback:{failure}")


ALONE = [
    # failure, what it says of coming again, the wait before the same is asked (None: it is not)
    ("key_permanent", None, None),
    ("key_transient", None, 0.25),
    ("key_transient", 3.0, 3.0),
    ("key_transient", 0.0, 0.0),
    ("key_transient", 61.0, None),
    ("server", None, 0.25),
    ("server", 2.5, 2.5),
    ("timeout", None, None),
    ("slow", None, None),
    ("cut", None, 0.25),
    ("malformed", None, 0.25),
    ("client", None, None),
    ("unsupported", None, None),
    ("context", None, None),
    ("policy", None, None),
    ("busy", 1.0, None),
    ("open", 1.0, None),
    ("resting", 1.0, 1.0),
    ("worker", None, 0.0),
    ("unclaimed", None, 0.0),
    ("withdrawn", None, 0.0),
    ("no-worker", None, None),
    ("bus", None, None),
]


@pytest.mark.parametrize(("failure", "after_s", "wait_s"), ALONE)
def test_whether_the_same_is_asked_again_when_it_is_the_only_one(
    failure: str, after_s: float | None, wait_s: float | None
) -> None:
    found = reactions.react(state(failed(failure, after_s=after_s)))
    assert isinstance(found, Again) == (wait_s is not None)
    if isinstance(found, Again):
        assert (found.candidate, found.wait_s) == (A, wait_s)
        assert found.reason == f"retry:{failure}"


def test_retries_are_two_with_a_growing_random_pause() -> None:
    twice = state(failed("server"), failed("server"), draw=0.5)
    again = reactions.react(twice)
    assert isinstance(again, Again)
    assert again.wait_s == pytest.approx(0.25)
    assert isinstance(reactions.react(replace(twice, failed=twice.failed * 2)), GiveUp)


def test_of_several_the_one_that_says_the_soonest_is_asked_again() -> None:
    found = reactions.react(
        state(failed("key_transient", A, 9.0), failed("key_transient", B, 2.0), order=(A, B))
    )
    assert isinstance(found, Again)
    assert (found.candidate, found.wait_s) == (B, 2.0)
    shut = reactions.react(state(failed("server", A), failed("key_permanent", B), order=(A, B)))
    assert isinstance(shut, Again)
    assert shut.candidate is A


def test_a_fault_of_ours_is_forgiven_once() -> None:
    assert isinstance(reactions.react(state(failed("worker"), failed("worker"))), GiveUp)


@pytest.mark.parametrize(
    "short",
    [{"left_s": 0.1}, {"may_retry": False}, {"left_usd": Decimal("0")}],
    ids=["time", "retries", "money"],
)
def test_without_time_or_money_or_retries_it_is_given_up(short: dict[str, Any]) -> None:
    assert isinstance(reactions.react(state(failed("server"), **short)), GiveUp)


def test_a_chain_comes_after_all_that_were_chosen_from() -> None:
    found = reactions.react(
        state(failed("server", A), failed("server", B), order=(A, B), chain=CHAIN)
    )
    assert isinstance(found, Again)
    assert found.candidate is NAMED


def test_after_an_overflow_only_a_bigger_context_than_any_that_overflowed_is_asked() -> None:
    found = reactions.react(
        state(failed("context", NAMED_LONG), failed("context", A), order=(A, B, LONG))
    )
    assert isinstance(found, Again)
    assert found.candidate is LONG


def test_the_soonest_of_what_was_said_last_is_told_to_the_client() -> None:
    said = (failed("key_transient", A, 2.0), failed("key_transient", B, 9.0))
    assert reactions.retry_after_s((*said, failed("key_transient", A, 12.0))) == 9.0
    assert reactions.retry_after_s((failed("timeout"),)) is None
