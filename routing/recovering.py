"""After a failed attempt: what is left to its request, and whom that leaves to ask."""

from __future__ import annotations

import random
from decimal import Decimal

from routing import choosing, deadlines
from routing.failover import allowance, breakers, chains, circuits, failures, reactions
from routing.failover.reactions import Again, Failed, GiveUp, State
from routing.policy.values import Candidate
from routing.tries import Try
from routing.way import Way

ANSWERED = frozenset({"", "answered", "hedge-lost", "cancelled"})
"""Not failures: an answer that did not hold was escalated, a slower one was given up."""


def after(way: Way, order: tuple[Candidate, ...]) -> Again | GiveUp:
    """One deadline and one cost budget for all of them together."""
    failed = failures_of(way)
    asked = (*order, *(each.candidate for each in failed))
    names = chains.forgiving(way.standing.settings).after(failed[-1].failure)
    return reactions.react(
        State(
            failed=failed,
            order=order,
            chain=choosing.chain(way, names) if names else (),
            left_s=deadlines.left_s(way),
            left_usd=left_usd(way),
            shut=frozenset(c.backend.backend_id for c in asked if _is_open(c)),
            may_retry=allowance.has_room(),
            draw=random.random(),  # noqa: S311
        )
    )


def _is_open(candidate: Candidate) -> bool:
    return breakers.state(candidate.backend) == circuits.OPEN


def left_usd(way: Way) -> Decimal | None:
    most = way.prompt.constraints.max_cost
    return None if most is None else most - sum(Decimal(each.cost) for each in way.tries)


def failures_of(way: Way) -> tuple[Failed, ...]:
    return tuple(_failed(way, each) for each in way.tries if each.outcome not in ANSWERED)


def _failed(way: Way, each: Try) -> Failed:
    """What it said of coming again, less the time that has passed since; a limited one that did
    not say rests for a second."""
    since_s = (way.clock.elapsed_ms - each.ended_ms) / 1000
    said = each.retry_after_s
    if said is None and each.outcome == failures.LIMITED:
        said = breakers.retry_s(each.candidate.backend) + since_s
    return Failed(
        candidate=each.candidate,
        failure=each.outcome,
        retry_after_s=None if said is None else max(0.0, said - since_s),
    )
