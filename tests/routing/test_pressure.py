"""Soft limits and pace over HTTP: what a budget that fills asks of requests, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
import pytest

from analytics import budgets, ledger, reports
from analytics.models import Budget, BudgetWindow, Exchange, Price
from routing import asides, deferral, gauges, purses, questions, vitals
from routing.asides import Aside
from routing.models import Backend
from teams import keys
from teams.models import Organisation, Team
from tests.routing import inside
from tests.routing.hosting import Engines, Hosted
from tests.routing.test_deferral import full, idle
from tests.routing.test_ruled import Client, receipt
from tests.running import eventually

HELLO = [{"role": "user", "content": "hello"}]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def team(transactional_db: None) -> Team:
    vitals._vitals.clear()
    gauges.forget()
    Price.objects.create(
        backend="mini", price_in=0, price_out=0, price_cached_in=0,
        price_compute_s=Decimal("0.000001"),
    )  # fmt: skip
    Backend.objects.create(name="mini", kind="local", model="mini:q8_0", quality=0.1)
    for name, quality, price in (("small", 0.5, 1), ("big", 0.9, 100)):
        Price.objects.create(backend=name, price_in=1, price_out=price, price_cached_in=1)
        Backend.objects.create(name=name, kind="sandbox", model="toy", quality=quality)
    return Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")


@pytest.fixture
def host() -> Hosted:
    made = Hosted(slots=4, wait_s=0.0, prefill_tps=1000.0, decode_tps=1000.0)
    made.running["mini:q8_0"] = 0
    return made


@pytest.fixture
def client(team: Team, host: Hosted) -> Iterator[Client]:
    purses.forget()
    with inside.opened(Engines(host)) as opened:
        eventually(lambda: gauges.of("mini:q8_0").places is not None, within_s=5, what="gauges")
        yield Client(opened, team)


def budget(client: Client, action: str, percent: float = 80, **facts: Any) -> Budget:
    plain = {
        "organisation": client.team.organisation, "name": "red", "scope": "team",
        "scope_id": str(client.team.pk), "limit_usd": 10, "window": "month",
        "soft_limits": [{"percent": percent, "action": action}] if action else [],
    }  # fmt: skip
    made = Budget.objects.create(**{**plain, **facts})
    client.kora.refresh()
    return made


def spent(budget: Budget, usd: str) -> None:
    span = budgets.span(reports.terms_of(budget), datetime.now(UTC))
    BudgetWindow.objects.update_or_create(
        budget=budget, starts_at=span.starts_at,
        defaults={"ends_at": span.ends_at, "settled": Decimal(usd)},
    )  # fmt: skip
    purses.forget()


def ask(client: Client, text: str = "hello", model: str = "auto:best", **more: Any) -> Any:
    return client.ask(text, model=model, **more)


@pytest.mark.parametrize(
    ("action", "backend"), [("alert", "big"), ("prefer-local", "mini"), ("cheaper", "mini")]
)
def test_what_is_reached_changes_who_answers_and_the_receipt_says_so(
    client: Client, action: str, backend: str
) -> None:
    made = budget(client, action)
    spent(made, "7")
    before = ask(client, "before")
    assert before.headers["x-kora-backend"] == "big"
    assert "pressure" not in receipt(before).receipt
    spent(made, "8.5")
    heard = ask(client, "after")
    assert heard.headers["x-kora-backend"] == backend
    told = receipt(heard).receipt["pressure"]
    assert told == {"budget": "red", "percent": 80.0, "used": 85.0, "action": action}


def test_our_own_come_first_only_where_they_may_answer(client: Client) -> None:
    spent(budget(client, "prefer-local"), "9")
    able = ask(client, extras={"min_quality": "0.4"})
    assert able.headers["x-kora-backend"] == "big", "hard constraints hold"


def test_who_names_a_backend_gets_it_and_reads_that_nothing_changed(client: Client) -> None:
    spent(budget(client, "cheaper"), "9")
    heard = ask(client, model="big")
    assert heard.headers["x-kora-backend"] == "big"
    assert receipt(heard).receipt["pressure"]["changes"] == "nothing"


@pytest.mark.parametrize(("action", "stored"), [("cache-only", 200), ("block", 402)])
def test_without_models_stored_answers_go_on_and_behind_a_block_nothing_does(
    client: Client, action: str, stored: int
) -> None:
    made = budget(client, action, percent=90)
    assert ask(client, "known").status == 200
    spent(made, "9.2")
    refused = ask(client, "unknown")
    assert refused.status == 402
    error = refused.error
    assert (error["code"], error["budget"]) == ("budget_exceeded", "red")
    assert error["soft_limit"] == {"percent": 90.0, "action": action}
    assert "90 %" in error["message"]
    assert ask(client, "known").status == stored
    assert ask(client, model="small").status == 402, "a name is no way around it"
    assert receipt(refused).receipt["pressure"]["action"] == action
    assert ask(client, path="embeddings", model="small").status == 402


def test_a_budget_that_watches_refuses_nothing(client: Client) -> None:
    spent(budget(client, "block", mode="shadow"), "9")
    heard = ask(client)
    assert heard.headers["x-kora-backend"] == "big"
    assert receipt(heard).receipt["pressure"]["shadow"] is True


def test_in_the_queue_it_waits_for_an_idle_model_of_our_own(client: Client, host: Hosted) -> None:
    host.slots = 0
    host.says["wait_s"] = 20.0
    full(True)
    spent(budget(client, "queue"), "9")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, client)
        eventually(lambda: deferral.waiting() == 1, within_s=5, what="a waiting request")
        idle(host)
        heard = asked.result(30)
    assert heard.headers["x-kora-backend"] == "mini"
    told = Exchange.objects.get(pk=heard.headers["x-kora-request-id"]).receipt
    assert told["pressure"]["action"] == "queue"
    assert told["deferred"]["until"] == "idle"


def test_a_rule_can_ask_for_the_pressure(client: Client) -> None:
    made = budget(client, "alert")
    client.publish(
        {"name": "save", "when": {"signal": "budget_pressure", "exists": True},
         "then": {"deny": "Later."}}
    )  # fmt: skip
    spent(made, "1")
    assert ask(client).status == 200
    spent(made, "9")
    assert ask(client).headers["x-kora-reason"] == "rule:save"


def test_what_this_process_held_counts_before_the_book_is_asked_again(client: Client) -> None:
    made = budget(client, "cache-only", percent=50, limit_usd=Decimal("0.004"))
    spent(made, "0")
    looks: list[Any] = []
    filled = ledger.filled

    def counted(*given: Any) -> Any:
        looks.append(given)
        return filled(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "filled", counted)
        patch.setattr(purses, "FRESH_S", 60.0)
        assert ask(client, "one", max_tokens=20).status == 200, "this may cost 0.002"
        assert ask(client, "two", max_tokens=20).status == 402
    assert len(looks) == 1


def test_a_dollar_weighs_more_when_spend_is_ahead_of_plan(client: Client) -> None:
    made = budget(client, "", paced=True, limit_usd=Decimal(100), window="year")
    spent(made, "0")
    first = ask(client, "on plan", model="auto")
    assert receipt(first).receipt["pacing"]["lambda"] == 1.0
    spent(made, "99.5")
    heard = ask(client, "ahead", model="auto")
    told = receipt(heard).receipt["pacing"]
    assert told["lambda"] > 1
    assert (told["spent"], told["planned"] < 99.5) == (99.5, True)
    assert heard.headers["x-kora-backend"] in ("mini", "small")


def test_while_money_is_short_kora_asks_nothing_for_itself(client: Client) -> None:
    made = budget(client, "prefer-local")
    aside = Aside(
        caller=keys.recognise(client.text),
        prompt=asides.plain(
            questions.parse(orjson.dumps({"model": "auto", "messages": HELLO}), {})
        ),
        backend="small", purpose="shadow", about=uuid4(), cap_usd=Decimal(1),
    )  # fmt: skip
    spent(made, "1")
    assert client.kora.run(asides.ask(client.kora.room, aside))
    spent(made, "9")
    assert client.kora.run(asides.ask(client.kora.room, aside)) is None
