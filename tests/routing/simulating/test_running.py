"""Simulations of real traffic: what a draft would change, with intervals, and taken up again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from analytics.models import Exchange, Price
from routing import tasks
from routing.models import Backend, Outcome, Rule, Simulation
from routing.publishing import drafts
from routing.simulating import orders, running
from teams import keys
from teams.models import AuditRow, Organisation, Scope, Team
from tests.routing import inside
from tests.routing.inside import Inside
from tests.teams.conftest import as_key

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 12


@pytest.fixture
def team(transactional_db: None) -> Team:
    for name, quality, price in (("small", 0.55, 1), ("big", 0.6, 9)):
        Price.objects.create(backend=name, price_in=price, price_out=price, price_cached_in=0)
        Backend.objects.create(name=name, kind="sandbox", model="toy", quality=quality)
    return Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")


@pytest.fixture
def kora(team: Team) -> Iterator[Inside]:
    with inside.opened() as opened:
        yield opened


@pytest.fixture
def manager(team: Team) -> APIClient:
    return as_key(team, Scope.MANAGE)


def ask(kora: Inside, team: Team, count: int = COUNT, **said: Any) -> None:
    text = keys.issue(team, name="app", scopes=[Scope.INFER]).text
    headers = [(b"authorization", f"Bearer {text}".encode())]
    for number in range(count):
        messages = [{"role": "user", "content": f"Question {number}: why?"}]
        body = {"model": "auto", "messages": messages, "max_tokens": 20, **said}
        heard = kora.ask(orjson.dumps(body), headers=headers)
        assert heard.status == 200, heard.body
    kora.settle()


def simulated(team: Team, **said: Any) -> dict[str, Any]:
    return running.run(running.of(drafts.of(team.pk), None, **said))


def chosen(team: Team) -> tuple[str, str]:
    """The backend that all requests went to, and the other one."""
    (name,) = set(Exchange.objects.values_list("backend", flat=True))
    return name, "small" if name == "big" else "big"


def rule(team: Team, name: str = "r", **said: Any) -> None:
    Rule.objects.create(team=team, name=name, **{"then": {"deny": "no"}, **said})


def test_a_draft_that_changes_nothing_changes_nothing(kora: Inside, team: Team) -> None:
    ask(kora, team)
    found = simulated(team)
    total = found["total"]
    assert total["requests"] == COUNT
    assert (total["changed_share"], total["refused_more"]) == (0, 0)
    for figure in ("spend_usd", "quality", "latency_s", "misses_share"):
        assert total[figure]["value"] == pytest.approx(0, abs=1e-9), figure
    assert found["undecided"] == {"count": 0, "why": {}}
    assert (found["moves"], found["most_changed"]) == ([], [])


def test_says_what_a_rule_would_move_and_cost(kora: Inside, team: Team) -> None:
    ask(kora, team)
    before, other = chosen(team)
    rule(team, then={"only": [other]})
    found = simulated(team)
    total = found["total"]
    assert found["moves"] == [{"from": before, "to": other, "requests": COUNT}]
    assert total["changed_share"] == 1
    dearer = other == "big"
    assert (total["spend_usd"]["value"] > 0) is dearer
    assert (total["quality"]["value"] > 0) is dearer
    assert total["quality"]["warning"] == "no-overlap", "nobody ever tried the other"
    assert total["quality"]["low"] < total["quality"]["value"] < total["quality"]["high"]
    shown = found["most_changed"][0]
    assert (shown["from"], shown["to"], shown["team"]) == (before, other, "red")
    assert Exchange.objects.filter(pk=shown["id"]).exists()


def test_that_another_would_now_and_then_be_tried_out_changes_no_single_request(
    kora: Inside, team: Team
) -> None:
    ask(kora, team)
    apply = {"mode": "apply", "share": 0.4, "sharpness": 1, "usd_a_day": 10}
    found = simulated(team, overrides={"explore": apply})
    assert 0 < found["total"]["changed_share"] < 0.5
    assert (found["moves"], found["most_changed"]) == ([], [])


def test_a_refused_request_is_counted_and_costs_nothing(kora: Inside, team: Team) -> None:
    ask(kora, team)
    spent = float(sum(Exchange.objects.values_list("cost", flat=True)))
    rule(team, when={"signal": "model", "is": "auto"})
    total = simulated(team)["total"]
    assert total["refused_more"] == COUNT
    assert total["spend_usd"]["value"] == pytest.approx(-spent)


def test_what_the_receipt_does_not_say_is_undecided_and_said(kora: Inside, team: Team) -> None:
    ask(kora, team)
    rule(team, name="by-words", when={"signal": "question", "contains": "why"})
    found = simulated(team)
    assert found["undecided"] == {"count": COUNT, "why": {"rule:by-words": COUNT}}


def test_a_rule_that_stood_then_is_known_though_its_words_are_not(
    kora: Inside, team: Team, manager: APIClient
) -> None:
    rule(team, name="by-words", when={"signal": "question", "contains": "Question 3"},
         then={"weights": {"usd": 0}, "continue": True})  # fmt: skip
    manager.post(f"/api/policies/{drafts.of(team.pk).pk}/publish/", {}, format="json")
    kora.refresh()
    ask(kora, team)
    rule(team, name="later", position=9, when={"signal": "turns", "at_least": 1})
    found = simulated(team)
    assert found["undecided"]["count"] == 0
    assert found["total"]["refused_more"] == COUNT


def test_what_people_said_counts_for_quality(kora: Inside, team: Team) -> None:
    ask(kora, team)
    Outcome.objects.all().delete()
    ids = Exchange.objects.values_list("pk", flat=True)
    Outcome.objects.bulk_create(
        Outcome(pk=pk, team_id=team.pk, backend="big", parts={"score": 0.1}) for pk in ids
    )
    found = simulated(team)
    assert found["quality_from"] == {"outcomes": COUNT, "expected": 0}
    assert found["total"]["quality"]["value"] == pytest.approx(0, abs=1e-9)


def test_another_weight_or_budget_can_be_tried_without_a_draft(kora: Inside, team: Team) -> None:
    ask(kora, team)
    spent = float(sum(Exchange.objects.values_list("cost", flat=True)))
    before, _ = chosen(team)
    usd = 0 if before == "small" else 1e6
    moved = simulated(team, overrides={"weights": {"auto": {"usd": usd, "miss": 0}}})
    assert moved["total"]["changed_share"] == 1
    budget = {"limit_usd": f"{spent / 2:.12f}", "window": "total"}
    tight = simulated(team, overrides={"budget": budget})["budget"]
    assert 0 < tight["refused"] < COUNT
    assert tight["windows"][0]["first"] is not None


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"wieghts": {}}, "wieghts"),
        ({"weights": {"auto": {"usd": -1}}}, "weights.auto.usd"),
        ({"budget": {"limit_usd": "much"}}, "budget.limit_usd"),
        ({"budget": {"limit_usd": 1, "window": "hour"}}, "budget.window"),
    ],
)
def test_a_wrong_override_is_refused_with_its_place(
    manager: APIClient, team: Team, overrides: dict[str, Any], words: str
) -> None:
    place = f"/api/policies/{drafts.of(team.pk).pk}/simulate/"
    answer = manager.post(place, {"overrides": overrides}, format="json")
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_an_order_is_worked_out_and_can_be_polled(
    kora: Inside, team: Team, manager: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "ask_for", tasks.run_simulation)
    ask(kora, team)
    place = f"/api/policies/{drafts.of(team.pk).pk}/simulate/"
    answer = manager.post(place, {"days": 1}, format="json")
    assert answer.status_code == 202
    found = manager.get(answer["Location"]).json()
    assert (found["state"], found["done"], found["total"]) == ("done", COUNT, COUNT)
    assert found["result"]["total"]["requests"] == COUNT
    assert "content" not in found["asked"]
    assert AuditRow.objects.get(action="simulate").after["simulation"] == found["id"]


def test_the_command_says_the_same_in_words_and_as_json(
    kora: Inside, team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(kora, team)
    before, other = chosen(team)
    rule(team, then={"only": [other]})
    call_command("simulate", team="red")
    said = capsys.readouterr().out
    assert f"{COUNT} requests, 100.0% would change" in said
    assert f"{before} -> {other}" in said
    call_command("simulate", team="red", policy=str(drafts.of(team.pk).pk), json=True)
    assert json.loads(capsys.readouterr().out)["moves"] == simulated(team)["moves"]
    mars = '{"budget": {"limit_usd": "1", "time_zone": "Mars/Base"}}'
    for wrong in ({"policy": "v999"}, {"team": "nobody"}, {"overrides": "{"}, {"overrides": mars}):
        with pytest.raises(CommandError):
            call_command("simulate", **wrong)
    with pytest.raises(CommandError):
        call_command("simulate", "--days=-1")


def test_a_killed_worker_is_not_the_end_of_it(team: Team) -> None:
    now = datetime.now(UTC)
    said = {"days": 1, "most": 10, "overrides": {}, "until": now.isoformat(), "content": {}}
    order = Simulation.objects.create(
        policy=drafts.of(team.pk), team=team, state="running", asked=said, heard_at=now
    )
    assert orders.waiting() == []
    assert not orders.work(order.pk), "another worker has it"
    Simulation.objects.update(heard_at=now - timedelta(seconds=orders.SILENT_S + 1))
    assert orders.waiting() == [order.pk]
    assert orders.work(order.pk)
    order.refresh_from_db()
    assert order.state == "done"


def test_what_kills_every_worker_is_given_up(team: Team) -> None:
    now = datetime.now(UTC)
    said = {"days": 1, "most": 10, "overrides": {}, "until": now.isoformat(), "content": {}}
    order = Simulation.objects.create(
        policy=drafts.of(team.pk), team=team, asked={**said, "tries": orders.TRIES}
    )
    assert not orders.work(order.pk)
    order.refresh_from_db()
    assert (order.state, order.error) == ("failed", orders.KILLED)
