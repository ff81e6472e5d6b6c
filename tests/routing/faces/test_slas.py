"""SLAs over `/api/slas/`, their report, and the pages: who writes, what is refused, what shows."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from analytics.models import Exchange, Prediction, Sla, SlaHour
from analytics.promises import predictions, watching
from routing.learning import calibrating
from routing.models import Calibration
from teams.models import AuditRow, Member, Membership, Role, Team
from tests.routing.faces import people

pytestmark = pytest.mark.django_db
HOURS_AGO = timedelta(hours=2)


@pytest.fixture
def red(db: None) -> Team:
    return people.team("red")


def api(team: Team, role: str) -> APIClient:
    member = Member.objects.create(email=f"{role}{uuid4().hex[:6]}@{team.name}.test")
    Membership.objects.create(member=member, team=team, role=role)
    client = APIClient()
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return client


def ask(team: Team, total_ms: float = 100, **facts: Any) -> Exchange:
    slow = [{"started_ms": 5, "began_ms": 7, "ms": total_ms - 10, "outcome": "answered"}]
    plain: dict[str, Any] = {
        "model_asked": "auto", "state": "answered", "team_name": team.name, "total_ms": total_ms,
        "receipt": {"attempts": slow}, "at": datetime.now(UTC) - HOURS_AGO,
    }  # fmt: skip
    return Exchange.objects.create(id=uuid4(), team=team, **{**plain, **facts})


def predicted(team: Team, p: float, *, late: bool) -> None:
    said = {"backend": "b", "p_miss": p, "raw": p, "deadline_ms": 1000, "until_ms": 1002}
    ask(team, 2000 if late else 100, receipt={"prediction": said}, at=datetime.now(UTC))


def test_an_engineer_promises_and_changes_with_etag_and_audit(red: Team) -> None:
    client = api(red, Role.ENGINEER)
    made = client.post("/api/slas/", {"name": "quick", "total_ms": 2000}, format="json")
    assert made.status_code == 201
    said = made.json()
    assert (said["team"], said["percentile"], said["availability"]) == ("red", 95.0, None)
    at, tag = f"/api/slas/{said['id']}/", made["ETag"]
    changed = client.patch(at, {"ttft_ms": 500}, format="json", headers={"if-match": tag})
    assert changed.status_code == 200
    stale = client.patch(at, {"ttft_ms": 400}, format="json", headers={"if-match": tag})
    assert stale.status_code == 412
    row = AuditRow.objects.get(action="update")
    assert (row.before, row.after) == ({"ttft_ms": None}, {"ttft_ms": 500})


@pytest.mark.parametrize("role", [Role.FINANCE, Role.VIEWER])
def test_others_only_read(red: Team, role: str) -> None:
    Sla.objects.create(team=red, name="quick", total_ms=2000)
    client = api(red, role)
    assert len(client.get("/api/slas/").json()["results"]) == 1
    assert client.post("/api/slas/", {"total_ms": 1}, format="json").status_code == 403


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"name": "empty"}, "Promise something"),
        ({"total_ms": 0}, "total_ms"),
        ({"total_ms": 1, "percentile": 100}, "percentile"),
        ({"availability": 100}, "availability"),
        ({"min_quality": 2}, "min_quality"),
        ({"total_ms": 1, "route": "intent:"}, "route"),
        ({"total_ms": 1, "name": "taken"}, "name"),
        ({"total_ms": 1, "latency": 3}, "latency"),
    ],
)
def test_what_cannot_be_promised_is_refused_at_its_place(
    red: Team, said: dict[str, Any], place: str
) -> None:
    Sla.objects.create(team=red, name="taken", total_ms=1)
    refused = api(red, Role.OWNER).post("/api/slas/", said, format="json")
    assert refused.status_code == 400
    assert place in str(refused.json())


def test_another_team_sees_nothing_of_it(red: Team) -> None:
    row = Sla.objects.create(team=red, name="quick", total_ms=2000)
    blue = api(people.team("blue"), Role.OWNER)
    assert blue.get("/api/slas/").json()["results"] == []
    assert blue.get(f"/api/slas/{row.pk}/").status_code == 404
    assert blue.get("/api/reports/sla/").json()["rows"] == []


def test_its_standing_says_what_is_left_and_changed_targets_are_counted_anew(red: Team) -> None:
    client = api(red, Role.ENGINEER)
    made = client.post("/api/slas/", {"total_ms": 1000, "window_days": 2}, format="json").json()
    assert made["standing"] is None
    for _ in range(39):
        ask(red)
    ask(red, 5000)
    watching.run()
    [target] = client.get(f"/api/slas/{made['id']}/").json()["standing"]["targets"]
    assert (target["counted"], target["missed"], target["budget_left"]) == (40, 1, 0.5)
    client.patch(f"/api/slas/{made['id']}/", {"total_ms": 9000}, format="json")
    assert not SlaHour.objects.filter(sla=made["id"]).exists()
    watching.run()
    [target] = client.get(f"/api/slas/{made['id']}/").json()["standing"]["targets"]
    assert target["missed"] == 0


def test_the_report_adds_up_by_target_and_day_and_as_csv(red: Team) -> None:
    Sla.objects.create(team=red, name="quick", total_ms=1000, availability=99, window_days=2)
    Sla.objects.create(team=red, name="other", route="auto:fast", total_ms=10, window_days=2)
    for total_ms in (100, 100, 5000):
        ask(red, total_ms)
    ask(red, state="failed", error_code="upstream_failed")
    watching.run()
    client = api(red, Role.FINANCE)
    found = client.get("/api/reports/sla/?group_by=sla,target&team=red").json()
    rows = {(row["sla"], row["target"]): row for row in found["rows"]}
    assert rows["quick", "total"]["missed"] == 2
    assert rows["quick", "availability"]["attainment"] == 0.75
    assert found["total"]["missed"] == sum(row["missed"] for row in found["rows"]) == 3
    by_day = client.get("/api/reports/sla/?group_by=day").json()
    assert by_day["total"]["provider"] == 3
    text = client.get("/api/reports/sla/?group_by=sla&format=csv").content.decode()
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["sla"] for line in lines] == ["other", "quick", "total"]
    assert client.get("/api/reports/sla/?group_by=moon").status_code == 400


def test_predictions_are_counted_once_and_put_right(red: Team) -> None:
    for number in range(240):
        predicted(red, 0.9, late=number % 10 == 0)
    predictions.count()
    predictions.count()
    [row] = Prediction.objects.all()
    assert (row.bin, row.requests, row.late) == (9, 240, 24)
    assert calibrating.run() > 0
    assert calibrating.run() == 0, "nothing is new"
    line = calibrating.newest()["b"]
    assert line.right(0.9) == pytest.approx(0.1, abs=0.05)
    facts = Calibration.objects.get().facts
    assert facts["calibrated"] < facts["plain"]


def test_the_pages_show_promises_misses_with_their_receipts_and_reliability(red: Team) -> None:
    row = Sla.objects.create(team=red, name="quick", total_ms=1000, window_days=2)
    for _ in range(4):
        ask(red)
    late = ask(red, 5000)
    predicted(red, 0.2, late=False)
    watching.run()
    predictions.count()
    client = people.speaking_as(red, Role.VIEWER)
    text = people.words(client.get("/slas/?team=red"))
    assert "quick" in text
    assert "Brier score" in text
    page = client.get(f"/slas/{row.pk}/")
    assert f"/requests/{late.pk}/" in page.content.decode()
    assert "Whole answer 1000 ms 83.3%" in people.words(page)
    narrowed = client.get(f"/slas/{row.pk}/?cause=queue").content.decode()
    assert str(late.pk) not in narrowed
    assert client.get(f"/slas/{row.pk}/edit/").status_code == 403


def test_a_promise_that_nothing_falls_under_does_not_look_kept(red: Team) -> None:
    row = Sla.objects.create(team=red, name="misspelt", route="atuo", total_ms=1000)
    ask(red)
    watching.run()
    client = people.speaking_as(red, Role.VIEWER)
    for page in (client.get("/slas/?team=red"), client.get(f"/slas/{row.pk}/")):
        text = people.words(page)
        assert "no requests yet" in text
        assert "within budget" not in text
        assert "<meter" not in page.content.decode()


def test_an_sla_is_written_changed_and_removed_by_form(red: Team) -> None:
    client = people.speaking_as(red, Role.ENGINEER)
    form = {"name": "quick", "route": "auto", "total_ms": "900", "percentile": "90",
            "window_days": "7", "stricter": "on", "enabled": "on"}  # fmt: skip
    made = client.post("/slas/new/?team=red", form)
    row = Sla.objects.get()
    assert made["Location"] == f"/slas/{row.pk}/"
    assert (row.total_ms, row.percentile, row.availability) == (900, 90.0, None)
    nothing = client.post(f"/slas/{row.pk}/edit/", {**form, "total_ms": ""})
    assert "Promise something" in people.words(nothing)
    page = client.get(f"/slas/{row.pk}/edit/")
    kept = {**form, "ttft_ms": "200", "seen": people.hidden(page, "seen")}
    assert client.post(f"/slas/{row.pk}/edit/", kept).status_code == 302
    too_late = client.post(f"/slas/{row.pk}/edit/", {**kept, "ttft_ms": "300"})
    assert "changed" in people.words(too_late)
    client.post(f"/slas/{row.pk}/remove/")
    assert not Sla.objects.exists()
    assert AuditRow.objects.filter(subject="sla").count() == 3
