"""Starts and stops experiments, and makes the winner's way the rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from routing.experiments import terms
from routing.experiments.values import Arm
from routing.models import Experiment, ExperimentState, Policy, Rule
from routing.publishing import checking, drafts, versions
from routing.publishing.versions import Asked
from teams import audit
from teams.values import Actor

MOVES = {
    ExperimentState.RUNNING: (ExperimentState.DRAFT, ExperimentState.STOPPED),
    ExperimentState.STOPPED: (ExperimentState.RUNNING,),
    ExperimentState.PROMOTED: (
        ExperimentState.RUNNING,
        ExperimentState.STOPPED,
        ExperimentState.DECIDED,
    ),
}
"""Into which state from which."""


FROM = {
    "start": MOVES[ExperimentState.RUNNING],
    "stop": MOVES[ExperimentState.STOPPED],
    "promote": MOVES[ExperimentState.PROMOTED],
    "remove": (ExperimentState.DRAFT, ExperimentState.STOPPED),
}
DONE = {"start": "started", "stop": "stopped", "promote": "promoted", "remove": "removed"}


class NotNow(Exception):  # noqa: N818
    """In its state this cannot be done with an experiment."""

    def __init__(self, verb: str, state: str) -> None:
        before = [str(each.value) for each in FROM[verb]]
        super().__init__(f"It is {state}; only what is {' or '.join(before)} can be {DONE[verb]}.")


class NoSuchArm(Exception):  # noqa: N818
    """Say which arm: this experiment has no such arm, or no winner yet."""


def start(actor: Actor, row: Experiment) -> Experiment:
    """What was stopped begins anew: older outcomes do not count, for the arms may be others.

    Raises ValueError with the place of what cannot be read, or names what is not there.
    """
    _refuse_unknown(row.team_id, terms.arms(row.arms))
    arms = [{k: v for k, v in arm.items() if k != "stopped"} for arm in row.arms]
    fresh = {"arms": arms, "started_at": datetime.now(UTC), "ended_at": None, "winner": ""}
    return _move(
        (actor, "start"), row, ExperimentState.RUNNING, {**fresh, "why": "", "reading": {}}
    )


def _refuse_unknown(team_id: int, arms: Sequence[Arm]) -> None:
    """A misspelt arm would take its share and never answer any of it."""
    there = checking.there_now(team_id)
    for index, effects in enumerate(arm.effects for arm in arms):
        backends = sorted({*(effects.only or ()), *effects.avoid} - set(there.backends or ()))
        if effects.use and effects.use not in (there.models or ()):
            backends.append(effects.use)
        if backends:
            raise ValueError(f"arms[{index}].then: there is no {', '.join(backends)} now.")


def stop(actor: Actor, row: Experiment) -> Experiment:
    ended = {"ended_at": datetime.now(UTC), "why": f"Stopped by {actor.name}."}
    return _move((actor, "stop"), row, ExperimentState.STOPPED, ended)


def promote(actor: Actor, row: Experiment, *, arm: str = "", publish: bool = True) -> Policy | None:
    """The version that was made, or the draft; nothing where the winner is what is done today.

    Raises versions' own errors where the whole draft cannot be published.
    """
    chosen = arm or row.winner
    found = next((each for each in row.arms if each["name"] == chosen), None)
    if found is None:
        raise NoSuchArm
    then = found.get("then", {})
    with transaction.atomic():
        draft = drafts.locked(row.team_id)
        if then:
            _write(row, then)
        made = _published(actor, row, chosen) if then and publish else None
        ended = {"winner": chosen, "ended_at": row.ended_at or datetime.now(UTC)}
        _move((actor, "promote"), row, ExperimentState.PROMOTED, ended)
    return made or (draft if then else None)


def _write(row: Experiment, then: dict[str, Any]) -> None:
    """Before the other rules, which go on, as an arm only narrows; but a `use` after them, because
    an experiment never took a request from a rule that says who answers."""
    name = f"experiment-{row.name}"[:80]
    last = "use" in then
    kept = {"when": row.when, "then": then if last else {**then, "continue": True}, "enabled": True}
    rule, _ = Rule.objects.update_or_create(
        team_id=row.team_id,
        name=name,
        defaults=kept,
        create_defaults={**kept, "position": drafts.end(row.team_id)},
    )
    drafts.place(rule, drafts.end(row.team_id) if last else 1)


def _published(actor: Actor, row: Experiment, arm: str) -> Policy:
    return versions.publish(
        actor, row.team_id, Asked(note=f"Experiment {row.name}: {arm} is done from now on")
    )


def _move(
    who: tuple[Actor, str], row: Experiment, state: ExperimentState, changes: dict[str, Any]
) -> Experiment:
    """One step, by whoever is first."""
    changes = {**changes, "state": state, "changed_at": datetime.now(UTC)}
    before = audit.facts_of(row)
    with transaction.atomic():
        mine = Experiment.objects.filter(pk=row.pk, state__in=MOVES[state])
        if not mine.update(**changes):
            now = Experiment.objects.values_list("state", flat=True).get(pk=row.pk)
            raise NotNow(who[1], now)
        row.refresh_from_db()
        audit.record(*who, row, before=before, after=audit.facts_of(row))
    return row
