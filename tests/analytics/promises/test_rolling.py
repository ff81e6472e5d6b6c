"""Hours that are counted again and again, how an SLA stands then, and who is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from analytics.models import Alert, Exchange, Feedback, Sla, SlaHour, SlaState
from analytics.promises import rolling, watching
from teams.models import Organisation, Team

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 20, 12, 30, tzinfo=UTC)
SLOW = {"attempts": [{"started_ms": 5, "began_ms": 7, "ms": 8990, "outcome": "answered"}]}


@pytest.fixture
def team(db: None) -> Team:
    organisation = Organisation.objects.create(name="Acme")
    return Team.objects.create(organisation=organisation, name="red")


def sla(team: Team, **terms: Any) -> Sla:
    plain = {"name": "quick", "total_ms": 1000, "percentile": 95.0, "window_days": 2}
    return Sla.objects.create(team=team, **{**plain, **terms})


def ask(team: Team, at: datetime, total_ms: float = 100, **facts: Any) -> Exchange:
    plain: dict[str, Any] = {"model_asked": "auto", "state": "answered", "status": 200}
    receipt = SLOW if total_ms > 1000 else {}
    plain |= {"team_name": team.name, "receipt": receipt, "total_ms": total_ms, "at": at}
    return Exchange.objects.create(id=uuid4(), team=team, **{**plain, **facts})


def hour_of(sla: Sla, at: datetime) -> SlaHour:
    return SlaHour.objects.get(sla=sla, at=at.replace(minute=0))


def test_an_hour_counts_what_was_missed_and_why_and_twice_is_once(team: Team) -> None:
    promised = sla(team, availability=99.0)
    for _ in range(3):
        ask(team, NOW)
    ask(team, NOW, 9000)
    ask(team, NOW, state="failed", error_code="upstream_failed")
    ask(team, NOW, state="failed", error_code="budget_exceeded")
    ask(team, NOW, state="open")
    ask(team, NOW, tier="judge")
    watching.run(NOW)
    watching.run(NOW)
    hour = hour_of(promised, NOW)
    assert hour.requests == 6
    assert hour.counted == {"total": 5, "availability": 5}
    assert hour.misses == {"total": 2, "availability": 1}
    assert hour.causes == {"provider": 3, "client": 2}


def test_a_receipt_that_closes_late_is_counted_in_its_hour(team: Team) -> None:
    promised = sla(team)
    open_yet = ask(team, NOW, state="open")
    watching.run(NOW)
    assert hour_of(promised, NOW).requests == 0
    Exchange.objects.filter(pk=open_yet.pk).update(state="answered", total_ms=9000, receipt=SLOW)
    watching.run(NOW + timedelta(hours=1, minutes=20))
    assert hour_of(promised, NOW).misses == {"total": 1}


def test_the_past_is_caught_up_and_no_hour_is_left_out(team: Team) -> None:
    promised = sla(team)
    early = ask(team, NOW - timedelta(hours=40), 9000)
    watching.run(NOW)
    assert hour_of(promised, early.at).misses == {"total": 1}
    assert SlaHour.objects.filter(sla=promised).count() == 49
    watching.run(NOW + timedelta(hours=5))
    assert SlaHour.objects.filter(sla=promised).count() == 54


@pytest.mark.parametrize(
    ("route", "seen"), [("", 3), ("auto:fast", 1), ("intent:faq", 1), ("intent:other", 0)]
)
def test_only_the_route_counts(team: Team, route: str, seen: int) -> None:
    promised = sla(team, route=route)
    ask(team, NOW)
    ask(team, NOW, model_asked="auto:fast")
    ask(team, NOW, receipt={"intent": {"intent": "faq"}})
    other = Team.objects.create(organisation=team.organisation, name="blue")
    ask(other, NOW)
    watching.run(NOW)
    assert hour_of(promised, NOW).requests == seen


def test_quality_counts_where_it_is_known_also_when_it_is_told_later(team: Team) -> None:
    promised = sla(team, min_quality=0.5)
    good, poor, _ = (ask(team, NOW - timedelta(hours=5)) for _ in range(3))
    watching.run(NOW)
    assert "quality" not in hour_of(promised, good.at).counted
    Feedback.objects.create(exchange_id=good.pk, team=team, score=0.9)
    Feedback.objects.create(exchange_id=poor.pk, team=team, thumb=-1)
    watching.run(NOW + timedelta(hours=1))
    hour = hour_of(promised, good.at)
    assert (hour.counted["quality"], hour.misses) == (2, {"quality": 1})


def test_a_fast_burn_is_told_once_and_resolved_when_it_is_over(team: Team) -> None:
    promised = sla(team)
    for _ in range(12):
        ask(team, NOW, 9000)
    watching.run(NOW)
    watching.run(NOW)
    state = SlaState.objects.get(sla=promised)
    assert (state.verdict, state.burning) == ("fast", ["total"])
    alert = Alert.objects.get(kind="sla")
    assert (alert.severity, alert.team, alert.resolved_at) == ("critical", team, None)
    later = NOW + timedelta(hours=2)
    for _ in range(100):
        ask(team, later)
    watching.run(later)
    assert SlaState.objects.get(sla=promised).verdict != "fast"
    alert.refresh_from_db()
    assert alert.resolved_at is not None


def test_other_targets_are_held_against_the_past(team: Team) -> None:
    promised = sla(team)
    ask(team, NOW, 900)
    watching.run(NOW)
    assert hour_of(promised, NOW).misses == {}
    Sla.objects.filter(pk=promised.pk).update(total_ms=500)
    watching.forget(promised)
    watching.run(NOW)
    assert hour_of(promised, NOW).misses == {"total": 1}


def test_what_is_switched_off_burns_no_more(team: Team) -> None:
    promised = sla(team)
    for _ in range(12):
        ask(team, NOW, 9000)
    watching.run(NOW)
    Sla.objects.filter(pk=promised.pk).update(enabled=False)
    watching.run(NOW)
    assert SlaState.objects.get(sla=promised).verdict == "calm"
    assert Alert.objects.get(kind="sla").resolved_at is not None


def test_misses_are_listed_with_their_receipts(team: Team) -> None:
    promise = rolling.promise_of(sla(team))
    ask(team, NOW)
    late = ask(team, NOW, 9000)
    begins = NOW - timedelta(hours=1)
    asked = rolling.requests(promise, begins, NOW + timedelta(seconds=1))
    found = list(rolling.with_receipts(list(asked)))
    assert {told.exchange_id for told in found if told.receipt} == {late.pk}
