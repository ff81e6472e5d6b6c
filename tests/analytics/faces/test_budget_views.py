"""The pages about budgets: who sees and changes what, and that forms mean what the API means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from analytics import budgets, reports
from analytics.alerts import watching
from analytics.models import Budget, BudgetOverride, BudgetWindow
from teams import keys
from teams.models import AuditRow, Member, Membership, Role, Team
from tests.analytics.books import Book

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(db: None) -> Team:
    return Book.open().team


def client_of(team: Team, role: str) -> Client:
    person = Member.objects.create_user(f"{role}@{team.name}.test")
    Membership.objects.create(member=person, team=team, role=role)
    return entered(person)


def entered(person: Member) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def finance(team: Team) -> Client:
    return client_of(team, Role.FINANCE)


@pytest.fixture
def viewer(team: Team) -> Client:
    return client_of(team, Role.VIEWER)


@pytest.fixture
def operator(team: Team) -> Client:
    return entered(Member.objects.create_superuser("operator@kora.test"))


def spent(budget: Budget, usd: str, **more: Any) -> None:
    found = budgets.span(reports.terms_of(budget), datetime.now(UTC))
    BudgetWindow.objects.create(
        budget=budget,
        starts_at=found.starts_at,
        ends_at=found.ends_at,
        settled=Decimal(usd),
        **more,
    )


def budget_of(team: Team, **more: Any) -> Budget:
    return Book(team=team).budget(10, **more)


def filled(**more: Any) -> dict[str, Any]:
    given = {
        "name": "March",
        "limit_usd": "25.5",
        "window": "month",
        "time_zone": "",
        "fiscal_start": "4",
        "mode": "enforce",
        "soft-TOTAL_FORMS": "3",
        "soft-INITIAL_FORMS": "0",
        "soft-0-percent": "90",
        "soft-0-action": "cache-only",
        "soft-1-percent": "",
        "soft-1-action": "alert",
        "soft-2-percent": "70",
        "soft-2-action": "alert",
    }
    return given | more


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_list_teaches_then_shows(finance: Client, viewer: Client, team: Team) -> None:
    assert "Make the first one" in page(finance, "/budgets/")
    assert "Make the first one" not in page(viewer, "/budgets/")
    soft = [{"percent": 60, "action": "prefer-local"}]
    spent(budget_of(team, name="Tight", soft_limits=soft), "7.5", held=Decimal("0.25"), refused=3)
    budget_of(team, name="Off", enabled=False)
    spent(budget_of(team, name="Watching", mode="shadow"), "1", refused=1)
    html = page(viewer, "/budgets/")
    assert "$7.50" in html
    assert "$2.25" in html
    assert "60 %: models of our own come first (reached)" in html
    assert "3 requests refused" in html
    assert "1 request would have been refused" in html
    assert "paused" in html


def test_a_budget_is_made_from_rows_and_leaves_an_audit_row(finance: Client, team: Team) -> None:
    Team.objects.filter(pk=team.pk).update(time_zone="Asia/Tokyo")
    answer = finance.post("/budgets/new/", filled(target=f"team:{team.pk}"))
    made = Budget.objects.get()
    assert answer.headers["Location"] == f"/budgets/{made.pk}/"
    assert (made.scope, made.scope_id, made.time_zone) == ("team", str(team.pk), "Asia/Tokyo")
    assert (made.limit_usd, made.fiscal_start) == (Decimal("25.5"), 4)
    assert [(each["percent"], each["action"]) for each in made.soft_limits] == [
        (70, "alert"),
        (90, "cache-only"),
    ]
    assert AuditRow.objects.get(action="create", subject="budget").subject_name == "March"


def test_percents_stand_in_the_form_as_people_write_them(finance: Client, team: Team) -> None:
    soft = [{"percent": 33.3333333, "action": "alert"}, {"percent": 80.0, "action": "block"}]
    html = page(finance, f"/budgets/{budget_of(team, soft_limits=soft).pk}/")
    assert 'value="33.3333333"' in html
    assert 'value="80"' in html


def test_what_is_wrong_stands_at_its_field(finance: Client, team: Team) -> None:
    mine = {"target": f"team:{team.pk}"}
    html = finance.post("/budgets/new/", filled(**mine, time_zone="Mars/Olympus")).content.decode()
    assert "is not a time zone" in html
    html = finance.post("/budgets/new/", filled(**mine, limit_usd="-1")).content.decode()
    assert "greater than or equal to 0" in html
    html = finance.post("/budgets/new/", filled(**mine, **{"soft-0-percent": "0"})).content.decode()
    assert "greater than or equal to 0.01" in html
    assert not Budget.objects.exists()


def test_keys_and_tags_are_capped_too(operator: Client, finance: Client, team: Team) -> None:
    key = keys.issue(team, name="ci").key
    finance.post("/budgets/new/", filled(target=f"key:{key.pk}"))
    operator.post("/budgets/new/", filled(target="tag:", tag="project=x"))
    operator.post("/budgets/new/", filled(target=f"organisation:{team.organisation_id}"))
    made = Budget.objects.order_by("id").values_list("scope", "scope_id")
    assert list(made) == [
        ("key", str(key.pk)),
        ("tag", "project=x"),
        ("organisation", str(team.organisation_id)),
    ]
    forged = finance.post("/budgets/new/", filled(target="tag:", tag="a=b"))
    assert "not one of the available choices" in forged.content.decode()
    assert "ci of" in page(finance, "/budgets/")


def test_editing_keeps_whose_it_is_and_refuses_what_is_stale(finance: Client, team: Team) -> None:
    made = budget_of(team, soft_limits=[{"percent": 50, "action": "alert"}])
    place = f"/budgets/{made.pk}/"
    seen = finance.get(place).context["seen"]
    answer = finance.post(place, filled(seen=seen, target="team:999", time_zone="UTC"))
    assert answer.status_code == 302
    made.refresh_from_db()
    assert (made.name, made.scope_id, len(made.soft_limits)) == ("March", str(team.pk), 2)
    late = finance.post(place, filled(seen=seen, name="April", time_zone="UTC"))
    assert "changed this since you looked" in late.content.decode()
    made.refresh_from_db()
    assert made.name == "March"


def test_a_raise_ends_by_itself_or_early(finance: Client, team: Team) -> None:
    made = budget_of(team)
    until = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    place = f"/budgets/{made.pk}/raise/"
    finance.post(place, {"limit_usd": "40", "until": until, "reason": "launch"})
    raised = BudgetOverride.objects.get()
    assert (raised.limit_usd, raised.created_by) == (Decimal(40), f"finance@{team.name}.test")
    html = page(finance, f"/budgets/{made.pk}/")
    assert "$40.00" in html
    assert "launch" in html
    finance.post(f"{place}{raised.pk}/end/")
    assert reports.standings([made], datetime.now(UTC))[made.pk].limit_usd == 10
    actions = AuditRow.objects.filter(subject="budget").values_list("action", flat=True)
    assert set(actions) == {"override", "end override"}
    past = finance.post(place, {"limit_usd": "4", "until": "2020-01-01T00:00", "reason": "r"})
    assert "This moment is over" in past.content.decode()


def test_pausing_and_removing(finance: Client, team: Team) -> None:
    made = budget_of(team)
    for still in (False, True):
        finance.post(f"/budgets/{made.pk}/pause/")
        assert Budget.objects.get().enabled is still
    finance.post(f"/budgets/{made.pk}/remove/")
    assert not Budget.objects.exists()


def test_who_only_reads_sees_and_is_refused(viewer: Client, team: Team) -> None:
    made = budget_of(team)
    spent(made, "9")
    watching.watch(datetime.now(UTC))
    html = page(viewer, f"/budgets/{made.pk}/")
    assert "80 % of the budget “cap” is used" in html
    assert 'name="limit_usd"' not in html
    for path in ("", "raise/", "pause/", "remove/"):
        assert viewer.post(f"/budgets/{made.pk}/{path}", filled()).status_code == 403
    assert viewer.get("/budgets/new/").status_code == 403


def test_others_budgets_are_not_found_and_shared_ones_are_only_read(
    finance: Client, team: Team
) -> None:
    theirs = budget_of(Team.objects.create(organisation=team.organisation, name="theirs"))
    everybody = budget_of(team, scope="organisation", scope_id=str(team.organisation_id))
    assert finance.get(f"/budgets/{theirs.pk}/").status_code == 404
    assert 'name="limit_usd"' not in page(finance, f"/budgets/{everybody.pk}/")
    assert finance.post(f"/budgets/{everybody.pk}/pause/").status_code == 403


def test_many_budgets_cost_few_queries(
    operator: Client, team: Team, django_assert_max_num_queries: Any
) -> None:
    key = keys.issue(team, name="ci").key
    for number in range(15):
        budget_of(team, name=str(number))
        budget_of(team, name=f"key {number}", scope="key", scope_id=str(key.pk))
    with django_assert_max_num_queries(14):
        page(operator, "/budgets/")


def test_a_live_list_is_only_its_rows(viewer: Client, team: Team) -> None:
    budget_of(team)
    asked = {"HX-Request": "true", "HX-Target": "rows"}
    html = viewer.get("/budgets/", headers=asked).content.decode()
    assert html.strip().startswith('<div id="rows"')
