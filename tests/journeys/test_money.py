"""What a request costs, who may spend it, and that receipts, ledger and reports say the same."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import httpx
import openai
import pytest

from tests.journeys.world import World, asking, words
from tests.running import eventually

pytestmark = pytest.mark.journey


def test_a_receipt_tells_the_whole_story_to_its_own_team_only(world: World) -> None:
    headers = {"x-kora-tags": "app=web,env=test", "x-kora-session": "s-1", "x-kora-user": "ada"}
    answer = world.chat(words(), headers=headers)
    receipt = world.receipt(answer)
    assert (receipt["state"], receipt["status"], receipt["tier"]) == ("answered", 200, "cloud")
    assert (receipt["backend"], receipt["reason"]) == ("j-fast", "policy:named-model")
    assert (receipt["team"], receipt["model_asked"]) == ("j-red", "j-fast")
    assert receipt["tags"] == {"app": "web", "env": "test"}
    assert (receipt["session"], receipt["end_user"]) == ("s-1", "ada")
    usage = answer.json()["usage"]
    assert receipt["prompt_tokens"] == usage["prompt_tokens"]
    assert receipt["completion_tokens"] == usage["completion_tokens"]
    expected = (usage["prompt_tokens"] * 100 + usage["completion_tokens"] * 200) / Decimal(10**6)
    assert Decimal(receipt["cost"]) == expected
    assert Decimal(answer.headers["x-kora-cost"]) == expected
    assert [row["kind"] for row in receipt["ledger"]] == ["settlement"]
    assert Decimal(receipt["ledger"][0]["cost"]) == expected
    stages = [stage["name"] for stage in receipt["receipt"]["stages"]]
    assert stages.index("authenticate") < stages.index("exact") < stages.index("hold")
    assert receipt["receipt"]["attempts"][0]["outcome"] == "answered"
    path = f"/v1/requests/{receipt['id']}"
    assert world.get(path, world.keys["blue"]).status_code == 404
    assert world.get(f"/v1/requests/{answer.json()['id']}").json()["id"] == receipt["id"]


def test_a_hit_costs_nothing_and_says_what_it_saved(world: World) -> None:
    text = words()
    first, second = (world.receipt(world.chat(text)) for _ in range(2))
    assert (second["cost"], second["saved"]) == ("0.000000000000", first["cost"])
    assert [row["kind"] for row in second["ledger"]] == ["hit"]


@pytest.mark.parametrize(
    ("terms", "headers", "binding"),
    [
        ({}, {"x-kora-max-cost": "0.000001"}, "max-cost"),
        ({}, {"x-kora-locality": "local"}, "locality"),
        ({}, {"x-kora-min-quality": "0.99"}, "min-quality"),
        ({"model": "auto:local"}, {}, "locality"),
        ({"model": "auto"}, {"x-kora-max-cost": "0"}, "max-cost"),
        ({"max_tokens": 10_000_000}, {}, "context"),
    ],
)
def test_what_no_backend_can_keep_is_told_with_what_would_help(
    world: World, terms: dict[str, Any], headers: dict[str, str], binding: str
) -> None:
    key = world.key(models=["j-fast"])
    answer = world.chat(words(), key=key, headers=headers, **terms)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["binding"]) == (422, "infeasible", binding)
    assert error["relaxations"][0]["backend"] == "j-fast"
    assert world.receipt(answer)["error_code"] == "infeasible"


def test_a_cost_that_suffices_is_kept(world: World) -> None:
    key = world.key(models=["j-fast", "j-dear"])
    answer = world.chat(
        words(), key=key, model="auto:best", max_tokens=50, headers={"x-kora-max-cost": "0.02"}
    )
    assert answer.headers["x-kora-backend"] == "j-fast"
    assert Decimal(answer.headers["x-kora-cost"]) <= Decimal("0.02")
    free = world.chat(words(), key=key, model="auto:best", max_tokens=50)
    assert free.headers["x-kora-backend"] == "j-dear"


def test_a_budget_that_is_used_up_refuses_and_still_serves_what_is_stored(world: World) -> None:
    key = world.key()
    text = words()
    assert world.chat(text, key=key).status_code == 200
    public = key.split("_")[1]
    world.make("budgets", name="small", scope="key", scope_id=public, limit_usd="0.000001")
    eventually(
        lambda: world.chat(words(), key=key).status_code == 402, within_s=10, what="the budget"
    )
    refused = world.chat(words(), key=key)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["budget"]) == (
        402,
        "budget_exceeded",
        "small",
    )
    assert error["limit_usd"] == "0.000001000000"
    assert error["held_usd"] == "0.000000000000"
    assert float(error["needed_usd"]) > 0.000001
    assert error["resets_at"]
    assert world.receipt(refused, key)["status"] == 402
    with pytest.raises(openai.APIStatusError) as raised:
        world.client(key).chat.completions.create(model="j-fast", messages=asking(words()))
    assert raised.value.status_code == 402
    assert world.chat(text, key=key).headers["x-kora-tier"] == "exact"
    assert world.chat(words()).status_code == 200, "other keys of the team go on"


def test_a_rate_limit_says_when_to_come_back(world: World) -> None:
    key = world.key(requests_per_minute=2)
    first = world.chat(words(), key=key)
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    world.chat(words(), key=key)
    refused = world.chat(words(), key=key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 61  # a minute and a slice of it
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(openai.RateLimitError):
        world.client(key).chat.completions.create(model="j-fast", messages=asking(words()))
    few = world.key(tokens_per_minute=100)
    larger = world.chat(f"{words()} {'long ' * 400}", key=few)
    assert larger.status_code == 200, "what is larger than all of it goes while nothing else does"
    assert world.chat(words(), key=few).status_code == 429


def spending(world: World, team: str) -> dict[str, Any]:
    found = world.admin.get("/api/reports/spend/", params={"team": f"j-{team}", "group_by": "team"})
    assert found.status_code == 200, found.text
    report: dict[str, Any] = found.json()
    return report


def receipts(world: World, team: str) -> list[dict[str, Any]]:
    found, url = [], f"/api/requests/?team=j-{team}"
    while url:
        page = world.admin.get(url)
        assert page.status_code == 200, page.text
        found += page.json()["results"]
        url = page.json()["next"]
    return found


def test_the_report_equals_the_receipts_to_the_last_decimal(world: World) -> None:
    key = world.keys["blue"]
    text = words()
    for stream in (False, True, False):
        world.chat(text, key=key, stream=stream, model="j-dear")
        world.chat(words(), key=key, stream=stream, model="j-fast", n=2)
    world.chat(words(), key=key, model="j-cut", stream=True)
    world.chat(words(), key=key, model="j-broken")
    eventually(
        lambda: all(row["state"] != "open" for row in receipts(world, "blue")),
        within_s=10,
        what="an end of every request",
    )
    rows = receipts(world, "blue")
    total = spending(world, "blue")["total"]
    assert Decimal(total["cost"]) == sum(Decimal(row["cost"]) for row in rows) > 0
    assert Decimal(total["saved"]) == sum(Decimal(row["saved"]) for row in rows) > 0
    sheet = world.admin.get("/api/reports/spend/", params={"team": "j-blue", "format": "csv"})
    lines = list(csv.DictReader(io.StringIO(sheet.text)))
    assert sum(Decimal(line["cost"]) for line in lines if line["team"] == "j-blue") == Decimal(
        total["cost"]
    )


def test_a_client_that_leaves_pays_for_what_it_heard_and_nothing_stays_held(world: World) -> None:
    key = world.key()
    body = {"model": "j-steady", "stream": True, "messages": asking(words())}
    headers = {"authorization": f"Bearer {key}"}
    with httpx.stream(
        "POST", f"{world.kora.url}/v1/chat/completions", json=body, headers=headers
    ) as answer:
        for _ in zip(range(3), answer.iter_lines(), strict=False):
            pass
    path = f"/v1/requests/{answer.headers['x-kora-request-id']}"
    eventually(
        lambda: world.get(path).json()["ledger"], within_s=15, what="a settlement of what was heard"
    )
    receipt = world.get(path).json()
    assert (receipt["state"], receipt["status"]) == ("cancelled", 499)
    whole = world.receipt(world.chat(words(), model="j-steady"))
    assert 0 < Decimal(receipt["ledger"][0]["cost"]) < Decimal(whole["cost"])
    assert receipt["ledger"][0]["estimated"]


def test_asking_for_the_route_writes_nothing(world: World) -> None:
    key = world.key(models=["j-fast", "j-dear"])
    headers = {"authorization": f"Bearer {key}"}
    before = len(receipts(world, "red"))
    text = words()
    body = {"model": "auto:cheap", "messages": asking(text), "max_tokens": 10}
    answer = httpx.post(f"{world.kora.url}/v1/route", json=body, headers=headers)
    route = answer.json()
    assert (answer.status_code, route["backend"], route["tier"]) == (200, "j-fast", "cloud")
    assert (route["reason"], route["fallbacks"]) == ("policy:cheapest-feasible", ["j-dear"])
    assert Decimal(route["expected_cost"]) > 0
    excluded = {c["backend"]: c["excluded"] for c in route["receipt"]["candidates"]}
    assert excluded["j-slow"] == "not-allowed"
    assert len(receipts(world, "red")) == before
    assert world.chat(text, key=key, model="auto", max_tokens=10).headers["x-kora-tier"] == "cloud"
