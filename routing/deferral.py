"""Lets a request with a loose deadline wait for a model of our own that is cheaper and busy now.

It is held open, so a client that leaves ends it, and it is decided anew once it may go on.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque

from routing import catalog, choosing, deadlines, gauges, pressure
from routing.cascade import planning
from routing.policy import deciding, patience
from routing.policy.patience import Wait
from routing.policy.values import Candidate, Decision, NoWay
from routing.way import Way

LOOK_EVERY_S = 0.1
SETTLES_S = 0.6
"""After somebody went on, until what they started shows in the gauges."""
MOST_WAITING = 64
"""Requests of one process; who comes then is decided at once."""
CHOSEN = ("policy:", "experiment:")

_queues: dict[str, deque[object]] = defaultdict(deque)
_not_before: dict[str, float] = {}


def consider(way: Way, found: Decision | NoWay) -> Wait | None:
    """Only for whoever said when the answer is needed, or whose budget lets only what is idle
    answer; and who named nobody to give it."""
    may_wait = way.prompt.constraints.deadline is not None or pressure.waits(way)
    if not may_wait or way.wants is None or _has_waited(way):
        return None
    if waiting() >= MOST_WAITING or way.prompt.inputs or way.seat.in_loop:
        return None
    if isinstance(found, Decision) and not _may_change(found):
        return None
    hoped = deciding.decide(
        way.wants,
        patience.idle(catalog.current().live()),
        way.outlook,
        aim=choosing.aim_of(way),
    )
    if not isinstance(hoped, Decision):
        return None
    sure = found.order[0] if isinstance(found, Decision) else hoped.order[0]
    return patience.worth_it(
        found, hoped, left_s=deadlines.left_s(way), takes_s=_takes_s(way, sure)
    )


async def wait(way: Way, plan: Wait) -> None:
    """In the order in which they came, until it is idle, or until nothing else is possible."""
    began, me, queue = time.monotonic(), object(), _queues[plan.backend]
    usd = None if plan.usd_now is None else f"{plan.usd_now:.12f}"
    way.deferred = {"for": plan.backend, "expected_usd": usd, "until": "idle"}
    queue.append(me)
    try:
        while not (queue[0] is me and _is_idle(plan)):
            if time.monotonic() - began >= plan.at_most_s:
                way.deferred["until"] = "latest"
                return
            await asyncio.sleep(LOOK_EVERY_S)
        _not_before[plan.backend] = time.monotonic() + SETTLES_S
    finally:
        queue.remove(me)
        way.deferred["waited_s"] = round(time.monotonic() - began, 3)
        way.clock.note("deferred", time.perf_counter() - (time.monotonic() - began))


def waiting() -> int:
    return sum(len(queue) for queue in list(_queues.values()))


def _has_waited(way: Way) -> bool:
    return "waited_s" in way.deferred


def _may_change(found: Decision) -> bool:
    return found.reason.startswith(CHOSEN) and found.reason not in planning.KEEPS


def _takes_s(way: Way, candidate: Candidate) -> float:
    return planning.expected_s(candidate, way.outlook)


def _is_idle(plan: Wait) -> bool:
    """By the gauges alone: nothing here may ask a database, for the loop waits."""
    if time.monotonic() < _not_before.get(plan.backend, 0.0):
        return False
    load = gauges.of(plan.model)
    return load.served and not load.full and load.wait_s <= 0
