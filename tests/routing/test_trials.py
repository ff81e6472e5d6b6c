"""A backend is tried on KORA's own questions: progress, cap, going on after a kill, the prior."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from analytics.models import Price
from routing import connections, lessons, trials
from routing.learning import exam
from routing.models import Backend, Trial
from teams.models import Member, Organisation, Team
from tests.routing import inside
from tests.routing.inside import Inside

QUESTIONS = exam.questions()


def test_every_task_type_has_eight_questions_or_more() -> None:
    counted = Counter(each.intent for each in QUESTIONS)
    assert len(counted) == 15
    assert min(counted.values()) >= 8
    assert len({each.ask for each in QUESTIONS}) == len(QUESTIONS)
    assert {each.check for each in QUESTIONS} <= {*exam.CHECKS, "tool"}


@pytest.mark.parametrize(
    ("check", "wanted", "text", "right"),
    [
        ("exact", "login", "Login.", True),
        ("exact", "login", "It is login", False),
        ("contains", ["bridge", ["clos", "shut"]], "The Bridge was closed.", True),
        ("contains", ["bridge", ["clos", "shut"]], "The bridge is fine.", False),
        ("matches", r"^- a\n- b$", "- a\n- b", True),
        ("json", {"a": 1}, '```json\n{"a": 1}\n```', True),
        ("json", {"a": 1}, "a is 1", False),
        ("number", 1200, "12 times 100 is 1,200.", True),
        ("number", 1200, "none", False),
    ],
)
def test_checks(check: str, wanted: Any, text: str, right: bool) -> None:
    question = exam.Question(intent="x", ask="?", check=check, wanted=wanted)
    assert exam.right(question, {"content": text}) is right


def test_a_call_of_a_tool_is_checked() -> None:
    wanted = {"name": "weather", "arguments": {"city": "oslo"}}
    question = exam.Question(intent="tool-use", ask="?", check="tool", wanted=wanted)

    def message(name: str, arguments: str) -> dict[str, Any]:
        return {"tool_calls": [{"function": {"name": name, "arguments": arguments}}]}

    assert exam.right(question, message("weather", '{"city": "Oslo"}'))
    assert not exam.right(question, message("weather", '{"city": "Rome"}'))
    assert not exam.right(question, message("weather", "not json"))
    assert not exam.right(question, {"content": "It rains."})


@pytest.fixture
def team(transactional_db: None) -> Iterator[Team]:
    Price.objects.create(backend="new", price_in=10, price_out=30, price_cached_in=1)
    Backend.objects.create(
        name="new", kind="sandbox", model="toy", quality=0.5, capabilities=["tools"]
    )
    organisation = Organisation.objects.create(name="Acme")
    yield Team.objects.create(organisation=organisation, name="red")
    lessons.forget()
    connections.drop()


@pytest.fixture
def kora(team: Team) -> Iterator[Inside]:
    with inside.opened() as opened:
        yield opened


def trial(team: Team, cap: str = "5", **more: Any) -> Trial:
    backend = Backend.objects.get(name="new")
    return Trial.objects.create(backend=backend, team=team, cap_usd=Decimal(cap), **more)


@pytest.mark.django_db(transaction=True)
def test_a_trial_asks_everything_once_and_becomes_the_prior(kora: Inside, team: Team) -> None:
    asked = trial(team)
    assert kora.run(trials.look(kora.room))
    asked.refresh_from_db()
    assert (asked.state, asked.done, asked.total) == ("done", len(QUESTIONS), len(QUESTIONS))
    assert 0 < asked.spent_usd < asked.cap_usd
    assert sum(each["asked"] for each in asked.scores.values()) == len(QUESTIONS)
    lessons.look(connections.current(), every_s=0.0)
    assert lessons._trials["new"]["maths"].asked == 8
    assert not kora.run(trials.look(kora.room)), "it is not asked again"


@pytest.mark.django_db(transaction=True)
def test_a_trial_never_spends_more_than_its_cap(kora: Inside, team: Team) -> None:
    asked = trial(team, cap="0.05")
    kora.run(trials.look(kora.room))
    asked.refresh_from_db()
    assert asked.state == "stopped"
    assert "spent" in asked.why
    assert 0 < asked.done < len(QUESTIONS)
    assert asked.spent_usd <= asked.cap_usd


@pytest.mark.django_db(transaction=True)
def test_a_trial_whose_process_died_goes_on_where_it_was(
    kora: Inside, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "SILENT_S", 0)
    asked = trial(team, state="running", done=115, heard_at="2026-01-01T00:00:00Z",
                  scores={"faq": {"asked": 8, "right": 3}})  # fmt: skip
    kora.run(trials.look(kora.room))
    asked.refresh_from_db()
    assert (asked.state, asked.done) == ("done", len(QUESTIONS))
    assert sum(each["asked"] for each in asked.scores.values()) == 8 + len(QUESTIONS) - 115


@pytest.mark.django_db(transaction=True)
def test_a_backend_that_answers_nothing_fails_its_trial(kora: Inside, team: Team) -> None:
    Backend.objects.filter(name="new").update(options={"fail": "server_error"})
    kora.refresh()
    asked = trial(team)
    kora.run(trials.look(kora.room))
    asked.refresh_from_db()
    assert asked.state == "failed"
    assert asked.done < 10


@pytest.mark.django_db(transaction=True)
def test_an_operator_begins_a_trial_and_sees_how_far_it_is(team: Team) -> None:
    operator = Member.objects.create(email="o@kora.test", is_superuser=True)
    client = APIClient()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    path = f"/api/backends/{Backend.objects.get(name='new').pk}/trial/"
    assert client.get(path).status_code == 404
    begun = client.post(path, {"cap_usd": "0.5", "team": "red"}, format="json")
    assert begun.status_code == 202, begun.content
    assert json.loads(client.get(path).content)["state"] == "waiting"
    again = client.post(path, {"cap_usd": "0.5", "team": "red"}, format="json")
    assert again.status_code == 400


@pytest.mark.django_db(transaction=True)
def test_what_makes_vectors_is_not_tried(team: Team) -> None:
    Backend.objects.filter(name="new").update(capabilities=["embeddings"])
    operator = Member.objects.create(email="v@kora.test", is_superuser=True)
    client = APIClient()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    path = f"/api/backends/{Backend.objects.get().pk}/trial/"
    refused = client.post(path, {"cap_usd": "1", "team": "red"}, format="json")
    assert refused.status_code == 400
    assert "answers no questions" in refused.json()["error"]["message"]
    assert client.get(path).json()["error"]["code"] == "not_found"
    assert not Trial.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_cap_without_room_for_one_question_says_so(kora: Inside, team: Team) -> None:
    asked = trial(team, cap="0.000001")
    kora.run(trials.look(kora.room))
    asked.refresh_from_db()
    assert (asked.state, asked.done) == ("stopped", 0)
    assert "allow more" in asked.why
