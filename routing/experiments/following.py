"""Reads running experiments out in the background, and ends what has come to an end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.db.models import Count, Max, QuerySet

from routing.experiments import reading, terms
from routing.experiments.intervals import Floats
from routing.experiments.reading import Asked, Sample
from routing.experiments.values import Arm, Verdict
from routing.learning import rewards
from routing.models import Experiment, ExperimentPoint, ExperimentState, Outcome, Policy
from routing.publishing import versions

FIELDS = ("experiment", "session", "ok", "cost", "total_ms", "parts")
UNITS = ("s:", "u:")
"""Of sessions and users by name: their requests are one value together."""
ANSWERED = "answered"
"""The part of an outcome that is 0 where the backend that was chosen gave no answer."""
KEPT_POINTS = 2_000
"""Of each experiment, for its plot; more than a day of minutes."""
WORDS = {
    "best": "{winner} is better than every other arm, wrong with a chance of at most {delta:g}.",
    "alike-and-cheapest": "No two arms differ by more than {epsilon:g}; {winner} costs least.",
    "guardrails": "Guardrails stopped every arm but {control}.",
    "most-requests": "After {most} requests no arm is known to be best.",
}


@dataclass(kw_only=True, slots=True)
class _Unit:
    """What one session's requests came to so far."""

    arm: str
    rewards: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)


def read_all() -> int:
    """How many were read out. Safe to run twice: the later reading stands, and what has ended
    stays ended."""
    running = Experiment.objects.filter(state=ExperimentState.RUNNING)
    return sum(read_out(row) for row in running)


def read_out(row: Experiment) -> bool:
    """Nothing where nothing was told since the last time: each write makes the web look again."""
    known = _known(row)
    if row.reading.get("known") == known:
        return False
    arms = terms.arms(row.arms)
    samples = collect(_outcomes(row), arms, row.guardrails, _weights(row.team_id))
    asked = Asked(
        metric=row.metric,
        delta=row.delta,
        epsilon=row.epsilon,
        guardrails=row.guardrails,
        shares={each.name: each.share for each in arms},
    )
    taking = {e.name: samples[e.name] for e in arms if not e.stopped}
    verdict = reading.judge(asked, taking, control=arms[0].name)
    told = {**reading.table(asked, samples), "lost": dict(verdict.lost), "known": known}
    return _keep(row, told, verdict, requests=sum(each.requests for each in samples.values()))


def collect(
    outcomes: Iterable[Mapping[str, Any]],
    arms: Iterable[Arm],
    guardrails: Mapping[str, float],
    weights: Mapping[str, float],
) -> dict[str, Sample]:
    """Answers of whoever stood in, or was asked after a check had failed, say nothing of an arm but
    that its own backend did not answer."""
    units: dict[str, _Unit] = {}
    counts: dict[str, int] = {}
    for number, said in enumerate(outcomes):
        arm = said["experiment"].partition("/")[2]
        counts[arm] = counts.get(arm, 0) + 1
        named = said["session"].startswith(UNITS)
        unit = units.setdefault(f"{arm} {said['session'] if named else number}", _Unit(arm=arm))
        _add(unit, said, weights)
    late_ms = guardrails.get("p95_ms", float("inf"))
    return {each.name: _sample(each.name, units, late_ms, counts) for each in arms}


def _add(unit: _Unit, said: Mapping[str, Any], weights: Mapping[str, float]) -> None:
    parts = said["parts"]
    failed = parts.get(ANSWERED) == 0
    if said["ok"] or failed:
        unit.errors.append(float(failed))
    if not said["ok"]:
        return
    unit.costs.append(said["cost"])
    unit.times.append(said["total_ms"])
    reward = rewards.blend(parts, weights)
    if reward is not None:
        unit.rewards.append(reward)


def _sample(
    name: str, units: Mapping[str, _Unit], late_ms: float, counts: Mapping[str, int]
) -> Sample:
    mine = [unit for unit in units.values() if unit.arm == name]
    return Sample(
        reward=_means(unit.rewards for unit in mine),
        cost=_means(unit.costs for unit in mine),
        late=_means([float(ms > late_ms) for ms in unit.times] for unit in mine),
        errors=_means(unit.errors for unit in mine),
        total_ms=_means(unit.times for unit in mine),
        requests=counts.get(name, 0),
    )


def _means(told: Iterable[list[float]]) -> Floats:
    return np.array([sum(each) / len(each) for each in told if each], dtype=np.float64)


def _mine(row: Experiment) -> QuerySet[Outcome]:
    labels = [f"{row.name}/{each['name']}" for each in row.arms]
    mine = Outcome.objects.filter(team_id=row.team_id, experiment__in=labels)
    return mine.filter(at__gte=row.started_at) if row.started_at else mine


def _known(row: Experiment) -> list[Any]:
    """Of the outcomes there are, how many and when the last changed."""
    found = _mine(row).aggregate(count=Count("exchange_id"), last=Max("changed_at"))
    return [found["count"], found["last"] and found["last"].isoformat()]


def _outcomes(row: Experiment) -> Iterator[Mapping[str, Any]]:
    ordered = _mine(row).order_by("at", "exchange_id").values(*FIELDS)
    yield from ordered.iterator(2_000)


def _weights(team_id: int) -> Mapping[str, float]:
    """Of rewards, as the team's policy in force says it, or everyone's."""
    for scope in (team_id, None):
        policy: Policy | None = versions.standing(scope)
        said = policy.content.get("settings", {}).get(rewards.PLACE) if policy else None
        if said:
            return rewards.read(said)
    return rewards.DEFAULTS


def _keep(row: Experiment, told: dict[str, Any], verdict: Verdict, *, requests: int) -> bool:
    """Nothing where somebody stopped it in the meantime. Arms change only when one is stopped: a
    change makes every web process look again."""
    now = datetime.now(UTC)
    changes: dict[str, Any] = {"reading": {**told, "at": now.isoformat()}}
    broken = {name: why for name, why in verdict.broken.items() if name != row.arms[0]["name"]}
    if broken:
        changes["arms"] = [_stopped(arm, broken.get(arm["name"])) for arm in row.arms]
    alone = all(arm.get("stopped") for arm in changes.get("arms", row.arms)[1:])
    if verdict.winner or alone or requests >= row.most_requests:
        why = verdict.why or ("guardrails" if alone else "most-requests")
        changes |= _ended(row, verdict.winner, why, now)
    mine = Experiment.objects.filter(pk=row.pk, state=ExperimentState.RUNNING)
    if not mine.update(**changes):
        return False
    ExperimentPoint.objects.create(experiment=row, reading=told)
    _forget_old(row)
    return True


def _stopped(arm: dict[str, Any], why: str | None) -> dict[str, Any]:
    return {**arm, "stopped": why} if why else arm


def _ended(row: Experiment, winner: str, why: str, now: datetime) -> dict[str, Any]:
    facts = {"winner": winner, "delta": row.delta, "epsilon": row.epsilon}
    words = WORDS[why].format(**facts, most=row.most_requests, control=row.arms[0]["name"])
    state = ExperimentState.DECIDED if winner else ExperimentState.STOPPED
    return {"state": state, "winner": winner, "why": words, "ended_at": now, "changed_at": now}


def _forget_old(row: Experiment) -> None:
    points = ExperimentPoint.objects.filter(experiment=row)
    oldest = points.order_by("-id").values_list("id", flat=True)[KEPT_POINTS : KEPT_POINTS + 1]
    for pk in oldest:
        points.filter(pk__lte=pk).delete()
