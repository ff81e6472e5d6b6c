"""The console's pages about simulations, intents, experiments and what was learned."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from routing.models import (
    Backend,
    Experiment,
    ExperimentPoint,
    RouterMind,
    Rule,
    Simulation,
    TeamIntent,
    Trial,
)
from routing.publishing import drafts
from routing.simulating import estimators
from teams.models import AuditRow, Team
from tests.routing.faces import people
from tests.routing.faces.people import words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.tasks.ask_to_teach", lambda: None)
    monkeypatch.setattr("routing.simulating.orders.ask_for", lambda number: None)


@pytest.fixture
def red(db: None) -> Team:
    return people.team()


@pytest.fixture
def engineer(red: Team) -> Client:
    return people.speaking_as(red, "engineer")


def reading(low: float, value: float, high: float, **said: Any) -> dict[str, Any]:
    found = estimators.Reading(value=value, low=low, high=high, count=50, effective=50.0, **said)
    return found.as_json()


def group(**said: Any) -> dict[str, Any]:
    unclear = reading(-0.2, 0.1, 0.4)
    figures = dict.fromkeys(("quality", "latency_s", "misses_share"), unclear)
    counts = {"requests": 50, "changed_share": 0.3, "refused_more": 1, "spent_usd": 4.0}
    return {**counts, **figures, "spend_usd": reading(-2.0, -1.5, -1.0), **said}


def simulated(red: Team, **said: Any) -> Simulation:
    result = {"total": group(), "teams": {"red": group()}, "moves": [], "most_changed": []}
    asked = {"days": 7, "most": 100, "overrides": {}}
    kept = {"state": "done", "asked": asked, "result": {**result, **said}}
    return Simulation.objects.create(policy=drafts.of(red.pk), team=red, **kept)


def test_a_simulation_is_asked_for_and_shown_while_it_runs(engineer: Client, red: Team) -> None:
    said = {"policy": str(drafts.of(red.pk).pk), "days": "3", "most": "500", "whose": "red"}
    answer = engineer.post("/routing/simulate/?team=red", {**said, "overrides": "{}"})
    order = Simulation.objects.get()
    assert answer.headers["Location"] == f"/routing/simulate/{order.pk}/"
    assert (order.team, order.asked["days"]) == (red, 3)
    page = engineer.get(f"/routing/simulate/{order.pk}/").content.decode()
    assert "<progress" in page
    assert 'hx-trigger="load delay:1s"' in page


def test_overrides_that_nobody_knows_are_refused(engineer: Client, red: Team) -> None:
    said = {"policy": str(drafts.of(red.pk).pk), "days": "3", "most": "500", "whose": "red"}
    answer = engineer.post("/routing/simulate/", {**said, "overrides": '{"wieghts": {}}'})
    assert "there is no such thing to override" in words(answer)
    assert not Simulation.objects.exists()


def test_a_result_says_in_words_what_is_clear_and_what_is_not(engineer: Client, red: Team) -> None:
    thin = group(quality=reading(-0.2, 0.1, 0.4, warning="no-overlap"))
    undecided = {"count": 3, "why": {"rule:by-words": 2, "older-receipt": 1}}
    day = {"begins": "2026-01-02T00:00:00+00:00", "spent_usd": 19.5, "refused": 4, "first": None}
    budget = {"limit_usd": "20", "window": "day", "refused": 4, "windows": [day]}
    row = simulated(red, total=thin, undecided=undecided, budget=budget)
    page = words(engineer.get(f"/routing/simulate/{row.pk}/"))
    assert "Spend \N{MINUS SIGN}$1.50" in page
    assert "no clear difference" in page
    assert "Much of this was never tried" in page
    assert "A budget of $20.00 a day 4 find no room" in page
    assert "rule by-words asks for what no receipt keeps 2" in page


def test_everyones_traffic_is_the_operators_to_see(engineer: Client, red: Team) -> None:
    row = simulated(red)
    Simulation.objects.filter(pk=row.pk).update(team=None, policy=drafts.of(None))
    assert engineer.get(f"/routing/simulate/{row.pk}/").status_code == 404
    assert people.operator().get(f"/routing/simulate/{row.pk}/").status_code == 200


def test_an_intent_is_taught_by_lines(engineer: Client, red: Team) -> None:
    lines = "money back please\n\nI want a refund\nmoney back please\n"
    said = {"name": "refund", "description": "", "examples": lines, "enabled": "on"}
    assert engineer.post("/routing/intents/new/?team=red", said).status_code == 302
    row = TeamIntent.objects.get(team=red)
    assert row.examples == ["money back please", "I want a refund"]
    page = words(engineer.get("/routing/intents/?team=red"))
    assert "refund too few" in page
    assert AuditRow.objects.filter(action="create", subject="team intent").exists()


def test_two_who_teach_the_same_intent_do_not_overwrite_each_other(
    engineer: Client, red: Team
) -> None:
    row = TeamIntent.objects.create(team=red, name="refund", examples=["one"])
    place = f"/routing/intents/{row.pk}/"
    seen = people.hidden(engineer.get(place), "seen")
    said = {"name": "refund", "examples": "two", "enabled": "on", "seen": seen}
    assert engineer.post(place, said).status_code == 302
    assert "Somebody changed this" in words(engineer.post(place, {**said, "examples": "three"}))
    row.refresh_from_db()
    assert row.examples == ["two"]


ARMS = [{"name": "today", "then": {}}, {"name": "other", "then": {"use": "auto:cheap"}}]
WRITTEN = {"name": "cheaper", "when": "{}", "share": "0.5", "metric": "reward", "delta": "0.05",
           "epsilon": "0.02", "most_requests": "1000", "most_errors": "0.1"}  # fmt: skip


def test_an_experiment_is_written_started_stopped_and_promoted(engineer: Client, red: Team) -> None:
    made = engineer.post("/routing/experiments/new/", {**WRITTEN, "arms": json.dumps(ARMS)})
    row = Experiment.objects.get()
    assert (made.status_code, row.guardrails) == (302, {"errors": 0.1})
    place = f"/routing/experiments/{row.pk}"
    engineer.post(f"{place}/start/")
    row.refresh_from_db()
    assert row.state == "running"
    assert "Stop" in words(engineer.get(f"{place}/"))
    engineer.post(f"{place}/stop/")
    answer = engineer.post(f"{place}/promote/", {"arm": "other"}, follow=True)
    assert "other is done from now on: it stands in the draft" in words(answer)
    assert Rule.objects.get(team=red).then == {"use": "auto:cheap"}


def test_an_arm_that_names_nobody_is_told_when_it_is_started(engineer: Client, red: Team) -> None:
    arms = [{"name": "today"}, {"name": "other", "then": {"only": ["gone"]}}]
    row = Experiment.objects.create(team=red, name="x", arms=arms)
    answer = engineer.post(f"/routing/experiments/{row.pk}/start/", follow=True)
    assert "there is no gone now" in words(answer)
    row.refresh_from_db()
    assert row.state == "draft"


def test_a_wrong_arm_is_shown_at_the_arms(engineer: Client) -> None:
    arms = [ARMS[0], {"name": "other", "then": {"deny": "no"}}]
    answer = engineer.post("/routing/experiments/new/", {**WRITTEN, "arms": json.dumps(arms)})
    assert "arms[1].then.deny" in words(answer)
    assert not Experiment.objects.exists()


def test_an_experiment_shows_intervals_and_a_curve_with_its_table(
    engineer: Client, red: Team
) -> None:
    def told(mean: float) -> dict[str, Any]:
        seen = {"seen": 90, "mean": mean, "low": mean - 0.1, "high": mean + 0.1}
        return {"requests": 90, "reward": seen, "cost": {}, "errors": {}, "p95_ms": None}

    arms = {"today": told(0.5), "other": told(0.8)}
    pair = {"first": "today", "second": "other", "mean": -0.3, "low": -0.4, "high": -0.2}
    row = Experiment.objects.create(
        team=red,
        name="x",
        state="running",
        arms=ARMS,
        reading={"arms": arms, "differences": [pair]},
    )
    for minutes in (1, 2, 3):
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        ExperimentPoint.objects.create(experiment=row, at=at, reading={"arms": arms})
    page = engineer.get(f"/routing/experiments/{row.pk}/")
    assert "other is better" in words(page)
    assert page.content.decode().count("<polyline") == 2
    assert "The same numbers as a table" in words(page)


def test_strengths_claim_nothing_without_evidence(engineer: Client, red: Team) -> None:
    assert "Not enough evidence" in words(engineer.get("/routing/learned/"))
    sure = {"quality": 0.9, "low": 0.8, "high": 0.95, "seen": 40, "enough": True}
    table = {"big": {"summary": sure}, "small": {"summary": {**sure, "seen": 3, "enough": False}}}
    RouterMind.objects.create(weights=b"", facts={"strengths": {str(red.pk): table}})
    page = words(engineer.get("/routing/learned/"))
    assert "0.90 0.80 … 0.95, 40 seen" in page
    assert "not enough evidence (3 seen)" in page


def test_what_was_learned_is_taken_back_by_the_operator_alone(engineer: Client) -> None:
    mind = RouterMind.objects.create(weights=b"")
    place = f"/routing/learned/{mind.pk}/withdraw/"
    assert engineer.post(place).status_code == 403
    assert people.operator().post(place).status_code == 302
    mind.refresh_from_db()
    assert mind.withdrawn_by == "operator@kora.test"


def test_a_backend_is_tried_once_at_a_time_under_a_cap(red: Team) -> None:
    Backend.objects.create(name="big", kind="sandbox", model="toy")
    operator, said = people.operator(), {"backend": "big", "team": "red", "cap_usd": "0.5"}
    operator.post("/routing/learned/trials/", said)
    again = operator.post("/routing/learned/trials/", said, follow=True)
    assert "It is being tried already." in words(again)
    assert Trial.objects.get().team == red
