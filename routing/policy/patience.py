"""Whether it pays to wait for a model of our own that is busy now, and how long it may (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from routing.policy.values import Backend, Candidate, Decision, NoWay

MARGIN_S = 1.0
MARGIN = 0.1
"""Of what is left: nobody knows so well how long an answer takes."""
SHORTEST_S = 1.0
"""A wait that could not be longer is not worth it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """For whom, at most how long, and what the request would cost now; None: nobody would do."""

    backend: str
    model: str
    at_most_s: float
    usd_now: float | None
    usd_then: float


def idle(backends: Sequence[Backend]) -> list[Backend]:
    """As they would be if our own had nothing to do."""
    return [_idle(backend) for backend in backends]


def _idle(backend: Backend) -> Backend:
    load = backend.load
    if not backend.is_ours or load.places is None:
        return backend
    free = replace(load, places=max(load.places, 1), wait_s=0.0)
    return replace(backend, load=free, in_flight=0)


def worth_it(
    now: Decision | NoWay, then: Decision | NoWay, *, left_s: float, takes_s: float
) -> Wait | None:
    """`takes_s` is how long the answer is expected to take that it would get at the latest."""
    at_most_s = left_s - takes_s - MARGIN_S - MARGIN * left_s
    if not isinstance(then, Decision) or at_most_s < SHORTEST_S:
        return None
    hoped = then.order[0]
    chosen = now.order[0] if isinstance(now, Decision) else None
    if not hoped.backend.is_ours or not _is_better(hoped, chosen):
        return None
    usd_now = None if chosen is None else chosen.cost
    return Wait(
        backend=hoped.backend.name,
        model=hoped.backend.model,
        at_most_s=at_most_s,
        usd_now=usd_now,
        usd_then=hoped.cost,
    )


def _is_better(hoped: Candidate, chosen: Candidate | None) -> bool:
    if chosen is None:
        return True
    return hoped.backend.name != chosen.backend.name and hoped.cost < chosen.cost
