"""Trying a request under a draft: the decision as `/v1/route` says it, and nothing is run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from rest_framework.test import APIClient

from analytics.models import Exchange, Price
from routing.models import Backend
from routing.publishing import drafts
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.routing import inside
from tests.routing.inside import Inside
from tests.teams.conftest import as_key

pytestmark = pytest.mark.django_db(transaction=True)
HELLO = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
NO_CODE = {"name": "no-code", "when": {"signal": "question", "contains": "def "},
           "then": {"deny": "No code here."}}  # fmt: skip


@pytest.fixture
def team(transactional_db: None) -> Team:
    for name, quality in (("small", 0.5), ("big", 0.6)):
        Price.objects.create(backend=name, price_in=1, price_out=1, price_cached_in=1)
        Backend.objects.create(name=name, kind="sandbox", model="toy", quality=quality)
    return Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")


@pytest.fixture
def kora(team: Team) -> Iterator[Inside]:
    with inside.opened() as opened:
        yield opened


@pytest.fixture
def manager(team: Team) -> APIClient:
    return as_key(team, Scope.MANAGE)


def tried(client: APIClient, team: Team, body: dict[str, Any] | None = None) -> dict[str, Any]:
    place = f"/api/policies/{drafts.of(team.pk).pk}/test/"
    answer = client.post(place, {"request": body or HELLO}, format="json")
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def routed(kora: Inside, team: Team) -> dict[str, Any]:
    text = keys.issue(team, name="app", scopes=[Scope.INFER]).text
    headers = [(b"authorization", f"Bearer {text}".encode())]
    found: dict[str, Any] = kora.ask(orjson.dumps(HELLO), headers=headers, path="/v1/route").json()
    return found


def test_says_what_the_route_would_say_once_it_is_published(
    kora: Inside, manager: APIClient, team: Team
) -> None:
    before = tried(manager, team)
    assert before["backend"] == routed(kora, team)["backend"]
    other = "small" if before["backend"] == "big" else "big"
    rule = {"name": "always", "then": {"only": [other]}}
    assert manager.post("/api/rules/", rule, format="json").status_code == 201
    draft = drafts.of(team.pk).pk
    after = tried(manager, team)
    assert (after["backend"], after["receipt"]["rules"]["held"]) == (other, ["always"])
    assert routed(kora, team)["backend"] == before["backend"]
    manager.post(f"/api/policies/{draft}/publish/", {}, format="json")
    kora.refresh()
    live = routed(kora, team)
    named = ("tier", "backend", "reason", "expected_cost", "fallbacks")
    assert [live[name] for name in named] == [after[name] for name in named]


def test_a_refusal_is_an_answer(kora: Inside, manager: APIClient, team: Team) -> None:
    assert manager.post("/api/rules/", NO_CODE, format="json").status_code == 201
    asked = {**HELLO, "messages": [{"role": "user", "content": "def f(): pass"}]}
    found = tried(manager, team, asked)
    assert found["refused"]["code"] == "not_allowed"
    assert found["refused"]["message"] == "No code here."
    assert tried(manager, team)["refused"] is None
    unknown = tried(manager, team, {**HELLO, "model": "nobody"})
    assert unknown["refused"]["code"] == "model_not_found"


@pytest.mark.parametrize("odd", ['"\\ud800"', "123456789012345678901234567890", "[" * 99_999])
def test_what_no_request_could_be_is_refused_and_breaks_nothing(
    manager: APIClient, team: Team, odd: str
) -> None:
    place = f"/api/policies/{drafts.of(team.pk).pk}/test/"
    body = f'{{"request": {{"model": {odd}}}}}'
    answer = manager.post(place, body, content_type="application/json")
    assert answer.status_code in {200, 400}
    assert answer.status_code == 400 or answer.json()["refused"]["code"] == "invalid_request"


def test_a_teams_policy_is_tried_and_simulated_as_nobody_else(
    manager: APIClient, team: Team
) -> None:
    place = f"/api/policies/{drafts.of(team.pk).pk}"
    for verb, said in (("test", {"request": HELLO}), ("simulate", {})):
        answer = manager.post(f"{place}/{verb}/", {**said, "team": "blue"}, format="json")
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "team")


def test_nothing_is_kept_of_it(kora: Inside, manager: APIClient, team: Team) -> None:
    tried(manager, team)
    assert not Exchange.objects.exists()
