"""The experiment stage: the arm that a request is in, and the choice under it.

An arm asks for less or for something else among those who may answer anyway. Where its demands
leave nobody, or would move a conversation that sits elsewhere, the request is taken out again.
"""

from __future__ import annotations

from dataclasses import replace

from routing import catalog, ruled, seats, stages
from routing.errors import Infeasible, QueueFull
from routing.experiments import splitting
from routing.experiments.values import Running, Taken
from routing.policy.values import Decision
from routing.rules import effects
from routing.rules.values import Effects
from routing.way import Way

SHOWN = ("policy:explored", "policy:sticky")
"""Reasons that say more of a choice than the arm that it was made under."""


def take(way: Way) -> None:
    """The first experiment that wants this request has it, in it or beside its share."""
    running = catalog.current().experiments.get(way.caller.team_id, ())
    if not running or not _may_be_asked(way):
        return
    for experiment in running:
        if experiment.wants(way.facts):
            _enter(way, experiment)
            return


def choose(way: Way) -> Decision:
    try:
        decision = stages.choose(way)
    except (Infeasible, QueueFull):
        if not _is_in(way):
            raise
        return _choose_without(way, "infeasible")
    if _is_in(way) and _moves_a_conversation(way):
        return _choose_without(way, "began-elsewhere")
    if way.taken is None or way.taken.left or decision.reason in SHOWN:
        return decision
    if decision.reason.startswith("policy:"):
        decision = way.decision = replace(decision, reason=way.taken.reason)
    return decision


def unit(way: Way) -> tuple[str, str]:
    """What stays in one arm, and by what that is known."""
    named = way.prompt.constraints
    if named.session or named.user:
        session = bool(named.session)
        return ("session", f"s:{named.session}") if session else ("user", f"u:{named.user}")
    return "request", str(way.exchange_id)


def _may_be_asked(way: Way) -> bool:
    """Not where a rule or the caller has named who answers, nor in the middle of something."""
    asked = way.ruling.effects.use or catalog.current().backend(way.prompt.model) is not None
    alone = unit(way)[0] == "request" and seats.has_turns(way.prompt)
    return not (asked or alone or way.is_aside or seats.in_loop(way.prompt))


def _enter(way: Way, experiment: Running) -> None:
    by, who = unit(way)
    found = splitting.arm(experiment, who)
    if found is None:
        return
    arm, chance = found
    before = (way.ruling, way.prompt)
    way.taken = Taken(experiment=experiment.name, arm=arm, propensity=chance, by=by, without=before)
    wanted = effects.narrowed(way.ruling.effects, arm.effects)
    way.ruling = replace(way.ruling, effects=wanted)
    if arm.effects.constraints:
        limits = ruled.narrowed(way.prompt.constraints, arm.effects)
        way.known_prompt = replace(way.prompt, constraints=limits)


def _is_in(way: Way) -> bool:
    return way.taken is not None and not way.taken.left


def _choose_without(way: Way, why: str) -> Decision:
    assert way.taken is not None
    way.ruling, way.known_prompt = way.taken.without
    way.taken = replace(way.taken, left=why)
    return stages.choose(way)


def _moves_a_conversation(way: Way) -> bool:
    """One that goes on, where its arm does not want the backend that has answered so far: had it
    begun under this arm, it would not sit there."""
    sits = way.seat.backend
    if not sits or way.taken is None or not seats.has_turns(way.prompt):
        return False
    return not _allows(way.taken.arm.effects, sits)


def _allows(wanted: Effects, backend: str) -> bool:
    other = wanted.use and catalog.current().backend(wanted.use) is not None
    return (
        not (other and wanted.use != backend)
        and backend not in wanted.avoid
        and (wanted.only is None or backend in wanted.only)
    )
