"""The book through the control plane: who sees and writes what, and figures that agree."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Sum
from rest_framework.test import APIClient

from analytics import reports
from analytics.models import Attempt, Budget, BudgetWindow, Exchange, LedgerRow, Price
from teams.models import ApiKey, AuditRow, Member, Membership, Organisation, Role, Team

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


@pytest.fixture
def teams(db: None) -> list[Team]:
    organisation = Organisation.objects.create(name="Acme")
    return [Team.objects.create(organisation=organisation, name=name) for name in ("red", "blue")]


@pytest.fixture
def red(teams: list[Team]) -> Team:
    return teams[0]


@pytest.fixture
def blue(teams: list[Team]) -> Team:
    return teams[1]


def speaking_as(team: Team | None, role: str = "") -> APIClient:
    """Without a team: as the operator."""
    client, email = APIClient(), f"{uuid4().hex}@kora.test"
    if team is None:
        client.force_login(Member.objects.create_superuser(email))
        return client
    member = Member.objects.create_user(email)
    Membership.objects.create(member=member, team=team, role=role)
    client.force_login(member)
    return client


@pytest.fixture
def operator(db: None) -> APIClient:
    return speaking_as(None)


def key_of(team: Team) -> ApiKey:
    return ApiKey.objects.create(
        team=team, name="key", public=uuid4().hex[:12], digest="0" * 64, last_four="0000"
    )


def row_of(team: Team, cost: str, **words: Any) -> LedgerRow:
    terms: dict[str, Any] = {
        "at": NOW,
        "kind": "settlement",
        "exchange_id": uuid4(),
        "attempt_id": uuid4(),
        "tier": "cloud",
        "backend": "gpt",
        "model_asked": "auto",
    }
    terms |= {"team_id": team.pk, "team": team.name, "cost": Decimal(cost), "prompt_tokens": 10}
    return LedgerRow.objects.create(**(terms | words))


# Prices


def test_a_price_begins_now_and_is_in_force(operator: APIClient) -> None:
    Price.objects.create(
        backend="gpt", price_in=9, price_out=9, price_cached_in=9, effective_from=NOW
    )
    asked = {"backend": "gpt", "price_in": "0.15", "price_out": "0.6"}
    answer = operator.post("/api/prices/", asked)
    assert answer.status_code == 201, answer.content
    assert answer.json()["price_cached_in"] == "0.15"
    found = reports.prices_in_force(datetime.now(UTC))["gpt"]
    assert (found.price_in, found.price_out) == (Decimal("0.15"), Decimal("0.6"))
    assert Price.objects.filter(backend="gpt").count() == 2
    assert AuditRow.objects.get().subject == "price"


def test_a_second_of_computing_has_a_price(operator: APIClient) -> None:
    asked = {"backend": "mini", "price_in": 0, "price_out": 0, "price_compute_s": "0.000011"}
    answer = operator.post("/api/prices/", asked)
    assert (answer.status_code, answer.json()["price_compute_s"]) == (201, "0.000011")
    assert reports.prices_in_force(datetime.now(UTC))["mini"].price_compute_s == Decimal("0.000011")
    wrong = operator.post("/api/prices/", asked | {"price_compute_s": "-1"})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "price_compute_s")


def test_a_price_of_tomorrow_waits(operator: APIClient) -> None:
    begins = datetime.now(UTC) + timedelta(days=1)
    asked = {"backend": "gpt", "price_in": 1, "price_out": 2, "effective_from": begins.isoformat()}
    assert operator.post("/api/prices/", asked).status_code == 201
    assert reports.prices_in_force(datetime.now(UTC)) == {}
    assert reports.prices_in_force(begins)["gpt"].price_out == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"price_in": "-1"},
        {"price_in": "x"},
        {"price_out": "100001"},
        {"price_compute_s": "100001"},
        {"effective_from": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_wrong_price_is_refused(operator: APIClient, wrong: dict[str, str]) -> None:
    asked = {"backend": "gpt", "price_in": "1", "price_out": "1"} | wrong
    answer = operator.post("/api/prices/", asked)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(wrong)))


def test_prices_are_never_edited_and_only_operators_make_them(
    operator: APIClient, red: Team
) -> None:
    asked = {"backend": "gpt", "price_in": "1", "price_out": "1"}
    made = operator.post("/api/prices/", asked).json()["id"]
    assert operator.patch(f"/api/prices/{made}/", {"price_in": 2}).status_code == 405
    assert operator.delete(f"/api/prices/{made}/").status_code == 405
    assert speaking_as(red, Role.OWNER).post("/api/prices/", asked).status_code == 403
    assert len(speaking_as(red, Role.VIEWER).get("/api/prices/").json()["results"]) == 1


# Budgets


def budget(client: APIClient, **words: Any) -> Any:
    asked = {"name": "cap", "scope": "team", "scope_id": "red", "limit_usd": "10"}
    return client.post("/api/budgets/", asked | words, format="json")


def test_a_budget_is_made_shown_with_its_standing_and_changed(red: Team) -> None:
    owner = speaking_as(red, Role.OWNER)
    soft = [{"percent": 80.0, "action": "alert"}, {"percent": 95.0, "action": "cheaper"}]
    made = budget(owner, window="day", time_zone="Europe/Berlin", soft_limits=soft[::-1])
    assert made.status_code == 201, made.content
    assert (made.json()["scope_id"], made.json()["standing"]["left"]) == (str(red.pk), "10")
    kept = Budget.objects.get()
    assert kept.soft_limits == made.json()["soft_limits"] == soft
    standing = reports.standings([kept], datetime.now(UTC))[kept.pk]
    BudgetWindow.objects.create(
        budget=kept,
        starts_at=standing.starts_at,
        ends_at=standing.ends_at,
        settled=Decimal("2.5"),
        held=Decimal("0.000000000001"),
    )
    (shown,) = owner.get("/api/budgets/").json()["results"]
    assert (shown["standing"]["settled"], shown["standing"]["left"]) == ("2.5", "7.499999999999")
    etag = made.headers["ETag"]
    place = f"/api/budgets/{kept.pk}/"
    changed = owner.patch(place, {"limit_usd": "20"}, headers={"If-Match": etag})
    assert (changed.status_code, changed.json()["limit_usd"]) == (200, "20")
    stale = owner.patch(place, {"limit_usd": "30"}, headers={"If-Match": etag})
    assert stale.status_code == 412
    assert owner.delete(place).status_code == 204
    assert [row.action for row in AuditRow.objects.order_by("at")] == ["create", "update", "delete"]
    assert {row.team_id for row in AuditRow.objects.all()} == {red.pk}


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"limit_usd": "-1"}, "limit_usd"),
        ({"limit_usd": "NaN"}, "limit_usd"),
        ({"fiscal_start": 13}, "fiscal_start"),
        ({"window": "decade"}, "window"),
        ({"scope": "planet"}, "scope"),
        ({"scope_id": "nobody"}, "scope_id"),
        ({"scope_id": "9" * 30}, "scope_id"),
        ({"scope": "key", "scope_id": "nobody"}, "scope_id"),
        ({"scope": "tag", "scope_id": "project"}, "scope_id"),
        ({"name": "n" * 201}, "name"),
        ({"name": "March \u202e USD"}, "name"),
        ({"soft_limits": [{"percent": 80, "action": "alert", "x": 1}]}, "soft_limits.0.x"),
        ({"scope": "tag", "scope_id": "a=b,c=d"}, "scope_id"),
        ({"scope": "tag", "scope_id": "a=" + "b" * 65}, "scope_id"),
        ({"scope": "tag", "scope_id": "a=b\u200bc"}, "scope_id"),
        ({"soft_limits": [{"percent": 0, "action": "alert"}]}, "soft_limits.0.percent"),
        ({"soft_limits": [{"percent": 80, "action": "notify"}]}, "soft_limits.0.action"),
        (
            {
                "soft_limits": [
                    {"percent": 80, "action": "block"},
                    {"percent": 90, "action": "queue"},
                ]
            },
            "soft_limits",
        ),
        ({"window": "total", "paced": True}, "paced"),
    ],
)
def test_a_wrong_budget_is_refused(
    operator: APIClient, red: Team, wrong: dict[str, Any], param: str
) -> None:
    answer = budget(operator, **wrong)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_every_scope_is_stored_as_the_hot_path_compares_it(operator: APIClient, red: Team) -> None:
    key = key_of(red)
    made = [
        budget(operator, scope="organisation", scope_id="Acme"),
        budget(operator, scope="team", scope_id=str(red.pk)),
        budget(operator, scope="key", scope_id=key.public),
        budget(operator, scope="tag", scope_id=" a = b "),
    ]
    ids = [str(red.organisation_id), str(red.pk), str(key.pk), "a=b"]
    assert [answer.json()["scope_id"] for answer in made] == ids
    assert [terms.scope_id for terms in reports.budget_terms()] == ids


def test_budgets_are_seen_and_written_by_whom_they_concern(
    operator: APIClient, red: Team, blue: Team
) -> None:
    targets = [("team", "red"), ("team", "blue"), ("key", key_of(blue).public), ("tag", "a=b")]
    made = [budget(operator, scope=scope, scope_id=id_).json()["id"] for scope, id_ in targets]
    owner = speaking_as(red, Role.OWNER)
    seen = {row["id"] for row in owner.get("/api/budgets/").json()["results"]}
    assert seen == {made[0], made[3]}
    answers = [owner.patch(f"/api/budgets/{one}/", {"limit_usd": 1}).status_code for one in made]
    assert answers == [200, 404, 404, 403]
    assert budget(owner, scope_id="blue").status_code == 400
    assert budget(owner, scope="organisation", scope_id="Acme").status_code == 403
    assert budget(speaking_as(red, Role.FINANCE)).status_code == 201
    assert budget(speaking_as(red, Role.ENGINEER)).status_code == 403
    moved = owner.patch(f"/api/budgets/{made[0]}/", {"scope_id": str(blue.pk)})
    assert moved.status_code == 400


# Requests


def exchange_of(team: Team, **words: Any) -> Exchange:
    terms = {"at": NOW, "team": team, "team_name": team.name, "model_asked": "auto"}
    return Exchange.objects.create(**(terms | words))


def test_requests_are_listed_newest_first_and_narrowed(red: Team, blue: Team) -> None:
    old = exchange_of(red, at=NOW - timedelta(days=1), tier="exact", status=200, state="answered")
    new = exchange_of(red, tier="cloud")
    exchange_of(blue)
    viewer = speaking_as(red, Role.VIEWER)

    def ids(query: str = "") -> list[str]:
        return [row["id"] for row in viewer.get(f"/api/requests/{query}").json()["results"]]

    assert ids() == [str(new.pk), str(old.pk)]
    assert ids("?tier=exact&status=200&state=answered&team=red") == [str(old.pk)]
    assert ids("?from=2026-05-20T00:00:00Z") == [str(new.pk)]
    assert ids("?to=2026-05-20T00:00:00Z") == [str(old.pk)]
    assert ids("?team=blue") == []
    assert viewer.get("/api/requests/?from=yesterday").status_code == 400
    first = viewer.get("/api/requests/?page_size=1").json()
    second = viewer.get(first["next"]).json()
    assert [row["id"] for row in (*first["results"], *second["results"])] == ids()


def test_a_receipt_has_its_attempts_and_ledger_rows(red: Team, blue: Team) -> None:
    one = exchange_of(red, receipt={"why": "cheapest"}, cost=Decimal("0.000000000037"))
    attempt = Attempt.objects.create(
        exchange=one, number=1, backend="gpt", tier="cloud", amount=1, lease_until=NOW
    )
    row_of(red, "0.000000000037", exchange_id=one.pk, attempt_id=attempt.pk)
    shown = speaking_as(red, Role.VIEWER).get(f"/api/requests/{one.pk}/").json()
    assert (shown["cost"], shown["receipt"]) == ("0.000000000037", {"why": "cheapest"})
    assert [each["id"] for each in shown["tries"]] == [str(attempt.pk)]
    assert [each["cost"] for each in shown["ledger"]] == ["0.000000000037"]
    assert speaking_as(blue, Role.OWNER).get(f"/api/requests/{one.pk}/").status_code == 404


# Spend


@pytest.fixture
def ledger_rows(red: Team, blue: Team) -> None:
    row_of(red, "0.000000000001")
    row_of(red, "1.1", backend="claude", at=NOW + timedelta(hours=11))
    row_of(red, "0", kind="hit", attempt_id=None, tier="exact", saved=Decimal("0.5"))
    row_of(blue, "2.2", at=NOW + timedelta(hours=13), end_user="=1+1")


def spent(client: APIClient, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/api/reports/spend/{query}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("groups", ["team", "team,backend,tier,day", "kind,key,model,user", ""])
@pytest.mark.usefixtures("ledger_rows")
def test_the_total_is_the_ledgers(operator: APIClient, groups: str) -> None:
    found = spent(operator, f"?group_by={groups}")
    true = LedgerRow.objects.aggregate(Sum("cost"), Sum("saved"))
    assert Decimal(found["total"]["cost"]) == true["cost__sum"] == Decimal("3.300000000001")
    assert Decimal(found["total"]["saved"]) == true["saved__sum"]
    assert sum(Decimal(row["cost"]) for row in found["rows"]) == true["cost__sum"]
    assert found["total"]["entries"] == 4


@pytest.mark.usefixtures("ledger_rows")
def test_spend_by_team_and_day_in_a_zone(operator: APIClient) -> None:
    def days(zone: str) -> list[tuple[str, str, str]]:
        rows: Iterable[dict[str, str]] = spent(operator, f"?group_by=team,day&time_zone={zone}")[
            "rows"
        ]
        return [(row["team"], row["day"], f"{Decimal(row['cost']).normalize():f}") for row in rows]

    assert days("UTC") == [
        ("blue", "2026-05-21", "2.2"),
        ("red", "2026-05-20", "1.100000000001"),
    ]
    assert days("Europe/Berlin") == [
        ("blue", "2026-05-21", "2.2"),
        ("red", "2026-05-20", "0.000000000001"),
        ("red", "2026-05-21", "1.1"),
    ]


@pytest.mark.usefixtures("ledger_rows")
def test_spend_is_the_callers_teams_and_the_span_asked(operator: APIClient, red: Team) -> None:
    owner = speaking_as(red, Role.OWNER)
    assert [row["team"] for row in spent(owner)["rows"]] == ["red"]
    assert spent(owner, "?team=blue")["rows"] == []
    assert Decimal(spent(operator, "?team=blue")["total"]["cost"]) == Decimal("2.2")
    assert Decimal(spent(operator, "?from=2026-05-21")["total"]["cost"]) == Decimal("2.2")
    assert Decimal(spent(operator, "?to=2026-05-21")["total"]["cost"]) == Decimal("1.100000000001")
    assert Decimal(spent(operator, "?from=2030-01-01")["total"]["cost"]) == 0


@pytest.mark.usefixtures("ledger_rows")
def test_spend_as_csv_is_a_sheet_that_calculates_nothing(operator: APIClient) -> None:
    answer = operator.get("/api/reports/spend/?group_by=team,user&format=csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [line["user"] for line in lines] == ["'=1+1", "", ""]
    assert lines[-1]["team"] == "total"
    assert Decimal(lines[-1]["cost"]) == sum(Decimal(line["cost"]) for line in lines[:-1])


@pytest.mark.parametrize("wrong", ["group_by=colour", "time_zone=Mars", "from=soon"])
def test_a_wrong_question_is_refused(operator: APIClient, wrong: str) -> None:
    for form in ("json", "csv"):
        answer = operator.get(f"/api/reports/spend/?{wrong}&format={form}")
        assert answer.status_code == 400
        assert b'"param"' in answer.content


def test_nobody_sees_nothing(db: None) -> None:
    for place in ("prices", "budgets", "requests", "reports/spend"):
        assert APIClient().get(f"/api/{place}/").status_code in {401, 403}


# Overrides, and what limits a key


def test_a_limit_is_raised_for_a_while_and_the_raise_ended_early(red: Team) -> None:
    owner = speaking_as(red, Role.FINANCE)
    made = budget(owner).json()
    place = f"/api/budgets/{made['id']}/overrides/"
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    raised = owner.post(place, {"limit_usd": "50", "until": until, "reason": "the fair"})
    assert raised.status_code == 201, raised.content
    shown = owner.get(f"/api/budgets/{made['id']}/").json()
    assert (shown["limit_usd"], shown["standing"]["limit_usd"]) == ("10", "50")
    assert shown["standing"]["override"]["reason"] == "the fair"
    ended = owner.post(f"{place}{raised.json()['id']}/end/")
    assert ended.status_code == 200
    standing = owner.get(f"/api/budgets/{made['id']}/").json()["standing"]
    assert (standing["limit_usd"], standing["override"]) == ("10", None)
    assert [each["id"] for each in owner.get(place).json()] == [raised.json()["id"]]
    assert [row.action for row in AuditRow.objects.order_by("at")][-2:] == [
        "override",
        "end override",
    ]
    assert owner.post(f"{place}999999/end/").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"limit_usd": "-1"}, "limit_usd"),
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"reason": ""}, "reason"),
        ({"from": "2020-01-01T00:00:00Z"}, "from"),
    ],
)
def test_a_wrong_override_is_refused(red: Team, wrong: dict[str, str], param: str) -> None:
    owner = speaking_as(red, Role.OWNER)
    made = budget(owner).json()
    asked = {"limit_usd": "5", "until": "2099-01-01T00:00:00Z", "reason": "r"} | wrong
    answer = owner.post(f"/api/budgets/{made['id']}/overrides/", asked, format="json")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_nobody_raises_what_is_not_theirs(red: Team, blue: Team, operator: APIClient) -> None:
    asked = {"limit_usd": "5", "until": "2099-01-01T00:00:00Z", "reason": "r"}
    made = budget(operator).json()
    shared = budget(operator, scope="organisation", scope_id="Acme").json()
    place = "/api/budgets/{}/overrides/"
    assert speaking_as(blue, Role.OWNER).post(place.format(made["id"]), asked).status_code == 404
    assert speaking_as(red, Role.ENGINEER).post(place.format(made["id"]), asked).status_code == 403
    assert speaking_as(red, Role.OWNER).post(place.format(shared["id"]), asked).status_code == 403
    assert operator.post(place.format(shared["id"]), asked).status_code == 201


def test_a_budget_of_a_team_begins_its_days_where_the_team_is(red: Team) -> None:
    Team.objects.filter(pk=red.pk).update(time_zone="Asia/Tokyo")
    owner = speaking_as(red, Role.OWNER)
    key = key_of(red)
    zones = [
        budget(owner).json()["time_zone"],
        budget(owner, scope="key", scope_id=key.public).json()["time_zone"],
        budget(owner, time_zone="Europe/Paris").json()["time_zone"],
        budget(speaking_as(None), scope="tag", scope_id="a=b").json()["time_zone"],
    ]
    assert zones == ["Asia/Tokyo", "Asia/Tokyo", "Europe/Paris", "UTC"]


def test_what_limits_a_key_is_shown_over_all_scopes(red: Team, blue: Team) -> None:
    operator = speaking_as(None)
    key = key_of(red)
    ApiKey.objects.filter(pk=key.pk).update(requests_per_minute=90)
    Team.objects.filter(pk=red.pk).update(requests_per_minute=60, max_parallel=4)
    for window in ("day", "month"):
        assert budget(operator, window=window, limit_usd="20").status_code == 201
    budget(operator, scope="organisation", scope_id="Acme", limit_usd="5", name="all")
    budget(operator, scope="tag", scope_id="a=b", limit_usd="1", name="tagged")
    budget(operator, scope="key", scope_id=key.public, limit_usd="0.5", mode="shadow")
    member = speaking_as(red, Role.VIEWER)
    found = member.get(f"/api/keys/{key.pk}/limits/").json()
    assert (found["tightest"]["name"], found["tightest"]["standing"]["free"]) == ("all", "5")
    assert [each["mode"] for each in found["budgets"]] == ["enforce"] * 3 + ["shadow"]
    assert (found["rates"]["requests_per_minute"], found["rates"]["max_parallel"]) == (60, 4)
    tagged = member.get(f"/api/keys/{key.pk}/limits/?tags=a=b").json()
    assert tagged["tightest"]["name"] == "tagged"
    assert speaking_as(blue, Role.OWNER).get(f"/api/keys/{key.pk}/limits/").status_code == 404
