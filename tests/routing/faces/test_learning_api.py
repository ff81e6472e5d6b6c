"""What was learned over `/api/learning/`: versions, strengths, taking one back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from routing import connections, lessons
from routing.learning import estimating, keeping
from routing.models import RouterMind
from teams.models import AuditRow, Member, Membership, Organisation, Team

pytestmark = pytest.mark.django_db(transaction=True)
Client = Callable[[str], APIClient]


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    yield
    lessons.forget()
    connections.drop()


@pytest.fixture
def minds(transactional_db: None) -> list[RouterMind]:
    kept = keeping.pack(estimating.UNTAUGHT)
    cell = {"quality": 0.5, "low": 0.4, "high": 0.6, "seen": 8, "enough": False}
    facts = {"outcomes": 8, "judged": 8, "strengths": {"0": {"small": {"faq": cell}}}}
    return [RouterMind.objects.create(weights=kept, facts=facts) for _ in range(3)]


@pytest.fixture
def client(transactional_db: None) -> Client:
    organisation = Organisation.objects.create(name="Acme")
    teams = {name: Team.objects.create(organisation=organisation, name=name) for name in "ab"}

    def made(who: str) -> APIClient:
        member = Member.objects.create(email=f"{who}@kora.test", is_superuser=who == "operator")
        if who in teams:
            Membership.objects.create(member=member, team=teams[who], role="engineer")
        made = APIClient()
        made.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
        return made

    return made


def test_one_call_takes_back_a_version_and_what_was_learned_on_top(
    client: Client, minds: list[RouterMind]
) -> None:
    lessons.look(connections.current(), every_s=0.0)
    assert lessons.mind().version == minds[2].pk
    operator = client("operator")
    done = operator.post(f"/api/learning/{minds[1].pk}/withdraw/")
    assert done.json() == {"withdrawn": [minds[1].pk, minds[2].pk], "in_force": minds[0].pk}
    lessons.look(connections.current(), every_s=0.0)
    assert lessons.mind().version == minds[0].pk
    assert AuditRow.objects.filter(action="withdraw").count() == 1
    again = operator.post(f"/api/learning/{minds[1].pk}/withdraw/")
    assert again.json()["withdrawn"] == []
    listed = operator.get("/api/learning/").json()["results"]
    assert [each["in_force"] for each in listed] == [False, False, True]
    assert listed[0]["withdrawn_by"] == "operator@kora.test"


def test_an_engineer_reads_but_takes_nothing_back(client: Client, minds: list[RouterMind]) -> None:
    engineer = client("a")
    assert engineer.post(f"/api/learning/{minds[0].pk}/withdraw/").status_code == 403
    shown: dict[str, Any] = engineer.get(f"/api/learning/{minds[0].pk}/").json()
    assert shown["strengths"]["0"]["small"]["faq"]["enough"] is False


def test_a_team_sees_no_other_team_s_strengths(client: Client, minds: list[RouterMind]) -> None:
    team = Team.objects.get(name="a")
    RouterMind.objects.update(facts={"strengths": {"0": {}, str(team.pk): {"small": {}}}})
    path = f"/api/learning/{minds[0].pk}/"
    assert set(client("a").get(path).json()["strengths"]) == {"0", str(team.pk)}
    assert set(client("b").get(path).json()["strengths"]) == {"0"}
