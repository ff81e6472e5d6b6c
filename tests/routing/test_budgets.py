"""What a request is told of the budgets above it: suspension, overrides, shadow, exact counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from analytics.models import Attempt, Budget, BudgetOverride, BudgetWindow, Exchange, Price
from inference import tokens
from routing import vitals
from routing.models import Backend
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.routing import inside
from tests.routing.inside import Heard, Inside

pytestmark = pytest.mark.django_db(transaction=True)
QUICK = {"first_token_ms": 0, "token_ms": 0, "reply": "A harp."}
ASKED = {"role": "user", "content": "What is a kora?"}


@pytest.fixture
def team(transactional_db: None) -> Team:
    vitals._vitals.clear()
    for name, price in (("free", 0), ("paid", 1000)):
        Price.objects.create(backend=name, price_in=price, price_out=price, price_cached_in=price)
        Backend.objects.create(name=name, kind="sandbox", model="toy", options=QUICK)
    organisation = Organisation.objects.create(name="Acme")
    return Team.objects.create(organisation=organisation, name="red")


@pytest.fixture
def kora(team: Team) -> Iterator[Inside]:
    with inside.opened() as opened:
        yield opened


@pytest.fixture
def headers(team: Team) -> list[tuple[bytes, bytes]]:
    issued = keys.issue(team, name="app", scopes=[Scope.INFER])
    return [(b"authorization", f"Bearer {issued.text}".encode())]


def budget(team: Team, limit: str, **words: Any) -> Budget:
    terms = {"name": "cap", "scope": "team", "scope_id": str(team.pk), "window": "total"}
    return Budget.objects.create(
        organisation=team.organisation, limit_usd=Decimal(limit), **(terms | words)
    )


def ask(kora: Inside, headers: Any, model: str, cache: str = "no-cache", **more: Any) -> Heard:
    kora.refresh()
    body = {"model": model, "messages": [ASKED], "max_tokens": 20, "kora": {"cache": cache}}
    heard = kora.ask(orjson.dumps({**body, **more}), headers=headers)
    kora.settle()
    return heard


def receipt(heard: Heard) -> dict[str, Any]:
    told: dict[str, Any] = Exchange.objects.get(pk=heard.headers["x-kora-request-id"]).receipt
    return told


def test_a_suspended_team_gets_what_is_stored_and_nothing_else(
    kora: Inside, team: Team, headers: Any
) -> None:
    assert ask(kora, headers, "free", cache="default").status == 200
    cap = budget(team, "0")
    stored = ask(kora, headers, "free", cache="default")
    assert (stored.status, stored.headers["x-kora-tier"]) == (200, "exact")
    refused = ask(kora, headers, "free")
    assert (refused.status, refused.error["code"]) == (402, "budget_exceeded")
    assert "is suspended" in refused.error["message"]
    assert (refused.error["scope"], refused.error["scope_id"]) == ("team", str(team.pk))
    assert BudgetWindow.objects.get(budget=cap).refused == 1


def test_a_refusal_names_the_override_that_is_in_force(
    kora: Inside, team: Team, headers: Any
) -> None:
    cap, until = budget(team, "100"), datetime.now(UTC) + timedelta(hours=1)
    BudgetOverride.objects.create(budget=cap, limit_usd="0.001", ends_at=until, reason="r")
    refused = ask(kora, headers, "paid")
    assert refused.status == 402
    needed = float(refused.error["needed_usd"])
    assert needed > 0.001
    assert f"may cost {needed:.6f} USD" in refused.error["message"]
    said = f"limit 0.001000 USD by an override until {until.isoformat()} (r)"
    assert said in refused.error["message"]
    assert refused.error["override_until"] == until.isoformat()
    assert refused.error["override_reason"] == "r"
    assert ask(kora, headers, "free").status == 200


def test_a_receipt_shows_which_shadow_budget_would_have_refused(
    kora: Inside, team: Team, headers: Any
) -> None:
    cap = budget(team, "0.001", mode="shadow", name="dry run")
    heard = ask(kora, headers, "paid")
    assert heard.status == 200
    (told,) = receipt(heard)["budget_shadow"]
    assert (told["budget"], Decimal(told["limit_usd"])) == ("dry run", Decimal("0.001"))
    assert BudgetWindow.objects.get(budget=cap).refused == 1
    assert "budget_shadow" not in receipt(ask(kora, headers, "free"))


def test_a_request_that_a_cheaper_backend_answers_was_not_refused(
    kora: Inside, team: Team, headers: Any
) -> None:
    cap = budget(team, "0.001")
    Backend.objects.filter(name="paid").update(quality=1.0)
    Backend.objects.filter(name="free").update(quality=0.01)
    heard = ask(kora, headers, "auto:best")
    assert (heard.status, heard.headers["x-kora-backend"]) == (200, "free")
    window = BudgetWindow.objects.filter(budget=cap).first()
    assert window is None or window.refused == 0


def test_what_is_held_is_counted_by_the_models_own_vocabulary(
    kora: Inside, team: Team, headers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Digits are dense: three to a token, where the estimate believes in four bytes."""
    thread = tokens.wake("o200k")
    if thread is not None:
        thread.join(30)
    monkeypatch.setattr("routing.counts.BILLED", frozenset({"sandbox"}))
    Backend.objects.filter(name="paid").update(model="openai/gpt-4o")
    budget(team, "100")
    asked = {"role": "user", "content": " ".join(["7"] * 400)}
    ask(kora, headers, "paid", messages=[asked])
    held = Attempt.objects.get().amount
    exact = Decimal(400 + 399 + 4 + 3)
    least, most = (exact + 20) / 1000, (exact * Decimal("1.06") + 20) / 1000
    assert least <= held <= most, "the estimate would be 203 tokens, and its margin 304"
