"""Simulations that somebody asked for: rows that the background works out, and takes up again when
a worker was killed over one."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import current_app
from django.db import transaction
from django.db.models import Q
from kombu.exceptions import OperationalError as BrokerLost

from routing.models import Policy, Simulation, SimulationState
from routing.publishing import versions
from routing.simulating import running
from routing.simulating.running import Asked, Stopped
from teams import audit
from teams.models import Team
from teams.values import Actor

TASK = "routing.tasks.run_simulation"
SILENT_S = 30.0
"""One of which nothing was heard for so long has lost its worker."""
TRIES = 3
"""Whoever kills that many workers is not tried again."""
CRASHED = "KORA failed at this simulation; the log of `background` has more."
KILLED = f"The worker was lost {TRIES} times over this simulation."


def begin(actor: Actor, policy: Policy, team: Team | None, said: dict[str, Any]) -> Simulation:
    """`said` has `days`, `most` and `overrides`; the content is that of this moment."""
    running.check(said["overrides"])
    asked = {**said, "until": datetime.now(UTC).isoformat(), "tries": 0}
    asked["content"] = dict(versions.content_of(policy))
    with transaction.atomic():
        made = Simulation.objects.create(
            policy=policy, team=policy.team or team, asked=asked, asked_by=actor.name
        )
        audit.record(actor, "simulate", policy, after={"simulation": made.pk, **said})
        transaction.on_commit(lambda: ask_for(made.pk))
    return made


def ask_for(simulation_id: int) -> None:
    """Without a broker it waits for the beat."""
    with suppress(BrokerLost):
        current_app.send_task(TASK, args=[simulation_id], queue="background", retry=False)


def waiting() -> list[int]:
    """Those that no worker has taken up, or that have lost theirs."""
    rows = Simulation.objects.filter(_free()).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def work(simulation_id: int) -> bool:
    """Works one out, unless another worker has it; whether this one did."""
    order = _claimed(simulation_id)
    if order is None:
        return False
    if order.asked["tries"] > TRIES:
        fail(simulation_id, KILLED)
        return False
    with suppress(Stopped):
        result = running.run(asked(order), lambda done, total: _heard(simulation_id, done, total))
        mine = Simulation.objects.filter(pk=simulation_id, state=SimulationState.RUNNING)
        mine.update(state=SimulationState.DONE, result=result, ended_at=datetime.now(UTC))
    return True


def asked(order: Simulation) -> Asked:
    said = order.asked
    return Asked(
        scope=order.policy.team_id,
        content=said["content"],
        team_id=order.team_id,
        days=said["days"],
        most=said["most"],
        until=datetime.fromisoformat(said["until"]),
        overrides=said["overrides"],
    )


def fail(simulation_id: int, why: str) -> None:
    mine = Simulation.objects.filter(pk=simulation_id, state=SimulationState.RUNNING)
    mine.update(state=SimulationState.FAILED, error=why, ended_at=datetime.now(UTC))


def _free() -> Q:
    silent = datetime.now(UTC) - timedelta(seconds=SILENT_S)
    lost = Q(state=SimulationState.RUNNING, heard_at__lt=silent)
    return Q(state=SimulationState.WAITING) | lost


def _claimed(simulation_id: int) -> Simulation | None:
    with transaction.atomic():
        mine = Simulation.objects.filter(_free(), pk=simulation_id).select_related("policy")
        order = mine.select_for_update(of=("self",), skip_locked=True).first()
        if order is None:
            return None
        order.asked["tries"] = order.asked.get("tries", 0) + 1
        order.state, order.heard_at, order.done = (
            SimulationState.RUNNING, datetime.now(UTC), 0,
        )  # fmt: skip
        order.save(update_fields=["asked", "state", "heard_at", "done"])
    return order


def _heard(simulation_id: int, done: int, total: int) -> bool:
    """A sign of life; False where the row is gone or another has it."""
    mine = Simulation.objects.filter(pk=simulation_id, state=SimulationState.RUNNING)
    return bool(mine.update(done=done, total=total, heard_at=datetime.now(UTC)))
